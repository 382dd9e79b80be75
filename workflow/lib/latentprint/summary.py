"""The result of a run as a plain-text page for the terminal."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from latentprint.accuracy_tables import TABLE_FEATURES, position, with_interval
from latentprint.figure_plan import table_order
from latentprint.glossary import DRAWN, count, level, reached, sharing, source, words
from latentprint.protocol import FAITHFUL
from latentprint.score_table import Score, equal_levels, factors_of, most_accurate, shares_fits

LEVEL_OF_TEST = 0.05
WIDTH = 96  # characters
REPORTS = ("report.html", "report.zip")


def summary(scores: Sequence[Score], results: Path) -> str:
    """Write the accuracies of all cells, what they were made with, and where everything is.

    Parameters
    ----------
    scores : sequence of Score
        All cells of the run.
    results : Path
        Folder of the run: `results/<run>`.

    Returns
    -------
    str
        Lines of at most 96 characters, unless a path is longer.
    """
    best = most_accurate(scores)
    same = [score for score in scores if score.fit == best.fit]
    images = [score for score in scores if score.scored_by == "image"]
    others = [score for score in images if score.fit != best.fit]
    tested = [score for score in others if score.mcnemar_p_holm is not None]
    alike = [score for score in tested if score.mcnemar_p_holm >= LEVEL_OF_TEST]
    fits = len({score.fit for score in others})
    unit = "cells" if fits == len(others) else "fits"
    marks = {score.key: "*" for score in same} | {score.key: "=" for score in alike}
    rates = " and ".join(score.bpp for score in same)
    name = f"{best.classifier}, {best.component}, {best.feature}, {best.latent}, {rates} bpp"
    accuracy = with_interval(best.accuracy, best.accuracy_low, best.accuracy_high)
    found = [f"Most accurate: {name}: {accuracy}."]
    if alike:
        same_as = len({score.fit for score in alike})
        found.append(f"{same_as} of the other {fits} {unit} cannot be told from it.")
    elif tested:
        found.append(f"The other {fits} {unit} can all be told from it.")
    lines = [
        f"Accuracy on {count(scores, 'n_test')} test images (95 % interval)",
        "",
        *_grid(scores, marks),
        "",
        "* most accurate   = cannot be told from it (McNemar's test, Holm's correction, 5 %)",
        "",
        *_wrapped(" ".join(_origin(scores))),
        "",
        *_wrapped(" ".join(found)),
        "",
        *_audited(results),
        *_places(results),
    ]
    return "\n".join(lines) + "\n"


def _origin(scores: Sequence[Score]) -> list[str]:
    """Say what the numbers were made with, and what follows from that."""
    text = words("en")
    sentences = [f"Made with {source(scores, text)}."]
    if any(score.images == DRAWN for score in scores):
        sentences.append("They show the pipeline at work and say nothing about photographs.")
    elif any(score.weights != "official" for score in scores):
        sentences.append("The latents are not those of the JPEG AI reference software.")
    off = [level(bpp, scores, text) for bpp in factors_of(scores)["bpp"] if reached(bpp, scores)]
    if off:
        sentences.append(f"Rates asked and reached: {', '.join(off)}.")
    if equal_levels(scores):
        sentences += sharing(scores, text)
    elif shares_fits(scores):
        sentences.append("Levels with one model id share y, so that its cells are equal there.")
    if any(score.protocol == FAITHFUL for score in scores):
        sentences.append(text["note_faithful"])
    if any(score.scored_by == "patch" for score in scores):
        sentences.append(text["note_by_patch"])
    return sentences


def _audited(results: Path) -> list[str]:
    """Say what can be told without the latents, where the audit was made."""
    path = results / "audit/audit.json"
    if not path.is_file():
        return []
    sentences = json.loads(path.read_text(encoding="utf-8"))["sentences"]
    return [*_wrapped(" ".join(sentences)), ""]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _grid(scores: Sequence[Score], marks: dict[tuple[str, ...], str]) -> list[str]:
    levels = factors_of(scores)
    classifiers, latents = table_order(levels["classifiers"]), levels["latents"]
    found = {score.key: score for score in scores}
    rows = sorted(
        {(score.classifier, score.component, score.bpp, score.feature) for score in scores},
        key=lambda row: (
            classifiers.index(row[0]),
            row[1],
            float(row[2]),
            position(row[3], TABLE_FEATURES),
            row[3],
        ),
    )
    table = [["classifier", "component", "bpp", "feature", *latents]]
    for classifier, component, bpp, feature in rows:
        row = [classifier, component, bpp, feature]
        for latent in latents:
            score = found.get((bpp, latent, component, feature, classifier))
            if score is None:
                row.append("")
                continue
            accuracy = with_interval(score.accuracy, score.accuracy_low, score.accuracy_high)
            row.append(f"{accuracy} {marks.get(score.key, '')}".rstrip())
        table.append(row)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    printed = [
        "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    rule = "-" * max(map(len, printed))
    lines = [printed[0], rule]
    for index, line in enumerate(printed[1:]):
        if index and rows[index][:2] != rows[index - 1][:2]:
            lines.append("")
        lines.append(line)
    return [*lines, rule]


def _places(results: Path) -> list[str]:
    """Name what there is: nothing is promised that the run did not make."""
    lines = [f"Report   {results / name}" for name in REPORTS if (results / name).is_file()]
    for label, folder, suffix in (("Tables", "tables", "md"), ("Figures", "figures", "svg")):
        made = sorted((results / folder).glob(f"*.{suffix}"))
        if made:
            lines.append(f"{label:<8} {results / folder}/  ({len(made)} as {_suffixes(made[0])})")
    return [*lines, f"Scores   {results / 'scores.tsv'}"]


def _suffixes(path: Path) -> str:
    return ", ".join(sorted(beside.suffix[1:] for beside in path.parent.glob(f"{path.stem}.*")))
