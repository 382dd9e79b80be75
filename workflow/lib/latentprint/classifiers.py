"""The classifiers of a run: how each is made, searched, published, and what memory it needs."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from latentprint.errors import UserError

logger = logging.getLogger(__name__)

Parameters = dict[str, Any]

BYTES_OF_NODE = 85  # of a fitted tree, as scikit-learn keeps it


@dataclass(frozen=True)
class Classifier:
    """A classifier under the name that tables and paths use.

    Attributes
    ----------
    make : callable (parameters, random_state, threads) -> estimator
    space : dict
        Search space of the thesis, in the words of the config; used where the config gives none.
    published : dict
        Parameters that the thesis printed.
    engines : tuple of str
        Values that `engine: name` may have.
    memory : callable (rows, values, parameters) -> bytes
        What one fit needs at its peak, the rows themselves included.
    """

    make: Callable[[Parameters, int, int], Any]
    space: Parameters
    published: Parameters
    engines: tuple[str, ...]
    memory: Callable[[int, int, Parameters], float]


def _make_forest(parameters: Parameters, random_state: int, threads: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**parameters, random_state=random_state, n_jobs=threads)


def _make_boosting(parameters: Parameters, random_state: int, threads: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**parameters, random_state=random_state)


def _forest_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows and the trees; measured: 0.22 nodes a row at 2 rows a leaf, 0.1 at 8."""
    nodes = rows * 0.33 / (parameters.get("min_samples_leaf") or 1) ** 0.5
    return 4 * rows * values + parameters.get("n_estimators", 100) * nodes * BYTES_OF_NODE


def _boosting_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows, their float64 copy, bins, and the histograms of all leaves of one tree.

    Early stopping adds the float32 copies of the training and the validation part. Only leaves that
    can still be split keep their histograms, so no more than the rows allow: on 1,200 rows, 18 to a
    leaf, 35 of 117.
    """
    bins = parameters.get("max_bins", 255) + 1
    possible = rows // (2 * (parameters.get("min_samples_leaf") or 1)) + 2
    leaves = min(parameters.get("max_leaf_nodes") or possible, possible)
    copies = 17 if parameters.get("early_stopping", False) else 13
    return copies * rows * values + 20 * bins * values * leaves


CLASSIFIERS: dict[str, Classifier] = {
    # Thesis: oob_score was on but never reported; it changes no prediction and is left off.
    "RF": Classifier(
        make=_make_forest,
        space={
            "n_estimators": {"integers": [100, 500]},
            "max_depth": {"integers": [10, 35]},
            "min_samples_leaf": {"integers": [2, 15]},
            "max_features": "sqrt",
        },
        published={
            "n_estimators": 463,
            "max_depth": 30,
            "max_features": "sqrt",
            "min_samples_leaf": 2,
        },
        engines=("sklearn",),
        memory=_forest_bytes,
    ),
    # Thesis: the space was drawn with LightGBM's names; these are the same quantities.
    "GB": Classifier(
        make=_make_boosting,
        space={
            "learning_rate": {"uniform": [0.01, 0.30]},
            "max_iter": {"integers": [100, 600]},
            "max_leaf_nodes": {"integers": [15, 129]},
            "min_samples_leaf": {"integers": [1, 51]},
            "l2_regularization": {"loguniform": [1e-6, 1.0]},
        },
        published={
            "learning_rate": 0.12965912630431367,
            "max_iter": 596,
            "max_leaf_nodes": 117,
            "min_samples_leaf": 18,
            "l2_regularization": 0.003042734607209594,
        },
        engines=("sklearn",),
        memory=_boosting_bytes,
    ),
}


def effective_parameters(
    classifier: str, parameters: Mapping[str, Any], engine: Mapping[str, Any]
) -> Parameters:
    """Join hyperparameters and engine settings, in alphabetical order.

    Parameters
    ----------
    classifier : str
        "RF" or "GB".
    parameters : mapping
        Hyperparameters, chosen or published.
    engine : mapping
        `name` and settings that are not searched (`max_bins`, `early_stopping`, ...).

    Raises
    ------
    UserError
        If the engine is unknown or sets a hyperparameter.
    """
    settings = {key: value for key, value in engine.items() if key != "name"}
    known = CLASSIFIERS[classifier].engines
    if engine.get("name") not in known:
        raise UserError(
            f"config, engine.{classifier}.name: {engine.get('name')}, expected "
            f"{' or '.join(known)}. See config/README.md, key engine."
        )
    twice = sorted(set(settings).intersection(parameters))
    if twice:
        raise UserError(
            f"config, engine.{classifier}: {', '.join(twice)} is a hyperparameter, expected a "
            "setting that is not searched. Remove it there or from the search space."
        )
    return dict(sorted({**parameters, **settings}.items()))


def check_memory(classifier: str, rows: int, values: int, parameters: Parameters) -> None:
    """Log what a fit will need, and stop before the start if this machine has less.

    Raises
    ------
    UserError
        Names the need, the memory of the machine, and what lowers the need.
    """
    need = CLASSIFIERS[classifier].memory(rows, values, parameters)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    logger.info("%s on %d rows of %d values needs %.2f GB", classifier, rows, values, need / 1e9)
    if need > physical:
        raise UserError(
            f"{classifier} on {rows} rows of {values} values: needs {need / 1e9:.1f} GB, this "
            f"machine has {physical / 1e9:.1f} GB. Lower n_train, max_bins or max_leaf_nodes."
        )
