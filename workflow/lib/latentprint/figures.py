"""All figures of a run, and the grouped bars of figures 3.1, 3.3, 3.5 and 3.6."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from latentprint.figure_plan import Figure, plan
from latentprint.figure_style import (
    INK,
    NARROW,
    ONE_MODEL,
    SMALL,
    TWO_MODELS,
    WIDE,
    frame,
    heading,
    legend_below,
    save,
    style,
)
from latentprint.glossary import Words, level, source
from latentprint.matrix_figures import draw_matrix
from latentprint.own_figures import draw_cells, draw_cost
from latentprint.score_table import Cost, Score, factors_of
from latentprint.thesis import Published, match_levels

Data = list[dict[str, Any]]


def draw_all(
    scores: Sequence[Score],
    costs: Sequence[Cost],
    *,
    published: Published,
    text: Words,
    folder: Path,
) -> list[str]:
    """Draw every figure that the factors of a run allow, as svg, png and tsv.

    Parameters
    ----------
    scores : sequence of Score
        All cells of the run.
    costs : sequence of Cost
        The same cells.
    published : Published
        Stands in the tsv files, and in `cells` where a level is 6 or 12 bpp itself.
    text : dict
        Words of one language, from `glossary.words`.
    folder : Path

    Returns
    -------
    list of str
        The stems, as `figure_plan.planned` gives them.
    """
    figures = plan(**factors_of(scores))
    with style():
        for figure in figures:
            picture, data = draw(figure, scores, costs, published=published, text=text)
            save(picture, data, folder, figure.stem)
    return [figure.stem for figure in figures]


def draw(
    figure: Figure,
    scores: Sequence[Score],
    costs: Sequence[Cost],
    *,
    published: Published,
    text: Words,
) -> tuple[Picture, Data]:
    """Draw one figure of the plan; `style` must be in force.

    Parameters
    ----------
    figure : Figure
    scores, costs, published, text
        As for `draw_all`.

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        What is drawn, all with the same keys.
    """
    if figure.kind == "matrix":
        return draw_matrix(figure, scores, published=published, text=text)
    if figure.kind == "cells":
        return draw_cells(scores, published=published, text=text)
    if figure.kind == "cost":
        return draw_cost(scores, costs, text=text)
    return draw_bars(figure, scores, published=published, text=text)


def draw_bars(
    figure: Figure, scores: Sequence[Score], *, published: Published, text: Words
) -> tuple[Picture, Data]:
    """Draw grouped bars: a group per feature, a bar per latent of one classifier or of two.

    Parameters
    ----------
    figure : Figure
        Kind "bars" (figures 3.1 and 3.3) or "models" (3.5 and 3.6).
    scores : sequence of Score
        All cells of the run.
    published : Published
    text : dict

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per bar, published value beside it.
    """
    names = [figure.classifier] if figure.kind == "bars" else ["GB", "RF"]
    shown = [
        score
        for score in scores
        if score.bpp == figure.bpp
        and score.component == figure.component
        and score.classifier in names
    ]
    levels = factors_of(shown)
    features, latents = levels["features"], levels["latents"]
    series = [(name, latent) for name in names for latent in latents]
    # The values above the bars need 0.3 inch each.
    wide = figure.kind == "models" or len(series) * len(features) > 6
    picture, (axes,) = frame(
        WIDE if wide else NARROW,
        2.8,
        left=0.55,
        right=0.1,
        top=0.3,
        bottom=0.72,
        foot=source(shown, text),
    )
    bar = 0.38 if len(names) == 1 else 0.2
    handles = []
    for index, (name, latent) in enumerate(series):
        offset = (index - (len(series) - 1) / 2) * bar
        colour, hatch = ONE_MODEL[latent] if len(names) == 1 else TWO_MODELS[name, latent]
        own = [score for score in shown if (score.classifier, score.latent) == (name, latent)]
        places = [features.index(score.feature) + offset for score in own]
        _bars(axes, places, own, bar, colour, hatch)
        label = latent if len(names) == 1 else f"{name} - {latent}"
        handles.append(Patch(facecolor=colour, edgecolor="white", hatch=hatch * 2, label=label))
    axes.axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=3)
    handles.append(Line2D([], [], color=INK, linewidth=0.8, linestyle="--", label=text["chance"]))
    handles.append(Line2D([], [], color=INK, linewidth=1, marker="|", label=text["interval"]))
    spare = max(0, 3 - len(features)) / 2  # bars keep their width when groups are absent
    axes.set_xlim(-0.5 - spare, len(features) - 0.5 + spare)
    axes.set_xticks(range(len(features)), [feature.capitalize() for feature in features])
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 1.12)  # room for the value above an interval that ends at 1
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_ylabel(text["accuracy"])
    axes.grid(axis="y")
    at_level = level(figure.bpp, scores, text)
    heading(axes, ", ".join([*names[: 2 - len(names)], figure.component, at_level]))
    legend_below(axes, handles, below=0.32, columns=len(handles))
    return picture, _bar_data(shown, scores, published)


def _bars(
    axes: Axes,
    places: Sequence[float],
    scores: Sequence[Score],
    width: float,
    colour: str,
    hatch: str,
) -> None:
    values = [score.accuracy for score in scores]
    # Rounding may put the end of an interval a hair inside an accuracy of 0 or 1.
    below = [max(score.accuracy - score.accuracy_low, 0) for score in scores]
    above = [max(score.accuracy_high - score.accuracy, 0) for score in scores]
    look = {"color": colour, "hatch": hatch, "alpha": 0.85, "edgecolor": "white", "linewidth": 0.8}
    axes.bar(places, values, width, zorder=2, **look)
    axes.errorbar(
        places,
        values,
        yerr=[below, above],
        color=INK,
        linestyle="",
        elinewidth=0.9,
        capsize=2,
        zorder=4,
    )
    for place, score in zip(places, scores, strict=True):
        axes.text(
            place,
            score.accuracy_high + 0.015,  # above the interval, not only above the bar
            f"{score.accuracy:.3f}",
            ha="center",
            va="bottom",
            fontsize=SMALL,
            zorder=5,
            # White behind the figures where the chance line runs through them.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )


def _bar_data(shown: Sequence[Score], scores: Sequence[Score], published: Published) -> Data:
    matches = match_levels(factors_of(scores)["bpp"])
    return [
        {
            "bpp": score.bpp,
            "latent": score.latent,
            "component": score.component,
            "feature": score.feature,
            "classifier": score.classifier,
            "accuracy": score.accuracy,
            "accuracy_low": score.accuracy_low,
            "accuracy_high": score.accuracy_high,
            "n_test": score.n_test,
            "thesis_bpp": matches[score.bpp].bpp,
            "thesis_accuracy": published.accuracy(
                matches[score.bpp],
                classifier=score.classifier,
                component=score.component,
                feature=score.feature,
                latent=score.latent,
            ),
        }
        for score in shown
    ]
