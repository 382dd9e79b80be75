"""How the page is written: tables, numbers, and the markers between which a part stands."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """One table of the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """Write the table, numbers to the right."""
        lines = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1), *self.rows]
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"**{self.title}**\n\n{text}\n" + (f"\n{self.note}\n" if self.note else "")


def number(value: float | None) -> str:
    """Write a number with three digits that count; nothing for None and NaN."""
    if value is None or math.isnan(value):
        return ""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def between(values: Sequence[float]) -> str:
    """Write a range, or one number where both ends are the same; nothing for no values."""
    if not values:
        return ""
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def replaced(page: str, part: str, text: str) -> str:
    """Put text between the markers of a part; a page without them gets both at its end."""
    begin, end = f"<!-- encode.py {part} -->", f"<!-- end of encode.py {part} -->"
    if begin not in page or end not in page:
        return f"{page.rstrip()}\n\n{begin}\n{text}{end}\n".lstrip()
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n{text}{end}{rest.split(end, 1)[1]}"
