"""Writing a store: complete or not at all, or to be gone on with."""

import errno
import json
import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from latentprint.files import replacing
from latentprint.sidecar import sidecar_path
from latentprint.store.description import check_attributes, finish
from latentprint.store.digests import row_digests
from latentprint.store.layout import CLOSED, REQUEST, ROW_DIGESTS, add_dataset
from latentprint.store.resuming import MACHINE, is_current, request_of, taken_over

logger = logging.getLogger(__name__)


class StoreWriter:
    """Fills the rows of a store that `create` has opened."""

    def __init__(
        self, file: h5py.File | None, names: Sequence[str], ids: Sequence[str], *, done: int = 0
    ) -> None:
        self._file = file
        self._names = tuple(names)
        self._ids = tuple(ids)
        self._written = np.zeros((len(ids), len(names)), dtype=bool)
        self._written[:done] = True

    @property
    def done(self) -> int:
        """The number of images, from the first on, of which all is there."""
        missing = np.flatnonzero(~self._written.all(axis=1))
        return int(missing[0]) if len(missing) else len(self._ids)

    def write(self, start: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write consecutive images.

        Parameters
        ----------
        start : int
            Row of the first image.
        arrays : mapping of str to ndarray, (n, ...)
            Any of the store's datasets; each array holds the n images from row `start`. Values are
            converted to the dataset's dtype.

        Raises
        ------
        ValueError
            If a name, a shape or the range of rows does not fit the store.
        """
        for name, array in arrays.items():
            if name not in self._names:
                raise ValueError(
                    f"no dataset '{name}' in this store, only {', '.join(self._names)}"
                )
            dataset = self._file[name]
            rows = np.ascontiguousarray(array, dtype=dataset.dtype)
            stop = start + len(rows)
            if rows.shape[1:] != dataset.shape[1:] or start < 0 or stop > len(self._ids):
                raise ValueError(
                    f"'{name}': rows {start} to {stop} of shape {rows.shape[1:]} do not fit "
                    f"{dataset.shape}"
                )
            if len(rows) == 0:
                continue
            with _full_disk_named(self._file.filename):
                dataset[start:stop] = rows
                self._file[f"{ROW_DIGESTS}/{name}"][start:stop] = row_digests(rows)
            self._written[start:stop, self._names.index(name)] = True

    def _check_all_written(self) -> None:
        for column, name in enumerate(self._names):
            missing = np.flatnonzero(~self._written[:, column])
            if len(missing):
                raise ValueError(
                    f"'{name}': {len(missing)} of {len(self._ids)} images were not written, "
                    f"the first is {self._ids[missing[0]]}"
                )


@contextmanager
def create(
    path: Path,
    *,
    ids: Sequence[str],
    datasets: Mapping[str, tuple[Sequence[int], DTypeLike]],
    attributes: Mapping[str, Any],
    compressed: Collection[str] = (),
    resume: Mapping[str, Any] | None = None,
    machine: str = "",
) -> Iterator[StoreWriter]:
    """Make a store and its sidecar file, complete or not at all.

    Parameters
    ----------
    path : Path
        The store; ``<stem>.json`` beside it is written as well.
    ids : sequence of str, (N,)
        Distinct ids of the images, in the order of the rows.
    datasets : mapping of str to (shape, dtype)
        Shape of one image, () for a number per image, and dtype.
    attributes : mapping of str to JSON value
        What a reader must know about the content. `open_store` compares `images_digest` and
        `weights_digest` with what its caller expects.
    compressed : collection of str
        Datasets of integers, which compress; floats do not.
    resume : mapping of str to JSON value, optional
        What the values depend on beside ids, datasets and attributes. If the block fails, the
        images written so far then stay beside the store; the next call with equal arguments takes
        them over after comparing their digests, and the writer's `done` says how many there are.
        What was begun otherwise is thrown away. A complete store that was made for equal arguments
        stays as it is, whatever the machine: `done` is then the number of images. Without it
        nothing stays and nothing is taken over.
    machine : str, optional
        What computes: only images from an equal one are taken over from an unfinished store.

    Yields
    ------
    StoreWriter

    Raises
    ------
    ValueError
        If ids repeat or, on leaving the block, if rows were not written.
    """
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path}: the ids of a store must be distinct")
    check_attributes(path, attributes)
    kept = resume is not None
    asked = {
        "ids": ids, "datasets": datasets, "attributes": attributes, "compressed": compressed
    }  # fmt: skip
    if kept and is_current(path, **asked, resume=resume):
        logger.info("%s: all %d images are there already, nothing to do", path, len(ids))
        for file in (path, sidecar_path(path)):
            os.utime(file)  # as new as if they had been made
        yield StoreWriter(None, sorted(datasets), ids, done=len(ids))
        return
    request = request_of(**asked, others=(resume or {}) | {MACHINE: machine})
    with replacing(path, keep=kept) as temporary, replacing(sidecar_path(path)) as sidecar:
        begun, done = taken_over(temporary, request, sorted(datasets)) or (None, 0)
        with begun or h5py.File(temporary, "w", rdcc_nbytes=0) as file:
            if not done:
                file.create_dataset("id", data=list(ids), dtype=h5py.string_dtype())
                file.attrs[REQUEST] = json.dumps(request)
                for name, (shape, dtype) in sorted(datasets.items()):
                    add_dataset(file, name, (len(ids), *shape), dtype, packed=name in compressed)
            file.attrs[CLOSED] = False
            file.flush()
            writer = StoreWriter(file, sorted(datasets), ids, done=done)
            try:
                yield writer
            except BaseException:
                with suppress(OSError, RuntimeError):  # on a full disk; the block's error stands
                    file.attrs[CLOSED] = True
                    file.close()
                if kept and writer.done:
                    logger.info("%d of %d images are kept in %s", writer.done, len(ids), temporary)
                elif kept:
                    temporary.unlink(missing_ok=True)
                raise
            writer._check_all_written()
            file.attrs[CLOSED] = True
            finish(file, sidecar, ids, attributes)
        os.utime(sidecar)  # newer than the closed file: see `changed_since_described`


@contextmanager
def _full_disk_named(path: str) -> Iterator[None]:
    """Raise the system's error for a full disk instead of HDF5's, which is long and has no file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, os.strerror(error.errno), path) from None
        raise
