"""The comparison of two runs as tables: the rows of its data, Markdown, and one HTML page."""

from html import escape

from latentprint.compare.finished_runs import Run
from latentprint.compare.matching import Comparison, Pair
from latentprint.compare.page import (
    common_accuracy,
    difference_text,
    grouped,
    in_order,
    level_text,
    own_accuracy,
    p_text,
    sentences,
)
from latentprint.score_table import Score
from latentprint.table_formats import Column, Table, to_html, to_markdown

STEM = "comparison"
_STYLE = """\
<style>
h1 { font-size: 20px; margin: 0 0 .6em; }
h1 ~ p { font-size: 14px; max-width: 52em; }
table ~ p { font-size: 12px; }
figure { margin: 1.5em 0; }
figure svg { width: 100%; max-width: 760px; height: auto; }
table { margin: 1.2em 0 0; }
</style>"""


def records(comparison: Comparison) -> list[dict[str, object]]:
    """Give a row per cell of either run, unrounded; None where there is no value.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    list of dict
        Columns that end in `_1` are of the first run, in `_2` of the second; `common_1` and
        `common_2` are accuracies on the common images, `right_only_1` and `right_only_2` counts
        of images. `compared` is "paired", "side by side" or "one run only".
    """
    first, second = comparison.first, comparison.second
    rows = [
        _factors(pair.first)
        | _side(pair.first, first, 1)
        | _side(pair.second, second, 2)
        | _test(pair)
        for pair in in_order(comparison.pairs)
    ]
    empty = _test(None)
    for score in comparison.only_first:
        rows.append(_factors(score) | _side(score, first, 1) | _side(None, second, 2) | empty)
    for score in comparison.only_second:
        rows.append(_factors(score) | _side(None, first, 1) | _side(score, second, 2) | empty)
    return rows


def _factors(score: Score) -> dict[str, object]:
    names = ("classifier", "component", "feature", "latent")
    return {name: getattr(score, name) for name in names}


def _side(score: Score | None, run: Run, number: int) -> dict[str, object]:
    names = ("bpp", "accuracy", "accuracy_low", "accuracy_high", "n_test", "point")
    values = {name: getattr(score, name) if score else None for name in names}
    return {f"{name}_{number}": value for name, value in ({"run": run.name} | values).items()}


def _test(pair: Pair | None) -> dict[str, object]:
    if pair is None:
        compared = "one run only"
    else:
        compared = "paired" if pair.paired else "side by side"
    paired = pair is not None and pair.paired
    return {
        "compared": compared,
        "n_common": pair.n_common if pair else None,
        "common_1": pair.common_first / pair.n_common if paired else None,
        "common_2": pair.common_second / pair.n_common if paired else None,
        "right_only_1": pair.first_only if paired else None,
        "right_only_2": pair.second_only if paired else None,
        "difference": pair.difference if pair else None,
        "difference_low": pair.low if pair else None,
        "difference_high": pair.high if pair else None,
        "mcnemar_p": pair.p if pair else None,
        "mcnemar_p_holm": pair.p_holm if pair else None,
    }


