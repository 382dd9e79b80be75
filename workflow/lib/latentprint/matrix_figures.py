"""Confusion matrices: figures 3.2 and 3.4."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from latentprint.figure_plan import Figure
from latentprint.figure_style import INK, NARROW, SMALL, frame, heading
from latentprint.glossary import Words, level, source
from latentprint.score_table import Score
from latentprint.thesis import Published

Data = list[dict[str, Any]]


def draw_matrix(
    figure: Figure, scores: Sequence[Score], *, published: Published, text: Words
) -> tuple[Picture, Data]:
    """Draw the confusion matrix of one cell: counts, shares of the actual class, four measures.

    Parameters
    ----------
    figure : Figure
        Names the cell (figures 3.2 and 3.4).
    scores : sequence of Score
        All cells of the run; the counts are those behind the accuracy in the tables.
    published : Published
    text : dict

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per field; the published counts, whose level and latent are not stated, beside them.
    """
    key = (figure.bpp, figure.latent, figure.component, figure.feature, figure.classifier)
    score = next(score for score in scores if score.key == key)
    names = ("real", "fake")  # Thesis: the order 1, 0
    counts = [[getattr(score, f"{true}_{said}") for said in names] for true in names]
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    picture, (axes,) = frame(
        NARROW, 3.05, left=0.75, right=1.0, top=0.5, bottom=0.8, foot=source([score], text)
    )
    # A colour map of 20 steps keeps the bar of the svg file small.
    colours = matplotlib.colormaps["Blues"].resampled(20)
    mesh = axes.pcolormesh(shares, cmap=colours, vmin=0, vmax=1, edgecolors="white", linewidth=1)
    for row in range(2):
        for column in range(2):
            share = shares[row][column]
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{counts[row][column]}\n{share:.1%}".replace("%", " %"),
                ha="center",
                va="center",
                linespacing=1.4,
                color="white" if share > 0.65 else INK,
            )
    words = [text[name] for name in names]
    axes.set_xticks([0.5, 1.5], words)
    axes.set_yticks([0.5, 1.5], words, rotation=90, va="center")
    axes.invert_yaxis()
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(text["predicted"])
    axes.set_ylabel(text["actual"])
    _share_bar(picture, axes, mesh, text["share"])
    cell = [score.classifier, score.component, score.feature, score.latent]
    wanted = ["YUV", "single" if figure.stem.endswith("b") else "flatten", "y"]
    second = text["positive"]
    if cell[1:] != wanted:  # some factor lacks the level that the thesis shows
        second += f"; {text['thesis'].lower()}: {', '.join(wanted)}"
    heading(axes, f"{', '.join(cell)}, {level(score.bpp, scores, text)}\n{second}")
    picture.text(
        0.5,
        axes.get_position().y0 - 0.43 / picture.get_figheight(),
        " | ".join(f"{text[name]} {value}" for name, value in measures(score).items()),
        ha="center",
        va="top",
        fontsize=SMALL,
        style="italic",
    )
    thesis = published.matrices.get(figure.stem.removeprefix("figure_").replace("_", "."), {})
    data = [
        dict(zip(("bpp", "latent", "component", "feature", "classifier"), key, strict=True))
        | {
            "actual": true,
            "predicted": said,
            "count": counts[row][column],
            "share_of_actual": shares[row][column],
            "thesis_count": thesis.get(f"{true}_{said}"),
        }
        for row, true in enumerate(names)
        for column, said in enumerate(names)
    ]
    return picture, data


def _share_bar(picture: Picture, axes: Axes, mesh: Any, label: str) -> None:
    place = axes.get_position()
    beside = picture.add_axes((place.x1 + 0.035, place.y0, 0.035, place.height))
    bar = picture.colorbar(mesh, cax=beside, ticks=[0, 0.5, 1])
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def measures(score: Score) -> dict[str, str]:
    """Write accuracy, precision, recall and F1 of one cell, fake being the positive class.

    Parameters
    ----------
    score : Score

    Returns
    -------
    dict
        Keys `accuracy`, `precision`, `recall`, `f1`; three decimals, "-" where undefined (no
        image was called fake, or none is).
    """
    hits, missed, false = score.fake_fake, score.fake_real, score.real_fake
    total = hits + missed + false + score.real_real
    parts = {
        "accuracy": (hits + score.real_real, total),
        "precision": (hits, hits + false),
        "recall": (hits, hits + missed),
        "f1": (2 * hits, 2 * hits + missed + false),
    }
    return {name: f"{part / whole:.3f}" if whole else "-" for name, (part, whole) in parts.items()}
