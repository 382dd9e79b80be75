"""Bjontegaard's rate difference of two curves, with an interval over photographs.

Mean difference of the logarithm of the rate at equal quality, between the qualities that both
curves reach; curves interpolated by monotone cubics (PCHIP), as ITU-T and MPEG use them now, since
the cubic of the original report overshoots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.stats import bootstrap

from latentprint.rate_distortion.curve import Point, mean, of_photograph, photographs

LEAST_POINTS = 4  # of a curve, for a cubic
RESAMPLES = 9_999


@dataclass(frozen=True)
class RateDifference:
    """How much more rate a codec needs than another at equal quality.

    Attributes
    ----------
    of_means : float
        Of the curves averaged over photographs, percent; negative = fewer bits.
    typical, low, high : float
        Mean of the photographs' own differences and its 95 % interval, percent; NaN for fewer than
        two photographs.
    from_psnr, to_psnr : float
        Qualities that both averaged curves reach, decibels.
    photographs : int
        Number that the interval rests on: those whose curves overlap.
    """

    of_means: float
    typical: float
    low: float
    high: float
    from_psnr: float
    to_psnr: float
    photographs: int


def rate_difference(
    curve: NDArray[np.float64], anchor: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Compare two curves.

    Parameters
    ----------
    curve, anchor : ndarray, float64, (points, 2)
        Bits per pixel and decibels; at least four points each, none of which another one beats.

    Returns
    -------
    difference : float
        Percent of the anchor's rate; NaN if the curves share no quality or are too short.
    low, high : float
        Qualities compared, decibels.
    """
    logs = []
    for values in (curve, anchor):
        ordered = _rising(values)
        if len(ordered) < LEAST_POINTS:
            return np.nan, np.nan, np.nan
        logs.append((ordered[:, 1], np.log(ordered[:, 0])))
    low = max(psnr[0] for psnr, _ in logs)
    high = min(psnr[-1] for psnr, _ in logs)
    if low >= high:
        return np.nan, np.nan, np.nan
    areas = [PchipInterpolator(psnr, log).integrate(low, high) for psnr, log in logs]
    return float(np.expm1((areas[0] - areas[1]) / (high - low)) * 100), float(low), float(high)


def _rising(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sort by rate and leave out points whose quality does not rise."""
    kept: list[NDArray[np.float64]] = []
    for value in values[values[:, 0].argsort()]:
        if not kept or value[1] > kept[-1][1]:
            kept.append(value)
    return np.array(kept)


def compare(points: Sequence[Point], codec: str, anchor: str, *, seed: int) -> RateDifference:
    """Compare two codecs on the same photographs.

    Parameters
    ----------
    points : sequence of Point
    codec, anchor : str
        Names in the points.
    seed : int
        Of the resampling of photographs (bias-corrected and accelerated bootstrap).

    Returns
    -------
    RateDifference
    """
    (settings, curve), (anchor_settings, anchor_curve) = (
        mean(points, name) for name in (codec, anchor)
    )
    of_means, low, high = rate_difference(curve, anchor_curve)
    single = np.array(
        [
            rate_difference(
                of_photograph(points, codec, name, settings),
                of_photograph(points, anchor, name, anchor_settings),
            )[0]
            for name in photographs(points)
        ]
    )
    single = single[np.isfinite(single)]
    typical, interval = np.nan, (np.nan, np.nan)
    if len(single) > 1:
        typical = float(single.mean())
        random = np.random.default_rng(seed)
        result = bootstrap((single,), np.mean, n_resamples=RESAMPLES, rng=random)
        interval = (
            float(result.confidence_interval.low),
            float(result.confidence_interval.high),
        )
    return RateDifference(of_means, typical, *interval, low, high, len(single))
