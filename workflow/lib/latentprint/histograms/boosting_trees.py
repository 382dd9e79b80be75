"""Growing one tree of histogram boosting, leaf by leaf, as scikit-learn's TreeGrower does.

The leaf with the largest gain is split next. What its children could gain must be known by then,
and a pass over the bins costs about as much for ten nodes as for one (the bins come from memory),
so that a pass also looks at the children of other leaves that will probably be split: the tree is
the same, some looks are in vain.
"""

import heapq
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentprint.histograms import boosting_kernels as kernels
from latentprint.histograms.bins import BinnedValues

# Bytes of a bin in a stored histogram: a sum of gradients, one of hessians and counts.
BYTES_OF_BIN = 16
# Rows a bin from which keeping a node's histogram costs less than counting the larger child.
STORED_ROWS_PER_BIN = 8


@dataclass(eq=False, slots=True)
class Node:
    """A node: its part of the rows, and the best split of it.

    Attributes
    ----------
    start, stop : int
        First row and the row after the last in the order of the grower.
    sums : tuple of two int
        Of gradients, and of hessians and counts, as `boosting_kernels.totals` gives them.
    slot : int
        Where its histograms are kept, or -1.
    column, split_bin : int
        Column of the best split (-1: none) and the last bin that goes left.
    gain : float
        Of the best split: what it lowers the loss by, twice.
    children : tuple of two Node, or None
        Known before the node is split, where a pass looked ahead.
    split : bool
        Whether it is an inner node of the tree.
    """

    start: int
    stop: int
    sums: tuple[int, int]
    slot: int = -1
    column: int = -1
    split_bin: int = -1
    gain: float = 0.0
    children: "tuple[Node, Node] | None" = None
    split: bool = False

    def __len__(self) -> int:
        return self.stop - self.start


class Limits(NamedTuple):
    """What a tree may be."""

    max_leaf_nodes: int
    min_samples_leaf: int
    l2: float


