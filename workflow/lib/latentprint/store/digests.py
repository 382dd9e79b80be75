"""Digests of rows, of datasets and of whole stores, the same however images are divided."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentprint.store.layout import ROW_DIGESTS


def row_digests(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the SHA-256 of every row's little-endian bytes, (n, 32)."""
    rows = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
    flat = rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
    digests = b"".join(hashlib.sha256(row.data).digest() for row in flat)
    return np.frombuffer(digests, dtype=np.uint8).reshape(len(rows), 32)


def dataset_digest(file: h5py.File, name: str) -> str:
    """Give the SHA-256 of a dataset's name, dtype, shape and row digests, hexadecimal."""
    dataset = file[name]
    header = f"{name} {dataset.dtype.newbyteorder('=').str[1:]} {list(dataset.shape)}\n"
    return hashlib.sha256(header.encode() + file[f"{ROW_DIGESTS}/{name}"][:].tobytes()).hexdigest()


def content_digest(file: h5py.File, ids: Sequence[str], names: Sequence[str]) -> str:
    """Give the SHA-256 of ids and datasets, hexadecimal."""
    content = {
        "id": hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest(),
        **{name: dataset_digest(file, name) for name in names},
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
