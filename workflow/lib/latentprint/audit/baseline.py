"""Classifiers that see no content: how far files, and traces of processing, tell real from fake."""

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.audit.trait_table import WORDS, Row
from latentprint.audit.traits import FILE_TRAITS, TRACE_TRAITS
from latentprint.evaluate import wilson_interval
from latentprint.seeds import integer, rng

logger = logging.getLogger(__name__)

# Bytes per pixel is left out: the images of a run have one size, so that it repeats n_bytes.
_FILE = tuple(name for name in FILE_TRAITS if name != "bytes_per_pixel")
BASELINES = {"file": _FILE, "traces": _FILE + TRACE_TRAITS}
"""Baselines and their traits: header and size alone; these and the traces of processing."""

FOREST = {"n_estimators": 100, "min_samples_leaf": 5, "max_features": "sqrt"}
"""Settings of the random forest, the same for every data set and never searched: a search would
make the baseline another thing in each run."""
FOLDS = 5
REPEATS = 5
MAX_PERMUTED = 2000
"""Test images on which the importance is measured: it needs a prediction per trait and repeat."""


@dataclass(frozen=True)
class Baseline:
    """Outcome of one baseline.

    Attributes
    ----------
    accuracy, low, high : float
        On the test images, with the 95 % interval (Wilson).
    n : int
        Test images.
    cv_accuracy : float or None
        Mean over folds of the training images; None if a class has one image only.
    traits : list of str
    importance : dict of str to float
        Accuracy on the test images that is lost when a trait is shuffled, mean over repeats; 0
        for a trait that no tree uses. Below 0 where shuffling helped, by chance. Traits that
        stand for each other share their importance.
    """

    accuracy: float
    low: float
    high: float
    n: int
    cv_accuracy: float | None
    traits: list[str]
    importance: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Give the outcome as it stands in audit.json."""
        return asdict(self)


def run_baselines(rows: Sequence[Row], *, seed: int, threads: int = 1) -> dict[str, Baseline]:
    """Fit every baseline on the training images and ask it on the test images.

    Parameters
    ----------
    rows : sequence of dict
        From `traits.measure`, both splits and classes.
    seed : int
        The run's seed.
    threads : int
        Trees grown at a time; it changes nothing else.

    Returns
    -------
    dict of str to Baseline
        In the order of `BASELINES`.
    """
    return {
        name: _run(rows, traits, seed=seed, name=name, threads=threads)
        for name, traits in BASELINES.items()
    }


def matrix(rows: Sequence[Row], traits: Sequence[str]) -> NDArray[np.float64]:
    """Write traits as numbers.

    Parameters
    ----------
    rows : sequence of dict
    traits : sequence of str

    Returns
    -------
    ndarray, float64, (N, number of traits)
        Text becomes its rank among the training images, the most frequent 0, without a look at
        the labels; text that they do not have comes after all. What is missing is -1.
    """
    columns = []
    for name in traits:
        values = [row[name] for row in rows]
        if name in WORDS:
            seen = Counter(row[name] for row in rows if row["split"] == "train")
            order = sorted(seen, key=lambda value: (-seen[value], value))
            rank = {value: number for number, value in enumerate(order)}
            columns.append([rank.get(value, len(order)) for value in values])
        else:
            columns.append([-1 if value is None else value for value in values])
    return np.array(columns, np.float64).T


def _run(
    rows: Sequence[Row], traits: Sequence[str], *, seed: int, name: str, threads: int
) -> Baseline:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    values = matrix(rows, traits)
    fake = np.array([row["label"] == "fake" for row in rows])
    train = np.array([row["split"] == "train" for row in rows])

    def fitted(where: NDArray[Any]) -> RandomForestClassifier:
        forest = RandomForestClassifier(
            **FOREST, random_state=integer(seed, "audit", name), n_jobs=threads
        )
        forest.fit(values[where], fake[where])
        # Several threads sum the trees' votes in any order, which moves last bits and so ties.
        return forest.set_params(n_jobs=1)

    known = np.flatnonzero(train)
    logger.info("baseline %s: %d traits, %d training images", name, len(traits), len(known))
    folds = min(FOLDS, *np.bincount(fake[known], minlength=2).tolist())
    cv_accuracy = None
    if folds > 1:
        splitter = StratifiedKFold(
            folds, shuffle=True, random_state=integer(seed, "audit", "folds")
        )
        shares = []
        for inner, outer in splitter.split(known, fake[known]):
            called = fitted(known[inner]).predict(values[known[outer]])
            shares.append(float(np.mean(called == fake[known[outer]])))
        cv_accuracy = round(math.fsum(shares) / folds, 6)

    forest = fitted(known)
    right = int(np.count_nonzero(forest.predict(values[~train]) == fake[~train]))
    n = int(np.count_nonzero(~train))
    low, high = wilson_interval(right, n)
    asked = np.flatnonzero(~train)
    asked = asked[:: -(-n // MAX_PERMUTED)]
    return Baseline(
        accuracy=right / n,
        low=low,
        high=high,
        n=n,
        cv_accuracy=cv_accuracy,
        traits=list(traits),
        importance=dict(
            zip(
                traits,
                _importance(forest, values[asked], fake[asked], seed=seed, name=name),
                strict=True,
            )
        ),
    )


def _importance(
    forest: Any, values: NDArray[np.float64], fake: NDArray[np.bool_], *, seed: int, name: str
) -> list[float]:
    """Give the accuracy that is lost when one column is shuffled, for each column."""
    whole = np.mean(forest.predict(values) == fake)
    generator = rng(seed, "audit", name, "importance")
    losses = []
    for column, used in enumerate(forest.feature_importances_):
        if not used:
            losses.append(0.0)
            continue
        # All repeats in one prediction: its fixed cost is larger than that of the rows.
        shuffled = np.tile(values, (REPEATS, 1))
        shuffled[:, column] = np.concatenate(
            [generator.permutation(values[:, column]) for _ in range(REPEATS)]
        )
        right = forest.predict(shuffled) == np.tile(fake, REPEATS)
        losses.append(round(float(whole - np.mean(right)), 6))
    return losses
