"""Figure of the rate-distortion curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from latentprint.figure_style import FAINT, INK, NARROW, OTHER_COLOURS, frame, legend_below
from latentprint.glossary import Words
from latentprint.rate_distortion.curve import CODECS, JPEG, OWN, TRANSFORMS, WEBP, Point, mean

# Lines and markers tell the codecs apart in grey print.
LOOKS: Mapping[str, Mapping[str, Any]] = {
    OWN: {"color": OTHER_COLOURS[0], "linestyle": "-", "marker": "o"},
    JPEG: {"color": INK, "linestyle": (0, (4, 1.5)), "marker": "s"},
    WEBP: {"color": OTHER_COLOURS[1], "linestyle": (0, (1, 1)), "marker": "^"},
    TRANSFORMS: {"color": FAINT, "linestyle": "-.", "marker": "D"},
}
RATES = (0.1, 0.2, 0.5, 1, 2, 5)  # ticks
SHOWN = (0.08, 4.0)  # bits per pixel


def codec_name(codec: str, facts: Mapping[str, Any], text: Words) -> str:
    """Name a codec for legends and tables; transforms by where their weights come from."""
    if codec == TRANSFORMS:
        source = "official" if facts["transforms"]["source"] == "official" else "other"
        return text[f"rd_transforms_{source}"]
    return text[f"rd_{codec}"].format(point=facts["operating_point"])


def draw(
    points: Sequence[Point], facts: Mapping[str, Any], *, text: Words
) -> tuple[Figure, list[dict[str, Any]]]:
    """Draw the quality over the rate, averaged over the photographs.

    Parameters
    ----------
    points : sequence of Point
    facts : mapping
        What was written beside the points.
    text : dict
        Words of one language.

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per drawn point.
    """
    present = [codec for codec in CODECS if any(point.codec == codec for point in points)]
    foot = text["rd_foot"].format(
        photographs=facts["photographs"], n=facts["n"], weights=text[f"weights_{facts['weights']}"]
    )
    picture, (axes,) = frame(NARROW, 3.3, left=0.55, right=0.15, top=0.12, bottom=1.1, foot=foot)
    data, handles, heights = [], [], []
    for codec in present:
        settings, values = mean(points, codec)
        shown = (values[:, 0] >= SHOWN[0]) & (values[:, 0] <= SHOWN[1])
        label = codec_name(codec, facts, text)
        look = {"markersize": 3, "linewidth": 1.2, **LOOKS[codec]}
        axes.plot(values[:, 0], values[:, 1], **look)  # a line may come from beyond the picture
        heights += values[shown, 1].tolist()
        handles.append(Line2D([], [], label=label, **look))
        data += [
            {"codec": codec, "setting": setting, "bpp": float(bpp), "psnr": float(psnr)}
            for (setting, (bpp, psnr), drawn) in zip(settings, values, shown, strict=True)
            if drawn
        ]
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(RATES))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{rate:g}" for rate in RATES])
    axes.set_xlim(SHOWN)
    axes.set_ylim(min(heights) - 1, max(heights) + 1)
    axes.set_xlabel(text["rd_rate"])
    axes.set_ylabel(text["rd_psnr"])
    axes.grid(axis="both")
    legend_below(axes, handles, below=0.48, columns=2 if len(present) > 3 else len(present))
    return picture, data
