"""Linear classifiers on standardised values.

Values are brought to mean 0 and standard deviation 1 by column, in float32 throughout: a penalty
on weights means nothing while columns have scales of their own.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

MOST_ITERATIONS = 1000  # of L-BFGS; 65,536 values of 1,200 images took 3 to 10


class RidgeScores(RidgeClassifier):
    """Ridge regression on -1 (fake) and +1 (real), as probabilities.

    The regression d estimates 2 P(real) - 1 but leaves [-1, 1]; 1 / (1 + exp(-2 d)) has the same
    value and slope at d = 0, the same order, and stays within (0, 1). It is no calibrated
    probability: `latentprint.calibration` makes one.
    """

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the columns of `classes_`, float64 (rows, 2)."""
        second = 1 / (1 + np.exp(-2 * self.decision_function(X).astype(np.float64)))
        return np.column_stack([1 - second, second])


def logistic_regression(C: float = 1.0, *, random_state: int) -> Pipeline:
    """Make a logistic regression with an L2 penalty; `C` is the inverse of its strength."""
    model = LogisticRegression(C=C, max_iter=MOST_ITERATIONS, random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def ridge(alpha: float = 1.0) -> Pipeline:
    """Make a ridge classifier; `alpha` is the strength of its L2 penalty."""
    return make_pipeline(StandardScaler(), RidgeScores(alpha=alpha))
