"""The tables of images: images.tsv, exclusions.tsv, selection.tsv.

Apart from `images.py`, so that editing the index or the choice never extracts latents again.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from latentprint.errors import UserError
from latentprint.files import write_text


class Indexed(NamedTuple):
    """One row of images.tsv; `path` is relative to the root of the data set."""

    id: str
    path: str
    label: str
    split: str
    sha256: str
    width: int
    height: int
    mode: str
    jpeg_quality: int | None
    jpeg_sampling: str


class Excluded(NamedTuple):
    """One row of exclusions.tsv."""

    path: str
    reason: str


class Chosen(NamedTuple):
    """One row of selection.tsv, in the order of encoding."""

    id: str
    label: str
    split: str
    path: str
    sha256: str


def list_digest(images: Iterable[Chosen]) -> str:
    """Digest a list of images: ids, labels and contents, in order. SHA-256, hexadecimal."""
    lines = [f"{image.id} {image.label} {image.sha256}" for image in images]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_table(path: Path, columns: Sequence[str], *, rows: Iterable[Sequence[Any]]) -> None:
    """Write a tab-separated table with a header, complete or not at all; None is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_images(path: Path) -> list[Chosen]:
    """Read the rows of images.tsv or selection.tsv, in the order of the file.

    Parameters
    ----------
    path : Path
        Either table.

    Returns
    -------
    list of Chosen
        The columns that both tables have, all as text.

    Raises
    ------
    UserError
        If the file is missing, or lacks a column or a value.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            header = reader.fieldnames or []
            missing = [name for name in Chosen._fields if name not in header]
            if missing:
                raise UserError(
                    f"{path}: column '{missing[0]}' is missing; expected "
                    f"{' '.join(Chosen._fields)}, got {' '.join(header) or 'an empty file'}."
                )
            rows = []
            for row in reader:
                chosen = Chosen(*(row[name] for name in Chosen._fields))
                if not all(chosen):
                    raise UserError(f"{path}, line {reader.line_num}: a value is missing.")
                rows.append(chosen)
            return rows
    except FileNotFoundError:
        raise UserError(f"{path}: the table of images is missing. Run select_images.") from None
