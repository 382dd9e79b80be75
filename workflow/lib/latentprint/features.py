"""The rows that a classifier sees, read from a features file and from the store that it names.

What is in a features file, `latentprint.feature_files` says.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.feature_kinds import FEATURES, FORMAT
from latentprint.store import Store, open_store

if TYPE_CHECKING:
    from latentprint.histograms.bins import BinnedValues

BLOCK_VALUES = 2**23  # 32 MiB of float32


@dataclass(frozen=True)
class Matrix:
    """The rows of one split.

    Attributes
    ----------
    values : ndarray, float32, (rows, P), columns contiguous; or BinnedValues
        Of `load_matrix` or of `load_binned`.
    groups : ndarray, int32, (rows,)
        Image of each row, as an index into `ids`; 0 0 ... 1 1 ..., equally many rows per image.
    fake : ndarray, bool, (rows,)
    ids : tuple of str, (N,)
    attributes : dict
        Of the features file: feature, component, latent, digests and positions.
    """

    values: "NDArray[np.float32] | BinnedValues"
    groups: NDArray[np.int32]
    fake: NDArray[np.bool_]
    ids: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def rows_per_image(self) -> int:
        """Rows that stand for one image."""
        return len(self.groups) // len(self.ids)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Height and width of the latents; None where that is not known."""
        positions = self.attributes.get("test_positions")
        return tuple((np.max(positions, axis=0) + 1).tolist()) if positions else None

    @property
    def screens(self) -> bool:
        """Whether fits choose among the values."""
        feature = self.attributes.get("feature")
        return feature in FEATURES and FEATURES[feature].screens

    @property
    def fake_images(self) -> NDArray[np.bool_]:
        """Label of every image, bool (N,)."""
        return self.fake[:: self.rows_per_image]


def load_matrix(path: Path, split: str) -> Matrix:
    """Read the rows of one split into one column-contiguous matrix, block by block.

    Parameters
    ----------
    path : Path
        A features file.
    split : str
        "train" or "test".

    Raises
    ------
    UserError
        If the file is missing, damaged or half-written, or if the store that it names is not the
        one it was made from.
    """
    with _opened(path, split) as rows:
        return rows.matrix(rows.columns(0, rows.n_images).T)


def matrix_blocks(path: Path, split: str, *, images: int | None = None) -> Iterator[Matrix]:
    """Read the rows of one split some images at a time, as matrices of their own.

    Parameters
    ----------
    path, split
        As for `load_matrix`.
    images : int, optional
        Images a matrix; by default as many as fill about 32 MiB.

    Yields
    ------
    Matrix
        Of consecutive images, with their `ids`.

    Raises
    ------
    UserError
        As for `load_matrix`.
    """
    with _opened(path, split) as rows:
        for start, stop in rows.blocks(images):
            yield rows.matrix(rows.columns(start, stop).T, start, stop)


def load_binned(
    path: Path,
    split: str,
    *,
    max_bins: int,
    seed: int,
    edges: NDArray[np.float32] | None = None,
    threads: int = 1,
) -> Matrix:
    """Read the rows of one split as bins, without a float32 matrix of them.

    The edges come from training rows, whichever split is read, at most 10,000 of them; labels have
    no part in them, so that folds, trials and classifiers may share them. In memory at once are
    first the float32 values of those rows, then the bins and one block.

    Parameters
    ----------
    path, split
        As for `load_matrix`.
    max_bins : int, 2 to 256
        Bins a column.
    seed : int
        The run's seed; the training rows for the edges are drawn with it.
    edges : ndarray, float32, (P, max_bins - 1), optional
        Those of an earlier call for the same file, which then need not be made again.
    threads : int
        They change the time only.

    Returns
    -------
    Matrix
        Its `values` are BinnedValues.

    Raises
    ------
    UserError
        As for `load_matrix`.
    """
    from latentprint.histograms.bins import BinnedValues, apply_bins, bin_edges, sampled_rows

    if edges is None:
        with _opened(path, "train") as rows:
            sample = _chosen_rows(rows, sampled_rows(rows.shape[0], seed))
        edges = bin_edges(sample, max_bins, threads=threads)
        del sample  # the bins get its memory
    with _opened(path, split) as rows:
        bins = np.empty(rows.shape[::-1], dtype=np.uint8)
        for start, stop in rows.blocks():
            here = slice(start * rows.per_image, stop * rows.per_image)
            for first, part in rows.pieces(start, stop):
                columns = slice(first, first + len(part))
                bins[columns, here] = apply_bins(part.T, edges[columns], threads=threads)
        return rows.matrix(BinnedValues(bins, edges))


