"""The record of the 25 decisions: what the thesis reported, what its code did, what we do.

Written down in resources/thesis/decisions.yaml; rendered as docs/thesis.md and as a page of its own
for the report. After an edit of the file:

    PYTHONPATH=workflow/lib python -m latentprint.decisions \
        resources/thesis/decisions.yaml docs/thesis.md
"""

import argparse
import html
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from latentprint.errors import UserError, run
from latentprint.files import write_text

WIDTH = 120  # characters of a line of docs/thesis.md
BLOCKS = ("heading", "text", "code", "list")

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 1200px; margin: 1.5em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.4em; }
p, ul { max-width: 75ch; }
code { font: 0.9em ui-monospace, monospace; background: #f2f4f6; padding: 0 0.2em;
       overflow-wrap: anywhere; }
pre { background: #f2f4f6; padding: 0.6em; white-space: pre-wrap; } pre code { padding: 0; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; margin-top: 1em; }
th, td { text-align: left; vertical-align: top; padding: 0.45em 0.6em; overflow-wrap: break-word; }
thead th { border-bottom: 2px solid #444; background: #fff; position: sticky; top: 0; }
tbody { border-bottom: 1px solid #bbb; } tbody:nth-of-type(even) { background: #f7f9fb; }
th:nth-child(1) { width: 13%; } th:nth-child(2) { width: 18%; } th:nth-child(5) { width: 19%; }
.note { font-size: 0.85em; color: #555; padding-top: 0; } .note code { background: none; }
@media (max-width: 640px) { /* five columns are too narrow to read: each cell below the other */
  thead { display: none; } table, tbody, tr, th, td { display: block; }
  tbody td[data-name]::before { content: attr(data-name); display: block; font-size: 0.85em;
                                color: #555; }
  tbody td:empty { display: none; } tbody th { padding-top: 0.8em; }
  th:nth-child(n), td:nth-child(n) { width: auto; } }
""".strip()


@dataclass(frozen=True)
class Decision:
    """One place where text, code and product differ, or could be read in more than one way.

    Attributes
    ----------
    number : int
    topic : str
    reported : str
        What the text of the thesis says.
    code : str
        What its published code did.
    corrected, faithful : str
        What we do under each protocol.
    kept_by : tuple of str or str
        Tests as "file::function", or a sentence that says why there is none.
    missing : str
        What this version leaves out; may be empty.
    """

    number: int
    topic: str
    reported: str
    code: str
    corrected: str
    faithful: str
    kept_by: tuple[str, ...] | str
    missing: str = ""


@dataclass(frozen=True)
class Decisions:
    """The whole record.

    Attributes
    ----------
    title : str
    introduction : tuple of (kind, content)
        Kind is one of `BLOCKS`; the content of a list is a list of str, else a str.
    entries : tuple of Decision
    """

    title: str
    introduction: tuple[tuple[str, Any], ...]
    entries: tuple[Decision, ...]


def read_decisions(path: Path) -> Decisions:
    """Read the record.

    Parameters
    ----------
    path : Path
        resources/thesis/decisions.yaml.

    Raises
    ------
    UserError
        If the file is missing, is no YAML, or an entry lacks a key or has one too many.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        introduction = tuple(
            (kind, part) for block in content["introduction"] for kind, part in block.items()
        )
        unknown = {kind for kind, _ in introduction} - set(BLOCKS)
        if unknown:
            raise ValueError(f"introduction holds {', '.join(sorted(unknown))}")
        entries = tuple(_entry(**fields) for fields in content["decisions"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as the record of decisions ({error}), expected title, "
            "introduction and decisions. Restore resources/thesis."
        ) from error
    return Decisions(content["title"], introduction, entries)


def _entry(*, kept_by: list[str] | str, **fields: Any) -> Decision:
    return Decision(
        **fields, kept_by=kept_by if isinstance(kept_by, str) else tuple(map(str, kept_by))
    )


def markdown(decisions: Decisions) -> str:
    """Render the record as docs/thesis.md: the introduction, then a section for each decision."""
    parts = [f"# {decisions.title}"]
    for kind, content in decisions.introduction:
        if kind == "heading":
            parts.append(f"## {content}")
        elif kind == "code":
            parts.append(f"    {content}")
        elif kind == "list":
            parts.append("\n".join(_item(item) for item in content))
        else:
            parts.append(_wrapped(content))
    parts.append("## The decisions")
    for entry in decisions.entries:
        parts.append(f"### {entry.number}. {entry.topic}")
        lines = [f"**{name}:** {text}" for name, text in _columns(entry)]
        lines += [f"*{name}:* {text}" for name, text in _notes(entry)]
        parts.append("\n".join(_item(line) for line in lines))
    return "\n\n".join(parts) + "\n"


def page(decisions: Decisions) -> str:
    """Render the record as one HTML page that needs no other file: introduction and a table."""
    parts = [f"<h1>{_inline(decisions.title)}</h1>"]
    for kind, content in decisions.introduction:
        if kind == "heading":
            parts.append(f"<h2>{_inline(content)}</h2>")
        elif kind == "code":
            parts.append(f"<pre><code>{html.escape(content)}</code></pre>")
        elif kind == "list":
            items = "\n".join(f"<li>{_inline(item)}</li>" for item in content)
            parts.append(f"<ul>\n{items}\n</ul>")
        else:
            parts.append(f"<p>{_inline(content)}</p>")
    parts.append("<h2>The decisions</h2>")
    parts.append(_table(decisions.entries))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(decisions.title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        "<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _table(entries: Sequence[Decision]) -> str:
    """Write a table with two rows for each decision: what is done, and by what it is kept."""
    names = ["Decision", *(name for name, _ in _columns(entries[0]))] if entries else ["Decision"]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    lines = ["<table>", f"<thead><tr>{head}</tr></thead>"]
    for entry in entries:
        cells = "".join(
            f'<td data-name="{name}">{_inline(text)}</td>' for name, text in _columns(entry)
        )
        notes = "<br>".join(f"{name}: {_inline(text)}" for name, text in _notes(entry))
        lines += [
            f'<tbody id="decision-{entry.number}">',
            f'<tr><th scope="row">{entry.number}. {_inline(entry.topic)}</th>{cells}</tr>',
            f'<tr><td></td><td class="note" colspan="{len(names) - 1}">{notes}</td></tr>',
            "</tbody>",
        ]
    return "\n".join([*lines, "</table>"])


def _columns(entry: Decision) -> list[tuple[str, str]]:
    return [
        ("The thesis reported", entry.reported),
        ("Its code did", entry.code),
        ("We do", entry.corrected),
        ("Under faithful", entry.faithful),
    ]


def _notes(entry: Decision) -> list[tuple[str, str]]:
    tests = entry.kept_by
    kept = tests if isinstance(tests, str) else ", ".join(f"`{test}`" for test in tests)
    return [("Kept by", kept)] + ([("Not in this version", entry.missing)] * bool(entry.missing))


def _wrapped(text: str, **indents: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False, **indents)


def _item(text: str) -> str:
    return _wrapped(text, initial_indent="- ", subsequent_indent="  ")


def _inline(text: str) -> str:
    """Escape a text; what stands between ` becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def main() -> None:
    """Render the record as Markdown, or as a page where the output ends with .html."""
    parser = argparse.ArgumentParser("python -m latentprint.decisions", description=main.__doc__)
    parser.add_argument("record", type=Path, help="resources/thesis/decisions.yaml")
    parser.add_argument("output", type=Path, help="docs/thesis.md, or a file ending with .html")
    options = parser.parse_args()
    render = page if options.output.suffix == ".html" else markdown
    write_text(options.output, render(read_decisions(options.record)))


if __name__ == "__main__":
    run(main)
