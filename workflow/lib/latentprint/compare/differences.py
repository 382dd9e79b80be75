"""Intervals of the difference between two shares: on the same images, or on two sets of images.

Apart from `evaluate.py`, so that editing them never scores a cell again.
"""

import math

from latentprint.evaluate import Z_95, wilson_interval

STEPS = 60  # halvings of an interval of length one: below the spacing of floats


def paired_interval(
    first_only: int, second_only: int, *, n: int, z: float = Z_95
) -> tuple[float, float]:
    """Give the score interval of a difference of two shares of the same images.

    The differences d with |T(d)| <= z, where T is the score statistic with the other parameter at
    its most likely value given d (Tango, Statistics in Medicine 17, 1998, 891-908). At d = 0 it is
    McNemar's test without correction. It is one of the three intervals that Fagerland, Lydersen
    and Laake (Statistics in Medicine 33, 2014, 2850-2875) recommend, and unlike Wald's it does
    not shrink to a point where no image, or every image, tells the two apart.

    Parameters
    ----------
    first_only, second_only : int
        Images that only the first, only the second gets right; not negative.
    n : int
        All images that both were tried on, at least first_only + second_only, and positive.
    z : float
        Point of the normal distribution; 1.96 for 95 %.

    Returns
    -------
    low, high : float, -1 to 1
        Of the share of the second minus that of the first.
    """
    return (
        -_upper(second_only, first_only, n, z),
        _upper(first_only, second_only, n, z),
    )


def unpaired_interval(
    first: tuple[int, int], second: tuple[int, int], *, z: float = Z_95
) -> tuple[float, float]:
    """Give the interval of a difference of two shares of independent sets of images.

    The Wilson intervals of both shares joined by squares (Newcombe, Statistics in Medicine 17,
    1998, 873-890, method 10).

    Parameters
    ----------
    first, second : tuple of int
        Images called right, and all images; the latter positive.
    z : float
        Point of the normal distribution; 1.96 for 95 %.

    Returns
    -------
    low, high : float, -1 to 1
        Of the share of the second minus that of the first.
    """
    share_1, share_2 = first[0] / first[1], second[0] / second[1]
    low_1, high_1 = wilson_interval(*first, z=z)
    low_2, high_2 = wilson_interval(*second, z=z)
    difference = share_2 - share_1
    return (
        difference - math.hypot(share_2 - low_2, high_1 - share_1),
        difference + math.hypot(high_2 - share_2, share_1 - low_1),
    )


def _upper(losses: int, wins: int, n: int, z: float) -> float:
    """Give the largest difference that is still within z of the observed one."""
    inside, outside = (wins - losses) / n, 1.0
    if _statistic(losses, wins, n, outside) >= -z:
        return outside
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        if _statistic(losses, wins, n, middle) >= -z:
            inside = middle
        else:
            outside = middle
    return inside


def _statistic(losses: int, wins: int, n: int, difference: float) -> float:
    """Give the score statistic of a difference; it falls as the difference grows."""
    # The most likely share of losses, given the difference: the larger root of a quadratic.
    linear = -wins - losses + (2 * n - wins + losses) * difference
    constant = -losses * difference * (1 - difference)
    share = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    excess = wins - losses - n * difference
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)
