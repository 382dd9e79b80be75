"""Figure of an audit: how large the files of each class are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from latentprint.audit.trait_table import Row
from latentprint.figure_style import NARROW, OTHER_COLOURS, frame, legend_below
from latentprint.glossary import DRAWN, Words

# Neither colour stands for a classifier; the dash tells the classes apart in grey print.
LOOKS = {
    "real": {"color": OTHER_COLOURS[0], "linestyle": "-"},
    "fake": {"color": OTHER_COLOURS[1], "linestyle": (0, (4, 1.5))},
}
BINS = 24


def draw_sizes(
    rows: Sequence[Row], *, images: str, text: Words
) -> tuple[Figure, list[dict[str, Any]]]:
    """Draw the distribution of the file size of each class, both splits together.

    Parameters
    ----------
    rows : sequence of dict
        From traits.tsv.
    images : str
        Source of the images in a few words.
    text : dict
        Words of one language.

    Returns
    -------
    picture : matplotlib Figure
    data : list of dict
        One per class and bin.
    """
    sizes = {
        label: np.array([row["n_bytes"] for row in rows if row["label"] == label]) / 1024
        for label in LOOKS
    }
    edges = np.histogram_bin_edges(np.concatenate(list(sizes.values())), BINS)
    source = text["images_drawn"] if images == DRAWN else text["images_other"].format(name=images)
    picture, (axes,) = frame(
        NARROW, 2.5, left=0.75, right=0.15, top=0.12, bottom=0.85, foot=f"{source}, n = {len(rows)}"
    )
    data = []
    for label, look in LOOKS.items():
        counts = np.histogram(sizes[label], edges)[0]
        share = counts / max(1, counts.sum())
        axes.stairs(share, edges, linewidth=1.2, **look)
        data += [
            {"label": label, "from_kib": float(low), "to_kib": float(high), "n": int(n)}
            for low, high, n in zip(edges, edges[1:], counts, strict=False)
        ]
    axes.set_xlabel(text["audit_size"])
    axes.set_ylabel(text["audit_share"])
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    handles = [Line2D([], [], lw=1.2, label=text[label], **look) for label, look in LOOKS.items()]
    legend_below(axes, handles, below=0.48, columns=2)
    return picture, data
