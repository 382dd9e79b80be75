"""The pieces of a page of scores, as HTML that needs neither scripts nor a network."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from latentprint.scoring.about import About
from latentprint.scoring.cues import Answer, Cue
from latentprint.scoring.listing import shown_path
from latentprint.scoring.style import STYLE
from latentprint.scoring.summary import Summary
from latentprint.scoring.table import Row

SILENT = "no answer"


def document(title: str, parts: Iterable[str]) -> str:
    """Put pieces together to a page."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}</style></head>",
        "<body>",
        "<main>",
        f"<h1>{escape(title)}</h1>",
        *parts,
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def introduction(about: About, summary: Summary, cues: Sequence[Cue]) -> list[str]:
    """Write what stands above the table of the first page: counts, detector, what it means."""
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in about.facts()
    )
    notes = "".join(f"<li>{escape(text)}</li>" for text in about.notes())
    if cues:
        notes += "<li>" + escape(_about_cues(about.size)) + "</li>"
        notes += "".join(f"<li>{escape(f'{cue.name}: {cue.about}.')}</li>" for cue in cues)
    return [
        *_counts(summary, cues),
        "<h2>The detector</h2>",
        f'<dl class="facts">{facts}</dl>',
        "<h2>What the numbers mean</h2>",
        f'<ul class="notes">{notes}</ul>',
        "<h2>Thresholds</h2>",
        *_thresholds(about),
    ]


def _about_cues(size: int) -> str:
    return (
        f"Cues are asked about the region of {size} x {size} pixels at the centre of any image at "
        f"least that large. A cue without a probability does not speak; its note says why."
    )


def _counts(summary: Summary, cues: Sequence[Cue]) -> list[str]:
    files = summary.scored + summary.refused
    shown = [("images", files), ("scored", summary.scored), ("refused", summary.refused)]
    if cues:
        shown.append(("answered by cues", summary.asked))
    if summary.others:
        shown.append(("other files, not listed", summary.others))
    cards = "".join(f"<li><b>{count}</b>{escape(name)}</li>" for name, count in shown)
    lists = []
    if summary.scored:
        lists.append(_list("Scored", summary.levels()))
    if summary.refused:
        lists.append(_list("Refused", summary.reasons()))
    return [f'<ul class="counts">{cards}</ul>', f'<div class="columns">{"".join(lists)}</div>']


def _list(head: str, counted: Iterable[tuple[str, int]]) -> str:
    items = "".join(f"<li><b>{count}</b> {escape(text)}</li>" for text, count in counted)
    return f"<div><h3>{escape(head)}</h3><ul>{items}</ul></div>"


def _thresholds(about: About) -> list[str]:
    heads = ("False alarms asked", "Score above", "False alarms, test", "Synthetic found, test")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = [
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>"
        for row in about.thresholds()
    ]
    return [
        '<div class="wide"><table class="plain">',
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody></table></div>",
    ]


def table_begins(cues: Sequence[Cue]) -> list[str]:
    """Open the table of scores."""
    heads = ["Image", "File", "Probability that it is synthetic (95 %)", "False-alarm level"]
    heads += [f"{cue.name}: {cue.question}" for cue in cues]
    cells = "".join(f'<th role="columnheader" scope="col">{escape(head)}</th>' for head in heads)
    return [
        '<div class="wide" tabindex="0" role="region" aria-label="Scores of the images">',
        # The roles stay when a narrow window shows rows as cards.
        '<table class="scores" role="table">',
        f'<thead role="rowgroup"><tr role="row">{cells}</tr></thead>',
        '<tbody role="rowgroup">',
    ]


TABLE_ENDS = ["</tbody>", "</table>", "</div>"]


def row_html(row: Row, cues: Sequence[Cue]) -> str:
    """Write one row of the table of scores."""
    picture = row.picture
    name = escape(shown_path(picture.path))
    if picture.width is not None:
        name += f'<span class="small">{picture.width} x {picture.height} pixels</span>'
    said = [
        f'<td role="cell" class="picture">{_thumbnail(picture.thumbnail)}</td>',
        f'<th role="rowheader" scope="row">{name}</th>',
    ]
    if row.score is None:
        # One cell where nobody was asked, for one reason.
        none = not row.answers and picture.refusal == picture.cue_refusal
        said.append(_refusal("Not scored", picture.refusal, 2 + len(cues) * none))
        if none:
            cues = ()
    else:
        said.append(
            f'<td role="cell" class="says">{_interval(row.probability, row.low, row.high)}</td>'
        )
        score = f'<span class="small number">score {row.score:.3f}</span>'
        said.append(f'<td role="cell" class="level">{escape(row.threshold)}{score}</td>')
    if row.answers:
        said += [_cue_cell(*pair) for pair in zip(cues, row.answers, strict=True)]
    elif cues:
        said.append(_refusal("No cues", picture.cue_refusal, len(cues)))
    return f'<tr role="row">{"".join(said)}</tr>'


def shown_text(text: str) -> str:
    """Write a reason on one line."""
    return " ".join(text.split())


def _thumbnail(jpeg: bytes) -> str:
    if not jpeg:
        return '<span class="none">no picture</span>'
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="">'


def _interval(probability: float, low: float | None, high: float | None) -> str:
    """Write a probability with its interval, and the same as a bar."""
    text = f'<strong class="number">{probability:.2f}</strong>'
    if low is None or high is None:
        low = high = probability
    else:
        text += f' <span class="number">({low:.2f} to {high:.2f})</span>'
    left, width, mark = (f"{100 * value:.1f}%" for value in (low, high - low, probability))
    return (
        f'{text}<div class="bar" aria-hidden="true"><i style="left:{left};width:{width}"></i>'
        f'<b style="left:{mark}"></b></div>'
    )


def _refusal(what: str, reason: str, columns: int) -> str:
    text = f"{what}: {escape(shown_text(reason))}"
    return f'<td role="cell" colspan="{columns}"><span class="refused">{text}</span></td>'


def _cue_cell(cue: Cue, answer: Answer) -> str:
    head = f'<td role="cell" class="cue" data-head="{escape(cue.name)}">'
    said = [
        SILENT
        if answer.probability is None
        else _interval(answer.probability, answer.low, answer.high)
    ]
    values = ", ".join(f"{name} {value:.3g}" for name, value in answer.values.items())
    said += [
        f'<span class="small">{escape(shown_text(text))}</span>'
        for text in (values, answer.note)
        if text
    ]
    return f"{head}{''.join(said)}</td>"
