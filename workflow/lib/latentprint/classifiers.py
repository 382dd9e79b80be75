"""The classifiers of a run: how each is made, searched, published, and what memory it needs."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from latentprint.errors import UserError

logger = logging.getLogger(__name__)

Parameters = dict[str, Any]

SKLEARN = "sklearn"
HISTOGRAM = "histogram"
TORCH = "torch"
MAX_BINS = 255  # of the histogram engine, where the configuration gives none
BYTES_OF_NODE = 85  # of a fitted tree, as scikit-learn keeps it
# Of the histogram engine, whose modules are not imported here: they need numba (tests compare).
HISTOGRAM_NODE_BYTES = 21  # of a fitted tree
HISTOGRAM_ROW_BYTES = 56  # while boosting grows a tree
STORED_ROWS_PER_BIN = 8  # of a node whose histograms are kept, at least
EDGE_ROWS = 10_000  # of which the edges of the bins are made, at most
BLOCK_BYTES = 2**26  # of float32 values, while they become bins


@dataclass(frozen=True)
class Engine:
    """One implementation of a classifier.

    Attributes
    ----------
    make : callable (parameters, random_state, threads) -> estimator
    memory : callable (rows, values, parameters) -> bytes
        What one fit needs at its peak, the rows themselves included.
    names : tuple of str
        Hyperparameters that it takes; others are refused before a run. Empty: nothing is refused.
    """

    make: Callable[[Parameters, int, int], Any]
    memory: Callable[[int, int, Parameters], float]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classifier:
    """A classifier under the name that tables and paths use.

    Attributes
    ----------
    engines : dict of str to Engine
        By the values that `engine: name` may have.
    space : dict
        Search space of the thesis, in the words of the config; used where the config gives none.
    published : dict
        Parameters that the thesis printed.
    grown : str or None
        The hyperparameter that counts trees or rounds, which `tuning: halving` reads off one fit.
    features : tuple of str
        What it can be fitted to; empty: every feature. A run has no cells of the others.
    validates : bool
        Whether every fit keeps back a tenth of the images to stop early.
    """

    engines: Mapping[str, Engine]
    space: Parameters = field(default_factory=dict)
    published: Parameters = field(default_factory=dict)
    grown: str | None = None
    features: tuple[str, ...] = ()
    validates: bool = False

    @property
    def boosts(self) -> bool:
        """Tell whether trees are grown in rounds, which may stop early."""
        return self.grown == "max_iter"

    def takes(self, feature: str) -> bool:
        """Tell whether it can be fitted to a feature."""
        return not self.features or feature in self.features


# By engine, without what `make` gives itself; the classes are not asked, as importing them takes
# seconds (tests compare).
_FOREST_NAMES = tuple(
    "bootstrap ccp_alpha class_weight criterion max_depth max_features max_leaf_nodes max_samples "
    "min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf "
    "monotonic_cst n_estimators oob_score verbose warm_start".split()
)
_BOOSTING_NAMES = tuple(
    "categorical_features class_weight early_stopping interaction_cst l2_regularization "
    "learning_rate loss max_bins max_depth max_features max_iter max_leaf_nodes min_samples_leaf "
    "monotonic_cst n_iter_no_change scoring tol validation_fraction verbose warm_start".split()
)
_HISTOGRAM_FOREST_NAMES = tuple(
    "bootstrap max_depth max_features min_samples_leaf n_estimators".split()
)
_HISTOGRAM_BOOSTING_NAMES = tuple(
    "early_stopping l2_regularization learning_rate max_features max_iter max_leaf_nodes "
    "min_samples_leaf n_iter_no_change tol".split()
)
_CONVOLUTIONAL_NAMES = tuple(
    "device dropout epochs learning_rate members patience weight_decay width".split()
)


def _make_forest(parameters: Parameters, random_state: int, threads: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**parameters, random_state=random_state, n_jobs=threads)


def _make_boosting(parameters: Parameters, random_state: int, threads: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**parameters, random_state=random_state)


def _make_histogram_forest(parameters: Parameters, random_state: int, threads: int) -> Any:
    from latentprint.histograms.forest import HistogramForest

    own = {name: value for name, value in parameters.items() if name != "max_bins"}
    return HistogramForest(**own, random_state=random_state, threads=threads)


def _make_histogram_boosting(parameters: Parameters, random_state: int, threads: int) -> Any:
    from latentprint.histograms.boosting import HistogramBoosting

    own = {name: value for name, value in parameters.items() if name != "max_bins"}
    return HistogramBoosting(**own, random_state=random_state, threads=threads)


def _make_logistic(parameters: Parameters, random_state: int, threads: int) -> Any:
    from latentprint.estimators.linear import logistic_regression

    return logistic_regression(**parameters, random_state=random_state)


def _make_ridge(parameters: Parameters, random_state: int, threads: int) -> Any:
    from latentprint.estimators.linear import ridge

    return ridge(**parameters)


def _make_kernel_machine(parameters: Parameters, random_state: int, threads: int) -> Any:
    from latentprint.estimators.kernel_machine import KernelMachine

    return KernelMachine(**parameters)


def _make_convolutional(parameters: Parameters, random_state: int, threads: int) -> Any:
    from latentprint.estimators.convolutional import ConvolutionalHead

    return ConvolutionalHead(**parameters, random_state=random_state, threads=threads)


def _forest_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows and the trees."""
    return 4 * rows * values + _tree_bytes(rows, parameters)


