"""Growing one tree on binned values, and asking it: the loops of the forest, compiled.

Three sums of every row travel in one 64-bit integer: how many rows (21 bits), their weight (22
bits: how often the bootstrap drew them) and the weight of those that are fake (21 bits). One
addition serves all three and is exact, so that no order of rows or threads changes a tree.

The columns of a node's histograms lie far apart in memory: four are read side by side, so that the
processor waits for four of them at once.
"""

import numba
import numpy as np
from numpy.typing import NDArray

WEIGHT_SHIFT, COUNT_SHIFT = np.uint64(21), np.uint64(43)
MOST_ROWS, MOST_WEIGHT, MOST_FAKE = 2**21 - 1, 2**22 - 1, 2**21 - 1

FEW_ROWS = 200  # up to so many, filled bins are found by their bits instead of by looking at all
LANES = 4  # columns that are read side by side
ONE, ZERO = np.uint64(1), np.uint64(0)
WEIGHT_MASK, FAKE_MASK = np.uint64(2**22 - 1), np.uint64(2**21 - 1)

# The place of the one bit that is set: multiplied by this number, its top six bits say which.
DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
PLACES = np.zeros(64, dtype=np.uint8)
for _place in range(64):
    PLACES[((0x03F79D71B4CB0A89 << _place) % 2**64) >> 58] = _place

compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


