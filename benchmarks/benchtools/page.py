"""How the page is written: tables, numbers, and the markers between which a part stands."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
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


def replaced(page: str, script: str, part: str, text: str) -> str:
    """Put text between a script's markers of a part; a page without them gets both at its end."""
    begin, end = f"<!-- {script} {part} -->", f"<!-- end of {script} {part} -->"
    if begin not in page or end not in page:
        return f"{page.rstrip()}\n\n{begin}\n{text}{end}\n".lstrip()
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n{text}{end}{rest.split(end, 1)[1]}"


def write(path: Path, script: str, blocks: Mapping[str, str]) -> None:
    """Write parts into a page, which need not be there yet; the text around them stays."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    for part, text in blocks.items():
        page = replaced(page, script, part, f"\n{text}\n")
    path.write_text(page, encoding="utf-8")


def facts(rows: Mapping[str, str]) -> str:
    """Write a table of names and what stands for them, without a head."""
    lines = [f"| {name} | {text} |" for name, text in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines, ""])
