"""Table and pages of a folder, complete or absent."""

from collections.abc import Sequence
from pathlib import Path

from latentprint.files import replacing
from latentprint.scoring.about import About
from latentprint.scoring.cues import Cue
from latentprint.scoring.detector import Asked
from latentprint.scoring.interval import Calibrated
from latentprint.scoring.listing import list_folder
from latentprint.scoring.pages import PAGE_IMAGES, Pages, replacing_folder
from latentprint.scoring.streaming import score_files
from latentprint.scoring.summary import Summary
from latentprint.scoring.table import Row, TableWriter
from latentprint.scoring.thresholds import known_thresholds


def score_folder(
    folder: Path,
    *,
    about: About,
    detector: Asked,
    calibrated: Calibrated,
    cues: Sequence[Cue] = (),
    table: Path,
    page: Path,
    pages: Path,
    page_images: int = PAGE_IMAGES,
) -> Summary:
    """Score all images of a folder, and write table and pages.

    Parameters
    ----------
    folder : Path
    about : About
        Its size is that of the detector's images.
    detector : Asked
    calibrated : Calibrated
    cues : sequence of Cue
    table, page : Path
        Output: scores.tsv and the first page.
    pages : Path
        Output: folder of the further pages, beside the first one.
    page_images : int
        Of one page, at most.

    Returns
    -------
    Summary

    Raises
    ------
    UserError
        If the folder is not there or holds no image.
    """
    listing = list_folder(folder)
    summary = Summary(others=listing.others)
    with (
        replacing_folder(pages) as unfinished,
        replacing(table) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = TableWriter(file, cues)
        shown = Pages(
            page,
            unfinished,
            linked=pages.name,
            about=about,
            cues=cues,
            total=len(listing.paths) + len(listing.closed),
            page_images=page_images,
        )

        def write(rows: Sequence[Row]) -> None:
            writer.write(rows)
            shown.write(rows)
            summary.add(rows)

        score_files(
            folder,
            listing,
            size=about.size,
            detector=detector,
            calibrated=calibrated,
            thresholds=known_thresholds(about.described),
            write=write,
            cues=cues,
        )
        shown.finish(summary)
    return summary
