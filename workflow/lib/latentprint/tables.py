"""Tables of a run: 2.1, 2.2 and 3.3; `accuracy_tables` and `contrast_table` make the others."""

from collections.abc import Callable, Iterable, Sequence
from math import prod

from latentprint.accuracy_tables import TABLE_FEATURES, accuracies, position
from latentprint.contrast_table import Pair, contrasts
from latentprint.figure_plan import contrasts_planned, table_order
from latentprint.glossary import Words, source
from latentprint.score_table import Cost, Score, factors_of
from latentprint.table_formats import Column, Table
from latentprint.thesis import Published


def all_tables(
    scores: Sequence[Score],
    costs: Sequence[Cost],
    *,
    pairs: Sequence[Pair],
    published: Published,
    text: Words,
) -> list[Table]:
    """Build every table of a run.

    Parameters
    ----------
    scores : sequence of Score
        All cells of the run.
    costs : sequence of Cost
        The same cells.
    pairs : sequence of Pair
        Pairs of the same cells, from contrasts.tsv.
    published : Published
    text : dict
        Words of one language, from `glossary.words`.

    Returns
    -------
    list of Table
        In the order of `figure_plan.tables_planned`.
    """
    levels = factors_of(scores)
    classifiers = table_order(levels["classifiers"])
    comparable = bool(contrasts_planned(**levels))
    return [
        dimensions(scores, published=published, text=text),
        factors(scores, published=published, text=text),
        *(accuracies(scores, name, published=published, text=text) for name in classifiers),
        times(scores, costs, published=published, text=text),
        *([contrasts(scores, pairs, published=published, text=text)] if comparable else []),
    ]


def dimensions(scores: Sequence[Score], *, published: Published, text: Words) -> Table:
    """Build table 2.1: rows per image and values per row, as measured and as published.

    Parameters
    ----------
    scores : sequence of Score
        `n_rows` over `n_train` are the rows per image, `n_values` the values per row.
    published : Published
    text : dict

    Returns
    -------
    Table
        A row per feature and component, in the order of the thesis.
    """
    found = {(score.feature, score.component): score for score in scores}
    order = list(published.dimensions)
    rows, data = [], []
    for key in sorted(found, key=lambda key: (position(key, order), key)):
        score, thesis = found[key], published.dimensions.get(key, {})
        per_image = score.n_rows / score.n_train
        formula = thesis.get("formula", "").replace("*", "x")
        published_values = thesis.get("n_values", "")
        printed = [f"{per_image:g}", formula, f"{score.n_values}", published_values]
        rows.append([score.feature, score.component, *printed])
        data.append(
            {
                "feature": score.feature,
                "component": score.component,
                "rows_per_image": per_image,
                "formula": formula,
                "n_values": score.n_values,
                "thesis_rows_per_image": thesis.get("samples_per_image", ""),
                "thesis_n_values": published_values,
            }
        )
    return Table(
        stem="table_2_1",
        number=f"{text['table']} 2.1",
        caption=text["table_2_1"],
        columns=[
            Column(text["feature"]),
            Column(text["component_short"]),
            Column(text["samples"], numeric=True),
            Column(text["formula"]),
            Column(text["dimension"], numeric=True),
            Column(text["thesis"], numeric=True),
        ],
        rows=rows,
        notes=[text["note_dimension"]],
        data=data,
        language=text["language"],
    )


