"""Accuracy with an eighth, a quarter, half and all of the training images, and what that suggests.

The subsets of one repetition are nested and balanced; repetitions differ in the subset and in the
random numbers of the fit. Hyperparameters are those that were found with all images.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.judging import nested_order, subset
from latentprint.seeds import rng

SHARES = (0.125, 0.25, 0.5, 1.0)
AHEAD = (30_000, 100_000)  # training images: of the thesis, and of the whole Kaggle set
RESAMPLES = 1000
LEAST_ERROR = 0.5  # of an image, where no test image was called wrong


def subsets(
    fake_images: NDArray[np.bool_], shares: Sequence[float], *, seed: int, repetition: int
) -> list[NDArray[np.bool_]]:
    """Choose nested, balanced subsets of images.

    Parameters
    ----------
    fake_images : ndarray, bool, (N,)
    shares : sequence of float, 0 to 1
    seed : int
        The run's seed.
    repetition : int

    Returns
    -------
    list of ndarray, bool, (N,)
        Of each share: so many of each class, at least two.
    """
    every = np.ones(len(fake_images), dtype=bool)
    orders = nested_order(fake_images, every, rng(seed, "learning curve", str(repetition)))
    return [subset(orders, share, len(fake_images)) for share in shares]


def power_law(images: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Fit error = a n^-b by least squares in the logarithms; give a and b.

    Four points do not tell whether the error ends at a floor above 0: the law has none.
    """
    slope, intercept = np.polyfit(np.log(images), np.log(errors), 1)
    return float(np.exp(intercept)), float(-slope)


def extrapolate(
    points: Mapping[int, NDArray[np.bool_]], *, seed: int, ahead: Sequence[int] = AHEAD
) -> list[dict[str, Any]]:
    """Say what a power law through the measured errors gives for more images.

    Parameters
    ----------
    points : mapping of int to ndarray, bool, (repetitions, test images)
        Training images, and whether each test image was called right.
    seed : int
    ahead : sequence of int
        Training images to extrapolate to.

    Returns
    -------
    list of dict
        `n_train`, `accuracy`, `accuracy_low`, `accuracy_high`. The interval (95 %, bootstrap over
        test images, the repetitions of each drawn with it) holds the chance of the test alone: not
        that the law might be another.
    """
    counts = list(points)
    right = [points[count].mean(axis=0) for count in counts]  # (test images,)
    n = len(right[0])
    generator = rng(seed, "learning curve", "bootstrap")
    draws = [np.arange(n), *(generator.integers(n, size=n) for _ in range(RESAMPLES))]
    found = np.empty((len(draws), len(ahead)))
    for index, drawn in enumerate(draws):
        errors = [max(1 - image[drawn].mean(), LEAST_ERROR / n) for image in right]
        factor, exponent = power_law(counts, errors)
        found[index] = 1 - factor * np.array(ahead, dtype=float) ** -exponent
    found = np.clip(found, 0, 1)
    low, high = np.quantile(found[1:], [0.025, 0.975], axis=0)
    return [
        {
            "n_train": count,
            "accuracy": float(found[0, index]),
            "accuracy_low": float(low[index]),
            "accuracy_high": float(high[index]),
        }
        for index, count in enumerate(ahead)
    ]


def mean_interval(right: NDArray[np.bool_], *, seed: int) -> tuple[float, float, float]:
    """Give the mean accuracy of repetitions and its interval over test images.

    Parameters
    ----------
    right : ndarray, bool, (repetitions, test images)
    seed : int

    Returns
    -------
    mean, low, high : float, 0 to 1
        95 %, percentile bootstrap over images; the repetitions hang together on an image.
    """
    image = right.mean(axis=0)
    generator = rng(seed, "learning curve", "interval")
    means = image[generator.integers(len(image), size=(RESAMPLES, len(image)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(image.mean()), float(low), float(high)
