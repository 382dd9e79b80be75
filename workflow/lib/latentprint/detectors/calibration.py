"""From scores to probabilities that hold, and thresholds of stated false-alarm rates.

A score is made a probability by one of two maps that never turn the order round: Platt's, a
logistic regression on the score's log odds (two numbers), or isotonic regression (steps). They are
fitted to scores of training images that the model did not see, and which of them is taken is
decided by their log loss on folds of these images. Positive is fake: a false alarm is a real image
called fake.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.evaluate import (
    CALIBRATION_BINS,
    area_under_roc,
    expected_calibration_error,
    wilson_interval,
)
from latentprint.files import write_json

ALARM_RATES = (0.01, 0.05, 0.10)
METHODS = ("platt", "isotonic")
LIMIT = 1e-6  # scores of 0 and 1 have no log odds

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """A map from scores to probabilities of fake.

    Attributes
    ----------
    method : {"platt", "isotonic"}
    slope, intercept : float or None
        Of Platt: p = 1 / (1 + exp(-(slope logit(score) + intercept))).
    scores, probabilities : tuple of float
        Of isotonic: corners, linear between them, constant outside.
    """

    method: str
    slope: float | None = None
    intercept: float | None = None
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __call__(self, score: Scores) -> Scores:
        """Give the probability of fake for scores, float64 (N,), within (0, 1)."""
        if self.method == "platt":
            return 1 / (1 + np.exp(-(self.slope * log_odds(score) + self.intercept)))
        return np.interp(score, self.scores, self.probabilities)


def log_odds(score: Scores) -> Scores:
    """Give log(s / (1 - s)), of scores kept 1e-6 from 0 and 1."""
    kept = np.clip(score, LIMIT, 1 - LIMIT)
    return np.log(kept) - np.log1p(-kept)


def fit_calibration(method: str, score: Scores, fake: Truth) -> Calibration:
    """Fit one of the two maps.

    Parameters
    ----------
    method : {"platt", "isotonic"}
    score : ndarray, float64, (N,), 0 to 1
    fake : ndarray, bool, (N,)
        Both classes.

    Returns
    -------
    Calibration
        A probability never is 0 or 1: no N images can show that. Isotonic stays 1 / (N + 2) away.
    """
    if method == "platt":
        from sklearn.linear_model import LogisticRegression

        # Without penalty; scores that do not tell the classes apart give a slope near 0.
        model = LogisticRegression(C=np.inf).fit(log_odds(score)[:, None], fake)
        slope = max(0.0, float(model.coef_[0, 0]))
        intercept = float(model.intercept_[0]) if slope else _prior(fake)
        return Calibration("platt", slope, intercept)
    from sklearn.isotonic import IsotonicRegression

    least = 1 / (len(score) + 2)
    model = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(score, fake)
    return Calibration(
        "isotonic",
        scores=tuple(model.X_thresholds_.tolist()),
        probabilities=tuple(model.y_thresholds_.tolist()),
    )


def _prior(fake: Truth) -> float:
    share = float(np.clip(fake.mean(), LIMIT, 1 - LIMIT))
    return math.log(share / (1 - share))


def cross_fitted(
    method: str, score: Scores, fake: Truth, folds: Sequence[NDArray[np.bool_]]
) -> Scores:
    """Give each image the probability by the map that the images of the other folds make."""
    found = np.empty(len(score))
    for fold in folds:
        found[fold] = fit_calibration(method, score[~fold], fake[~fold])(score[fold])
    return found


def log_loss(probability: Scores, fake: Truth) -> float:
    """Give the mean of -log of the probability of what is true."""
    kept = np.clip(np.where(fake, probability, 1 - probability), LIMIT, 1)
    return float(-np.log(kept).mean())


def choose_method(score: Scores, fake: Truth, folds: Sequence[NDArray[np.bool_]]) -> str:
    """Choose the map with the lower log loss on images that it was not fitted to."""
    losses = {m: log_loss(cross_fitted(m, score, fake, folds), fake) for m in METHODS}
    return min(METHODS, key=lambda method: losses[method])


def threshold_at(score: Scores, fake: Truth, rate: float) -> float | None:
    """Give the lowest score from which images may be called fake at a false-alarm rate.

    Parameters
    ----------
    score, fake
        Of images that the model did not see.
    rate : float, 0 to 1
        Share of real images called fake, at most.

    Returns
    -------
    float or None
        Images with a score above it are called fake. None where there are too few real images for
        the rate to be told from none (fewer than 1 / rate).
    """
    real = np.sort(score[~fake])[::-1]
    if len(real) < 1 / rate:
        return None
    return float(real[math.floor(rate * len(real))])


def reliability(probability: Scores, fake: Truth) -> list[dict[str, Any]]:
    """Give what a reliability diagram shows: bins of equal width, those that hold an image.

    Returns
    -------
    list of dict
        `low`, `high`, `n`, `mean` (probability), `fakes` (their share) and its Wilson interval.
    """
    index = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    rows = []
    for bin_ in np.unique(index).tolist():
        inside = index == bin_
        n, n_fake = int(inside.sum()), int(fake[inside].sum())
        low, high = wilson_interval(n_fake, n)
        rows.append(
            {
                "low": bin_ / CALIBRATION_BINS,
                "high": (bin_ + 1) / CALIBRATION_BINS,
                "n": n,
                "mean": float(probability[inside].mean()),
                "fakes": n_fake / n,
                "fakes_low": low,
                "fakes_high": high,
            }
        )
    return rows


def rates(score: Scores, fake: Truth, threshold: float) -> dict[str, Any]:
    """Give the shares of real and of fake images above a threshold, with Wilson intervals."""
    found: dict[str, Any] = {}
    for name, images in (("false_alarm", ~fake), ("detection", fake)):
        n, above = int(images.sum()), int((score[images] > threshold).sum())
        low, high = wilson_interval(above, n) if n else (None, None)
        found |= {name: above / n if n else None, f"{name}_low": low, f"{name}_high": high}
    return found


def describe(
    score: Scores,
    fake: Truth,
    folds: Sequence[NDArray[np.bool_]],
    test_score: Scores,
    test_fake: Truth,
) -> dict[str, Any]:
    """Calibrate a detector and measure on the test images how far that holds.

    Parameters
    ----------
    score, fake
        Of the training images, by models that did not see them.
    folds : sequence of ndarray, bool, (N,)
        Of the training images, for the choice of the map.
    test_score, test_fake
        Of the test images, by the model of the cell.

    Returns
    -------
    dict
        What ``calibration.json`` says: `calibration`; `thresholds` with rates on held-out training
        and on test images; of both `training` and `test` accuracy at probability 0.5, AUC, log
        loss and expected calibration error before and after, and the bins of the reliability
        diagram.
    """
    method = choose_method(score, fake, folds)
    calibration = fit_calibration(method, score, fake)
    fitted = {m: cross_fitted(m, score, fake, folds) for m in METHODS}
    thresholds = []
    for rate in ALARM_RATES:
        threshold = threshold_at(score, fake, rate)
        row = {"rate": rate, "threshold": threshold}
        if threshold is not None:
            row |= {
                "probability": float(calibration(np.array([threshold]))[0]),
                "training": rates(score, fake, threshold),
                "test": rates(test_score, test_fake, threshold),
            }
        thresholds.append(row)
    return {
        "calibration": asdict(calibration),
        "log_loss_of_methods": {m: log_loss(fitted[m], fake) for m in METHODS},
        "thresholds": thresholds,
        "training": _measured(score, fitted[method], fake),
        "test": _measured(test_score, calibration(test_score), test_fake),
    }


def _measured(score: Scores, probability: Scores, fake: Truth) -> dict[str, Any]:
    correct, n = int(((probability >= 0.5) == fake).sum()), len(fake)
    low, high = wilson_interval(correct, n)
    return {
        "n": n,
        "accuracy": correct / n,
        "accuracy_low": low,
        "accuracy_high": high,
        "auc": area_under_roc(fake, score),
        "ece_before": expected_calibration_error(fake, score),
        "ece_after": expected_calibration_error(fake, probability),
        "log_loss_before": log_loss(score, fake),
        "log_loss_after": log_loss(probability, fake),
        "bins_before": reliability(score, fake),
        "bins_after": reliability(probability, fake),
    }


def write_calibration(path: Path, described: Mapping[str, Any]) -> None:
    """Write what `describe` gives."""
    write_json(path, described)


def read_calibration(path: Path) -> tuple[Calibration, dict[str, Any]]:
    """Read a calibration and everything that is said of it.

    Raises
    ------
    UserError
        If the file is missing or is none.
    """
    try:
        described = json.loads(Path(path).read_text(encoding="utf-8"))
        stated = described["calibration"]
        corners = {name: tuple(stated[name]) for name in ("scores", "probabilities")}
        calibration = Calibration(**(stated | corners))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected a calibration. Delete it and run "
            "snakemake again."
        ) from error
    return calibration, described
