"""Measures of predictions: from a cell's predictions file to one row of scores.

The formulas are written here because 48 processes of a run need them: importing scikit-learn's
metrics costs 2.1 CPU seconds each and scipy.stats 1.4, numpy 0.2. The tests compare each with
scikit-learn or scipy. Positive is fake.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.predictions import Predictions
from latentprint.protocol import scored_by
from latentprint.tuning import Best

Z_95 = 1.959963984540054  # 97.5 % point of the normal distribution
CALIBRATION_BINS = 10
FACTORS = ("bpp", "latent", "component", "feature", "classifier")


def measure(predictions: Predictions, *, unit: str = "image") -> dict[str, Any]:
    """Give all measures of one cell.

    Parameters
    ----------
    predictions : Predictions
    unit : {"image", "patch"}
        What the counts and the accuracies made of them count. Ranking, calibration and `n_test`
        are of images either way.

    Returns
    -------
    dict
        `accuracy`, `accuracy_low`, `accuracy_high` (95 %: Wilson for images, `clustered_interval`
        for patches), `n_test`, `balanced_accuracy`, `auc`, `average_precision`, `ece`, the counts
        `fake_fake`, `fake_real`, `real_fake`, `real_real` (true_predicted), `patch_accuracy` (None
        where a row is an image) and `ties`. What is undefined with one class only is None.
    """
    fake = predictions.fake
    if unit == "patch":
        called_fake, asked = predictions.votes, predictions.n_patches
    else:
        called_fake, asked = predictions.predicted.astype(np.int64), np.ones(len(fake), np.int64)
    counts = {
        f"{true}_{called}": int(number[chosen].sum())
        for true, chosen in (("fake", fake), ("real", ~fake))
        for called, number in (("fake", called_fake), ("real", asked - called_fake))
    }
    n_test, total = len(fake), int(asked.sum())
    correct = counts["fake_fake"] + counts["real_real"]
    if unit == "patch":
        low, high = clustered_interval(np.where(fake, called_fake, asked - called_fake) / asked)
    else:
        low, high = wilson_interval(correct, n_test)
    n_fake = counts["fake_fake"] + counts["fake_real"]
    both = 0 < n_fake < total
    balanced = (
        0.5 * (counts["fake_fake"] / n_fake + counts["real_real"] / (total - n_fake))
        if both
        else None
    )
    return {
        "accuracy": correct / total,
        "accuracy_low": low,
        "accuracy_high": high,
        "n_test": n_test,
        "balanced_accuracy": balanced,
        "auc": area_under_roc(fake, predictions.score) if both else None,
        "average_precision": average_precision(fake, predictions.score) if both else None,
        "ece": expected_calibration_error(fake, predictions.score),
        **counts,
        "patch_accuracy": patch_accuracy(predictions),
        "ties": count_ties(predictions),
    }


def cell_scores(
    predictions: Predictions,
    *,
    best: Best,
    fit: Mapping[str, Any],
    sidecar: Mapping[str, Any],
    cell: str,
    run: str,
    images: str,
    weights: str | None = None,
    valid: Predictions | None = None,
    seeds: Sequence[Predictions] = (),
) -> dict[str, Any]:
    """Give everything that `scores.tsv` says about one cell and that needs no other cell.

    Parameters
    ----------
    predictions : Predictions
    best : Best
    fit : mapping
        Content of ``fit.yaml``; the point is the first part of its `cell`.
    sidecar : mapping
        Description of the test images' latent store at this cell's level.
    cell : str
        "bpp-<bpp>/<latent>/<component>/<feature>/<classifier>".
    run : str
    images : str
        Source of the images in a few words.
    weights : str, optional
        Source of the weights; by default what the store says.
    valid : Predictions, optional
        Of the second test split.
    seeds : sequence of Predictions
        Of the test images, by fits with other random numbers.

    Returns
    -------
    dict
        Keys are columns of `scores.tsv`; None where a value is unknown.
    """
    factors = dict(zip(FACTORS, cell.removeprefix("bpp-").split("/"), strict=True))
    unit = scored_by(fit["protocol"], feature=factors["feature"], classifier=factors["classifier"])
    attributes, summary = sidecar["attributes"], sidecar["summary"]
    return {
        **factors,
        **measure(predictions, unit=unit),
        **_second_test(valid),
        **_over_seeds([predictions, *seeds]),
        "n_train": fit["n_images"],
        "n_rows": fit["n_rows"],
        "n_values": fit["n_values"],
        "cv_accuracy": best.cv_accuracy,
        "engine": fit["engine"]["name"],
        "parameters": fit["parameters"],
        "n_iterations": fit.get("n_iterations"),
        "tuning": best.source,
        "study": best.study,
        "run": run,
        "images": images,
        "weights": weights or attributes.get("weights"),
        "operating_point": attributes.get("operating_point"),
        "tools": attributes.get("tools"),
        "model": ",".join(summary.get("model", {})) or None,
        "beta": _span_text(summary.get("beta")),
        "bpp_reached": summary.get("bpp", {}).get("mean"),
        "point": fit["cell"].split("/")[0],
        "protocol": fit["protocol"],
        "scored_by": unit,
        "oob_accuracy": fit["oob_accuracy"],
    }


def _second_test(valid: Predictions | None) -> dict[str, Any]:
    """Give number, accuracy and interval of the second test split; None without one."""
    names = ("accuracy_valid", "accuracy_valid_low", "accuracy_valid_high")
    if valid is None:
        return {"n_valid": None} | dict.fromkeys(names)
    n, correct = len(valid.ids), int((valid.predicted == valid.fake).sum())
    return {"n_valid": n} | dict(
        zip(names, (correct / n, *wilson_interval(correct, n)), strict=True)
    )


def _over_seeds(fits: Sequence[Predictions]) -> dict[str, Any]:
    """Give mean and standard deviation (over n - 1) of the accuracy; None of one fit alone."""
    accuracies = [float((fit.predicted == fit.fake).mean()) for fit in fits]
    several = len(fits) > 1
    return {
        "n_seeds": len(fits),
        "accuracy_mean": float(np.mean(accuracies)) if several else None,
        "accuracy_sd": float(np.std(accuracies, ddof=1)) if several else None,
    }


def _span_text(spans: Mapping[str, Sequence[int]] | None) -> str | None:
    """Write the displacements of luma and chroma: "0,0", or "-8..4,-8..4" where images differ."""
    if spans is None:
        return None
    return ",".join(
        str(low) if low == high else f"{low}..{high}"
        for low, high in (spans["luma"], spans["chroma"])
    )


def wilson_interval(correct: float, n: int, *, z: float = Z_95) -> tuple[float, float]:
    """Give the Wilson score interval of a share, without continuity correction.

    The shares p with |correct / n - p| <= z sqrt(p (1 - p) / n).

    Parameters
    ----------
    correct : float
        Right ones, from 0 to `n`; a whole number unless it comes from `clustered_interval`.
    n : int
        Positive.
    z : float
        Point of the normal distribution; 1.96 for 95 %.

    Returns
    -------
    low, high : float, 0 to 1
    """
    share = correct / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if correct == 0 else (centre - half) / scale
    high = 1.0 if correct == n else (centre + half) / scale
    return low, high


def clustered_interval(shares: NDArray[np.float64], *, z: float = Z_95) -> tuple[float, float]:
    """Give the interval of a mean over images, each of which has a share of its own.

    The patches of one image hang together, so that they are no independent trials: images are, and
    their spread tells how sure the mean is (normal approximation: mean +- z s / sqrt(n)).

    Parameters
    ----------
    shares : ndarray, float64, (N,), 0 to 1
        Share of each image's patches that was called right.
    z : float

    Returns
    -------
    low, high : float, 0 to 1
        Wilson's for N images where all shares are equal, which leaves no spread to tell from.
    """
    n, mean = len(shares), float(shares.mean())
    if n < 2 or np.ptp(shares) == 0:
        return wilson_interval(mean * n, n, z=z)
    half = z * float(shares.std(ddof=1)) / math.sqrt(n)
    return max(0.0, mean - half), min(1.0, mean + half)


def area_under_roc(fake: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Give the share of pairs (fake, real) in which the fake scores higher; ties count half.

    From mean ranks: (sum of the ranks of the fakes - n_fake (n_fake + 1) / 2) / (n_fake n_real).
    """
    _, which, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    n_fake = int(np.count_nonzero(fake))
    rank_sum = float(mean_ranks[which][fake].sum())
    return (rank_sum - n_fake * (n_fake + 1) / 2) / (n_fake * (len(fake) - n_fake))


