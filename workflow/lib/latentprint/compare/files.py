"""The files of a comparison: all of them, or none."""

import os
import tempfile
from pathlib import Path

from latentprint.compare.figure import draw_comparison
from latentprint.compare.matching import Comparison
from latentprint.compare.tables import STEM, html, markdown, records
from latentprint.figure_style import save, style
from latentprint.files import write_text

SUFFIXES = ("tsv", "md", "html", "svg", "png")


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the comparison as tsv, md and html, and its figure as svg and png.

    Parameters
    ----------
    comparison : Comparison
    folder : Path
        Created if need be; files of an earlier comparison of the same runs are replaced.

    Returns
    -------
    list of Path
        The five files; the table is also the data of the figure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Everything is made before the first file of an earlier comparison is replaced.
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as made:
        place = Path(made)
        with style():
            save(draw_comparison(comparison), records(comparison), place, STEM)
        picture = (place / f"{STEM}.svg").read_text(encoding="utf-8")
        write_text(place / f"{STEM}.md", markdown(comparison))
        write_text(place / f"{STEM}.html", html(comparison, picture))
        paths = [folder / f"{STEM}.{suffix}" for suffix in SUFFIXES]
        for path in paths:
            os.replace(place / path.name, path)
    return paths
