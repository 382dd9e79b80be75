"""Look of the figures: sizes, colours, hatches, the frame of a picture and how it is written."""

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentprint.files import replacing, write_text

NARROW, WIDE = 3.5, 7.2  # inches: one and two columns of a paper
SMALL = 7  # points: values, notes

# Thesis: colours of the series of figures 3.1 to 3.6. The hatch tells the latents apart in grey
# print, other lines the classifiers.
ONE_MODEL = {"y": ("#2E86AB", ""), "y_hat": ("#A23B72", "////")}
TWO_MODELS = {
    ("GB", "y"): ("#2E86AB", ""),
    ("GB", "y_hat"): ("#7BB3DB", "////"),
    ("RF", "y"): ("#A23B72", "---"),
    ("RF", "y_hat"): ("#D67BA8", "\\\\\\\\"),
}
# Own figures: colour-blind safe palette of seaborn, written out because importing seaborn costs
# two seconds and nothing else of it is used.
CLASSIFIER_COLOURS = {"GB": "#0173B2", "RF": "#D55E00"}
OTHER_COLOURS = ("#029E73", "#CC78BC", "#CA9161", "#949494", "#56B4E9", "#B79F00")
FEATURE_MARKERS = {"flatten": "s", "multiple": "^", "single": "o"}
OTHER_MARKERS = ("D", "v", "P")
INK, FAINT = "#222222", "#8A8A8A"


@contextmanager
def style() -> Iterator[None]:
    """Set the one style of all figures for the time of a with block."""
    settings = {
        "font.family": "sans-serif",
        # It comes with matplotlib, so that pictures are equal on every machine.
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "axes.labelsize": 9,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.3,
        "grid.alpha": 0.6,
        "hatch.linewidth": 0.6,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "latentprint",  # else the ids in the file are random
    }
    with matplotlib.rc_context(settings):
        yield


def frame(
    width: float,
    height: float,
    *,
    left: float,
    right: float,
    top: float,
    bottom: float,
    foot: str,
    columns: int = 1,
    share_x: bool = True,
) -> tuple[Figure, list[Axes]]:
    """Make a figure with axes in a row and the source of its data at the foot.

    The source stands in the picture itself, because captions get lost when it is copied. Margins
    are lengths, not shares, so that nothing is clipped at any size.

    Parameters
    ----------
    width, height : float
        Of the whole picture, inches; further lines of the foot are added to the height.
    left, right, top, bottom : float
        Margins, inches.
    foot : str
    columns : int
        Number of axes; they share the vertical scale.
    share_x : bool
        Whether they share the horizontal scale as well.

    Returns
    -------
    figure : Figure
    axes : list of Axes
    """
    lines = textwrap.wrap(foot, int(width * 17))  # characters of 7 points in an inch
    more = 0.12 * (len(lines) - 1)
    height, bottom = height + more, bottom + more
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 0.05 / height, "\n".join(lines), ha="center", va="bottom", fontsize=SMALL)
    gap = 0.2
    inner = (width - left - right - gap * (columns - 1)) / columns
    axes: list[Axes] = []
    for index in range(columns):
        place = (
            (left + index * (inner + gap)) / width,
            bottom / height,
            inner / width,
            (height - top - bottom) / height,
        )
        first = axes[0] if axes else None
        axes.append(figure.add_axes(place, sharex=first if share_x else None, sharey=first))
    return figure, axes


def heading(axes: Axes, text: str) -> None:
    """Name above the axes what they show, small, in place of a title."""
    axes.annotate(
        text,
        (0, 1),
        xytext=(0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        va="baseline",
        fontsize=8,
        linespacing=1.3,
    )


def legend_below(axes: Axes, handles: Sequence[Artist], *, below: float, columns: int) -> None:
    """Put a legend in the middle of the picture, its top `below` inches under the axes."""
    figure = axes.figure
    figure.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, axes.get_position().y0 - below / figure.get_figheight()),
        borderaxespad=0,
        borderpad=0,
        ncols=columns,
        columnspacing=1.2,
        handlelength=1.6,
        handletextpad=0.5,
    )


def colour_of(classifier: str, classifiers: Sequence[str]) -> str:
    """Give the fixed colour of a classifier; further ones take theirs in alphabetical order."""
    others = sorted(set(classifiers) - set(CLASSIFIER_COLOURS))
    if classifier in CLASSIFIER_COLOURS:
        return CLASSIFIER_COLOURS[classifier]
    return OTHER_COLOURS[others.index(classifier) % len(OTHER_COLOURS)]


def marker_of(feature: str, features: Sequence[str]) -> str:
    """Give the fixed marker of a feature; further ones take theirs in alphabetical order."""
    others = sorted(set(features) - set(FEATURE_MARKERS))
    if feature in FEATURE_MARKERS:
        return FEATURE_MARKERS[feature]
    return OTHER_MARKERS[others.index(feature) % len(OTHER_MARKERS)]


def save(figure: Figure, data: Sequence[dict[str, object]], folder: Path, stem: str) -> None:
    """Write a figure as svg and png with fixed metadata, and its data as tsv.

    Parameters
    ----------
    figure : Figure
    data : sequence of dict
        One per drawn value, all with the same keys; None is written as an empty field.
    folder : Path
    stem : str
        File name without suffix.
    """
    for suffix in ("svg", "png"):
        # Neither date nor version of the drawing library: equal data give equal files.
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        with replacing(folder / f"{stem}.{suffix}") as path:
            figure.savefig(path, format=suffix, dpi=200, metadata=metadata)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(data[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(data)
    write_text(folder / f"{stem}.tsv", text.getvalue())
