"""Figure of two runs: a pair of dots per cell."""

from typing import Any

from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D

from latentprint.accuracy_tables import TABLE_FEATURES, position
from latentprint.compare.matching import Comparison, Pair
from latentprint.compare.page import level_text
from latentprint.figure_plan import table_order
from latentprint.figure_style import (
    FAINT,
    INK,
    NARROW,
    WIDE,
    colour_of,
    frame,
    heading,
    legend_below,
)
from latentprint.glossary import CLASSIFIER_NAMES, source, words

APART = 0.17  # of a row: how far the dots of a pair are from its middle


def draw_comparison(comparison: Comparison) -> Picture:
    """Draw both accuracies of every matched cell: a panel per classifier, a row per feature set.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    picture : matplotlib Figure
        Each run on all its own test images; an asterisk marks the cells that can be told apart on
        the common ones.
    """
    text = words("en")
    pairs = comparison.pairs
    classifiers = table_order({pair.first.classifier for pair in pairs})
    rows = sorted({_row(pair) for pair in pairs})
    names = [row[-1] for row in rows]
    wide = len(classifiers) > 1
    runs = (comparison.first, comparison.second)
    sources = [
        f"{run.name}: {source([getattr(pair, side) for pair in pairs], text)}"
        for run, side in zip(runs, ("first", "second"), strict=True)
    ]
    picture, panels = frame(
        WIDE if wide else NARROW,
        1.27 + 0.24 * len(rows),
        left=0.1 + 0.066 * max(map(len, names)),  # inches a character
        right=0.2,
        top=0.3,
        bottom=0.97,
        foot="; ".join(sources),
        columns=len(classifiers),
    )
    for axes, classifier in zip(panels, classifiers, strict=True):
        colour = colour_of(classifier, classifiers)
        for pair in pairs:
            if pair.first.classifier == classifier:
                _draw(axes, pair, rows.index(_row(pair)), colour)
        heading(axes, CLASSIFIER_NAMES.get(classifier, classifier))
        axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.set_xlabel(text["accuracy"])
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0, labelleft=axes is panels[0])
        for index in range(1, len(rows)):
            if rows[index][:3] != rows[index - 1][:3]:
                strong = rows[index][0] != rows[index - 1][0]
                axes.axhline(index - 0.5, color=FAINT, linewidth=1 if strong else 0.4, zorder=0)
    panels[0].set_yticks(range(len(rows)), names)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    lows = [score.accuracy_low for pair in pairs for score in (pair.first, pair.second)]
    lowest = min(0.45, min(lows) - 0.02)
    panels[0].set_xlim(lowest, 1.0)
    panels[0].set_xticks([tenth / 10 for tenth in range(11) if tenth / 10 > lowest + 0.03])
    handles = [
        Line2D([], [], label=run.name, **_marker(INK, second=run is comparison.second))
        for run in runs
    ]
    handles.append(Line2D([], [], color=INK, lw=1, label=text["interval"]))
    handles.append(Line2D([], [], color=INK, lw=0.8, ls="--", label=text["chance"]))
    if any(pair.differs for pair in pairs):
        look = {"marker": "$*$", "color": INK, "linestyle": "", "markersize": 6}
        handles.append(Line2D([], [], label="can be told apart", **look))
    legend_below(panels[0], handles, below=0.53, columns=len(handles) if wide else 2)
    return picture


def _row(pair: Pair) -> tuple[Any, ...]:
    score = pair.first
    name = f"{score.component} {score.feature}, {level_text(pair)} bpp, {score.latent}"
    feature = (position(score.feature, TABLE_FEATURES), score.feature)
    return (score.component, *feature, float(score.bpp), score.latent, name)


def _draw(axes: Any, pair: Pair, height: int, colour: str) -> None:
    sides = ((pair.first, height - APART), (pair.second, height + APART))
    for score, place in sides:
        axes.hlines(place, score.accuracy_low, score.accuracy_high, color=colour, lw=1, zorder=2)
        axes.plot(score.accuracy, place, **_marker(colour, second=score is pair.second))
    if pair.differs:
        axes.annotate(
            "*",
            (max(score.accuracy_high for score, _ in sides), height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center_baseline",
            annotation_clip=False,
        )


def _marker(colour: str, *, second: bool) -> dict[str, Any]:
    return {
        "marker": "D" if second else "o",
        "color": colour,
        "markerfacecolor": "white" if second else colour,
        "markersize": 3.5 if second else 4,
        "markeredgewidth": 1,
        "linestyle": "",
        "zorder": 3,
    }
