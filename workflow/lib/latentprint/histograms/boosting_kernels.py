"""The loops of histogram boosting, compiled by numba; none of them holds the interpreter's lock.

Gradient, hessian and count of a row share one 64-bit integer, so that one addition serves all
three: `PACKED_BLOCK` rows at most are added up in that form, then the three sums are taken apart
and added to two 64-bit sums, one of gradients, one of hessians (high) and counts (low). All sums
are whole numbers and so exact: a histogram is the same whether it was counted or is the difference
of two others, and whatever the order and the threads. Only the packing rounds, each gradient to
1 / 131,071 of the largest and each hessian to 1 / 65,535 of the largest.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

PACKED_BLOCK = 1023
GRADIENT_STEPS = 131_071  # 1,023 of them fit in 28 bits with a sign
HESSIAN_STEPS = 65_535  # 1,023 of them fit in 26 bits
GRADIENT_SHIFT = 36
HESSIAN_SHIFT = 10
COUNT_MASK = 2**HESSIAN_SHIFT - 1
HESSIAN_MASK = 2 ** (GRADIENT_SHIFT - HESSIAN_SHIFT) - 1

WIDE_SHIFT = 24  # of the hessians in the second sum; counts lie below
WIDE_MASK = 2**WIDE_SHIFT - 1
MAX_ROWS = 2**23  # so that the hessians stay below 2**63

LANES = 4  # columns that are counted side by side: one read of a row's numbers serves all
WIDTH = np.uint64(LANES)
SLACK = 1 + 1e-9  # more than rounding makes of a comparison
LEAST_HESSIAN = 1e-3  # of a child, as scikit-learn's min_hessian_to_split
TINY = 1e-15  # scikit-learn adds it to the denominator of a node's value


@njit(nogil=True, cache=True)
def gradients(
    raw: NDArray[np.float64],
    real: NDArray[np.bool_],
    gradient: NDArray[np.float32],
    hessian: NDArray[np.float32],
) -> None:
    """Give first and second derivative of the log loss, rounded to float32 as scikit-learn does.

    Parameters
    ----------
    raw : ndarray, float64, (n,)
        Log odds of "real".
    real : ndarray, bool, (n,)
    gradient, hessian : ndarray, float32, (n,)
        Written.
    """
    for i in range(len(raw)):
        y = 1.0 if real[i] else 0.0
        if raw[i] > -37.0:
            e = math.exp(-raw[i])
            gradient[i] = ((1.0 - y) - y * e) / (1.0 + e)
            hessian[i] = e / (1.0 + e) ** 2
        else:
            e = math.exp(raw[i])
            gradient[i] = e - y
            hessian[i] = e


@njit(nogil=True, cache=True)
def log_loss(raw: NDArray[np.float64], real: NDArray[np.bool_]) -> float:
    """Give the mean log loss of log odds."""
    total = 0.0
    for i in range(len(raw)):
        # log(1 + exp(raw)) without overflow
        total += max(raw[i], 0.0) + math.log1p(math.exp(-abs(raw[i])))
        if real[i]:
            total -= raw[i]
    return total / len(raw)


@njit(nogil=True, cache=True)
def pack(
    gradient: NDArray[np.float32], hessian: NDArray[np.float32], packed: NDArray[np.int64]
) -> tuple[float, float]:
    """Put gradient, hessian and a count of one into one integer for every row.

    Returns
    -------
    tuple of two floats
        What one step of the gradients and of the hessians stands for.
    """
    largest_gradient = 0.0
    largest_hessian = 0.0
    for i in range(len(gradient)):
        largest_gradient = max(largest_gradient, abs(gradient[i]))
        largest_hessian = max(largest_hessian, hessian[i])
    gradient_step = largest_gradient / GRADIENT_STEPS
    hessian_step = largest_hessian / HESSIAN_STEPS
    for i in range(len(gradient)):
        g = round(gradient[i] / gradient_step) if gradient_step > 0 else 0.0
        h = round(hessian[i] / hessian_step) if hessian_step > 0 else 0.0
        packed[i] = (np.int64(g) << GRADIENT_SHIFT) + (np.int64(h) << HESSIAN_SHIFT) + 1
    return gradient_step, hessian_step


@njit(nogil=True, cache=True)
def totals(packed: NDArray[np.int64], start: int, stop: int) -> tuple[int, int]:
    """Add up packed rows: the sum of gradients, and that of hessians and counts."""
    gradient = np.int64(0)
    rest = np.int64(0)
    for i in range(start, stop):
        v = packed[i]
        gradient += v >> GRADIENT_SHIFT
        rest += ((v >> HESSIAN_SHIFT) & HESSIAN_MASK) << WIDE_SHIFT
    return gradient, rest + (stop - start)


@njit(nogil=True, cache=True)
def partition(
    column: NDArray[np.uint8],
    split_bin: int,
    where: NDArray[np.uint32],
    packed: NDArray[np.int64],
    index: NDArray[np.uint32],
    start: int,
    stop: int,
) -> int:
    """Move the rows of a node that go left before those that go right; both keep their order.

    Parameters
    ----------
    column : ndarray, uint8
        Bins of the column of the split, of all rows.
    split_bin : int
        Bins up to this one go left.
    where, packed, index : ndarray, (n,)
        Place of each row in `column`, its packed numbers, its number in the fit; changed.
    start, stop : int
        The node's part of them.

    Returns
    -------
    int
        Where the right part starts.
    """
    kept_where = np.empty(stop - start, np.uint32)
    kept_packed = np.empty(stop - start, np.int64)
    kept_index = np.empty(stop - start, np.uint32)
    left = start
    right = 0
    for i in range(start, stop):
        if column[where[i]] <= split_bin:
            where[left], packed[left], index[left] = where[i], packed[i], index[i]
            left += 1
        else:
            kept_where[right], kept_packed[right] = where[i], packed[i]
            kept_index[right] = index[i]
            right += 1
    for i in range(right):  # assigning slices would take seconds longer to compile
        where[left + i], packed[left + i] = kept_where[i], kept_packed[i]
        index[left + i] = kept_index[i]
    return left


@njit(nogil=True, cache=True)
def node_value(
    gradient: NDArray[np.float32],
    hessian: NDArray[np.float32],
    index: NDArray[np.uint32],
    start: int,
    stop: int,
    l2: float,
) -> float:
    """Give the Newton step of a leaf, from the derivatives themselves, not from packed ones."""
    g = 0.0
    h = 0.0
    for i in range(start, stop):
        g += gradient[index[i]]
        h += hessian[index[i]]
    return -g / (h + l2 + TINY)


@njit(nogil=True, cache=True)
def _count(a, b, c, d, where, packed, narrow, gradients, rest):
    """Count rows in four columns.

    Histograms of four columns lie bin by bin, the four beside each other, so that the loops over
    them are done four numbers at a time. All are int64 (4 bins,): `gradients` and `rest` (hessians
    and counts) are written, `narrow` is scratch and zero before and after.
    """
    for start in range(0, len(where), PACKED_BLOCK):
        rows = where[start : start + PACKED_BLOCK]
        numbers = packed[start : start + PACKED_BLOCK]
        for i in range(len(rows)):
            row = rows[i]
            v = numbers[i]
            narrow[np.uint64(a[row]) * WIDTH] += v
            narrow[np.uint64(b[row]) * WIDTH + np.uint64(1)] += v
            narrow[np.uint64(c[row]) * WIDTH + np.uint64(2)] += v
            narrow[np.uint64(d[row]) * WIDTH + np.uint64(3)] += v
        if start == 0:
            for k in range(len(narrow)):
                v = narrow[k]
                narrow[k] = 0
                gradients[k] = v >> GRADIENT_SHIFT
                rest[k] = (((v >> HESSIAN_SHIFT) & HESSIAN_MASK) << WIDE_SHIFT) + (v & COUNT_MASK)
        else:
            for k in range(len(narrow)):
                v = narrow[k]
                narrow[k] = 0
                gradients[k] += v >> GRADIENT_SHIFT
                rest[k] += (((v >> HESSIAN_SHIFT) & HESSIAN_MASK) << WIDE_SHIFT) + (v & COUNT_MASK)


@njit(nogil=True, cache=True)
def _add_up(source, shift, target):
    """Add up the bins of each of four columns from the first on; give them as float64."""
    a = b = c = d = np.int64(0)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for bin_number in range(len(source) // LANES):
        k = np.uint64(bin_number) * WIDTH  # numba looks whether signed indices are negative
        a += source[k]
        b += source[k + one]
        c += source[k + two]
        d += source[k + three]
        target[k] = a >> shift
        target[k + one] = b >> shift
        target[k + two] = c >> shift
        target[k + three] = d >> shift


@njit(nogil=True, cache=True)
def _promising(gradients, hessians, gradient, hessian, l2, best):
    """Tell whether a split of four columns may score more than `best`, by products alone.

    Rounding and the limits of a leaf are left to `_best_bin`, which is asked where this says yes.
    """
    hits = 0
    for k in range(len(gradients)):
        left = gradients[k]
        right = gradient - left
        left_hessian = hessians[k] + l2
        right_hessian = hessian - left_hessian
        scaled = left * left * right_hessian + right * right * left_hessian
        hits |= scaled * SLACK > best * (left_hessian * right_hessian)
    return hits != 0


@njit(nogil=True, cache=True)
def _best_bin(histogram, lane, total, least_hessian, l2, least_rows, floor):
    """Give score and bin of the first best split of a column that scores more than `floor`.

    The score is G**2 / (H + l2) of both sides, in steps.
    """
    gradient = float(total[0])
    hessian = float(total[1] >> WIDE_SHIFT)
    rows = total[1] & WIDE_MASK
    best = floor
    best_bin = -1
    left_gradient = left_rest = np.int64(0)
    for k in range(histogram.shape[1] // LANES - 1):
        left_gradient += histogram[0, k * LANES + lane]
        left_rest += histogram[1, k * LANES + lane]
        left_rows = left_rest & WIDE_MASK
        if left_rows < least_rows:
            continue
        if rows - left_rows < least_rows:
            break
        left_hessian = float(left_rest >> WIDE_SHIFT)
        right_hessian = hessian - left_hessian
        if left_hessian < least_hessian:
            continue
        if right_hessian < least_hessian:
            break
        left = float(left_gradient)
        right = gradient - left
        score = left * left / (left_hessian + l2) + right * right / (right_hessian + l2)
        if score > best:
            best = score
            best_bin = k
    return best, best_bin


@njit(nogil=True, cache=True)
def best_splits(
    bins: NDArray[np.uint8],
    columns: NDArray[np.int64],
    groups: tuple[int, int],
    where: NDArray[np.uint32],
    packed: NDArray[np.int64],
    ranges: NDArray[np.int64],
    slots: NDArray[np.int64],
    totals: NDArray[np.int64],
    limits: tuple[int, float, float],
    stored: NDArray[np.int64],
    score: NDArray[np.float64],
    column: NDArray[np.int64],
    split_bin: NDArray[np.int64],
) -> None:
    """Find the best split of the children of several nodes, in one pass over some columns.

    Parameters
    ----------
    bins : ndarray, uint8, (P, N)
    columns : ndarray, int64, (C,)
        Columns of this tree.
    groups : tuple of two int
        First group of four columns and the one after the last.
    where, packed : ndarray, (n,)
        As for `partition`.
    ranges : ndarray, int64, (nodes, 2, 2)
        First row and the row after the last of the smaller and of the larger child.
    slots : ndarray, int64, (nodes, 3)
        Where in `stored` the histograms of the node, of its smaller and of its larger child are; -1
        for those that are not kept.
    totals : ndarray, int64, (nodes, 2, 2)
        Of each child, as the function of that name gives them.
    limits : tuple (int, float, float)
        Least rows of a leaf; least hessian and l2, in steps of the hessians.
    stored : ndarray, int64, (slots, groups, 2, 4 bins)
    score : ndarray, float64, (nodes, 2)
        What a split must exceed; replaced by what the best one reaches. +inf: this child cannot be
        split.
    column, split_bin : ndarray, int64, (nodes, 2)
        Written: place of the best split's column in `columns` and its last bin that goes left;
        unchanged where there is none.
    """
    least_rows, least_hessian, l2 = limits
    size = stored.shape[3]
    narrow = np.zeros(size, np.int64)
    both = np.empty((2, 2, size), np.int64)  # of the smaller, of the larger child
    gradients = np.empty(size)
    hessians = np.empty(size)
    for group in range(groups[0], groups[1]):
        place = group * LANES
        last = len(columns) - 1  # a lane that is left over counts the last column
        a = bins[columns[place]]
        b = bins[columns[min(place + 1, last)]]
        c = bins[columns[min(place + 2, last)]]
        d = bins[columns[min(place + 3, last)]]
        for node in range(len(ranges)):
            parent = slots[node, 0]
            wanted = score[node, 1] < np.inf
            if score[node, 0] < np.inf or (wanted and parent >= 0):
                rows = slice(ranges[node, 0, 0], ranges[node, 0, 1])
                _count(a, b, c, d, where[rows], packed[rows], narrow, both[0, 0], both[0, 1])
            if wanted and parent >= 0:
                for part in range(2):
                    kept = stored[parent, group, part]
                    small = both[0, part]
                    large = both[1, part]
                    for k in range(size):
                        large[k] = kept[k] - small[k]
            elif wanted:
                rows = slice(ranges[node, 1, 0], ranges[node, 1, 1])
                _count(a, b, c, d, where[rows], packed[rows], narrow, both[1, 0], both[1, 1])
            for child in range(2):
                best = score[node, child]
                if best == np.inf:
                    continue
                slot = slots[node, 1 + child]
                if slot >= 0:
                    for part in range(2):
                        kept = stored[slot, group, part]
                        own = both[child, part]
                        for k in range(size):
                            kept[k] = own[k]
                total = totals[node, child]
                _add_up(both[child, 0], 0, gradients)
                _add_up(both[child, 1], WIDE_SHIFT, hessians)
                hessian = float(total[1] >> WIDE_SHIFT) + 2 * l2
                if not _promising(gradients, hessians, float(total[0]), hessian, l2, best):
                    continue
                for lane in range(min(LANES, len(columns) - place)):
                    best, best_bin = _best_bin(
                        both[child], lane, total, least_hessian, l2, least_rows, best
                    )
                    if best_bin >= 0:
                        score[node, child] = best
                        column[node, child] = place + lane
                        split_bin[node, child] = best_bin


@njit(nogil=True, cache=True)
def add_from_bins(
    bins: NDArray[np.uint8],
    where: NDArray[np.uint32],
    feature: NDArray[np.int32],
    split_bin: NDArray[np.uint8],
    children: NDArray[np.int32],
    value: NDArray[np.float64],
    root: int,
    raw: NDArray[np.float64],
) -> None:
    """Add what a tree says of rows of bins to their log odds.

    Parameters
    ----------
    bins : ndarray, uint8, (P, N)
    where : ndarray, uint32, (n,)
        The rows.
    feature, split_bin, value : ndarray, (nodes,)
        Of all trees; a leaf has feature -1.
    children : ndarray, int32, (nodes, 2)
        Left and right, counted from the start of all trees.
    root : int
        First node of the tree.
    raw : ndarray, float64, (n,)
        Changed.
    """
    for i in range(len(where)):
        node = root
        while feature[node] >= 0:
            right = bins[feature[node], where[i]] > split_bin[node]
            node = children[node, 1 if right else 0]
        raw[i] += value[node]


@njit(nogil=True, cache=True)
def add_from_values(
    values: NDArray[np.float32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    children: NDArray[np.int32],
    value: NDArray[np.float64],
    root: int,
    raw: NDArray[np.float64],
) -> None:
    """Add what a tree says of rows of values, float32, (n, P), to their log odds."""
    for i in range(len(values)):
        node = root
        while feature[node] >= 0:
            left = values[i, feature[node]] <= threshold[node]
            node = children[node, 0 if left else 1]
        raw[i] += value[node]