def _tree_bytes(rows: int, parameters: Parameters) -> float:
    """Trees of a forest; measured: 0.22 nodes a row at 2 rows a leaf, 0.1 at 8."""
    nodes = rows * 0.33 / (parameters.get("min_samples_leaf") or 1) ** 0.5
    return parameters.get("n_estimators", 100) * nodes * BYTES_OF_NODE


def _boosting_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows, their float64 copy, bins, and the histograms of all leaves of one tree.

    Early stopping adds the float32 copies of the training and the validation part.
    """
    bins = parameters.get("max_bins", 255) + 1
    copies = 17 if parameters.get("early_stopping", False) else 13
    return copies * rows * values + 20 * bins * values * _leaves(rows, parameters)


def _leaves(rows: int, parameters: Parameters) -> int:
    """Count the leaves whose histograms are kept at a time.

    Only leaves that can still be split keep theirs, so no more than the rows allow: on 1,200 rows,
    18 to a leaf, 35 of 117.
    """
    possible = rows // (2 * (parameters.get("min_samples_leaf") or 1)) + 2
    return min(parameters.get("max_leaf_nodes") or possible, possible)


def _binned_bytes(rows: int, values: int, parameters: Parameters, beside: float) -> float:
    """Bins and edges, and beside them a block of values or what a fit needs; before, a sample."""
    edges = 4 * parameters.get("max_bins", MAX_BINS) * values
    sample = 4 * min(rows, EDGE_ROWS) * values
    return edges + max(sample, rows * values + max(BLOCK_BYTES, beside))


def _histogram_forest_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Bins, and the trees twice: one by one, and joined.

    The 0.63 rows of a bootstrap have at most 1.26 nodes a row.
    """
    nodes = 1.3 * rows / (parameters.get("min_samples_leaf") or 1)
    trees = parameters.get("n_estimators", 100) * nodes * HISTOGRAM_NODE_BYTES
    return _binned_bytes(rows, values, parameters, 2 * trees)


def _histogram_boosting_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Bins, the histograms that are kept, and a few numbers of every row."""
    bins = parameters.get("max_bins", MAX_BINS)
    drawn = max(1, int(values * parameters.get("max_features", 1.0)))
    leaves = parameters.get("max_leaf_nodes", 31) or rows
    kept = min(rows // (STORED_ROWS_PER_BIN * bins), leaves) * 16 * bins * drawn
    return _binned_bytes(rows, values, parameters, kept + HISTOGRAM_ROW_BYTES * rows)


def _linear_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows, their standardised copy and what a solver makes of it."""
    return 12 * rows * values


def _ridge_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Count as for logistic regression, and the products of all pairs of rows or of values."""
    return 12 * rows * values + 2 * 8 * min(rows, values) ** 2


def _kernel_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows, twice standardised, and three float64 matrices of pairs."""
    return 12 * rows * values + 3 * 8 * rows**2


def _convolutional_bytes(rows: int, values: int, parameters: Parameters) -> float:
    """Float32 rows, those without the ones kept back, both standardised; torch and a batch."""
    return 12 * rows * values + 1e9


_BOOSTING_SPACE: Parameters = {
    "learning_rate": {"uniform": [0.01, 0.30]},
    "max_iter": {"integers": [100, 600]},
    "max_leaf_nodes": {"integers": [15, 129]},
    "min_samples_leaf": {"integers": [1, 51]},
    "l2_regularization": {"loguniform": [1e-6, 1.0]},
}
_BOOSTING_PUBLISHED: Parameters = {
    "learning_rate": 0.12965912630431367,
    "max_iter": 596,
    "max_leaf_nodes": 117,
    "min_samples_leaf": 18,
    "l2_regularization": 0.003042734607209594,
}
_COLUMNS_OF_A_TREE: Parameters = {"max_features": 0.05}

_HISTOGRAM_BOOSTING = Engine(
    _make_histogram_boosting, _histogram_boosting_bytes, _HISTOGRAM_BOOSTING_NAMES
)