def packed_sums(weights: NDArray[np.int64], fake: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack the sums of single rows: one row, its weight, its weight if fake."""
    weight = weights.astype(np.uint64)
    return (ONE << COUNT_SHIFT) | (weight << WEIGHT_SHIFT) | (weight * fake)


@compiled
def unpacked(sums: np.uint64) -> tuple[int, float, float]:
    """Give the number of rows, their weight and the weight of the fake ones."""
    weight = np.int64((sums >> WEIGHT_SHIFT) & WEIGHT_MASK)  # signed: quicker to turn into floats
    return np.int64(sums >> COUNT_SHIFT), float(weight), float(np.int64(sums & FAKE_MASK))


@compiled
def is_better(left: np.uint64, total: np.uint64, least: int, best: float) -> bool:
    """Tell whether a split is allowed and its score above the best; without a division."""
    n_left, left_weight, left_fake = unpacked(left)
    n_right, right_weight, right_fake = unpacked(total - left)
    score = left_fake * left_fake * right_weight + right_fake * right_fake * left_weight
    return (score > best * (left_weight * right_weight)) & (n_left >= least) & (n_right >= least)


@compiled
def split_score(left: np.uint64, total: np.uint64) -> float:
    """Give what Gini impurity is lowest where this is highest: fake^2 / weight of both sides."""
    _, left_weight, left_fake = unpacked(left)
    _, right_weight, right_fake = unpacked(total - left)
    return left_fake * left_fake / left_weight + right_fake * right_fake / right_weight


@compiled
def best_of_bits(
    sums: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    lane: int,
    total: np.uint64,
    least: int,
    best: float,
) -> tuple[float, int, np.uint64, int]:
    """Find the best split of a histogram whose filled bins are given as bits, and empty both.

    Returns
    -------
    score
        `best` where no split is better.
    bin, left
        Last bin and sums of the left side.
    filled
        Number of filled bins.
    """
    best_bin, best_left = 0, ZERO
    left = ZERO
    below = 0
    filled = 0
    for word in range(bits.shape[1]):
        rest = bits[lane, word]
        bits[lane, word] = ZERO
        while rest:
            lowest = rest & (~rest + ONE)
            rest ^= lowest
            here = 64 * word + np.int64(PLACES[(lowest * DE_BRUIJN) >> np.uint64(58)])
            if filled and is_better(left, total, least, best):
                # The middle of the empty bins, as scikit-learn cuts midway between two values.
                best, best_bin, best_left = split_score(left, total), (below + here - 1) // 2, left
            left += sums[lane, here]
            sums[lane, here] = ZERO
            below = here
            filled += 1
    return best, best_bin, best_left, filled


@compiled
def best_of_all(
    sums: NDArray[np.uint64], lane: int, n_bins: int, total: np.uint64, least: int, best: float
) -> tuple[float, int, np.uint64, int]:
    """Find the best split of a histogram by looking at all bins, and empty it."""
    best_bin, best_left = 0, ZERO
    left = ZERO
    below = 0
    filled = 0
    for here in range(n_bins):
        found = sums[lane, here]
        if found == ZERO:
            continue
        sums[lane, here] = ZERO
        if filled and is_better(left, total, least, best):
            best, best_bin, best_left = split_score(left, total), (below + here - 1) // 2, left
        left += found
        below = here
        filled += 1
    return best, best_bin, best_left, filled


@compiled
def drawn_number(state: NDArray[np.uint64], below: int) -> int:
    """Draw a whole number from 0 to `below` - 1 (xorshift64*; at most 2**32)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    high = (x * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(32)
    return np.int64((high * np.uint64(below)) >> np.uint64(32))


@compiled
def draw(
    columns: NDArray[np.int32],
    known: int,
    open_known: int,
    open_end: int,
    wanted: int,
    state: NDArray[np.uint64],
) -> tuple[int, int]:
    """Draw columns of a node without replacement and put them behind those that are left.

    Parameters
    ----------
    columns : ndarray, int32, (P,)
        All columns: `known` that are constant, then those that are left up to `open_end`, then
        those that the node has drawn.
    known, open_known : int
        Columns known to be constant, and how many of them are not drawn yet: they count as drawn,
        but need not be moved or looked at.
    open_end, wanted : int
    state : ndarray, uint64, (1,)

    Returns
    -------
    open_known, open_end
        What is left.
    """
    for _ in range(wanted):
        if open_end == known:
            break
        place = drawn_number(state, open_known + open_end - known)
        if place < open_known:
            open_known -= 1
            continue
        place += known - open_known
        open_end -= 1
        columns[place], columns[open_end] = columns[open_end], columns[place]
    return open_known, open_end


@compiled
def fill_four(
    bins: NDArray[np.uint8],
    columns: NDArray[np.int64],
    order: NDArray[np.uint32],
    packed: NDArray[np.uint64],
    start: int,
    end: int,
    sums: NDArray[np.uint64],
) -> None:
    """Add the rows of a node to the histograms of four columns."""
    n = np.uint64(bins.shape[1])
    flat = bins.reshape(-1)
    first, second = np.uint64(columns[0]) * n, np.uint64(columns[1]) * n
    third, fourth = np.uint64(columns[2]) * n, np.uint64(columns[3]) * n
    for i in range(start, end):
        row = np.uint64(order[i])
        value = packed[i]
        sums[0, flat[first + row]] += value
        sums[1, flat[second + row]] += value
        sums[2, flat[third + row]] += value
        sums[3, flat[fourth + row]] += value


@compiled
def fill_four_with_bits(
    bins: NDArray[np.uint8],
    columns: NDArray[np.int64],
    order: NDArray[np.uint32],
    packed: NDArray[np.uint64],
    start: int,
    end: int,
    sums: NDArray[np.uint64],
    bits: NDArray[np.uint64],
) -> None:
    """Do the same and set the bit of every bin that is filled, 64 of them in a word."""
    n = np.uint64(bins.shape[1])
    flat = bins.reshape(-1)
    first, second = np.uint64(columns[0]) * n, np.uint64(columns[1]) * n
    third, fourth = np.uint64(columns[2]) * n, np.uint64(columns[3]) * n
    word, within = np.uint64(6), np.uint64(63)
    for i in range(start, end):
        row = np.uint64(order[i])
        value = packed[i]
        bin_0, bin_1 = np.uint64(flat[first + row]), np.uint64(flat[second + row])
        bin_2, bin_3 = np.uint64(flat[third + row]), np.uint64(flat[fourth + row])
        sums[0, bin_0] += value
        sums[1, bin_1] += value
        sums[2, bin_2] += value
        sums[3, bin_3] += value
        bits[0, bin_0 >> word] |= ONE << (bin_0 & within)
        bits[1, bin_1 >> word] |= ONE << (bin_1 & within)
        bits[2, bin_2 >> word] |= ONE << (bin_2 & within)
        bits[3, bin_3 >> word] |= ONE << (bin_3 & within)


@compiled
def parted(
    bins: NDArray[np.uint8],
    column: int,
    threshold: int,
    order: NDArray[np.uint32],
    packed: NDArray[np.uint64],
    start: int,
    end: int,
    spare_order: NDArray[np.uint32],
    spare_packed: NDArray[np.uint64],
) -> int:
    """Move the rows of a node that go left before the others, both in their order; give the cut."""
    left = start
    n_right = 0
    for i in range(start, end):
        row, value = order[i], packed[i]
        goes_left = bins[column, row] <= threshold
        order[left] = row
        packed[left] = value
        spare_order[n_right] = row
        spare_packed[n_right] = value
        left += goes_left
        n_right += not goes_left
    for i in range(n_right):
        order[left + i] = spare_order[i]
        packed[left + i] = spare_packed[i]
    return left


@compiled
def grow(
    bins: NDArray[np.uint8],
    n_bins: int,
    order: NDArray[np.uint32],
    packed: NDArray[np.uint64],
    max_depth: int,
    least: int,
    n_drawn: int,
    seed: np.uint64,
) -> tuple[
    NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]
]:
    """Grow one tree, node by node, the left side of each first.

    Columns are drawn as scikit-learn draws them: `n_drawn` for each node, without replacement, and
    more only as long as all of them are constant there. Columns that are constant in a node are so
    in all nodes below and are not looked at again.

    Parameters
    ----------
    bins : ndarray, uint8, (P, N)
    n_bins : int
    order : ndarray, uint32, (n,)
        The rows of the tree, each once; changed in place.
    packed : ndarray, uint64, (n,)
        Their sums, see `packed_sums`; changed in place.
    max_depth, least, n_drawn : int
        Depth, rows of a leaf, columns drawn for a node.
    seed : uint64, not 0

    Returns
    -------
    column : ndarray, int32, (nodes,)
        Column of the split, -1 for a leaf.
    threshold : ndarray, uint8, (nodes,)
        Rows of this bin and those below go left.
    left : ndarray, int32, (nodes,)
        The left child; the right one follows it. 0 for a leaf.
    weight, fake : ndarray, int32, (nodes,)
        Weight of the rows of the node, and of the fake ones among them.
    """
    n = len(order)
    width = bins.shape[0]
    capacity = max(1, 2 * (n // least) - 1)
    column_of = np.full(capacity, -1, dtype=np.int32)
    threshold_of = np.zeros(capacity, dtype=np.uint8)
    left_of = np.zeros(capacity, dtype=np.int32)
    weight_of = np.zeros(capacity, dtype=np.int32)
    fake_of = np.zeros(capacity, dtype=np.int32)

    # Known constant columns stand first, columns that this node has drawn last.
    columns = np.empty(width, dtype=np.int32)
    for column in range(width):
        columns[column] = column
    lanes = np.empty(LANES, dtype=np.int64)
    sums = np.zeros((LANES, 256), dtype=np.uint64)
    bits = np.zeros((LANES, (n_bins + 63) // 64), dtype=np.uint64)
    constant = np.zeros(width, dtype=np.bool_)  # by place: what this node has found constant
    spare_order = np.empty(n, dtype=np.uint32)
    spare_packed = np.empty(n, dtype=np.uint64)
    state = np.full(1, seed, dtype=np.uint64)

    # Depth first: at most one open right side for every level.
    pending = np.empty((n + 2, 5), dtype=np.int64)  # node, start, end, depth, known constants
    pending_sums = np.empty(n + 2, dtype=np.uint64)
    total = ZERO
    for i in range(n):
        total += packed[i]
    pending[0] = 0
    pending[0, 2] = n
    pending_sums[0] = total
    n_pending = 1
    n_nodes = 1

    while n_pending:
        n_pending -= 1
        node, start, end = pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2]
        depth, known = pending[n_pending, 3], pending[n_pending, 4]
        total = pending_sums[n_pending]
        count, weight, fake = unpacked(total)
        weight_of[node] = np.int32(weight)
        fake_of[node] = np.int32(fake)
        if depth >= max_depth or count < 2 * least or count < 2 or fake == 0 or fake == weight:
            continue

        best, best_column, best_bin, best_left = -1.0, -1, 0, ZERO
        few = count <= FEW_ROWS
        open_known, open_end = known, width
        n_constant = 0
        n_varying = 0
        wanted = n_drawn
        while open_end > known and n_varying == 0:
            drawn_end = open_end
            open_known, open_end = draw(columns, known, open_known, open_end, wanted, state)
            for first in range(open_end, drawn_end, LANES):
                n_lanes = min(LANES, drawn_end - first)
                for lane in range(LANES):  # idle lanes repeat the first
                    lanes[lane] = columns[first + lane if lane < n_lanes else first]
                if few:
                    fill_four_with_bits(bins, lanes, order, packed, start, end, sums, bits)
                else:
                    fill_four(bins, lanes, order, packed, start, end, sums)
                for lane in range(LANES):
                    if few:
                        score, place, left, filled = best_of_bits(
                            sums, bits, lane, total, least, best
                        )
                    else:
                        score, place, left, filled = best_of_all(
                            sums, lane, n_bins, total, least, best
                        )
                    if lane >= n_lanes:
                        continue
                    if filled == 1:
                        constant[first + lane] = True
                        n_constant += 1
                        continue
                    n_varying += 1
                    if score > best:
                        best, best_column = score, lanes[lane]
                        best_bin, best_left = place, left
            wanted = 1

        # What was found constant joins the known ones; from the lowest place, that none is lost.
        for place in range(open_end, width if n_constant else open_end):
            if constant[place]:
                constant[place] = False
                columns[place], columns[known] = columns[known], columns[place]
                known += 1
        if best_column < 0:
            continue

        cut = parted(
            bins, best_column, best_bin, order, packed, start, end, spare_order, spare_packed
        )
        column_of[node] = best_column
        threshold_of[node] = best_bin
        left_of[node] = n_nodes
        for side in range(2):  # the left one is taken first
            here = n_pending + 1 - side
            pending[here, 0] = n_nodes + side
            pending[here, 1] = cut if side else start
            pending[here, 2] = end if side else cut
            pending[here, 3] = depth + 1
            pending[here, 4] = known
            pending_sums[here] = total - best_left if side else best_left
        n_pending += 2
        n_nodes += 2
    return (
        column_of[:n_nodes].copy(),
        threshold_of[:n_nodes].copy(),
        left_of[:n_nodes].copy(),
        weight_of[:n_nodes].copy(),
        fake_of[:n_nodes].copy(),
    )


@compiled
def add_by_columns(
    values: NDArray[np.float32] | NDArray[np.uint8],
    thresholds: NDArray[np.float32] | NDArray[np.uint8],
    column_of: NDArray[np.int32],
    left_of: NDArray[np.int32],
    share_of: NDArray[np.float64],
    offsets: NDArray[np.int64],
    first: int,
    last: int,
    rows: NDArray[np.int64],
    total: NDArray[np.float64],
) -> None:
    """Add the share of fake in the leaf of every row, tree by tree.

    All rows of a node are parted at once, so that a column is read from its start to its end.

    Parameters
    ----------
    values : ndarray, float32 or uint8, (P, N)
        Best with contiguous rows.
    thresholds : ndarray, dtype of values, (nodes,)
    column_of, left_of, share_of : ndarray, (nodes,)
        Of all trees, one after the other; children are counted from the first node of their tree.
    offsets : ndarray, int64, (trees + 1,)
    first, last : int
        Trees that are asked.
    rows : ndarray, int64, (n,)
        Rows that are asked.
    total : ndarray, float64, (n,)
    """
    n = len(rows)
    order = np.empty(n, dtype=np.int64)
    spare = np.empty(n, dtype=np.int64)
    pending = np.empty((n + 2, 3), dtype=np.int64)
    for tree in range(first, last):
        for i in range(n):
            order[i] = i
        offset = offsets[tree]
        pending[0, 0], pending[0, 1], pending[0, 2] = 0, 0, n
        n_pending = 1
        while n_pending:
            n_pending -= 1
            node = offset + pending[n_pending, 0]
            start, end = pending[n_pending, 1], pending[n_pending, 2]
            if left_of[node] == 0:
                for i in range(start, end):
                    total[order[i]] += share_of[node]
                continue
            column, threshold = column_of[node], thresholds[node]
            cut = start
            n_right = 0
            for i in range(start, end):
                asked = order[i]
                goes_left = values[column, rows[asked]] <= threshold
                order[cut] = asked
                spare[n_right] = asked
                cut += goes_left
                n_right += not goes_left
            for i in range(n_right):
                order[cut + i] = spare[i]
            child = np.int64(left_of[node])
            if cut < end:
                pending[n_pending, 0] = child + 1
                pending[n_pending, 1], pending[n_pending, 2] = cut, end
                n_pending += 1
            if start < cut:
                pending[n_pending, 0] = child
                pending[n_pending, 1], pending[n_pending, 2] = start, cut
                n_pending += 1


@compiled
def add_by_rows(
    values: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    column_of: NDArray[np.int32],
    left_of: NDArray[np.int32],
    share_of: NDArray[np.float64],
    offsets: NDArray[np.int64],
    first: int,
    last: int,
    total: NDArray[np.float64],
) -> None:
    """Do the same with the values of a row together, (n, P): row by row, through all trees."""
    for row in range(len(total)):
        for tree in range(first, last):
            node = offsets[tree]
            while left_of[node]:
                goes_right = values[row, column_of[node]] > thresholds[node]
                node = offsets[tree] + left_of[node] + goes_right
            total[row] += share_of[node]
