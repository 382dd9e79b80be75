"""Values as bins of one byte, made once and shared by all fits, folds and trials.

A column's bins lie between its edges: at most 256, cut at the quantiles of a sample of rows. The
rows of a fold or of a subset are a list of numbers beside the bins, not a copy of them.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.seeds import rng

MOST_BINS = 256
SAMPLE_ROWS = 10_000  # whose quantiles are the edges
BLOCK_VALUES = 2**21  # 8 MiB of float32: what is sorted at once
TILE = 32  # columns of a row-major matrix that are read together: two cache lines of each row


@dataclass(frozen=True)
class BinnedValues:
    """Rows of binned values.

    Attributes
    ----------
    bins : ndarray, uint8, (P, N), C-contiguous
        One contiguous row per column of values.
    edges : ndarray, float32, (P, B - 1)
        Upper bounds of the bins but the last, rising, filled up with infinity. A value is in the
        bin whose number is the count of edges below it, so that "value <= edge" goes left.
    rows : ndarray, int64, (n,), or None
        The rows of the N that are meant, in this order; all for None.
    """

    bins: NDArray[np.uint8]
    edges: NDArray[np.float32]
    rows: NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows that are meant and columns, (n, P)."""
        return len(self), len(self.bins)

    @property
    def n_bins(self) -> int:
        """Bins of a column, at most."""
        return self.edges.shape[1] + 1

    def __len__(self) -> int:
        return self.bins.shape[1] if self.rows is None else len(self.rows)

    def row_numbers(self) -> NDArray[np.int64]:
        """Give the rows that are meant as numbers, int64 (n,)."""
        return np.arange(self.bins.shape[1]) if self.rows is None else self.rows

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "BinnedValues":
        """Give a view of some of the rows that are meant, by number or by truth; no bin is copied.

        Raises
        ------
        IndexError
            If a row is not there.
        """
        return BinnedValues(self.bins, self.edges, self.row_numbers()[np.asarray(rows)])


def bin_matrix(
    values: NDArray[np.float32], *, max_bins: int, seed: int = 0, threads: int = 1
) -> BinnedValues:
    """Find the edges of a matrix and bin it.

    Parameters
    ----------
    values : ndarray, float32, (N, P), any memory order
        Infinite values are allowed.
    max_bins : int, 2 to 256
    seed : int
        Of the sample of rows, where there are more than `SAMPLE_ROWS`.
    threads : int
        They change the time only.

    Returns
    -------
    BinnedValues
        Of all rows.

    Raises
    ------
    UserError
        If a value is missing (NaN), or `max_bins` is out of range.
    """
    rows = sampled_rows(len(values), seed)
    sample = values if len(rows) == len(values) else values.T.take(rows, axis=1).T
    edges = bin_edges(sample, max_bins, threads=threads)
    return BinnedValues(apply_bins(values, edges, threads=threads), edges)


def sampled_rows(count: int, seed: int) -> NDArray[np.int64]:
    """Choose the rows whose quantiles become the edges: all, or `SAMPLE_ROWS` of them, rising."""
    if count <= SAMPLE_ROWS:
        return np.arange(count)
    return np.sort(rng(seed, "bin edges").choice(count, size=SAMPLE_ROWS, replace=False))


