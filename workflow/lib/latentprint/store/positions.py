"""Some positions of every image, from the places of their values in a file.

An image is one uncompressed chunk, whose place in its file HDF5 tells. So the file is mapped into
memory, some images at a time, and only the values that are asked for are touched: for one position
a third of the CPU time of reading all, and what is mapped can be forgotten at any time. From a disk
it saves nothing, since a position has values in every page of an image. What lies otherwise,
compressed or in other chunks, is read through HDF5.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentprint.store.layout import block_rows

WINDOW_BYTES = 16 * 2**20  # mapped at a time


def flat_places(dataset: h5py.Dataset, positions: NDArray[np.integer]) -> NDArray[np.integer]:
    """Give the places of positions in the flat grid of a channel.

    Parameters
    ----------
    dataset : h5py.Dataset, (N, channels, h, w)
    positions : ndarray, integer, (k, 2)
        Row and column.

    Raises
    ------
    ValueError
        If the dataset has no grid or a position lies outside it.
    """
    if dataset.ndim != 4 or positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(
            f"'{dataset.name}' {dataset.shape} at positions {positions.shape}, expected "
            "(N, channels, h, w) and (k, 2)"
        )
    height, width = dataset.shape[2:]
    if ((positions < 0) | (positions >= (height, width))).any():
        raise ValueError(f"'{dataset.name}' has {height} x {width} positions, not all of those")
    return positions[:, 0] * width + positions[:, 1]


def fill(
    found: NDArray[Any], dataset: h5py.Dataset, path: Path, flat: NDArray[np.integer], start: int
) -> None:
    """Read the channels of consecutive images at some places.

    Parameters
    ----------
    found : ndarray, dtype of the dataset, (n, k, channels)
        Where to put them.
    dataset : h5py.Dataset, (N, channels, h, w)
        No view.
    path : Path
        The file that it is in.
    flat : ndarray, integer, (k,)
        As `flat_places` gives them.
    start : int
        The first image.
    """
    stop = start + len(found)
    if (offsets := _row_offsets(dataset)) is not None:
        _fill_from(path, found, dataset, flat, offsets[start:stop])
        return
    rows = block_rows(dataset.dtype.itemsize * int(np.prod(dataset.shape[1:])))
    for low in range(start, stop, rows):
        high = min(low + rows, stop)
        block = dataset[low:high].reshape(high - low, dataset.shape[1], -1)
        found[low - start : high - start] = block[:, :, flat].transpose(0, 2, 1)


def _fill_from(
    path: Path,
    found: NDArray[Any],
    dataset: h5py.Dataset,
    flat: NDArray[np.integer],
    offsets: NDArray[np.int64],
) -> None:
    """Fill rows from the file itself, in which each begins at its offset, bytes."""
    _, channels, height, width = dataset.shape
    inner = (height * width * dataset.dtype.itemsize, dataset.dtype.itemsize)
    row_bytes = channels * inner[0]
    with path.open("rb") as file:
        for first, last in _runs(offsets, row_bytes, max(WINDOW_BYTES, row_bytes)):
            start, end = int(offsets[first]), int(offsets[last - 1]) + row_bytes
            before = start % mmap.ALLOCATIONGRANULARITY
            mapped = mmap.mmap(
                file.fileno(), end - start + before, access=mmap.ACCESS_READ, offset=start - before
            )
            images = np.ndarray(
                (last - first, channels, height * width),
                dtype=dataset.dtype,
                buffer=mapped,
                offset=before,
                strides=(int(offsets[first + 1]) - start if last - first > 1 else 0, *inner),
            )
            for column, place in enumerate(flat):
                found[first:last, column] = images[:, :, place]
            del images  # before what it lies in
            mapped.close()


def _row_offsets(dataset: h5py.Dataset) -> NDArray[np.int64] | None:
    """Give the place of every row in the file, bytes; None where a row is no plain chunk."""
    row_bytes = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))
    if dataset.chunks is None:
        start = dataset.id.get_offset()
        return None if start is None else start + row_bytes * np.arange(len(dataset))
    if dataset.chunks != (1, *dataset.shape[1:]) or dataset.id.get_create_plist().get_nfilters():
        return None
    offsets = np.full(len(dataset), -1, dtype=np.int64)

    def note(chunk: Any) -> None:
        offsets[chunk.chunk_offset[0]] = chunk.byte_offset

    dataset.id.chunk_iter(note)
    return None if (offsets < 0).any() else offsets


def _runs(offsets: NDArray[np.int64], row_bytes: int, most: int) -> Iterator[tuple[int, int]]:
    """Divide rows into runs that can be read at once: first and last (exclusive).

    Those of a run lie one after the other at equal distances, within `most` bytes.
    """
    steps = np.diff(offsets)
    first = 0
    while first < len(offsets):
        last = first + 1
        if last < len(offsets) and row_bytes <= steps[first] <= most - row_bytes:
            here = steps[first : first + (most - row_bytes) // int(steps[first])]
            changes = np.flatnonzero(here != here[0])
            last = first + 1 + (int(changes[0]) if len(changes) else len(here))
        yield first, last
        first = last