def average_precision(fake: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Give the sum over thresholds of precision times the gain in recall, without interpolation."""
    _, which = np.unique(-score, return_inverse=True)
    hits = np.bincount(which, weights=fake)
    precision = np.cumsum(hits) / np.cumsum(np.bincount(which))
    return float((precision * hits).sum() / hits.sum())


def expected_calibration_error(fake: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Give how far scores are from the share of fakes, on average.

    Scores are divided into 10 bins of equal width, [0, 0.1) to [0.9, 1]; the result is the sum over
    bins of (n_bin / n) |share of fakes in the bin - mean score in the bin|.

    Parameters
    ----------
    fake : ndarray, bool, (N,)
    score : ndarray, float64, (N,), 0 to 1

    Returns
    -------
    float, 0 to 1
    """
    index = np.minimum((score * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    difference = np.bincount(index, weights=fake - score, minlength=CALIBRATION_BINS)
    return float(np.abs(difference).sum() / len(score))


def patch_accuracy(predictions: Predictions) -> float | None:
    """Give the share of single patches that were called right; None where a row is an image."""
    if not (predictions.n_patches > 1).any():
        return None
    right = np.where(predictions.fake, predictions.votes, predictions.n_patches - predictions.votes)
    return float(right.sum() / predictions.n_patches.sum())


def count_ties(predictions: Predictions) -> int:
    """Count the images whose patches were divided into equal halves."""
    return int(np.count_nonzero(2 * predictions.votes == predictions.n_patches))


def mcnemar(best: NDArray[np.bool_], cell: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Compare two classifiers on the same images by the exact McNemar test.

    Under the hypothesis of equal accuracy, each image that only one of them gets right is equally
    likely to be won by either: a two-sided binomial test with p = 1/2, computed in integers.

    Parameters
    ----------
    best, cell : ndarray, bool, (N,)
        Whether each image was called right.

    Returns
    -------
    best_only, cell_only : int
        Images that only one gets right.
    p : float, 0 to 1
    """
    best_only = int(np.count_nonzero(best & ~cell))
    cell_only = int(np.count_nonzero(cell & ~best))
    n = best_only + cell_only
    ways = tail = 1  # to choose k of n, from k = 0
    for k in range(min(best_only, cell_only)):
        ways = ways * (n - k) // (k + 1)
        tail += ways
    return best_only, cell_only, min(1.0, 2 * tail / 2**n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number by Holm's step-down method.

    Parameters
    ----------
    p_values : sequence of float, 0 to 1

    Returns
    -------
    list of float, 0 to 1
        In the order of the input: the running maximum of (m - i) p over the p sorted upwards.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
