"""The trees of histogram boosting as arrays, and what they say of rows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentprint.histograms import boosting_kernels as kernels


class Trees(NamedTuple):
    """The nodes of all trees, one after the other.

    Attributes
    ----------
    first : ndarray, int64, (trees + 1,)
        First node of each tree; the count of all nodes.
    feature : ndarray, int32, (nodes,)
        Column of the split; -1 for a leaf.
    threshold : ndarray, float32, (nodes,)
        Values up to this one go left.
    split_bin : ndarray, uint8, (nodes,)
        The same as a bin.
    children : ndarray, int32, (nodes, 2)
        Left and right, counted from the first node of all.
    value : ndarray, float64, (nodes,)
        Of a leaf: what it adds to the log odds.
    gain : ndarray, float64, (nodes,)
        Of a split.
    """

    first: NDArray[np.int64]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    split_bin: NDArray[np.uint8]
    children: NDArray[np.int32]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]


@dataclass(frozen=True)
class BinRows:
    """Rows of bins: all bins, uint8 (P, N), and the numbers of the rows, uint32 (n,)."""

    bins: NDArray[np.uint8]
    where: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.where)


Rows = NDArray[np.float32] | BinRows


def empty(count: int) -> Trees:
    """Give a tree of leaves that say nothing."""
    return Trees(
        first=np.array([0, count]),
        feature=np.full(count, -1, dtype=np.int32),
        threshold=np.zeros(count, dtype=np.float32),
        split_bin=np.zeros(count, dtype=np.uint8),
        children=np.zeros((count, 2), dtype=np.int32),
        value=np.zeros(count),
        gain=np.zeros(count),
    )


def joined(trees: list[Trees]) -> Trees:
    """Put trees one after the other."""
    first = np.cumsum([0] + [len(tree.feature) for tree in trees])
    parts = {name: [getattr(tree, name) for tree in trees] for name in Trees._fields[1:]}
    parts["children"] = [
        np.where(tree.feature[:, np.newaxis] >= 0, tree.children + start, 0).astype(np.int32)
        for tree, start in zip(trees, first[:-1], strict=True)
    ]
    return Trees(first, **{name: np.concatenate(part) for name, part in parts.items()})


def part_of(rows: Rows, start: int, stop: int) -> Rows:
    """Give some rows that follow each other."""
    if isinstance(rows, BinRows):
        return BinRows(rows.bins, rows.where[start:stop])
    return rows[start:stop]


def add_tree(trees: Trees, tree: int, rows: Rows, raw: NDArray[np.float64]) -> None:
    """Add what a tree says of rows to their log odds, float64 (n,)."""
    root = trees.first[tree]
    if isinstance(rows, BinRows):
        kernels.add_from_bins(
            rows.bins,
            rows.where,
            trees.feature,
            trees.split_bin,
            trees.children,
            trees.value,
            root,
            raw,
        )
    else:
        kernels.add_from_values(
            rows, trees.feature, trees.threshold, trees.children, trees.value, root, raw
        )


def probabilities(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give (n, 2) probabilities of "fake" and "real" from log odds of "real"."""
    with np.errstate(over="ignore"):  # 1 / (1 + infinity) is the right answer
        real = 1 / (1 + np.exp(-raw))
    return np.column_stack([1 - real, real])
