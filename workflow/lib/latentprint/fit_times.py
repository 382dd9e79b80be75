"""How long a fit takes, from measured rates: for the plan of a run, before there is any value.

Formulas count what an engine does (rows, values, leaves, bins) and hold within a factor of two
(`tests/unit/test_plan.py` has the measurements).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from latentprint.classifiers import HISTOGRAM, MAX_BINS, SKLEARN, TORCH

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Rate:
    """A measured constant.

    Attributes
    ----------
    value : float
    unit : str
    measured : str
        On what.
    """

    value: float
    unit: str
    measured: str


# One thread of a shared AMD EPYC (Zen 3), scikit-learn 1.9, numba 0.68.
RATES = {
    # 2.0 to 3.6e-7 for 500 to 300,000 rows of 256 to 65,536 values, normal and Laplacian noise with
    # small shifts of the means.
    "tree": Rate(
        2.7e-7, "CPU s x rows^1.15 x sqrt(values)", "RandomForestClassifier, sqrt features"
    ),
    # 2,000 to 300,000 rows of 160 to 4,096 values, 31 to 72 leaves, 15 to 255 bins.
    "bin": Rate(2.5e-7, "CPU s a value", "binning of HistGradientBoosting, in every fit"),
    "level": Rate(1.9e-9, "CPU s a value, round and level of a tree", "its pass over the rows"),
    "histogram": Rate(2.0e-8, "CPU s a value, leaf and bin", "its choice of splits, per round"),
    # 1,200 to 8,000 rows of 256 and 65,536 values (docs/training.md, docs/scale.md).
    "own bin": Rate(2.6e-8, "CPU s a value", "binning of the histogram engine, once a job"),
    "own tree": Rate(2.0e-8, "CPU s x rows^1.15 x sqrt(values)", "HistogramForest, sqrt features"),
    "own level": Rate(3.3e-10, "CPU s a value, round and level", "HistogramBoosting, the rows"),
    "own histogram": Rate(7e-9, "CPU s a value, leaf and bin", "HistogramBoosting, the splits"),
    # 600 and 1,200 rows of 8,192 and 65,536 values of y of faces.
    "screen": Rate(3e-8, "CPU s a value", "analysis of variance, in every fit of `screened`"),
    "linear": Rate(7e-8, "CPU s a value", "standardising, and LR or ridge"),
    "pair": Rate(5e-11, "CPU s a value and row", "SVM: the products of all pairs of rows"),
    "pixel": Rate(5e-3, "CPU s an image, epoch and width", "the network on pixels of 256 x 256"),
    "epoch": Rate(4e-3, "CPU s an image and epoch", "CNN of width 64 on 256 channels of 16 x 16"),
}


def _forest(tree: str) -> Callable[[float, int, Parameters], float]:
    def seconds(rows: float, values: int, parameters: Parameters) -> float:
        trees = parameters.get("n_estimators", 100)
        return trees * RATES[tree].value * rows**1.15 * math.sqrt(values)

    return seconds


def _boosting(
    level: str, histogram: str, binning: float
) -> Callable[[float, int, Parameters], float]:
    def seconds(rows: float, values: int, parameters: Parameters) -> float:
        """Count all rounds: how early they stop is not known before."""
        # Leaves hold between once and twice the least number of rows, or cannot be split for gain.
        possible = rows / (2 * parameters.get("min_samples_leaf", 20))
        leaves = max(2, min(parameters.get("max_leaf_nodes", 31) or possible, possible))
        bins = parameters.get("max_bins", MAX_BINS) + 1
        looked_at = values * parameters.get("max_features", 1.0)
        a_pass = RATES[level].value * rows * looked_at * math.log2(leaves)
        splits = RATES[histogram].value * looked_at * leaves * bins
        return binning * rows * values + parameters.get("max_iter", 100) * (a_pass + splits)

    return seconds


def _linear(rows: float, values: int, parameters: Parameters) -> float:
    return RATES["linear"].value * rows * values


def _kernel(rows: float, values: int, parameters: Parameters) -> float:
    return RATES["pair"].value * rows**2 * values


def _convolutional(rows: float, values: int, parameters: Parameters) -> float:
    """Count all epochs: how early members stop is not known before."""
    size = values / 2**16 * parameters.get("width", 64) / 64
    epochs = parameters.get("members", 3) * parameters.get("epochs", 20)
    return RATES["epoch"].value * rows * size * epochs


# By classifier and engine: CPU seconds of one fit from rows, values, and hyperparameters joined
# with what is set for the engine.
FIT_SECONDS: dict[tuple[str, str], Callable[[float, int, Parameters], float]] = {
    ("RF", SKLEARN): _forest("tree"),
    ("GB", SKLEARN): _boosting("level", "histogram", RATES["bin"].value),
    ("RF", HISTOGRAM): _forest("own tree"),
    ("GB", HISTOGRAM): _boosting("own level", "own histogram", 0.0),
    ("GBS", HISTOGRAM): _boosting("own level", "own histogram", 0.0),
    ("LR", SKLEARN): _linear,
    ("ridge", SKLEARN): _linear,
    ("SVM", SKLEARN): _kernel,
    ("CNN", TORCH): _convolutional,
}


def screening_seconds(rows: float, values: int) -> float:
    """Give the CPU seconds that a fit of `screened` takes to choose its values."""
    return RATES["screen"].value * rows * values


def binning_seconds(engine: str, rows: float, values: int) -> float:
    """Give the CPU seconds of the binning that all fits of a job share; 0 for scikit-learn."""
    return RATES["own bin"].value * rows * values if engine == HISTOGRAM else 0.0
