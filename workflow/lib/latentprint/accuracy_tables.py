"""Tables 3.1 and 3.2: accuracy of one classifier, measured and published."""

from collections.abc import Callable, Sequence
from typing import Any

from latentprint.figure_plan import accuracy_table
from latentprint.glossary import CLASSIFIER_NAMES, Words, count, level, reached, sharing, source
from latentprint.protocol import FAITHFUL
from latentprint.score_table import Score, factors_of
from latentprint.table_formats import Column, Table
from latentprint.thesis import Match, Published, match_levels

TABLE_FEATURES = ("single", "multiple", "flatten")  # where the thesis gives no order


def accuracies(
    scores: Sequence[Score], classifier: str, *, published: Published, text: Words
) -> Table:
    """Build table 3.1 (RF) or 3.2 (GB): a row per component, level and feature.

    Parameters
    ----------
    scores : sequence of Score
        All cells of the run.
    classifier : str
    published : Published
    text : dict
        Words of one language, from `glossary.words`.

    Returns
    -------
    Table
        Rows in the order of the thesis, a rule between Y and YUV, the best measured value bold.
        Difference columns stand only where a level of the run is 6 or 12 bpp itself.
    """
    own = [score for score in scores if score.classifier == classifier]
    levels = factors_of(own)
    latents = levels["latents"]
    matches = match_levels(levels["bpp"])
    data = _data(own, matches, latents, published)
    differences = latents if any(match.equal for match in matches.values()) else []
    by_patch = {score.feature for score in own if score.scored_by == "patch"}
    images = [score.accuracy for score in own if score.scored_by == "image"]
    best = max(images, default=None)
    further = _further(own)
    rows, bold = [], set()
    for index, record in enumerate(data):
        row = [record[name] for name in ("classifier", "bpp", "component", "feature")]
        for latent in latents:
            if record[latent] == best and record["feature"] not in by_patch:
                bold.add((index, len(row)))
            row.append(with_interval(*(record[latent + end] for end in ("", "_low", "_high"))))
        row += [shown(record, latent) for _, shown in further for latent in latents]
        row.append(record["thesis_bpp"])
        row += [_decimal(record[f"thesis_{latent}"], "") for latent in latents]
        row += [_decimal(record[f"difference_{latent}"], "+") for latent in differences]
        rows.append(row)
    stem = accuracy_table(classifier)
    number = {"table_3_1": "3.1", "table_3_2": "3.2"}.get(stem)
    name = CLASSIFIER_NAMES.get(classifier, classifier)
    thesis = text["thesis"]
    return Table(
        stem=stem,
        number=f"{text['table']} {number}" if number else "",
        caption=text["table_accuracy"].format(name=name),
        columns=[
            Column(text["model"]),
            Column(text["bpp"], numeric=True),
            Column(text["component_short"]),
            Column(text["feature"]),
            *(Column(latent, numeric=True) for latent in latents),
            *(
                Column(f"{latent}, {text[head]}", numeric=True)
                for head, _ in further
                for latent in latents
            ),
            Column(f"{thesis}, bpp", numeric=True),
            *(Column(f"{thesis}, {latent}", numeric=True) for latent in latents),
            *(Column(f"{latent} - {thesis}", numeric=True) for latent in differences),
        ],
        rows=rows,
        notes=_notes(own, matches, text),
        data=data,
        bold=bold,
        rules={
            index
            for index in range(1, len(data))
            if data[index]["component"] != data[index - 1]["component"]
        },
        language=text["language"],
    )


