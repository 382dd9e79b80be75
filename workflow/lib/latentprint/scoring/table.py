"""The scores as a tab-separated table, written row by row."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from latentprint.scoring.cues import Answer, Cue
from latentprint.scoring.listing import shown_path
from latentprint.scoring.pictures import Picture

COLUMNS = (
    "file",
    "width",
    "height",
    "score",
    "probability",
    "probability_low",
    "probability_high",
    "false_alarm_level",
    "threshold",
    "refusal",
)


@dataclass(frozen=True)
class Row:
    """What is said of one picture.

    Attributes
    ----------
    picture : Picture
    score, probability, low, high : float or None
        Score of the detector; calibrated probability that the picture is synthetic, and its 95 %
        interval. None where the detector was not asked.
    level : float or None
        Strictest rate of false alarms whose threshold the score exceeds.
    threshold : str
        The same in words; empty where the detector was not asked.
    answers : tuple of Answer
        Of every cue, in their order; empty where they were not asked.
    """

    picture: Picture
    score: float | None = None
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    threshold: str = ""
    answers: tuple[Answer, ...] = ()


def columns(cues: Sequence[Cue]) -> list[str]:
    """Name the columns: those of the detector, then of each cue its values and what it says."""
    found = list(COLUMNS)
    for cue in cues:
        said = (*cue.values, "probability", "low", "high", "note")
        found += [f"{cue.name}_{name}" for name in said]
    return found


class TableWriter:
    """Writes the table.

    Parameters
    ----------
    file : text file
        Opened for writing with newline="".
    cues : sequence of Cue
    """

    def __init__(self, file: IO[str], cues: Sequence[Cue]) -> None:
        self._writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        self._cues = tuple(cues)
        self._writer.writerow(columns(cues))

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows, each on one line whatever the names hold."""
        for row in rows:
            self._writer.writerow([*_detector_cells(row), *self._cue_cells(row)])

    def _cue_cells(self, row: Row) -> Iterable[str]:
        for place, cue in enumerate(self._cues):
            if not row.answers:
                yield from [""] * (len(cue.values) + 3)
                yield one_line(row.picture.cue_refusal)
                continue
            answer = row.answers[place]
            yield from (number(answer.values.get(name)) for name in cue.values)
            yield from (number(value) for value in (answer.probability, answer.low, answer.high))
            yield one_line(answer.note)


def _detector_cells(row: Row) -> list[Any]:
    picture = row.picture
    return [
        shown_path(picture.path),
        picture.width,
        picture.height,
        number(row.score),
        number(row.probability),
        number(row.low),
        number(row.high),
        number(row.level),
        row.threshold,
        one_line(picture.refusal),
    ]


def number(value: float | None) -> str:
    """Write a number with the nine digits of predictions.tsv; empty for None."""
    return "" if value is None else f"{value:.9g}"


def one_line(text: str) -> str:
    """Write a sentence without tabs, line ends or what is not printable."""
    return shown_path(" ".join(text.split())).replace("\\\\", "\\")
