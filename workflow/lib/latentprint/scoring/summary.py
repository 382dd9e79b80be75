"""Counts of what came of the files of a folder."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from latentprint.scoring.table import Row

KINDS_SHOWN = 12


@dataclass
class Summary:
    """How many files were scored, how many were refused and why.

    Attributes
    ----------
    others : int
        Files that are no pictures by their suffix.
    scored, asked : int
        Pictures that the detector, and that the cues answered.
    refusals : Counter of str
        Reasons, without the numbers of single pictures.
    thresholds : Counter of (float, str)
        Strictest rate whose threshold was exceeded, infinite for none; the same in words.
    """

    others: int = 0
    scored: int = 0
    asked: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    thresholds: Counter[tuple[float, str]] = field(default_factory=Counter)

    def add(self, rows: Iterable[Row]) -> None:
        """Count rows."""
        for row in rows:
            self.asked += bool(row.answers)
            if row.score is None:
                self.refusals[row.picture.kind] += 1
            else:
                self.scored += 1
                level = math.inf if row.level is None else row.level
                self.thresholds[level, row.threshold] += 1

    @property
    def refused(self) -> int:
        """Pictures that the detector did not answer."""
        return self.refusals.total()

    def levels(self) -> list[tuple[str, int]]:
        """Give thresholds in words with their counts, the strictest first."""
        return [(words, count) for (_, words), count in sorted(self.thresholds.items())]

    def reasons(self) -> list[tuple[str, int]]:
        """Give reasons with their counts, the most frequent first; rare ones together."""
        ranked = self.refusals.most_common()
        shown = ranked[:KINDS_SHOWN]
        left = sum(count for _, count in ranked[KINDS_SHOWN:])
        return [*shown, ("for other reasons, see the table", left)] if left else shown
