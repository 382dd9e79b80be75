"""Figure of two runs: a pair of dots per cell."""

from typing import Any

from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D

from latentprint.accuracy_tables import TABLE_FEATURES, position
from latentprint.cell_panels import dress_panels
from latentprint.compare.matching import Comparison, Pair
from latentprint.compare.page import level_text
from latentprint.figure_plan import table_order
from latentprint.figure_style import (
    INK,
    NARROW,
    WIDE,
    colour_of,
    frame,
    legend_below,
)
from latentprint.glossary import source, words

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
    dress_panels(
        panels,
        classifiers,
        names=names,
        groups=[(row[0], row[2]) for row in rows],
        lows=[score.accuracy_low for pair in pairs for score in (pair.first, pair.second)],
        text=text,
    )
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
