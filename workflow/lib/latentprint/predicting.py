"""Asking a model of either engine, in blocks of rows."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentprint.estimators.screening import unscreened

if TYPE_CHECKING:
    from latentprint.histograms.bins import BinnedValues

    Values = NDArray[np.float32] | BinnedValues

PREDICTION_BLOCK_VALUES = 2**24


def predict_fake(model: Any, values: "Values", *, threads: int) -> NDArray[np.float64]:
    """Give the probability of fake for every row.

    Rows are taken in blocks: a forest asked with several threads at once adds its trees in the
    order in which the threads end, so that the last digits would change from run to run.

    Parameters
    ----------
    model : estimator
        Of either engine; one of the histogram engine answers floats and bins alike.
    values : ndarray, float32, or BinnedValues, (rows, P)
    threads : int

    Returns
    -------
    ndarray, float64, (rows,)
    """
    column = fake_column(model)

    def ask(block: "Values") -> NDArray[np.float64]:
        return model.predict_proba(block)[:, column]

    return np.concatenate(list(map_blocks(model, ask, row_blocks(values), threads=threads)))


def fake_column(model: Any) -> int:
    """Give the column of a model's answers that holds the probability of fake."""
    return list(model.classes_).index("fake")


def row_blocks(values: "Values", *, together: int = 1) -> Iterator["Values"]:
    """Cut a matrix into blocks of rows; `together` rows (of one image) are never divided."""
    rows, columns = values.shape
    size = max(1, PREDICTION_BLOCK_VALUES // (columns * together)) * together
    for start in range(0, rows, size):
        if isinstance(values, np.ndarray):
            yield values[start : start + size]
        else:
            yield values.take(np.arange(start, min(start + size, rows)))


def map_blocks(
    model: Any, ask: Callable[["Values"], Any], blocks: Iterable["Values"], *, threads: int
) -> Iterator[Any]:
    """Ask about blocks of rows one after the other, or side by side where that is exact."""
    from threadpoolctl import threadpool_limits

    inner = unscreened(model)
    if hasattr(inner, "estimators_") or is_histogram(inner):
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(ask, blocks)
    else:
        with threadpool_limits(threads, "openmp"):
            yield from map(ask, blocks)


def is_histogram(model: Any) -> bool:
    """Tell whether a model is of the histogram engine, without importing that."""
    return type(model).__module__.startswith("latentprint.histograms.")
