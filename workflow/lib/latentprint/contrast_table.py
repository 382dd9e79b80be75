"""The table of contrasts: what the two levels of a factor differ by, over all pairs of cells."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from latentprint.errors import UserError
from latentprint.figure_plan import Contrast, contrasts_planned
from latentprint.glossary import Words, sharing, source
from latentprint.protocol import FAITHFUL
from latentprint.score_table import Score, factors_of
from latentprint.table_formats import Column, Table
from latentprint.thesis import Match, Published, match_levels

LEVEL_OF_TEST = 0.05
FACTOR_WORDS = {
    "bpp": "level",
    "latent": "latent",
    "component": "component",
    "feature": "feature",
    "classifier": "model",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One row of contrasts.tsv: two cells that differ in one factor, whose column is empty.

    `difference` is first minus second; `mean_difference`, `mean_low` and `mean_high` are those of
    the whole contrast.
    """

    factor: str
    first: str
    second: str
    within: str
    bpp: str
    latent: str
    component: str
    feature: str
    classifier: str
    point_first: str
    point_second: str
    difference: float
    mcnemar_p_holm: float
    mean_difference: float
    mean_low: float
    mean_high: float

    @property
    def contrast(self) -> Contrast:
        """What the row belongs to."""
        return Contrast(self.factor, self.first, self.second, self.within)

    @property
    def fits(self) -> tuple[str, ...]:
        """What was fitted on both sides: pairs that share it are one."""
        others = (self.latent, self.component, self.feature, self.classifier)
        return (self.point_first, self.point_second, *others)

    def side(self, level: str) -> dict[str, str]:
        """Give the factors of the cell at one of the two levels."""
        return {name: getattr(self, name) for name in FACTOR_WORDS} | {self.factor: level}


def read_pairs(path: Path) -> list[Pair]:
    """Read contrasts.tsv; columns that are not needed are passed over.

    Raises
    ------
    UserError
        If the file is missing, lacks a column or holds a value that does not read as a number.
    """
    again = "Make it again with rule collect_scores."
    if not path.is_file():
        raise UserError(f"{path}: no such file. {again}")
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = table.fieldnames or []
        missing = [field.name for field in fields(Pair) if field.name not in header]
        if missing:
            raise UserError(f"{path}: column {', '.join(missing)} is missing. {again}")
        try:
            return [
                Pair(**{field.name: field.type(line[field.name]) for field in fields(Pair)})
                for line in table
            ]
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}, line {table.line_num}: {error}. {again}") from None


def contrasts(
    scores: Sequence[Score], pairs: Sequence[Pair], *, published: Published, text: Words
) -> Table:
    """Build the table of contrasts: a row per pair of levels.

    Parameters
    ----------
    scores : sequence of Score
        All cells of the run; some factor has two levels or more.
    pairs : sequence of Pair
        From contrasts.tsv of the same run.
    published : Published
        The same pairs in the thesis stand beside, for orientation.
    text : dict
        Words of one language, from `glossary.words`.

    Returns
    -------
    Table
        Mean differences whose interval excludes 0 are bold. A contrast without pairs keeps its
        row, with 0 pairs: all were equal by construction, or scored by patch.
    """
    levels = factors_of(scores)
    matches = match_levels(levels["bpp"])
    planned = contrasts_planned(**levels)
    data = [_record(contrast, pairs, published, matches, scores) for contrast in planned]
    rows, bold = [], set()
    for index, (contrast, record) in enumerate(zip(planned, data, strict=True)):
        named = f"{contrast.first} - {contrast.second}"
        named += f", {contrast.within}" if contrast.within else ""
        row = [text[FACTOR_WORDS[contrast.factor]], named, f"{record['pairs']}"]
        if record["pairs"]:
            low, high = record["mean_low"], record["mean_high"]
            if low > 0 or high < 0:
                bold.add((index, len(row)))
            row.append(f"{_signed(record['mean_difference'])} ({_signed(low)} to {_signed(high)})")
            row += [_signs(record, ""), f"{record['differ_holm']}"]
        else:
            row += [""] * 3
        compared = record["thesis_pairs"] > 0
        row.append(_signed(record["thesis_mean_difference"]) if compared else "")
        row.append(_signs(record, "thesis_") if compared else "")
        rows.append(row)
    return Table(
        stem="table_contrasts",
        number="",
        caption=text["table_contrasts"],
        columns=[
            Column(text["factor"]),
            Column(text["contrast"]),
            Column(text["pairs"], numeric=True),
            Column(text["mean_difference"], numeric=True),
            Column("+ / = / -", numeric=True),
            Column(text["differ_holm"], numeric=True),
            Column(f"{text['thesis']}, {text['mean']}", numeric=True),
            Column(f"{text['thesis']}, + / = / -", numeric=True),
        ],
        rows=rows,
        notes=_notes(scores, matches, text),
        data=data,
        bold=bold,
        rules={i for i in range(1, len(rows)) if planned[i].factor != planned[i - 1].factor},
        language=text["language"],
    )


