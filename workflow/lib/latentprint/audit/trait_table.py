"""The tables traits.tsv and near_duplicates.tsv: how they are written and read again."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentprint.image_tables import write_table

Row = dict[str, Any]
"""Traits of one image: text, or a number, or None where there is none."""

WORDS = ("format", "mode", "segments", "jpeg_tables", "jpeg_sampling")
"""Traits whose values are text: they have no order."""
_TEXT = frozenset({"id", "label", "split", *WORDS})


def write_traits(path: Path, rows: Sequence[Row]) -> None:
    """Write one row per image, complete or not at all.

    Parameters
    ----------
    path : Path
    rows : sequence of dict
        All with the same keys, which become the header.
    """
    write_table(path, list(rows[0]), rows=[list(row.values()) for row in rows])


def read_traits(path: Path) -> list[Row]:
    """Read what `write_traits` wrote, with the types that it had."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: _value(name, text) for name, text in row.items()}
            for row in csv.DictReader(file, delimiter="\t")
        ]


def _value(name: str, text: str) -> str | int | float | None:
    if name in _TEXT:
        return text
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)