def bin_edges(
    sample: NDArray[np.float32], max_bins: int, *, threads: int = 1
) -> NDArray[np.float32]:
    """Give the upper bounds of the bins of every column, block by block of columns.

    They are scikit-learn's: quantiles where a column has more than `max_bins` distinct values, else
    the middles between neighbouring values. A column never needs an edge at or above its largest
    value.

    Parameters
    ----------
    sample : ndarray, float32, (n, P), any memory order
    max_bins : int, 2 to 256
    threads : int

    Returns
    -------
    ndarray, float32, (P, max_bins - 1)
        Rising, filled up with infinity.

    Raises
    ------
    UserError
        If a value is missing (NaN), `max_bins` is out of range, or there is no row.
    """
    if not 2 <= max_bins <= MOST_BINS:
        raise UserError(
            f"max_bins: {max_bins}, expected 2 to {MOST_BINS}. See config/README.md, key engine."
        )
    if not len(sample):
        raise UserError("bin edges: no row, expected at least one. Look at the training selection.")
    edges = np.full((sample.shape[1], max_bins - 1), np.inf, dtype=np.float32)
    width = max(1, BLOCK_VALUES // len(sample))

    def cut(start: int) -> None:
        columns = np.array(sample[:, start : start + width].T, dtype=np.float32, order="C")
        columns.sort(axis=1)  # puts what is missing at the end
        missing = np.flatnonzero(np.isnan(columns[:, -1]))
        if len(missing):
            raise _missing(start + int(missing[0]))
        _fill_edges(columns, edges[start : start + width])

    _spread(cut, range(0, sample.shape[1], width), threads)
    return edges


def _fill_edges(columns: NDArray[np.float32], edges: NDArray[np.float32]) -> None:
    """Write the edges of sorted columns, (columns, n), into rows of infinity."""
    max_bins = edges.shape[1] + 1
    count = columns.shape[1]
    changes = columns[:, 1:] != columns[:, :-1]
    distinct = 1 + np.count_nonzero(changes, axis=1)

    many = np.flatnonzero(distinct > max_bins)
    cuts = np.arange(1, max_bins) * count
    upper = cuts // max_bins
    # A quantile that falls between two rows is their middle, another is the row it falls into.
    lower = np.where(cuts % max_bins == 0, upper - 1, upper)
    at = columns[many[:, np.newaxis], upper]
    found = _middle(columns[many[:, np.newaxis], lower], at)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = np.inf
    found[found >= columns[many, -1:]] = np.inf
    found.sort(axis=1)
    edges[many] = found

    few = np.flatnonzero(distinct <= max_bins)
    row, place = np.nonzero(changes[few])
    first = np.concatenate([[0], np.cumsum(distinct[few] - 1)])
    edges[few[row], np.arange(len(row)) - first[row]] = _middle(
        columns[few[row], place], columns[few[row], place + 1]
    )


def _middle(lower: NDArray[np.float32], upper: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give numbers from `lower` to below `upper`, which stay apart when rounded to float32."""
    with np.errstate(invalid="ignore"):  # the middle between the infinities
        middle = (lower.astype(np.float64) + upper) / 2
    rounded = middle.astype(np.float32)
    return np.where(rounded < upper, rounded, lower)


def apply_bins(
    values: NDArray[np.float32], edges: NDArray[np.float32], *, threads: int = 1
) -> NDArray[np.uint8]:
    """Put values into bins.

    Parameters
    ----------
    values : ndarray, float32, (n, P), any memory order
    edges : ndarray, float32, (P, B - 1)
        As `bin_edges` gives them.
    threads : int

    Returns
    -------
    ndarray, uint8, (P, n), C-contiguous

    Raises
    ------
    UserError
        If a value is missing (NaN).
    """
    count, width = values.shape
    bins = np.empty((width, count), dtype=np.uint8)
    values = np.asarray(values, dtype=np.float32)
    # One column after the other where a column lies together, else some columns of every row.
    tile = 1 if abs(values.strides[0]) <= abs(values.strides[1]) else TILE
    share = tile * max(1, BLOCK_VALUES // (tile * max(1, count)))

    def put(start: int) -> None:
        stop = min(start + share, width)
        column = _put_into_bins(values, edges, start, stop, tile, bins)
        if column >= 0:
            raise _missing(column)

    _spread(put, range(0, width, share), threads)
    return bins


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _bin_of(
    value: np.float32, bounds: NDArray[np.float32], first: np.uint64, n_edges: int
) -> np.uint64:
    """Count the edges below a value; they begin at `first` of `bounds`.

    The steps are written out: 4 ns a value, against 40 in a loop, whose branches are mispredicted.
    """
    place = first
    if n_edges >= 128:
        place += np.uint64(128) * np.uint64(bounds[place + np.uint64(127)] < value)
    if n_edges >= 64:
        place += np.uint64(64) * np.uint64(bounds[place + np.uint64(63)] < value)
    place += np.uint64(32) * np.uint64(bounds[place + np.uint64(31)] < value)
    place += np.uint64(16) * np.uint64(bounds[place + np.uint64(15)] < value)
    place += np.uint64(8) * np.uint64(bounds[place + np.uint64(7)] < value)
    place += np.uint64(4) * np.uint64(bounds[place + np.uint64(3)] < value)
    place += np.uint64(2) * np.uint64(bounds[place + np.uint64(1)] < value)
    return place + np.uint64(bounds[place] < value) - first


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _put_into_bins(
    values: NDArray[np.float32],
    edges: NDArray[np.float32],
    first: int,
    last: int,
    tile: int,
    bins: NDArray[np.uint8],
) -> int:
    """Fill columns `first` to `last` of the bins; give a column with a missing value, or -1."""
    n_edges = edges.shape[1]
    # Edges of a tile's columns, filled up with infinity, for a search of always the same steps.
    bounds = np.full(tile * MOST_BINS, np.inf, dtype=np.float32)
    missing = -1
    for start in range(first, last, tile):
        stop = min(start + tile, last)
        for column in range(start, stop):
            begin = (column - start) * MOST_BINS
            bounds[begin : begin + n_edges] = edges[column]
        if tile == 1:
            for row in range(values.shape[0]):
                value = values[row, start]
                if value != value:
                    missing = start
                bins[start, row] = _bin_of(value, bounds, np.uint64(0), n_edges)
            continue
        for row in range(values.shape[0]):
            for column in range(start, stop):
                value = values[row, column]
                if value != value:
                    missing = column
                begin = np.uint64((column - start) * MOST_BINS)
                bins[column, row] = _bin_of(value, bounds, begin, n_edges)
    return missing


def _missing(column: int) -> UserError:
    return UserError(
        f"values, column {column}: NaN, expected numbers (infinite ones are allowed). Look for the "
        "image whose latents are damaged and extract it again."
    )


def _spread(work: Callable[[int], Any], starts: Iterable[int], threads: int) -> None:
    """Do the parts of a piece of work, in threads; the first error ends it."""
    if threads == 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, starts):
            pass
