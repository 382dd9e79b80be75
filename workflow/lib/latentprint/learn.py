"""Fitting a classifier and asking it.

A classifier sees the rows of a `latentprint.features.Matrix`. scikit-learn is imported only where a
model is made or loaded: it costs 2 CPU seconds a process.
"""

import logging
import platform
import resource
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.classifiers import (
    CLASSIFIERS,
    Parameters,
    check_memory,
    effective_parameters,
)
from latentprint.features import Matrix
from latentprint.predictions import Predictions, vote
from latentprint.seeds import integer, rng
from latentprint.tuning import Best

logger = logging.getLogger(__name__)

VALIDATION_SHARE = 0.1  # of the images, for early stopping; as in the thesis
PREDICTION_BLOCK_VALUES = 2**24


def load_engine() -> None:
    """Import what fits need, so that a clock started afterwards counts fitting only."""
    import sklearn.ensemble  # noqa: F401

    import latentprint.binning  # noqa: F401


def fit_cell(
    matrix: Matrix,
    best: Best,
    *,
    engine: Mapping[str, Any],
    seed: int,
    cell: str,
    threads: int,
) -> tuple[Any, dict[str, Any]]:
    """Fit the classifier of one cell with its chosen hyperparameters on all training rows.

    Parameters
    ----------
    matrix : Matrix
    best : Best
    engine : mapping
        As for `effective_parameters`.
    seed : int
        The run's seed.
    cell : str
        "<point>/<latent>/<component>/<feature>/<classifier>".
    threads : int

    Returns
    -------
    model : estimator
    description : dict
        What ``fit.yaml`` says: effective parameters, sizes, seed, versions, digests of the latents.
    """
    parameters = effective_parameters(best.classifier, best.parameters, engine)
    check_memory(best.classifier, *matrix.values.shape, parameters)
    random_state = integer(seed, "fit", cell)
    model = fit_model(
        best.classifier,
        parameters,
        values=matrix.values,
        groups=matrix.groups,
        fake=matrix.fake,
        random_state=random_state,
        threads=threads,
    )
    return model, {
        "cell": cell,
        "classifier": best.classifier,
        "engine": dict(engine),
        "parameters": parameters,
        "n_images": len(matrix.ids),
        "n_rows": matrix.values.shape[0],
        "n_values": matrix.values.shape[1],
        "seed": seed,
        "random_state": random_state,
        "n_iterations": _iterations(model),
        "versions": versions(),
        "latents": matrix.attributes["train_digests"],
    }


def _iterations(model: Any) -> int | None:
    """Count what was really fitted: trees of a forest, rounds of boosting or of a solver."""
    if hasattr(model, "estimators_"):
        return len(model.estimators_)
    rounds = getattr(model, "n_iter_", None)
    return None if rounds is None else int(np.max(rounds))


def fit_model(
    classifier: str,
    parameters: Parameters,
    *,
    values: NDArray[np.float32],
    groups: NDArray[np.int32],
    fake: NDArray[np.bool_],
    random_state: int,
    threads: int,
) -> Any:
    """Fit one classifier.

    Parameters
    ----------
    classifier : str
        Key of `CLASSIFIERS`.
    parameters : dict
        As `effective_parameters` gives them.
    values : ndarray, float32, (rows, P)
        Best with contiguous columns: a forest on 65,536 columns is then 1.3 times faster.
    groups : ndarray, int32, (rows,)
        Image of each row; with early stopping a tenth of the images is kept for validation, so
        that no image stands on both sides (Thesis: rows were divided).
    fake : ndarray, bool, (rows,)
    random_state : int
    threads : int
        They change the time only: forests grow tree by tree, histograms column by column.

    Returns
    -------
    estimator
        With the classes "fake" and "real".
    """
    model = CLASSIFIERS[classifier].make(parameters, random_state, threads)
    labels = np.where(fake, "fake", "real")
    if classifier == "GB":
        early = parameters.get("early_stopping", False)
        kept = validation_rows(groups, fake, random_state) if early else None
        return _fit_boosting(model, values, labels, kept=kept, threads=threads)
    model.fit(values, labels)
    # The thread count is kept in the model; without it equal models give equal files.
    return model.set_params(n_jobs=None) if "n_jobs" in model.get_params() else model


def _fit_boosting(
    model: Any,
    values: NDArray[np.float32],
    labels: NDArray[np.str_],
    *,
    kept: NDArray[np.bool_] | None,
    threads: int,
) -> Any:
    """Fit HistGradientBoosting; `kept` are rows for early stopping."""
    from threadpoolctl import threadpool_limits

    from latentprint.binning import block_binning

    with threadpool_limits(threads, "openmp"), block_binning():
        if kept is None:
            model.fit(values, labels)
        else:
            model.fit(
                take_rows(values, ~kept),
                labels[~kept],
                X_val=take_rows(values, kept),
                y_val=labels[kept],
            )
    # Prediction from values needs no bin edges, and 65,536 small arrays take long to write.
    model._bin_mapper.bin_thresholds_ = []
    model._bin_mapper.n_threads = None
    return model


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


def take_rows(values: NDArray[np.float32], rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Copy the rows of a matrix for which `rows` is true, so that columns are contiguous."""
    return np.compress(rows, values.T, axis=1).T


def predict_fake(model: Any, values: NDArray[np.float32], *, threads: int) -> NDArray[np.float64]:
    """Give the probability of fake for every row.

    Rows are taken in blocks: a forest asked with several threads at once adds its trees in the
    order in which the threads end, so that the last digits would change from run to run.

    Parameters
    ----------
    model : estimator
    values : ndarray, float32, (rows, P)
    threads : int

    Returns
    -------
    ndarray, float64, (rows,)
    """
    from threadpoolctl import threadpool_limits

    column = list(model.classes_).index("fake")
    size = max(1, PREDICTION_BLOCK_VALUES // values.shape[1])
    blocks = [values[start : start + size] for start in range(0, len(values), size)]

    def ask(block: NDArray[np.float32]) -> NDArray[np.float64]:
        return model.predict_proba(block)[:, column]

    if hasattr(model, "estimators_"):
        with ThreadPoolExecutor(threads) as pool:
            return np.concatenate(list(pool.map(ask, blocks)))
    with threadpool_limits(threads, "openmp"):
        return np.concatenate([ask(block) for block in blocks])


def predict_images(model: Any, matrix: Matrix, *, threads: int) -> Predictions:
    """Let a model predict the images of a matrix, by vote where an image has several rows."""
    probabilities = predict_fake(model, matrix.values, threads=threads)
    score, votes, predicted = vote(probabilities.reshape(-1, matrix.rows_per_image))
    return Predictions(
        ids=matrix.ids,
        fake=matrix.fake_images,
        score=score,
        votes=votes,
        n_patches=np.full(len(matrix.ids), matrix.rows_per_image),
        predicted=predicted,
    )


def versions() -> dict[str, str]:
    """Give the versions of what a model depends on."""
    import sklearn

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }


def cell_costs(
    *, search_s: float, fit_s: float, predict_s: float, cores: int
) -> dict[str, float | int]:
    """Give what ``costs.json`` says: seconds, cores, and the peak memory of this process in MB."""
    return {
        "search_s": round(search_s, 3),
        "fit_s": round(fit_s, 3),
        "predict_s": round(predict_s, 3),
        "cores": cores,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