def stored_histograms(rows: int, n_bins: int, max_leaf_nodes: int) -> int:
    """Count the nodes whose histograms are kept at the same time, at most."""
    return min(rows // (STORED_ROWS_PER_BIN * n_bins), max_leaf_nodes)


def look_ahead(more: int) -> int:
    """Tell how many further leaves a pass looks at when `more` splits are left to do."""
    return more // 3


class TreeGrower:
    """Grows the trees of one fit, one after the other, in the same memory.

    Parameters
    ----------
    values : BinnedValues
    n_columns : int
        Columns of every tree.
    limits : Limits
    pool : Executor, optional
        With it the columns of a pass are divided among `threads` threads.
    threads : int
    """

    def __init__(
        self,
        values: BinnedValues,
        *,
        n_columns: int,
        limits: Limits,
        pool: Executor | None = None,
        threads: int = 1,
    ) -> None:
        self.bins = values.bins
        self.rows = values.row_numbers().astype(np.uint32)
        self.limits = limits
        self.pool = pool
        self.threads = threads
        count = stored_histograms(len(values), values.n_bins, limits.max_leaf_nodes)
        # Pages that no node writes to are never taken from the system.
        groups = -(-n_columns // kernels.LANES)
        self.stored = np.empty((count, groups, 2, kernels.LANES * values.n_bins), dtype=np.int64)
        self.least_stored = STORED_ROWS_PER_BIN * values.n_bins
        self.where = np.empty_like(self.rows)
        self.index = np.empty_like(self.rows)
        self.packed = np.empty(len(self.rows), dtype=np.int64)

    def grow(
        self,
        gradient: NDArray[np.float32],
        hessian: NDArray[np.float32],
        columns: NDArray[np.int64],
    ) -> Node:
        """Grow a tree.

        Parameters
        ----------
        gradient, hessian : ndarray, float32, (rows,)
        columns : ndarray, int64, (n_columns,), rising
            The columns that may be split.

        Returns
        -------
        Node
            The root; a node's rows are ``index[node.start:node.stop]`` until the next tree.
        """
        self.columns = columns
        self.where[:] = self.rows
        self.index[:] = np.arange(len(self.rows))
        self.gradient_step, self.hessian_step = kernels.pack(gradient, hessian, self.packed)
        self.free = list(range(len(self.stored)))[::-1]
        whole = len(self.rows)
        root = Node(0, whole, kernels.totals(self.packed, 0, whole))
        if hessian.sum(dtype=np.float64) < kernels.LEAST_HESSIAN:
            return root  # nothing is left to learn, and steps may be 0
        self._look([(root, Node(whole, whole, (0, 0)), -1)], floor=0.0)

        order = 0  # between equal gains the older node comes first
        waiting = [(-root.gain, order, root)] if root.column >= 0 else []
        more = self.limits.max_leaf_nodes - 1
        while waiting and more:
            _, _, node = heapq.heappop(waiting)
            more -= 1
            if node.children is None:
                ahead = heapq.nsmallest(look_ahead(more), filter(_open, waiting))
                self._expand([node, *(entry[2] for entry in ahead)], look=more > 0)
            node.split = True
            for child in node.children:
                if child.column >= 0:
                    order += 1
                    heapq.heappush(waiting, (-child.gain, order, child))
        return root

    def _expand(self, nodes: list[Node], *, look: bool) -> None:
        """Divide the rows of nodes, and look for the best splits of the children."""
        tasks = []
        for node in nodes:
            middle = kernels.partition(
                self.bins[node.column],
                node.split_bin,
                self.where,
                self.packed,
                self.index,
                node.start,
                node.stop,
            )
            sums = kernels.totals(self.packed, node.start, middle)
            left = Node(node.start, middle, sums)
            rest = (node.sums[0] - sums[0], node.sums[1] - sums[1])
            right = Node(middle, node.stop, rest)
            node.children = left, right
            small, large = (left, right) if len(left) < len(right) else (right, left)
            if look and self._splittable(large):
                tasks.append((small, large, node.slot))
            elif node.slot >= 0:
                self.free.append(node.slot)
        if tasks:
            self._look(tasks)

    def _splittable(self, node: Node) -> bool:
        return len(node) >= 2 * self.limits.min_samples_leaf

    def _look(self, tasks: list[tuple[Node, Node, int]], floor: float | None = None) -> None:
        """Find the best splits of pairs of nodes.

        Parameters
        ----------
        tasks : list of (smaller child, larger child, slot of their parent or -1)
        floor : float, optional
            What a split must exceed; by default the score of the node itself. scikit-learn takes
            the value of a root for 0.
        """
        slots = np.full((len(tasks), 3), -1, dtype=np.int64)
        floors = np.full((len(tasks), 2), np.inf)
        released = []
        for task, (small, large, parent) in enumerate(tasks):
            slots[task, 0] = parent
            for side, node in enumerate((small, large)):
                if self._splittable(node):
                    floors[task, side] = self._score(node.sums) if floor is None else floor
            if len(large) >= self.least_stored and parent >= 0:
                large.slot = parent
            elif parent >= 0:
                # Not before the pass has ended: others would write over what it reads.
                released.append(parent)
            for node in (large, small):
                kept = self._splittable(node) and len(node) >= self.least_stored
                if kept and node.slot < 0 and self.free:
                    node.slot = self.free.pop()
            slots[task, 1:] = small.slot, large.slot
        score, column, split_bin = self._pass(tasks, slots, floors)
        self.free += released

        unit = self.gradient_step**2 / self.hessian_step
        best = score.argmax(axis=0)  # the first of equals, so that threads change nothing
        for task, pair in enumerate(tasks):
            for side, node in enumerate(pair[:2]):
                at = best[task, side], task, side
                if split_bin[at] >= 0:
                    node.column = int(self.columns[column[at]])
                    node.split_bin = int(split_bin[at])
                    node.gain = (score[at] - floors[task, side]) * unit
                elif node.slot >= 0:
                    self.free.append(node.slot)
                    node.slot = -1

    def _pass(
        self,
        tasks: list[tuple[Node, Node, int]],
        slots: NDArray[np.int64],
        floors: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Go over all columns once; give score, place of the column and bin of each thread."""
        pairs = [pair[:2] for pair in tasks]
        ranges = np.array([[(n.start, n.stop) for n in pair] for pair in pairs], dtype=np.int64)
        totals = np.array([[n.sums for n in pair] for pair in pairs], dtype=np.int64)
        least_hessian = kernels.LEAST_HESSIAN / self.hessian_step
        limits = self.limits.min_samples_leaf, least_hessian, self._l2()
        score = np.tile(floors, (self.threads, 1, 1))
        column = np.full(score.shape, -1, dtype=np.int64)
        split_bin = np.full(score.shape, -1, dtype=np.int64)

        def work(part: int) -> None:
            groups = self.stored.shape[1]
            kernels.best_splits(
                self.bins,
                self.columns,
                (part * groups // self.threads, (part + 1) * groups // self.threads),
                self.where,
                self.packed,
                ranges,
                slots,
                totals,
                limits,
                self.stored,
                score[part],
                column[part],
                split_bin[part],
            )

        if self.pool is None:
            work(0)
        else:
            list(self.pool.map(work, range(self.threads)))
        return score, column, split_bin

    def _l2(self) -> float:
        """Give the l2 regularisation in steps of the hessians."""
        return (self.limits.l2 + kernels.TINY) / self.hessian_step

    def _score(self, sums: tuple[int, int]) -> float:
        """Give G**2 / (H + l2) of a node, in steps."""
        return float(sums[0]) ** 2 / ((sums[1] >> kernels.WIDE_SHIFT) + self._l2())


def nodes_of(root: Node) -> Iterator[Node]:
    """Give the nodes of a tree, each before its left, each left before its right branch."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if node.split:
            waiting += node.children[::-1]


def _open(entry: tuple[float, int, Node]) -> bool:
    return entry[2].children is None
