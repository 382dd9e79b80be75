"""One table, and how it is written as CSV, Markdown, LaTeX and HTML."""

import csv
import io
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path

from latentprint.files import write_text
from latentprint.glossary import Words
from latentprint.trace import Trace


@dataclass(frozen=True)
class Column:
    """One printed column: its heading and whether it holds numbers (right aligned)."""

    label: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """One table, ready for every format.

    Attributes
    ----------
    stem : str
        File name without suffix.
    number : str
        Number in the thesis, "Table 3.1"; empty for a table that is not there.
    caption : str
    columns : list of Column
    rows : list of list of str
        Printed text, one per column; "" where there is nothing to print.
    notes : list of str
        Sentences below the table.
    data : list of dict
        The same rows with unrounded numbers and factor names as columns, for the CSV file.
    bold : set of (int, int)
        Row and column of the values to stress.
    rules : set of int
        Rows that start a new block.
    language : str
        Of caption, headings and notes.
    """

    stem: str
    number: str
    caption: str
    columns: list[Column]
    rows: list[list[str]]
    notes: list[str]
    data: list[dict[str, object]]
    bold: set[tuple[int, int]] = field(default_factory=set)
    rules: set[int] = field(default_factory=set)
    language: str = "en"

    @property
    def title(self) -> str:
        """Number and caption: "Table 3.1. Results for Random Forest"."""
        return f"{self.number}. {self.caption}" if self.number else self.caption


def traced(table: Table, trace: Trace, *, text: Words) -> Table:
    """Add where a table comes from: a note, and columns of the CSV file, which has no notes.

    Parameters
    ----------
    table : Table
    trace : Trace
    text : dict
        Words of one language, from `glossary.words`.
    """
    origin = asdict(trace)
    return replace(
        table,
        notes=[*table.notes, text["note_trace"].format(**origin)],
        data=[record | origin for record in table.data],
    )


def write_table(table: Table, folder: Path) -> list[Path]:
    """Write a table in the four formats.

    Parameters
    ----------
    table : Table
    folder : Path
        Created if need be.

    Returns
    -------
    list of Path
        csv, md, tex, html.
    """
    writers = {"csv": to_csv, "md": to_markdown, "tex": to_latex, "html": to_html}
    paths = []
    for suffix, writer in writers.items():
        path = folder / f"{table.stem}.{suffix}"
        write_text(path, writer(table))
        paths.append(path)
    return paths


def to_csv(table: Table) -> str:
    """Write the unrounded data, factor names as columns, empty where there is no value."""
    target = io.StringIO()
    writer = csv.DictWriter(target, fieldnames=list(table.data[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.data)  # None is written as an empty field
    return target.getvalue()


def to_markdown(table: Table) -> str:
    """Write a pipe table, padded so that it reads well as plain text too."""
    heads = [_markdown(column.label) for column in table.columns]
    body = [
        [
            f"**{_markdown(text)}**" if (index, place) in table.bold else _markdown(text)
            for place, text in enumerate(row)
        ]
        for index, row in enumerate(table.rows)
    ]
    widths = [max(3, *map(len, texts)) for texts in zip(heads, *body, strict=True)]

    def line(texts: list[str]) -> str:
        cells = [
            text.rjust(width) if column.numeric else text.ljust(width)
            for text, width, column in zip(texts, widths, table.columns, strict=True)
        ]
        return "| " + " | ".join(cells) + " |"

    dashes = [
        "-" * (width - 1) + (":" if column.numeric else "-")
        for width, column in zip(widths, table.columns, strict=True)
    ]
    lines = [line(heads), line(dashes), *(line(row) for row in body)]
    notes = [f"- {_markdown(note)}" for note in table.notes]
    return "\n".join([f"**{_markdown(table.title)}**", "", *lines, "", *notes]) + "\n"


def _markdown(text: str) -> str:
    # An underscore inside a word is plain in every dialect but the oldest; "*" and "|" are not.
    return text.replace("|", "\\|").replace("*", "\\*")


def to_latex(table: Table) -> str:
    """Write a table environment for the package booktabs, one rule between blocks."""
    heads = [_latex(column.label) for column in table.columns]
    body = []
    for index, row in enumerate(table.rows):
        if index in table.rules:
            body.append("\\midrule")
        cells = [
            f"\\textbf{{{_latex(text)}}}" if (index, place) in table.bold else _latex(text)
            for place, text in enumerate(row)
        ]
        body.append(" & ".join(cells) + r" \\")
    # A wide table is shrunk to the line width; a narrow one keeps its size.
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage{graphicx}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(table.caption)}}}",
        rf"\label{{tab:{table.stem}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in table.columns)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\smallskip{{\footnotesize {_latex(note)}\par}}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


_LATEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"}
_LATEX |= {character: "\\" + character for character in "&%$#_"}


def _latex(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in text)
    escaped = escaped.replace(r"y\_hat", r"$\hat{y}$")
    signed = escaped.startswith(("+", "-")) and escaped[1:2].isdigit()
    return f"${escaped}$" if signed else escaped


_STYLE = """\
body { font: 14px/1.45 "DejaVu Sans", Verdana, sans-serif; color: #222; background: #fff;
       margin: 1.2em; }
table { border-collapse: collapse; border-top: 2px solid #222; border-bottom: 2px solid #222; }
caption { text-align: left; font-weight: bold; padding: 0 0 .5em; }
th, td { padding: .2em .7em; text-align: left; font-weight: normal; white-space: nowrap; }
thead th { border-bottom: 1px solid #222; white-space: normal; text-wrap: balance;
           vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.block td { border-top: 1px solid #222; }
p { max-width: 60em; font-size: 12px; margin: .5em 0 0; }
@media (max-width: 640px) { body { font-size: 12px; margin: .6em; }
                            th, td { padding: .2em .4em; } }"""


def to_html(table: Table) -> str:
    """Write a page that stands alone: no script, nothing fetched from anywhere."""

    def cell(text: str, place: int, tag: str, *, strong: bool = False) -> str:
        kind = ' class="number"' if table.columns[place].numeric else ""
        scope = ' scope="col"' if tag == "th" else ""
        inner = f"<strong>{escape(text)}</strong>" if strong else escape(text)
        return f"<{tag}{scope}{kind}>{inner}</{tag}>"

    heads = "".join(cell(c.label, place, "th") for place, c in enumerate(table.columns))
    rows = []
    for index, row in enumerate(table.rows):
        cells = (
            cell(text, place, "td", strong=(index, place) in table.bold)
            for place, text in enumerate(row)
        )
        kind = ' class="block"' if index in table.rules else ""
        rows.append(f"<tr{kind}>{''.join(cells)}</tr>")
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{table.language}">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(table.title)}</title>",
        f"<style>\n{_STYLE}\n</style></head>",
        "<body>",
        "<table>",
        f"<caption>{escape(table.title)}</caption>",
        f"<thead><tr>{heads}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody>",
        "</table>",
        *(f"<p>{escape(note)}</p>" for note in table.notes),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"