def _record(
    contrast: Contrast,
    pairs: Sequence[Pair],
    published: Published,
    matches: dict[str, Match],
    scores: Sequence[Score],
) -> dict[str, Any]:
    """One record per row, unrounded, None where there is no value."""
    own = [pair for pair in pairs if pair.contrast == contrast]
    distinct = list({pair.fits: pair for pair in own}.values())
    theirs = [
        difference
        for pair in own
        if (difference := _published(pair, published, matches)) is not None
    ]
    return {
        **contrast._asdict(),
        "pairs": len(distinct),
        "mean_difference": own[0].mean_difference if own else None,
        "mean_low": own[0].mean_low if own else None,
        "mean_high": own[0].mean_high if own else None,
        **_counts([pair.difference for pair in distinct]),
        "differ_holm": sum(pair.mcnemar_p_holm < LEVEL_OF_TEST for pair in distinct),
        "thesis_pairs": len(theirs),
        "thesis_mean_difference": sum(theirs) / len(theirs) if theirs else None,
        **{f"thesis_{name}": count for name, count in _counts(theirs).items()},
        # A csv file has no notes, so the source stands in each row.
        "n_test": scores[0].n_test,
        "weights": scores[0].weights,
        "images": scores[0].images,
    }


def _published(pair: Pair, published: Published, matches: dict[str, Match]) -> float | None:
    """Give the published difference of a pair, None where the thesis lacks one of the cells."""
    values = []
    for level in (pair.first, pair.second):
        factors = pair.side(level)
        values.append(published.accuracy(matches.get(factors.pop("bpp")), **factors))
    return None if None in values else values[0] - values[1]


def _counts(differences: Sequence[float]) -> dict[str, int]:
    return {
        "higher": sum(value > 0 for value in differences),
        "equal": sum(value == 0 for value in differences),
        "lower": sum(value < 0 for value in differences),
    }


def _signs(record: dict[str, Any], prefix: str) -> str:
    return " / ".join(f"{record[prefix + name]}" for name in ("higher", "equal", "lower"))


def _signed(value: float) -> str:
    """Write a difference with its sign; what is rounded to zero has none."""
    return f"{value:+.3f}" if round(value, 3) else "0.000"


def _notes(scores: Sequence[Score], matches: dict[str, Match], text: Words) -> list[str]:
    notes = [
        text["note_contrasts"],
        text["note_contrasts_read"],
        text["note_source"].format(source=source(scores, text)),
        text["note_contrasts_thesis"],
    ]
    if any(not match.equal for match in matches.values()):
        notes.append(text["note_orientation"])
    if any(score.feature == "multiple" for score in scores):
        notes.append(text["note_multiple"])
    if any(score.protocol == FAITHFUL for score in scores):
        notes.append(text["note_faithful"])
    if any(score.scored_by == "patch" for score in scores):
        notes.append(text["note_by_patch"])
    return notes + sharing(scores, text)