def _data(
    own: Sequence[Score],
    matches: dict[str, Match],
    latents: Sequence[str],
    published: Published,
) -> list[dict[str, Any]]:
    """One record per row, unrounded, None where there is no value."""
    found = {(score.component, score.bpp, score.feature, score.latent): score for score in own}
    classifier = own[0].classifier
    order = list(published.accuracies)

    def place(row: tuple[str, str, str]) -> tuple[str, float, int, int, str]:
        component, bpp, feature = row
        beside = matches[bpp].bpp if bpp in matches else ""
        key = (classifier, beside, component, feature)
        usual = position(feature, TABLE_FEATURES)
        return (component, float(bpp), position(key, order), usual, feature)

    data = []
    for component, bpp, feature in sorted({key[:3] for key in found}, key=place):
        match = matches.get(bpp)
        record: dict[str, Any] = {
            "classifier": classifier,
            "bpp": bpp,
            "component": component,
            "feature": feature,
        }
        for latent in latents:
            score = found.get((component, bpp, feature, latent))
            record[latent] = score.accuracy if score else None
            record[f"{latent}_low"] = score.accuracy_low if score else None
            record[f"{latent}_high"] = score.accuracy_high if score else None
            for name in FURTHER:
                if any(getattr(score, name) is not None for score in own):
                    record[f"{latent}_{name}"] = getattr(score, name) if score else None
        record["thesis_bpp"] = match.bpp if match else ""
        for latent in latents:
            record[f"thesis_{latent}"] = published.accuracy(
                match, classifier=classifier, component=component, feature=feature, latent=latent
            )
        for latent in latents:
            ours, theirs = record[latent], record[f"thesis_{latent}"]
            comparable = match is not None and match.equal and ours is not None
            record[f"difference_{latent}"] = (
                round(ours - theirs, 6) if comparable and theirs is not None else None
            )
        # A csv file has no notes, so the source stands in each row.
        record["n_test"] = count(own, "n_test")
        record["weights"] = own[0].weights
        record["images"] = own[0].images
        data.append(record)
    return data


# Columns that stand only where a run has a second test split, or several seeds.
FURTHER = (
    *("accuracy_valid", "accuracy_valid_low", "accuracy_valid_high"),
    *("accuracy_mean", "accuracy_sd"),
)


def _further(own: Sequence[Score]) -> list[tuple[str, Callable[[dict[str, Any], str], str]]]:
    """Give the heads of such columns, and what is printed in them of a record and latent."""

    def valid(record: dict[str, Any], latent: str) -> str:
        ends = ("", "_low", "_high")
        return with_interval(*(record[f"{latent}_accuracy_valid{end}"] for end in ends))

    def seeds(record: dict[str, Any], latent: str) -> str:
        mean, spread = (record[f"{latent}_accuracy_{end}"] for end in ("mean", "sd"))
        return "" if mean is None else f"{mean:.3f} \N{PLUS-MINUS SIGN} {spread:.3f}"

    found = []
    if any(score.accuracy_valid is not None for score in own):
        found.append(("second_test", valid))
    if any(score.accuracy_mean is not None for score in own):
        found.append(("over_seeds", seeds))
    return found


def _notes(own: Sequence[Score], matches: dict[str, Match], text: Words) -> list[str]:
    notes = [
        text["note_accuracy"].format(n_test=count(own, "n_test"), n_train=count(own, "n_train")),
        text["note_source"].format(source=source(own, text)),
        text["note_thesis"],
    ]
    if any(not match.equal for match in matches.values()):
        notes.append(text["note_orientation"])
    if any(score.weights != "official" for score in own):
        notes.append(text["note_other_source"])
    if any(score.feature == "multiple" for score in own):
        notes.append(text["note_multiple"])
    if any(score.protocol == FAITHFUL for score in own):
        notes.append(text["note_faithful"])
    if any(score.scored_by == "patch" for score in own):
        notes.append(text["note_by_patch"])
    notes += [text[f"note_{head}"] for head, _ in _further(own)]
    off = [level(bpp, own, text) for bpp in factors_of(own)["bpp"] if reached(bpp, own)]
    if off:
        notes.append(text["note_reached"].format(rates=", ".join(off)))
    notes += sharing(own, text)
    return notes


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """Write an accuracy and its interval: "0.683 (0.612-0.747)"; "" for an absent cell."""
    return "" if value is None else f"{value:.3f} ({low:.3f}-{high:.3f})"


def _decimal(value: float | None, sign: str) -> str:
    return "" if value is None else f"{value:{sign}.3f}"


def position(item: Any, order: Sequence[Any]) -> int:
    """Give the place of an item in an order; what is not listed comes after all that is."""
    return order.index(item) if item in order else len(order)
