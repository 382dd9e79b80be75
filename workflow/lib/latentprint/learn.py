"""Fitting a model with either engine.

The engine `sklearn` sees float32 values, the engine `histogram` bins of one byte
(`histograms.bins.BinnedValues`); both are the `values` of a `features.Matrix`. The engines are
imported only where a model is made or loaded: scikit-learn costs 2 CPU seconds a process, numba
one more.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentprint.classifiers import CLASSIFIERS, HISTOGRAM, MAX_BINS, TORCH, Parameters
from latentprint.estimators.screening import (
    SCREENED,
    Screened,
    best_columns,
    some_columns,
    unscreened,
)
from latentprint.features import Matrix, load_binned, load_matrix
from latentprint.predicting import is_histogram
from latentprint.seeds import rng

if TYPE_CHECKING:
    from latentprint.histograms.bins import BinnedValues

    Values = NDArray[np.float32] | BinnedValues

Parts = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows to fit, rows for early stopping

VALIDATION_SHARE = 0.1  # of the images, for early stopping; as in the thesis


def load_engine(classifier: str, engine: Mapping[str, Any]) -> None:
    """Import what fits need, so that a clock started afterwards counts fitting only."""
    if engine["name"] == HISTOGRAM:
        from latentprint.compiling import load_kernels

        load_kernels(CLASSIFIERS[classifier])
    elif engine["name"] == TORCH:
        import latentprint.estimators.convolutional
    else:
        import latentprint.binning
        import latentprint.estimators.linear  # noqa: F401


def load_training(
    features: Path, *, engine: Mapping[str, Any], seed: int, threads: int = 1
) -> Matrix:
    """Load the training rows as the engine wants them: float32 values, or bins.

    Parameters
    ----------
    features : Path
        A features file.
    engine : mapping
        `name`, and `max_bins` of the histogram engine.
    seed : int
        The run's seed; it draws the rows that the edges of the bins are found from.
    threads : int
        They change the time only.
    """
    if engine["name"] == HISTOGRAM:
        bins = engine.get("max_bins", MAX_BINS)
        return load_binned(features, "train", max_bins=bins, seed=seed, threads=threads)
    return load_matrix(features, "train")


def fit_model(
    classifier: str,
    parameters: Parameters,
    *,
    values: "Values",
    groups: NDArray[np.int32] | None,
    fake: NDArray[np.bool_],
    random_state: int,
    threads: int,
    engine: str = "sklearn",
    validation: "tuple[Values, NDArray[np.bool_]] | None" = None,
    grid: tuple[int, int] | None = None,
) -> Any:
    """Fit one classifier.

    Parameters
    ----------
    classifier : str
        Key of `CLASSIFIERS`.
    parameters : dict
        As `effective_parameters` gives them. With `k` the fit screens its columns first.
    values : ndarray, float32, or BinnedValues, (rows, P)
        What the engine wants. Floats best with contiguous columns: a forest on 65,536 columns is
        then 1.3 times faster.
    groups : ndarray, int32, (rows,), or None
        Image of each row; with early stopping a tenth of the images is kept for validation, so
        that no image stands on both sides. Thesis: rows were divided, as None does.
    fake : ndarray, bool, (rows,)
    random_state : int
    threads : int
        They change the time only: forests grow tree by tree, histograms column by column.
    engine : str
        Key of the classifier's `engines`.
    validation : (values, fake), optional
        Rows for early stopping, of images that are not among `values`; none are kept back then.
    grid : tuple of int, optional
        Height and width of the latents, for a classifier that sees them as a plane.

    Returns
    -------
    estimator
        With the classes "fake" and "real".
    """
    kind = CLASSIFIERS[classifier]
    own = {name: value for name, value in parameters.items() if name != SCREENED}
    model = kind.engines[engine].make(own, random_state, threads)
    labels = _labels(fake)
    stopping = None
    if kind.validates or (kind.boosts and parameters.get("early_stopping", False)):
        if validation:
            stopping = validation[0], _labels(validation[1])
        else:
            fitted, kept = _parts(groups, fake, labels, random_state)
            stopping = take_rows(values, kept), labels[kept]
            values, labels = take_rows(values, fitted), labels[fitted]
    columns = None
    if SCREENED in parameters:
        # Of the rows that are fitted: those for early stopping have no part in the choice.
        columns = best_columns(values, labels, parameters[SCREENED])
        values = some_columns(values, columns)
        if stopping:
            stopping = some_columns(stopping[0], columns), stopping[1]
    if engine == TORCH:
        model.fit(values, labels, validation=stopping, grid=grid)
        model.threads = 1
    elif engine == HISTOGRAM:
        model.fit(values, labels, **({"validation": stopping} if kind.boosts else {}))
        model.threads = 1
    elif kind.boosts:
        _fit_boosting(model, values, labels, stopping=stopping, threads=threads)
    else:
        model.fit(values, labels)
        if getattr(model, "n_jobs", None):
            model.set_params(n_jobs=None)
    # No thread count is kept in a model: equal models give equal files.
    return model if columns is None else Screened(columns, model)


def _labels(fake: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.where(fake, "fake", "real")


def _parts(
    groups: NDArray[np.int32] | None,
    fake: NDArray[np.bool_],
    labels: NDArray[np.str_],
    random_state: int,
) -> Parts:
    """Divide the rows for early stopping, by image where images are known."""
    if groups is None:
        return divided_rows(labels, random_state)
    kept = validation_rows(groups, fake, random_state)
    return np.flatnonzero(~kept), np.flatnonzero(kept)


def _fit_boosting(
    model: Any,
    values: NDArray[np.float32],
    labels: NDArray[np.str_],
    *,
    stopping: tuple[NDArray[np.float32], NDArray[np.str_]] | None,
    threads: int,
) -> None:
    """Fit HistGradientBoosting, with values and labels of rows for early stopping."""
    from threadpoolctl import threadpool_limits

    from latentprint.binning import block_binning

    kept = {"X_val": stopping[0], "y_val": stopping[1]} if stopping else {}
    with threadpool_limits(threads, "openmp"), block_binning():
        model.fit(values, labels, **kept)
    # Prediction from values needs no bin edges, and 65,536 small arrays take long to write.
    model._bin_mapper.bin_thresholds_ = []
    model._bin_mapper.n_threads = None


def validation_rows(
    groups: NDArray[np.int32], fake: NDArray[np.bool_], random_state: int
) -> NDArray[np.bool_]:
    """Choose the rows of a tenth of the images of each class, at least one image each."""
    generator = rng(random_state, "validation")
    kept: list[NDArray[np.int32]] = []
    for label in (False, True):
        images = np.unique(groups[fake == label])
        count = max(1, round(VALIDATION_SHARE * len(images)))
        kept.append(generator.choice(images, size=count, replace=False))
    return np.isin(groups, np.concatenate(kept))


def divided_rows(labels: NDArray[np.str_], random_state: int) -> Parts:
    """Divide rows as scikit-learn's own early stopping does: rows to fit, a tenth to validate.

    Left to itself it divides a float64 copy, which needs 4 bytes more for every value.
    """
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state

    seed = check_random_state(random_state).randint(np.iinfo(np.uint32).max, dtype="u8")
    fitted, kept = train_test_split(
        np.arange(len(labels)), test_size=VALIDATION_SHARE, stratify=labels, random_state=seed
    )
    return fitted, kept


def take_rows(values: "Values", rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Values":
    """Choose rows of a matrix, by truth or by number: floats are copied, bins are viewed.

    The columns of the copy are contiguous.
    """
    chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
    if isinstance(values, np.ndarray):
        return values.T.take(chosen, axis=1).T
    return values.take(chosen)


def iterations(model: Any) -> int | None:
    """Count what was fitted: trees, rounds of boosting or a solver, epochs; None of a formula."""
    model = unscreened(model)
    model = model[-1] if hasattr(model, "steps") else model
    if hasattr(model, "epochs_"):
        return max(model.epochs_)
    if hasattr(model, "estimators_"):
        return len(model.estimators_)
    if is_histogram(model) and not hasattr(model, "n_iter_"):
        return model.n_estimators
    rounds = getattr(model, "n_iter_", None)
    return None if rounds is None else int(np.max(rounds))


def oob_accuracy(model: Any, values: "Values", *, fake: NDArray[np.bool_]) -> float | None:
    """Give the accuracy of a forest on its training rows, each asked of the trees without it.

    The same number as scikit-learn's ``oob_score_``, which copies the rows of every tree: 3 GB,
    463 times, for 30,000 flat images. Nothing is left in the model.

    Parameters
    ----------
    model : estimator
        A forest.
    values : ndarray, float32, or BinnedValues, (rows, P)
        The rows that it was fitted to, in their order.
    fake : ndarray, bool, (rows,)

    Returns
    -------
    float or None, 0 to 1
        Of the rows that some tree was grown without; None where there is no such row.
    """
    if is_histogram(model):
        return model.oob_accuracy(values, fake)
    total = np.zeros((len(values), len(model.classes_)))
    for tree, drawn in zip(model.estimators_, model.estimators_samples_, strict=True):
        left_out = np.ones(len(values), dtype=bool)
        left_out[drawn] = False
        total[left_out] += tree.predict_proba(values, check_input=False)[left_out]
    known = total.any(axis=1)
    if not known.any():
        return None
    called = model.classes_[total[known].argmax(axis=1)] == "fake"
    return float(np.mean(called == fake[known]))
