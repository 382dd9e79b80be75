"""Figures of our own: all cells at a glance, and accuracy against the cost of fitting."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from latentprint.cell_panels import dress_panels
from latentprint.figure_plan import table_order
from latentprint.figure_style import (
    FAINT,
    INK,
    NARROW,
    WIDE,
    colour_of,
    frame,
    legend_below,
    marker_of,
)
from latentprint.glossary import Words, level, reached, source
from latentprint.score_table import Cost, Score, factors_of
from latentprint.thesis import Match, Published, match_levels

Data = list[dict[str, Any]]

SHORTEST_S = 1e-3  # a logarithmic scale has no zero


def draw_cells(
    scores: Sequence[Score], *, published: Published, text: Words
) -> tuple[Picture, Data]:
    """Draw every cell as a dot with its interval: a panel per classifier, a row per feature set.

    Parameters
    ----------
    scores : sequence of Score
    published : Published
        Shown as grey marks where a level of the run is 6 or 12 bpp itself.
    text : dict

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per cell.
    """
    levels = factors_of(scores)
    classifiers, latents = table_order(levels["classifiers"]), levels["latents"]
    matches = match_levels(levels["bpp"])
    rows = sorted(
        {(score.component, score.feature, score.bpp) for score in scores},
        key=lambda row: (row[0], row[1], float(row[2])),
    )
    off = [level(bpp, scores, text) for bpp in levels["bpp"] if reached(bpp, scores)]
    names = [f"{component} {feature}, {bpp} bpp" for component, feature, bpp in rows]
    compared = any(match.equal for match in matches.values())
    wide = len(classifiers) > 1
    # Five entries of the legend need two lines in a narrow picture.
    more = 0.0 if wide or not compared else 0.17
    picture, panels = frame(
        WIDE if wide else NARROW,
        1.2 + 0.27 * len(rows) + more,
        left=0.1 + 0.066 * max(map(len, names)),  # inches a character
        right=0.15,
        top=0.3,
        bottom=0.9 + more,
        foot="; ".join([source(scores, text), *off]),
        columns=len(classifiers),
    )
    offset = {latent: (i - (len(latents) - 1) / 2) * 0.34 for i, latent in enumerate(latents)}
    places = {
        score.key: rows.index((score.component, score.feature, score.bpp)) + offset[score.latent]
        for score in scores
    }
    data = [_record(score) | _beside(score, matches.get(score.bpp), published) for score in scores]
    for classifier, latent in product(classifiers, latents):
        axes, colour = panels[classifiers.index(classifier)], colour_of(classifier, classifiers)
        own = [
            score for score in scores if (score.classifier, score.latent) == (classifier, latent)
        ]
        heights = [places[score.key] for score in own]
        lows, highs = zip(
            *((score.accuracy_low, score.accuracy_high) for score in own), strict=True
        )
        axes.hlines(heights, lows, highs, color=colour, linewidth=1, zorder=2)
        values = [score.accuracy for score in own]
        axes.plot(values, heights, **_latent_marker(latent, colour))
    for score, record in zip(scores, data, strict=True):
        match = matches.get(score.bpp)
        if match is not None and match.equal and record["thesis_accuracy"] is not None:
            axes = panels[classifiers.index(score.classifier)]
            look = {"marker": "|", "color": FAINT, "markersize": 6, "mew": 1.5}
            axes.plot(record["thesis_accuracy"], places[score.key], **look)
    dress_panels(
        panels,
        classifiers,
        names=names,
        groups=[row[:2] for row in rows],
        lows=[score.accuracy_low for score in scores],
        text=text,
    )
    handles = [_key(latent, **_latent_marker(latent, INK)) for latent in latents]
    handles.append(Line2D([], [], color=INK, lw=1, label=text["interval"]))
    handles.append(Line2D([], [], color=INK, lw=0.8, ls="--", label=text["chance"]))
    if compared:
        handles.append(_key(text["thesis"], marker="|", color=FAINT, mew=1.5))
    legend_below(panels[0], handles, below=0.53, columns=3 if more else len(handles))
    return picture, data


def draw_cost(
    scores: Sequence[Score], costs: Sequence[Cost], *, text: Words
) -> tuple[Picture, Data]:
    """Draw accuracy against fitting time times cores, a mark per fit.

    Parameters
    ----------
    scores : sequence of Score
    costs : sequence of Cost
        Cells without a measured time are left out.
    text : dict

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per mark.
    """
    levels = factors_of(scores)
    measured = {cost.key: cost for cost in costs if cost.fit_s is not None}
    # Cells that share one fit are one mark.
    fits = {score.fit: score for score in scores if score.key in measured}
    picture, (axes,) = frame(
        WIDE, 3.3, left=0.55, right=1.7, top=0.12, bottom=0.65, foot=source(scores, text)
    )
    data = []
    for score in fits.values():
        cost = measured[score.key]
        spent = max(cost.fit_s * (cost.cores or 1), SHORTEST_S)
        colour = colour_of(score.classifier, levels["classifiers"])
        marker = marker_of(score.feature, levels["features"])
        low_high = [score.accuracy_low, score.accuracy_high]
        axes.plot([spent, spent], low_high, color=colour, lw=0.6, alpha=0.5, zorder=2)
        filled = score.latent == "y"
        axes.plot(spent, score.accuracy, **_marker(marker, colour, filled=filled))
        data.append(_record(score) | {"fit_s": cost.fit_s, "cores": cost.cores})
    axes.axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(text["fit_time"])
    axes.set_ylabel(text["accuracy"])
    axes.grid(axis="y")
    axes.set_ylim(min(0.45, *(score.accuracy_low - 0.02 for score in scores)), 1.0)
    handles: list[Artist] = [
        Patch(facecolor=colour_of(name, levels["classifiers"]), label=name)
        for name in table_order(levels["classifiers"])
    ]
    for name in levels["features"]:
        marker = marker_of(name, levels["features"])
        handles.append(_key(name, **_marker(marker, INK, filled=True)))
    for name in levels["latents"]:
        # A shape that no feature has: here only full or hollow counts.
        filled = name == "y"
        label = f"{text['full'] if filled else text['hollow']}: {name}"
        handles.append(_key(label, **_marker("h", INK, filled=filled)))
    handles.append(Line2D([], [], color=INK, lw=0.6, alpha=0.5, label=text["interval"]))
    handles.append(Line2D([], [], color=INK, lw=0.8, ls="--", label=text["chance"]))
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.02, 0.5), borderaxespad=0)
    return picture, data


def _marker(marker: str, colour: str, *, filled: bool) -> dict[str, Any]:
    return {
        "marker": marker,
        "color": colour,
        "markerfacecolor": colour if filled else "white",
        "markersize": 4.5,
        "markeredgewidth": 1,
        "linestyle": "",
        "zorder": 3,
    }


def _latent_marker(latent: str, colour: str) -> dict[str, Any]:
    filled = latent == "y"
    return _marker("o" if filled else "D", colour, filled=filled) | {
        "markersize": 4.5 if filled else 4
    }


def _key(label: str, **look: Any) -> Line2D:
    return Line2D([], [], **({"linestyle": ""} | look), label=label)


def _beside(score: Score, match: Match | None, published: Published) -> dict[str, Any]:
    accuracy = published.accuracy(
        match,
        classifier=score.classifier,
        component=score.component,
        feature=score.feature,
        latent=score.latent,
    )
    return {"thesis_bpp": match.bpp if match else "", "thesis_accuracy": accuracy}


def _record(score: Score) -> dict[str, Any]:
    return {
        "bpp": score.bpp,
        "latent": score.latent,
        "component": score.component,
        "feature": score.feature,
        "classifier": score.classifier,
        "accuracy": score.accuracy,
        "accuracy_low": score.accuracy_low,
        "accuracy_high": score.accuracy_high,
        "n_test": score.n_test,
    }
