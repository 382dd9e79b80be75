"""Traits of all images of a run: one row per image, and its small copy for the near duplicates."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentprint.audit.block_grid import BlockGrid, block_grid
from latentprint.audit.duplicates import thumbnail
from latentprint.audit.file_traits import FileTraits, file_traits
from latentprint.audit.resampling import Resampling, resampling
from latentprint.audit.trait_table import Row
from latentprint.errors import UserError
from latentprint.image_files import decode
from latentprint.image_tables import Chosen
from latentprint.progress import Progress

FILE_TRAITS = FileTraits._fields
TRACE_TRAITS = Resampling._fields + BlockGrid._fields
COLUMNS = ("id", "label", "split", *FILE_TRAITS, *TRACE_TRAITS)
"""Of traits.tsv."""
BLOCK = 256
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG files


def measure(
    chosen: Sequence[Chosen], *, root: Path, size: int, threads: int = 1
) -> tuple[list[Row], NDArray[np.uint8]]:
    """Measure the traits of every image.

    Parameters
    ----------
    chosen : sequence of Chosen
        The selection of a run.
    root : Path
        Folder of the data set.
    size : int
        Width and height, pixels.
    threads : int
        Images measured at a time.

    Returns
    -------
    rows : list of dict
        Keys are `COLUMNS`; in the order of `chosen`, whatever the number of threads.
    thumbnails : ndarray, uint8, (N, 32, 32)
        1 KB an image.

    Raises
    ------
    UserError
        If an image cannot be read as it was when it was indexed.
    """
    rows: list[Row] = []
    thumbnails: list[NDArray[np.uint8]] = []
    progress = Progress(len(chosen), "images measured")
    with ThreadPoolExecutor(max_workers=threads) as pool:
        # In blocks, so that progress is seen and few images are in memory.
        for start in range(0, len(chosen), BLOCK):
            block = chosen[start : start + BLOCK]
            for row, small in pool.map(lambda image: _one(root, image, size), block):
                rows.append(row)
                thumbnails.append(small)
            progress.advance(len(block))
    return rows, np.stack(thumbnails)


def _one(root: Path, image: Chosen, size: int) -> tuple[Row, NDArray[np.uint8]]:
    path = root / image.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). Restore the file, or make the index again."
        ) from None
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise UserError(
            f"{path}: has changed since it was indexed. Delete images.tsv of the run and run "
            "snakemake again"
        )
    luma = decode(path, size).astype(np.float32) @ LUMA
    row = {"id": image.id, "label": image.label, "split": image.split}
    row |= file_traits(data)._asdict()
    row |= resampling(luma)._asdict() | block_grid(luma)._asdict()
    return row, thumbnail(luma)