def _chosen_rows(rows: "_Rows", chosen: NDArray[np.integer]) -> NDArray[np.float32]:
    """Read some rows, of rising number, (n, P)."""
    sample = np.empty((len(chosen), rows.shape[1]), dtype=np.float32)
    for start, stop in _runs(np.unique(chosen // rows.per_image), rows.block_images):
        low, high = np.searchsorted(chosen, [start * rows.per_image, stop * rows.per_image])
        here = chosen[low:high] - start * rows.per_image
        for first, part in rows.pieces(start, stop):
            sample[low:high, first : first + len(part)] = part.T[here]
    return sample


def _runs(images: NDArray[np.integer], most: int) -> Iterator[tuple[int, int]]:
    """Divide rising numbers into runs without a gap, at most so long: first, last (exclusive)."""
    gaps = np.flatnonzero(np.diff(images) != 1) + 1
    for run in np.split(images, gaps):
        for first in range(0, len(run), most):
            last = min(first + most, len(run)) - 1
            yield int(run[first]), int(run[last]) + 1


class _Rows:
    """The rows of one split of an open features file, and of the store that it names."""

    def __init__(
        self, group: h5py.Group, attributes: dict[str, Any], store: Store | None, split: str
    ) -> None:
        self.ids = tuple(group["id"].asstr()[:].tolist())
        self.n_images = len(self.ids)
        self.per_image = int(group.attrs["rows_per_image"])
        self.shape = (self.n_images * self.per_image, int(group.attrs["n_values"]))
        self.block_images = max(1, BLOCK_VALUES // (self.per_image * self.shape[1]))
        self._fake = group["label"].asstr()[:] == "fake"
        self._attributes = attributes
        self._values = group.get("values")
        self._store = store
        self._names: list[str] = list(attributes[f"{split}_digests"])
        self._whole = FEATURES[attributes["feature"]].whole

    def blocks(self, images: int | None = None) -> Iterator[tuple[int, int]]:
        """Divide the images into blocks: start, stop (exclusive)."""
        size = self.block_images if images is None else images
        for start in range(0, self.n_images, size):
            yield start, min(start + size, self.n_images)

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Read the rows of consecutive images, one dataset after the other.

        Yields
        ------
        first : int
            First column.
        columns : ndarray, float32, (columns, rows of these images)
        """
        if self._store is None:
            yield 0, self._values[start * self.per_image : stop * self.per_image].T
            return
        first = 0
        for name in self._names:
            block = self._store.read(name, start, stop)  # (images, channels, h, w)
            if self._whole:
                columns = block.reshape(stop - start, -1).T
            else:
                columns = block.swapaxes(0, 1).reshape(block.shape[1], -1)
            yield first, columns
            first += len(columns)

    def columns(self, start: int, stop: int) -> NDArray[np.float32]:
        """Read the rows of consecutive images block by block, (P, rows)."""
        columns = np.empty((self.shape[1], (stop - start) * self.per_image), dtype=np.float32)
        for low in range(start, stop, self.block_images):
            high = min(low + self.block_images, stop)
            here = slice((low - start) * self.per_image, (high - start) * self.per_image)
            for first, part in self.pieces(low, high):
                columns[first : first + len(part), here] = part
        return columns

    def matrix(
        self,
        values: "NDArray[np.float32] | BinnedValues",
        start: int = 0,
        stop: int | None = None,
    ) -> Matrix:
        """Put the values of consecutive images together with what is known of the images."""
        ids = self.ids[start:stop]
        groups = np.repeat(np.arange(len(ids), dtype=np.int32), self.per_image)
        return Matrix(values, groups, self._fake[start:stop][groups], ids, self._attributes)


@contextmanager
def _opened(path: Path, split: str) -> Iterator[_Rows]:
    """Open a features file, and the store that it names where its values are there."""
    path = Path(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read as HDF5 ({error}), expected a features file. {_remake(path)}"
        ) from error
    with file, ExitStack() as stack:
        attributes = _attributes(path, file)
        group = file[split]
        store = None
        if "values" not in group:
            store = stack.enter_context(open_store(path.parent / group.attrs["store"]))
            _check_digests(path, store, attributes[f"{split}_digests"])
        yield _Rows(group, attributes, store, split)


def _attributes(path: Path, file: h5py.File) -> dict[str, Any]:
    if file.attrs.get("format") != FORMAT or not file.attrs.get("complete", False):
        raise UserError(f"{path}: not a finished features file. {_remake(path)}")
    return json.loads(file.attrs["attributes"])


def _check_digests(path: Path, store: Store, digests: dict[str, str]) -> None:
    """Raise UserError unless the store holds what a features file was made from."""
    for name, digest in digests.items():
        if store.digest_of(name) != digest:
            raise UserError(
                f"{path}: was made from '{name}' with digest {digest}, but {store.path} now "
                f"has {store.digest_of(name)}. {_remake(path)}"
            )


def _remake(path: Path) -> str:
    return f"Delete {path} and run snakemake again."
