"""Names of alterations, and tables as text: what the workflow's rules ask for.

Standard library only: the rules import it at every start.
"""

import csv
import re
from pathlib import Path

from latentprint.errors import UserError

CODED = "jpegai"
LARGEST = {"jpeg": 100, "resize": 99, CODED: 1000}  # by kind, the largest number


def parsed(name: str) -> tuple[str, int]:
    """Divide the name of an alteration, "<kind>-<number>", into kind and number.

    Raises
    ------
    UserError
        If there is no such alteration.
    """
    match = re.fullmatch(r"([a-z]+)-(\d+)", name)
    kind, number = (match[1], int(match[2])) if match else ("", 0)
    if kind not in LARGEST or not 1 <= number <= LARGEST[kind]:
        raise UserError(
            f"config, detectors.alterations: {name}, expected jpeg-1 to jpeg-100, resize-1 to "
            "resize-99 or jpegai-<hundredths of a bit per pixel>. See config/README.md."
        )
    return kind, number


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a tab-separated table as dictionaries of text.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). Run snakemake again."
        ) from error
