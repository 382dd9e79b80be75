"""A support vector machine with a Gaussian kernel on whole latents.

k(a, b) = exp(-gamma |a - b|^2 / m) on values that are standardised by column; m is the median of
|a - b|^2 over all pairs of training rows, so that gamma means the same whatever the number of
values. The kernel is one product of matrices instead of the pairwise distances that scikit-learn's
solver would compute: 1,200 rows of 65,536 values take 5 seconds instead of minutes.
"""

import numpy as np
from numpy.typing import NDArray

from latentprint.estimators.standardising import (
    Scale,
    Values,
    as_they_are,
    column_statistics,
    standardised,
)

# What is standardised: values span orders of magnitude at high rates, and so do their magnitudes.
SCALES: dict[str, Scale] = {
    "linear": as_they_are,
    "signed_log": lambda values: np.copysign(np.log1p(np.abs(values)), values),
    "log_magnitude": lambda values: np.log1p(np.abs(values)),
}


class KernelMachine:
    """A support vector machine, Gaussian kernel.

    Parameters
    ----------
    C : float, positive
        Penalty of training rows on the wrong side.
    gamma : float, positive
        Width of the kernel, see above.
    scale : {"linear", "signed_log", "log_magnitude"}
        The values themselves, sign(v) log(1 + |v|), or log(1 + |v|).

    Attributes
    ----------
    classes_ : ndarray of str, (2,)
    mean_, factor_ : ndarray, float32, (P,)
        Of the scaled training values; the factor is 1 / standard deviation, 0 for a constant.
    support_ : ndarray, float32, (s, P)
        Standardised training rows that carry weight.
    weights_ : ndarray, float64, (s,)
    intercept_, median_ : float
    """

    def __init__(self, C: float = 1.0, gamma: float = 1.0, scale: str = "linear") -> None:
        self.C = C
        self.gamma = gamma
        self.scale = scale

    def fit(self, values: Values, labels: NDArray[np.str_]) -> "KernelMachine":
        """Fit to float32 (rows, P) and the label of each row."""
        from sklearn.svm import SVC

        scale = SCALES[self.scale]
        self.mean_, self.factor_ = column_statistics(values, scale)
        rows = standardised(values, self.mean_, self.factor_, scale)
        norms = _norms(rows)
        squared = _squared_distances(rows, norms, rows, norms)
        self.median_ = float(np.median(squared[np.triu_indices(len(rows), 1)])) or 1.0
        solver = SVC(C=self.C, kernel="precomputed")
        solver.fit(self._kernel(squared), labels)
        self.classes_ = solver.classes_
        self.support_ = rows[solver.support_]
        self.weights_ = solver.dual_coef_[0].copy()
        self.intercept_ = float(solver.intercept_[0])
        return self

    def predict_proba(self, values: Values) -> NDArray[np.float64]:
        """Give the columns of `classes_`, float64 (rows, 2): 1 / (1 + exp(-2 f)) for margins f.

        No calibrated probability; `latentprint.calibration` makes one.
        """
        second = 1 / (1 + np.exp(-2 * self.decision_function(values)))
        return np.column_stack([1 - second, second])

    def decision_function(self, values: Values) -> NDArray[np.float64]:
        """Give the signed margin of each row, positive for the second class, float64 (rows,)."""
        rows = standardised(values, self.mean_, self.factor_, SCALES[self.scale])
        squared = _squared_distances(rows, _norms(rows), self.support_, _norms(self.support_))
        return self._kernel(squared) @ self.weights_ + self.intercept_

    def _kernel(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn squared distances into the kernel, in place."""
        squared *= -self.gamma / self.median_
        return np.exp(squared, out=squared)


def _norms(rows: Values) -> NDArray[np.float64]:
    return np.array([np.dot(row, row) for row in rows], dtype=np.float64)


def _squared_distances(
    first: Values,
    first_norms: NDArray[np.float64],
    second: Values,
    second_norms: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give |a - b|^2 of all pairs, float64 (len(first), len(second))."""
    products: NDArray[np.float64] = (first @ second.T).astype(np.float64)
    products *= -2
    products += first_norms[:, None]
    products += second_norms
    return np.maximum(products, 0, out=products)
