"""Reading a store: whole, block by block, or single positions of every image."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentprint.errors import UserError
from latentprint.sidecar import read_sidecar, sidecar_path
from latentprint.store import positions
from latentprint.store.checks import (
    changed_since_described,
    check_header,
    check_sources,
    remake,
    remake_by_name,
)
from latentprint.store.digests import content_digest, dataset_digest, row_digests
from latentprint.store.layout import (
    OWN_ATTRIBUTES,
    ROW_DIGESTS,
    block_rows,
    dataset_names,
    decoded,
)
from latentprint.store.sources import Sources


class Store:
    """A store opened for reading; made by `open_store`.

    Attributes
    ----------
    path : Path
    ids : tuple of str, (N,)
    digest : str
        SHA-256 of the content, hexadecimal.
    """

    def __init__(self, path: Path, file: h5py.File, sources: Sources) -> None:
        self.path = path
        self._file = file
        self._sources = sources
        self.ids = tuple(file["id"].asstr()[:].tolist())
        self.digest = str(file.attrs["digest"])
        self._datasets: dict[str, h5py.Dataset] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The datasets, in alphabetical order."""
        return dataset_names(self._file)

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """What the writer said about the content."""
        found = self._file.attrs.items()
        return {key: decoded(value) for key, value in found if key not in OWN_ATTRIBUTES}

    def __len__(self) -> int:
        return len(self.ids)

    def shape(self, name: str) -> tuple[int, ...]:
        """Give the shape (N, ...) of a dataset."""
        return tuple(self.dataset(name).shape)

    def digest_of(self, name: str) -> str:
        """Give the SHA-256 of one dataset's content, hexadecimal."""
        return dataset_digest(self._file, name)

    def row_digests(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """Read the SHA-256 of the images `start` to `stop` of a dataset, (n, 32)."""
        return self._file[f"{ROW_DIGESTS}/{name}"][start:stop]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Read the images `start` to `stop` (exclusive; all by default) of a dataset, (n, ...)."""
        dataset = self.dataset(name)
        start, stop = _bounds(start, stop, len(self))
        values = np.empty((stop - start, *dataset.shape[1:]), dtype=dataset.dtype)
        for piece in self._sources.pieces(dataset, self._place(), start, stop):
            rows = piece.stop - piece.start
            piece.dataset.read_direct(
                values,
                source_sel=np.s_[piece.start : piece.stop],
                dest_sel=np.s_[piece.offset : piece.offset + rows],
            )
        return values

    def read_position(self, name: str, row: int, col: int) -> NDArray[np.float32]:
        """Read the channels of every image at one position, (N, channels)."""
        return self.read_positions(name, [[row, col]])[:, 0]

    def read_positions(
        self, name: str, chosen: ArrayLike, start: int = 0, stop: int | None = None
    ) -> NDArray[Any]:
        """Read the channels of images at some positions, without the rest of the images.

        Parameters
        ----------
        name : str
            A dataset (N, channels, h, w).
        chosen : array_like of int, (k, 2)
            Row and column, each within the grid.
        start, stop : int, optional
            The images, all by default.

        Returns
        -------
        ndarray, dtype of the dataset, (stop - start, k, channels)

        Raises
        ------
        ValueError
            If the dataset has no grid or a position lies outside it.
        """
        dataset = self.dataset(name)
        flat = positions.flat_places(dataset, np.asarray(chosen, dtype=np.int64))
        start, stop = _bounds(start, stop, len(self))
        found = np.empty((stop - start, len(flat), dataset.shape[1]), dtype=dataset.dtype)
        for piece in self._sources.pieces(dataset, self._place(), start, stop):
            here = found[piece.offset : piece.offset + piece.stop - piece.start]
            positions.fill(here, piece.dataset, piece.path, flat, piece.start)
        return found

    def blocks(
        self, names: Sequence[str], *, rows: int | None = None
    ) -> Iterator[tuple[int, int, dict[str, NDArray[Any]]]]:
        """Read several datasets block by block, in order.

        Parameters
        ----------
        names : sequence of str
        rows : int, optional
            Images per block; by default as many as fill about 32 MiB.

        Yields
        ------
        start, stop : int
            The rows of this block.
        arrays : dict of str to ndarray, (stop - start, ...)
        """
        if rows is None:
            rows = block_rows(
                sum(
                    self.dataset(name).dtype.itemsize * int(np.prod(self.shape(name)[1:]))
                    for name in names
                )
            )
        for start in range(0, len(self), rows):
            stop = min(start + rows, len(self))
            yield start, stop, {name: self.read(name, start, stop) for name in names}

    def dataset(self, name: str) -> h5py.Dataset:
        """Give a dataset as HDF5 shows it, for this package."""
        if name not in self._datasets:
            if f"{ROW_DIGESTS}/{name}" not in self._file:
                raise UserError(
                    f"{self.path}: no dataset '{name}', expected one of {', '.join(self.names)}. "
                    f"{remake(self.path)}"
                )
            self._datasets[name] = self._file[name]
        return self._datasets[name]

    def _place(self) -> Path:
        return Path(self._file.filename)

    def content_digest(self) -> str:
        """Give the SHA-256 of ids and row digests as they are now, hexadecimal."""
        return content_digest(self._file, self.ids, self.names)


@contextmanager
def open_store(
    path: Path, *, images_digest: str | None = None, weights_digest: str | None = None
) -> Iterator[Store]:
    """Open a store for reading after checking that it is what the caller expects.

    Parameters
    ----------
    path : Path
    images_digest, weights_digest : str, optional
        Compared with the attributes of these names.

    Yields
    ------
    Store

    Raises
    ------
    UserError
        If the file is missing, damaged, half-written, of another schema, belongs to other images or
        weights, does not match its sidecar file, or is a view of files that are missing or changed.
        A file that is newer than its sidecar is read whole, and compared with its digests: what was
        written to it after it was described is never taken for a latent.
    """
    path = Path(path)
    with _opened(path, images_digest, weights_digest) as store:
        for part in changed_since_described(path, store._file):
            verify(part, behind=False)
        yield store


@contextmanager
def _opened(
    path: Path, images_digest: str | None = None, weights_digest: str | None = None
) -> Iterator[Store]:
    """Open a store whose files hold what was written to them, as far as their headers tell."""
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected a latent store. Run snakemake again.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read as HDF5 ({error}), expected a latent store. {remake(path)}"
        ) from error
    with file:
        check_header(path, file)
        expected = {"images_digest": images_digest, "weights_digest": weights_digest}
        for key, value in expected.items():
            found = decoded(file.attrs[key]) if key in file.attrs else None
            if value is not None and found != value:
                raise UserError(f"{path}: {key} is {found}, expected {value}. {remake(path)}")
        check_sources(path, file)
        with closing(Sources()) as behind:
            yield Store(path, file, behind)


def _bounds(start: int, stop: int | None, count: int) -> tuple[int, int]:
    """Give the rows of a slice, first and last (exclusive)."""
    first, last, _ = slice(start, stop).indices(count)
    return first, max(first, last)


def verify(path: Path, *, behind: bool = True) -> None:
    """Read every value of a store and compare all digests with those in the file and beside it.

    Parameters
    ----------
    path : Path
    behind : bool
        Whether to read values that are kept in other files, too; those who verify all files of a
        run would read them once for every view.

    Raises
    ------
    UserError
        Names the first image and dataset that differ.
    """
    with _opened(Path(path)) as store:
        for name in store.names:
            if not behind and store.dataset(name).is_virtual:
                continue
            for start, stop, block in store.blocks([name]):
                kept = store.row_digests(name, start, stop)
                differing = np.flatnonzero((row_digests(block[name]) != kept).any(axis=1))
                if len(differing):
                    raise UserError(
                        f"{path}: '{name}' of image {store.ids[start + differing[0]]} is not "
                        f"what was written. {remake_by_name(path)}"
                    )
        sidecar = read_sidecar(sidecar_path(path))
        digest = store.content_digest()
        if digest != store.digest or digest != sidecar["digest"]:
            raise UserError(
                f"{path}: the digest of the content is {digest}, expected {sidecar['digest']} as "
                f"in {sidecar_path(path)}. {remake_by_name(path)}"
            )
