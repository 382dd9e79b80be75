"""From the files of a folder to rows, in batches: memory does not grow with their number."""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from latentprint.pipeline import run_blocks
from latentprint.progress import Progress
from latentprint.scoring.cues import Answer, Cue
from latentprint.scoring.detector import Asked
from latentprint.scoring.interval import Calibrated
from latentprint.scoring.listing import Listing
from latentprint.scoring.pictures import Picture, read_picture, refused
from latentprint.scoring.table import Row
from latentprint.scoring.thresholds import Threshold, level_exceeded, level_words

logger = logging.getLogger(__name__)

BATCH = 64  # pictures


def score_files(
    folder: Path,
    listing: Listing,
    *,
    size: int,
    detector: Asked,
    calibrated: Calibrated,
    thresholds: Sequence[Threshold],
    write: Callable[[Sequence[Row]], None],
    cues: Sequence[Cue] = (),
    batch: int = BATCH,
) -> None:
    """Ask detector and cues about the pictures of a folder, in the order of the paths.

    Parameters
    ----------
    folder : Path
    listing : Listing
        Of the folder.
    size : int
        Width and height that the detector was trained on, pixels.
    detector : Asked
    calibrated : Calibrated
    thresholds : sequence of Threshold
    write : callable (rows)
        Called with the rows of one batch after the other, in a thread of its own.
    cues : sequence of Cue
    batch : int
    """
    progress = Progress(len(listing.paths) + len(listing.closed), "files")

    def load(paths: Sequence[str]) -> list[Picture]:
        return [read_picture(folder, path, size) for path in paths]

    def ask(paths: Sequence[str], pictures: list[Picture]) -> list[Row]:
        said = _cues_say(cues, pictures, folder)
        scored = iter(_detector_says(detector, calibrated, thresholds, pictures))
        return [
            Row(picture, *(next(scored) if picture.whole else ()), answers=answers)
            for picture, answers in zip(pictures, said, strict=True)
        ]

    def put(paths: Sequence[str], rows: list[Row]) -> None:
        write(rows)
        progress.advance(len(rows))

    if listing.closed:
        put(
            (), [Row(refused(path, "is a folder that cannot be listed")) for path in listing.closed]
        )
    run_blocks(_batches(listing.paths, batch), load=load, work=ask, write=put)


def _batches(paths: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    waiting = iter(paths)
    while batch := tuple(islice(waiting, size)):
        yield batch


def _detector_says(
    detector: Asked,
    calibrated: Calibrated,
    thresholds: Sequence[Threshold],
    pictures: Sequence[Picture],
) -> Iterator[tuple[float, float, float, float, float | None, str]]:
    """Give what stands in a row from the score on, of the pictures of the right size."""
    whole = [picture.region for picture in pictures if picture.whole]
    if not whole:
        return
    scores = detector.ask(whole)
    said = np.stack([scores, *calibrated.probabilities(scores)], axis=1)
    for row in said.tolist():
        level = level_exceeded(row[0], thresholds)
        yield (*row, level, level_words(level, thresholds))


def _cues_say(
    cues: Sequence[Cue], pictures: Sequence[Picture], folder: Path
) -> list[tuple[Answer, ...]]:
    """Give the answers of all cues about every picture; none where they cannot be asked."""
    asked = [place for place, picture in enumerate(pictures) if picture.region is not None]
    answers: list[tuple[Answer, ...]] = [()] * len(pictures)
    if not asked or not cues:
        return answers
    regions = [pictures[place].region for place in asked]
    paths = [Path(folder, pictures[place].path) for place in asked]
    said = zip(*(cue.ask(regions, paths) for cue in cues), strict=True)
    for place, one in zip(asked, said, strict=True):
        answers[place] = one
    return answers
