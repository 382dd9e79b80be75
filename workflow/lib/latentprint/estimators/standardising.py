"""Columns brought to mean 0 and standard deviation 1, without a float64 copy of the matrix."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Scale = Callable[[Values], Values]

BLOCK_VALUES = 2**22  # 16 MiB of float32: what is looked at together


def as_they_are(values: Values) -> Values:
    """Give the values themselves."""
    return values


def column_statistics(values: Values, scale: Scale = as_they_are) -> tuple[Values, Values]:
    """Give mean and 1 / standard deviation of every column.

    Parameters
    ----------
    values : ndarray, float32, (rows, P)
    scale : callable (values) -> values
        Applied first.

    Returns
    -------
    mean, factor : ndarray, float32, (P,)
        From sums in float64; the factor of a constant column is 0.
    """
    rows, columns = values.shape
    mean, spread = np.empty(columns), np.empty(columns)
    size = max(1, BLOCK_VALUES // rows)
    for start in range(0, columns, size):
        here = slice(start, start + size)
        block = scale(values[:, here]).astype(np.float64)
        mean[here], spread[here] = block.mean(axis=0), block.std(axis=0)
    factor = np.divide(1, spread, out=np.zeros(columns), where=spread > 0)
    return mean.astype(np.float32), factor.astype(np.float32)


def standardised(
    values: Values, mean: Values, factor: Values, scale: Scale = as_they_are
) -> Values:
    """Scale and standardise rows, block by block into C-contiguous float32 (rows, P)."""
    result = np.empty(values.shape, dtype=np.float32)
    size = max(1, BLOCK_VALUES // max(1, len(values)))
    for start in range(0, values.shape[1], size):
        here = slice(start, start + size)
        result[:, here] = (scale(values[:, here]) - mean[here]) * factor[here]
    return result