def factors(scores: Sequence[Score], *, published: Published, text: Words) -> Table:
    """Build table 2.2: the levels of each factor, those of the thesis beside them.

    Parameters
    ----------
    scores : sequence of Score
    published : Published
    text : dict

    Returns
    -------
    Table
        A row per factor; the thesis lists four of the five.
    """
    levels = factors_of(scores)
    features = sorted(
        levels["features"], key=lambda name: position(name, published.factors.get("feature", []))
    )
    lines = [
        ("bpp", text["level"], levels["bpp"]),
        ("component", text["component"], levels["components"]),
        ("feature", text["feature"], features),
        ("latent", text["latent"], levels["latents"]),
        ("classifier", text["model"], table_order(levels["classifiers"])),
    ]

    def printed(name: str, values: Iterable[str]) -> str:
        return ", ".join(text.get(value, value) if name == "latent" else value for value in values)

    counts = [len(values) for _, _, values in lines]
    product = " x ".join(map(str, counts))
    return Table(
        stem="table_2_2",
        number=f"{text['table']} 2.2",
        caption=text["table_2_2"],
        columns=[Column(text[key]) for key in ("factor", "values", "thesis")],
        rows=[
            [label, printed(name, values), printed(name, published.factors.get(name, []))]
            for name, label, values in lines
        ],
        notes=[
            f"{text['cells']}: {product} = {prod(counts)}.",
            text["note_source"].format(source=source(scores, text)),
        ],
        data=[
            {
                "factor": name,
                "values": ";".join(values),
                "thesis_values": ";".join(published.factors.get(name, [])),
            }
            for name, _, values in lines
        ],
        language=text["language"],
    )


def times(
    scores: Sequence[Score], costs: Sequence[Cost], *, published: Published, text: Words
) -> Table:
    """Build table 3.3: times, cores and memory of each classifier, component and feature.

    Parameters
    ----------
    scores : sequence of Score
        Tells which cells are one fit, so that none is counted twice.
    costs : sequence of Cost
    published : Published
    text : dict

    Returns
    -------
    Table
        Times are means over the distinct fits of a row; search is their sum, memory and cores
        the largest. Published times stand beside YUV, the only component of the thesis' table.
    """
    fits = {score.key: score.fit for score in scores}
    distinct = {fits.get(cost.key, cost.key): cost for cost in costs}.values()
    groups: dict[tuple[str, str, str], list[Cost]] = {}
    for cost in distinct:
        groups.setdefault((cost.classifier, cost.component, cost.feature), []).append(cost)
    classifiers = table_order({key[0] for key in groups})
    order = sorted(
        groups,
        key=lambda key: (
            classifiers.index(key[0]),
            key[1],
            position(key[2], TABLE_FEATURES),
            key[2],
        ),
    )
    rows, data = [], []
    for key in order:
        group, thesis = groups[key], published.times.get(key, {})
        record: dict[str, object] = dict(
            zip(("classifier", "component", "feature"), key, strict=True)
        )
        record["n_fits"] = len(group)
        record["search_s"] = _over(group, "search_s", sum)
        record["fit_s"] = _over(group, "fit_s", _mean)
        record["predict_s"] = _over(group, "predict_s", _mean)
        record["cores"] = _over(group, "cores", max)
        record["peak_mb"] = _over(group, "peak_mb", max)
        record["thesis_fit_min"] = thesis.get("minutes", "")
        record["thesis_cores"] = thesis.get("cores", "")
        data.append(record)
        numbers = ("search_s", "fit_s", "predict_s", "cores", "peak_mb")
        cores = thesis.get("cores", "")
        printed = [_figures(record[name]) for name in numbers]
        rows.append(
            [*key, f"{len(group)}", *printed, thesis.get("text", ""), text.get(cores, cores)]
        )
    starts = {index for index in range(1, len(order)) if order[index][0] != order[index - 1][0]}
    heads = ("fits", "search_s", "fit_s", "predict_s", "cores", "peak_mb")
    return Table(
        stem="table_3_3",
        number=f"{text['table']} 3.3",
        caption=text["table_3_3"],
        columns=[
            *(Column(text[name]) for name in ("model", "component_short", "feature")),
            *(Column(text[name], numeric=True) for name in heads),
            Column(f"{text['thesis']}, {text['time']}", numeric=True),
            Column(f"{text['thesis']}, {text['cores'].lower()}", numeric=True),
        ],
        rows=rows,
        notes=[
            text["note_times"],
            text["note_source"].format(source=source(scores, text)),
            text["note_times_thesis"],
        ],
        data=data,
        rules=starts,
        language=text["language"],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _over(
    group: Sequence[Cost], name: str, combine: Callable[[list[float]], float]
) -> float | None:
    values = [getattr(cost, name) for cost in group if getattr(cost, name) is not None]
    return combine(values) if values else None


def _figures(value: object) -> str:
    """Write a number with three figures, whole from 100 on."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
