"""Where the time of a run went: a table and a figure of its rules."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from latentprint.figure_style import FAINT, SMALL, WIDE, frame
from latentprint.glossary import Words, source
from latentprint.job_times import RuleTime
from latentprint.score_table import Score
from latentprint.table_formats import Column, Table

STEM = "times"


def times_table(rules: Sequence[RuleTime], scores: Sequence[Score], *, text: Words) -> Table:
    """Build the table: a row per rule, what took longest first, and their sum.

    Parameters
    ----------
    rules : sequence of RuleTime
        At least one.
    scores : sequence of Score
        Name the images and weights of the run.
    text : dict
        Words of one language, from `glossary.words`.

    Returns
    -------
    Table
        Its data are without the sum, which would be counted twice by who adds them up.
    """
    total = _total(rules)
    rows = [
        [
            rule.rule,
            f"{rule.jobs}",
            f"{rule.wall_s:.1f}",
            f"{_share(rule, total):.1%}",
            f"{rule.cpu_s:.1f}",
            f"{rule.peak_mb:.0f}",
            f"{rule.longest_s:.1f}",
            rule.longest,
        ]
        for rule in (*rules, total._replace(rule=text["times_total"]))
    ]
    heads = ("jobs", "wall", "share", "cpu", "memory", "longest", "which")
    return Table(
        stem=STEM,
        number="",
        caption=text["times"],
        columns=[
            Column(text["times_rule"]),
            *(Column(text[f"times_{head}"], numeric=head != "which") for head in heads),
        ],
        rows=rows,
        notes=[
            text["note_jobs"],
            text["note_jobs_read"],
            text["note_source"].format(source=source(scores, text)),
        ],
        data=[rule._asdict() | {"share": _share(rule, total)} for rule in rules],
        rules={len(rules)},
        language=text["language"],
    )


def draw_times(
    rules: Sequence[RuleTime], scores: Sequence[Score], *, text: Words
) -> tuple[Figure, list[dict[str, Any]]]:
    """Draw a bar per rule: seconds of its jobs, added up.

    Parameters
    ----------
    rules, scores, text
        As for `times_table`.

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per bar.
    """
    total = _total(rules)
    picture, (axes,) = frame(
        WIDE,
        0.8 + 0.24 * len(rules),
        left=0.15 + 0.075 * max(len(rule.rule) for rule in rules),  # inches a character
        right=1.1,  # the values beside the bars
        top=0.08,
        bottom=0.68,
        foot=source(scores, text),
    )
    axes.barh(range(len(rules)), [rule.wall_s for rule in rules], 0.7, color=FAINT)
    for place, rule in enumerate(rules):
        axes.annotate(
            f"{rule.wall_s:.1f} s, {_share(rule, total):.0%}",
            (rule.wall_s, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
    axes.set_yticks(range(len(rules)), [rule.rule for rule in rules])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlabel(text["times_wall"])
    axes.grid(axis="x")
    data = [
        {"rule": rule.rule, "jobs": rule.jobs, "wall_s": rule.wall_s, "cpu_s": rule.cpu_s}
        for rule in rules
    ]
    return picture, data


def _total(rules: Sequence[RuleTime]) -> RuleTime:
    longest = max(rules, key=lambda rule: rule.longest_s)
    return RuleTime(
        "",
        sum(rule.jobs for rule in rules),
        sum(rule.wall_s for rule in rules),
        sum(rule.cpu_s for rule in rules),
        longest.longest_s,
        longest.rule,
        max(rule.peak_mb for rule in rules),
    )


def _share(rule: RuleTime, total: RuleTime) -> float:
    return rule.wall_s / total.wall_s if total.wall_s else 0.0
