"""What it costs to look into the best cells of a run, before it is known which these are.

Standard library only: the workflow's rules import it at every start.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from latentprint import grid
from latentprint.fit_times import RATES

Config = Mapping[str, Any]

HELD_SHARE = 0.75  # of the images that importance is measured with, in fits


def pixel_seconds(config: Config) -> float:
    """Estimate the CPU seconds of the network on pixels: its cross-validation and its fit."""
    pixels = config["detectors"]["pixels"]
    passes = pixels["folds"] * pixels["members"] * pixels["epochs"]  # folds - 1 in folds, and one
    size = (config["image_size"] / 256) ** 2
    images = grid.n_images(config, "train")
    return RATES["pixel"].value * pixels["width"] * passes * images * size


def fits_of(config: Config) -> float:
    """Count the fits of a detector that is looked into, in fits of all training images."""
    asked = config["detectors"]
    calibration = asked["folds"] - 1
    curve = asked["repetitions"] * sum(asked["shares"])
    return calibration + curve + asked["repetitions"] * HELD_SHARE


def seconds(
    config: Config, fit: Mapping[tuple[str, str, str], float], analysis: float
) -> dict[str, float]:
    """Estimate the CPU seconds that are spent on detectors, at most, by kind.

    Parameters
    ----------
    config : mapping
        A whole configuration.
    fit : mapping of (component, feature, classifier) to float
        CPU seconds of one fit.
    analysis : float
        CPU seconds of the analysis of one image.

    Returns
    -------
    dict
        "fits" (if the costliest cells are the best), "images" (altered and of other generators, of
        one model id) and "pixels"; empty where nothing is looked into.
    """
    asked = config["detectors"]
    if not asked["examined"]:
        return {}
    costliest = dict(_costliest(fit))
    ranked = sorted(costliest.values(), reverse=True)
    found = sum(ranked[: asked["examined"]]) * fits_of(config)
    further = max(0, asked["ensemble"] - asked["examined"])
    found += further * max(ranked) * (asked["folds"] - 1)
    images = len(asked["alterations"]) * grid.n_images(config, "test")
    return {"fits": found, "images": analysis * images, "pixels": pixel_seconds(config)}


def _costliest(fit: Mapping[tuple[str, str, str], float]) -> Iterator[tuple[str, float]]:
    """Give the longest fit of every classifier: no two of one classifier are looked into."""
    for classifier in dict.fromkeys(name for _, _, name in fit):
        yield classifier, max(time for (*_, name), time in fit.items() if name == classifier)


def combinations(config: Config) -> list[tuple[str, str, str]]:
    """List component, feature and classifier of every fit."""
    pairs = grid.pairs(dict(config))
    return [(component, *pair) for component, pair in product(config["components"], pairs)]