def cells_table(comparison: Comparison) -> Table:
    """Build the table of all matched cells; differences that can be told are bold."""
    first, second = comparison.first.name, comparison.second.name
    pairs = in_order(comparison.pairs)
    paired = any(pair.paired for pair in pairs)
    columns = [
        Column("Model"),
        Column("Comp."),
        Column("Bpp", numeric=True),
        Column("Preprocessing"),
        Column("Latent"),
        Column(f"{first}, all its images", numeric=True),
        Column(f"{second}, all its images", numeric=True),
    ]
    if paired:
        columns.append(Column("Common images", numeric=True))
    if not comparison.whole:
        columns += [
            Column(f"{first}, common images", numeric=True),
            Column(f"{second}, common images", numeric=True),
        ]
    columns.append(Column(f"{second} - {first}", numeric=True))
    if paired:
        columns += [
            Column(f"Only {first} right", numeric=True),
            Column(f"Only {second} right", numeric=True),
            Column("p", numeric=True),
            Column("p, Holm", numeric=True),
        ]
    rows, bold, rules = [], set(), set()
    for index, pair in enumerate(pairs):
        score = pair.first
        row = [score.classifier, score.component, level_text(pair), score.feature, score.latent]
        row += [own_accuracy(pair.first), own_accuracy(pair.second)]
        if paired:
            row.append(f"{pair.n_common}" if pair.paired else "")
        if not comparison.whole:
            row += [
                common_accuracy(correct, pair.n_common)
                for correct in (pair.common_first, pair.common_second)
            ]
        if pair.differs:
            bold.add((index, len(row)))
        row.append(difference_text(pair))
        if paired:
            counts = [f"{pair.first_only}", f"{pair.second_only}"] if pair.paired else ["", ""]
            row += [*counts, p_text(pair.p), p_text(pair.p_holm)]
        before = pairs[index - 1].first
        if index and (before.classifier, before.component) != (score.classifier, score.component):
            rules.add(index)
        rows.append(row)
    return Table(
        stem=STEM,
        number="",
        caption=f"Accuracy of {first} and {second} with 95 % intervals",
        columns=columns,
        rows=rows,
        notes=_lone(comparison),
        data=records(comparison),
        bold=bold,
        rules=rules,
    )


def settings_table(comparison: Comparison) -> Table:
    """Build the table of what the runs were made with; what differs stands first and bold."""
    settings = sorted(comparison.settings, key=lambda setting: not setting.differs)
    rows = [[setting.label, setting.first, setting.second] for setting in settings]
    train = [len(run.split("train")) for run in (comparison.first, comparison.second)]
    differing = sum(setting.differs for setting in settings)
    return Table(
        stem="settings",
        number="",
        caption="What the runs were made with"
        if differing
        else "What the runs were made with: the recorded settings are identical",
        columns=[
            Column("Setting"),
            *(Column(run.name) for run in (comparison.first, comparison.second)),
        ],
        rows=rows,
        notes=[
            *(["Bold: what differs."] if differing else []),
            f"Training images in common: {comparison.n_training} (of {train[0]} and {train[1]}).",
            *_origins(comparison),
        ],
        data=[],
        bold={(index, place) for index in range(differing) for place in (0, 1, 2)},
        rules={differing} if 0 < differing < len(rows) else set(),
    )


def _origins(comparison: Comparison) -> list[str]:
    runs = (comparison.first, comparison.second)
    return [f"{run.name}: {run.origin}." for run in runs if run.origin]


def _lone(comparison: Comparison) -> list[str]:
    return [
        f"{len(scores)} cells only in {run.name}: {'; '.join(grouped(scores))}."
        for run, scores in (
            (comparison.first, comparison.only_first),
            (comparison.second, comparison.only_second),
        )
        if scores
    ]


def markdown(comparison: Comparison) -> str:
    """Write the whole comparison as Markdown."""
    said = "\n".join(f"- {sentence}" for sentence in sentences(comparison))
    tables = [settings_table(comparison), cells_table(comparison)]
    return "\n".join([f"# {_title(comparison)}\n", f"{said}\n", *map(to_markdown, tables)])


def html(comparison: Comparison, picture: str) -> str:
    """Write the whole comparison as a page that stands alone.

    Parameters
    ----------
    comparison : Comparison
    picture : str
        The figure as SVG; it becomes part of the page.
    """
    settings = _body(to_html(settings_table(comparison)))
    svg = picture[picture.index("<svg") :]  # no prolog inside a page
    said = [f"<p>{escape(sentence)}</p>" for sentence in sentences(comparison)]
    top = [f"<h1>{escape(_title(comparison))}</h1>", *said, settings, f"<figure>\n{svg}</figure>"]
    page = to_html(cells_table(comparison))
    page = page.replace("</head>", f"\n{_STYLE}</head>", 1)
    return page.replace("<body>\n", "\n".join(["<body>", *top, ""]), 1)


def _body(page: str) -> str:
    return page.partition("<body>\n")[2].partition("\n</body>")[0]


def _title(comparison: Comparison) -> str:
    return f"{comparison.first.name} and {comparison.second.name} side by side"
