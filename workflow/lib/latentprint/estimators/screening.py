"""Screening: the k columns that tell the classes apart best, found on the rows of a fit alone.

By the F of a one-way analysis of variance. A fold of a cross-validation screens its own training
rows, so that the rows it is tested on have no part in the choice.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCREENED = "k"  # the hyperparameter that asks for it
BLOCK_VALUES = 2**22  # 16 MiB of float32: what is looked at together


def anova_f(values: Any, labels: NDArray[np.str_]) -> NDArray[np.float64]:
    """Give the F statistic of every column.

    Parameters
    ----------
    values : ndarray, float32, (rows, P), or BinnedValues
        Of bins the numbers count as values.
    labels : ndarray of str, (rows,)

    Returns
    -------
    ndarray, float64, (P,)
        0 where a column is constant.
    """
    from sklearn.feature_selection import f_classif

    rows, columns = values.shape
    found = np.empty(columns)
    size = max(1, BLOCK_VALUES // rows)
    for start in range(0, columns, size):
        block = some_columns(values, np.arange(start, min(start + size, columns)), plain=True)
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of constant columns: F is 0 here
            found[start : start + size], _ = f_classif(block.astype(np.float64), labels)
    return np.nan_to_num(found, nan=0.0, posinf=np.finfo(np.float64).max)


def best_columns(values: Any, labels: NDArray[np.str_], k: int) -> NDArray[np.int64]:
    """Give the k columns of largest F, in rising order; all where there are no more than k."""
    found = anova_f(values, labels)
    return np.sort(np.argsort(-found, kind="stable")[:k])


def some_columns(values: Any, columns: NDArray[np.int64], *, plain: bool = False) -> Any:
    """Choose columns of a matrix or of bins; `plain` gives the numbers of bins as an array."""
    if isinstance(values, np.ndarray):
        return values.T[columns].T
    if plain:
        return values.bins[columns][:, values.row_numbers()].T
    return type(values)(values.bins[columns], values.edges[columns], values.rows)


class Screened:
    """A fitted model that sees some columns of what it is asked about.

    Attributes
    ----------
    columns : ndarray, int64, (k,)
    model : estimator
    """

    def __init__(self, columns: NDArray[np.int64], model: Any) -> None:
        self.columns = columns
        self.model = model

    @property
    def classes_(self) -> NDArray[np.str_]:
        """Classes in the order of the columns of `predict_proba`."""
        return self.model.classes_

    def predict_proba(self, values: Any) -> NDArray[np.float64]:
        """Ask the model about its columns, (rows, 2)."""
        return self.model.predict_proba(some_columns(values, self.columns))


def unscreened(model: Any) -> Any:
    """Give the model that a screened one asks, or the model itself."""
    return model.model if isinstance(model, Screened) else model