CLASSIFIERS: dict[str, Classifier] = {
    # Thesis: oob_score was on but never reported; it changes no prediction and is left off.
    "RF": Classifier(
        engines={
            SKLEARN: Engine(_make_forest, _forest_bytes, _FOREST_NAMES),
            HISTOGRAM: Engine(
                _make_histogram_forest, _histogram_forest_bytes, _HISTOGRAM_FOREST_NAMES
            ),
        },
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
        grown="n_estimators",
    ),
    # Thesis: the space was drawn with LightGBM's names; these are the same quantities.
    "GB": Classifier(
        engines={
            SKLEARN: Engine(_make_boosting, _boosting_bytes, _BOOSTING_NAMES),
            HISTOGRAM: _HISTOGRAM_BOOSTING,
        },
        space=_BOOSTING_SPACE,
        published=_BOOSTING_PUBLISHED,
        grown="max_iter",
    ),
    # Not of the thesis: every tree sees columns drawn for it, so another model under another name.
    "GBS": Classifier(
        engines={HISTOGRAM: _HISTOGRAM_BOOSTING},
        space=_BOOSTING_SPACE | _COLUMNS_OF_A_TREE,
        published=_BOOSTING_PUBLISHED | _COLUMNS_OF_A_TREE,
        grown="max_iter",
    ),
    # The following are not of the thesis. Weights of a linear classifier stand for positions where
    # the feature keeps them apart.
    "LR": Classifier(
        engines={SKLEARN: Engine(_make_logistic, _linear_bytes, ("C",))},
        space={"C": {"loguniform": [1e-6, 1e-1]}},
    ),
    "ridge": Classifier(
        engines={SKLEARN: Engine(_make_ridge, _ridge_bytes, ("alpha",))},
        space={"alpha": {"loguniform": [1e1, 1e6]}},
    ),
    # Pairs of rows are compared, so one row an image.
    "SVM": Classifier(
        engines={SKLEARN: Engine(_make_kernel_machine, _kernel_bytes, ("C", "gamma", "scale"))},
        space={
            "C": {"loguniform": [1.0, 100.0]},
            "gamma": {"loguniform": [0.1, 2.0]},
            "scale": {"choice": ["linear", "signed_log", "log_magnitude"]},
        },
        features=("flatten", "single", "gap", "screened"),
    ),
    # It needs the positions as a plane.
    "CNN": Classifier(
        engines={TORCH: Engine(_make_convolutional, _convolutional_bytes, _CONVOLUTIONAL_NAMES)},
        space={
            "width": 64,
            "epochs": 20,
            "members": 3,
            "learning_rate": {"loguniform": [1e-3, 1e-2]},
            "dropout": {"uniform": [0.2, 0.6]},
        },
        features=("flatten",),
        validates=True,
    ),
}


def effective_parameters(
    classifier: str, parameters: Mapping[str, Any], engine: Mapping[str, Any]
) -> Parameters:
    """Join hyperparameters and engine settings, in alphabetical order.

    Parameters
    ----------
    classifier : str
        Key of `CLASSIFIERS`.
    parameters : mapping
        Hyperparameters, chosen or published.
    engine : mapping
        `name` and settings that are not searched (`max_bins`, `early_stopping`, ...). The histogram
        engine always has `max_bins` in the result.

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
    if engine["name"] == HISTOGRAM:
        settings = {"max_bins": MAX_BINS} | settings
    return dict(sorted({**parameters, **settings}.items()))


def fit_bytes(
    classifier: str, engine: Mapping[str, Any], rows: int, values: int, parameters: Parameters
) -> float:
    """Give what one fit needs at its peak, the rows themselves included.

    Parameters
    ----------
    classifier : str
        Key of `CLASSIFIERS`.
    engine : mapping
        Its `name` decides.
    rows, values : int
        Of the training matrix.
    parameters : dict
        As `effective_parameters` gives them.
    """
    return CLASSIFIERS[classifier].engines[engine["name"]].memory(rows, values, parameters)


def check_memory(
    classifier: str, engine: Mapping[str, Any], rows: int, values: int, parameters: Parameters
) -> None:
    """Log what a fit will need, and stop before the start if this machine has less.

    Parameters as for `fit_bytes`.

    Raises
    ------
    UserError
        Names the need, the memory of the machine, and what lowers the need.
    """
    need = fit_bytes(classifier, engine, rows, values, parameters)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    logger.info("%s on %d rows of %d values needs %.2f GB", classifier, rows, values, need / 1e9)
    if need > physical:
        raise UserError(
            f"{classifier} on {rows} rows of {values} values: needs {need / 1e9:.1f} GB, this "
            f"machine has {physical / 1e9:.1f} GB. {way_out(classifier, engine)}."
        )


def way_out(classifier: str, engine: Mapping[str, Any]) -> str:
    """Say what lowers the memory that a fit needs."""
    lower = "Lower n_train, max_bins or max_leaf_nodes"
    if engine["name"] != HISTOGRAM and HISTOGRAM in CLASSIFIERS[classifier].engines:
        lower += f", or take engine.{classifier}.name: {HISTOGRAM}"
    return lower
