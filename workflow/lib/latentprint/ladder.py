"""The rungs of successive halving: how many candidates see which share of the images.

Standard library only: the plan of a run imports it.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

DEFAULTS = {"candidates": 81, "factor": 3, "least": 60}


class Rung(NamedTuple):
    """Candidates, and the share of the training images that each is fitted to."""

    candidates: int
    share: float


def rungs(n_images: int, asked: Mapping[str, int]) -> list[Rung]:
    """Plan the rungs.

    Parameters
    ----------
    n_images : int
        Training images of a fold.
    asked : mapping
        `candidates`; `factor`, by which they become fewer and the images more from rung to rung;
        `least` images of a rung. Rungs that `least` would give equally many images are one.

    Returns
    -------
    list of Rung
        The last has at most `factor` candidates, if there is more than one rung, and all images.
    """
    counts = [asked["candidates"]]
    while counts[-1] > asked["factor"]:
        counts.append(math.ceil(counts[-1] / asked["factor"]))
    least = min(1.0, asked["least"] / n_images)
    shares = [
        max(least, asked["factor"] ** -float(len(counts) - 1 - index))
        for index in range(len(counts))
    ]
    planned = [Rung(*pair) for pair in zip(counts, shares, strict=True)]
    return [
        rung for index, rung in enumerate(planned) if index == 0 or rung.share != shares[index - 1]
    ]
