"""Where things stand in the HDF5 file of a store: names, attributes, chunks."""

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike

SCHEMA = 1
REQUEST, CLOSED = "request", "closed"  # what a store was asked to be; no job is writing it
OWN_ATTRIBUTES = ("format", "schema", "digest", "complete", REQUEST, CLOSED)
ROW_DIGESTS = "row_sha256"
SOURCES = "sources"
CHUNKED_FROM_BYTES = 4096  # below this, a chunk per image costs more than it holds
BLOCK_BYTES = 32 * 2**20


def add_dataset(
    file: h5py.File, name: str, shape: tuple[int, ...], dtype: DTypeLike, *, packed: bool
) -> None:
    """Add an empty dataset and that of its row digests.

    Parameters
    ----------
    file : h5py.File
    name : str
    shape : tuple of int
        (N, ...); N may be 0, where HDF5 knows no chunks.
    dtype : dtype
    packed : bool
        Compress it.
    """
    dtype = np.dtype(dtype).newbyteorder("<")
    digests = np.zeros((shape[0], 32), dtype=np.uint8)
    file.create_dataset(f"{ROW_DIGESTS}/{name}", data=digests)
    chunk = (1, *shape[1:])
    row_bytes = int(np.prod(shape[1:], dtype=int)) * dtype.itemsize
    if shape[0] == 0 or (row_bytes < CHUNKED_FROM_BYTES and not packed):
        file.create_dataset(name, data=np.zeros(shape, dtype))
    elif packed:
        file.create_dataset(
            name, shape=shape, dtype=dtype, chunks=chunk, compression="gzip", shuffle=True
        )
    else:
        # All chunks get their place now, and nothing is written there until an image is: writing
        # an image changes nothing else in the file (30,000 images: 0.06 s).
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        file.create_dataset(name, shape=shape, dtype=dtype, chunks=chunk, dcpl=layout)


def dataset_names(file: h5py.File) -> tuple[str, ...]:
    """Give the names of the datasets that have row digests, in alphabetical order."""
    names: list[str] = []
    group = file[ROW_DIGESTS]
    group.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return tuple(sorted(names))


def sources(file: h5py.File) -> list[tuple[str, str]]:
    """Give name and digest of every file that a joined store is a view of."""
    if SOURCES not in file:
        return []
    return [(name, digest) for name, digest in file[SOURCES].asstr()[:].tolist()]


def relative(path: Path, folder: Path) -> str:
    """Name a file from a folder, so that both can be moved together."""
    return os.path.relpath(path.resolve(), folder.resolve())


def block_rows(row_bytes: int) -> int:
    """Give the number of rows that fill about 32 MiB, at least one."""
    return max(1, BLOCK_BYTES // max(row_bytes, 1))


def encoded(value: Any) -> Any:
    """Turn a JSON value into an HDF5 attribute: numbers and plain text as they are, else JSON."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and not value.startswith(("{", "[", '"', "null")):
        return value
    return json.dumps(value, ensure_ascii=False)


def decoded(value: Any) -> Any:
    """Undo `encoded`."""
    if isinstance(value, str) and value.startswith(("{", "[", '"', "null")):
        return json.loads(value)
    return value.item() if isinstance(value, np.generic) else value
