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
from latentprint.protocol import (
    CORRECTED,
    FAITHFUL,
    N_VOTES,
    SEED,
    scored_by,
    voting_positions,
)
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
    protocol: str = CORRECTED,
) -> tuple[Any, dict[str, Any]]:
    """Fit the classifier of one cell with its chosen hyperparameters on all training rows.

    Parameters
    ----------
    matrix : Matrix
        Training rows; `faithful` changes their order in place, since a copy of 30,000 flat images
        would need 8 GB more.
    best : Best
    engine : mapping
        As for `effective_parameters`.
    seed : int
        The run's seed.
    cell : str
        "<point>/<latent>/<component>/<feature>/<classifier>".
    threads : int
    protocol : {"corrected", "faithful"}
        `faithful`: seed 42 for every cell, shuffled rows, early stopping on rows.

    Returns
    -------
    model : estimator
    description : dict
        What ``fit.yaml`` says: effective parameters, sizes, protocol, seed, versions, digests of
        the latents; `oob_accuracy` of a forest whose rows are images, else None.
    """
    parameters = effective_parameters(best.classifier, best.parameters, engine)
    check_memory(best.classifier, *matrix.values.shape, parameters)
    faithful = protocol == FAITHFUL
    random_state = SEED if faithful else integer(seed, "fit", cell)
    if faithful:
        shuffle_rows(matrix)
    model = fit_model(
        best.classifier,
        parameters,
        values=matrix.values,
        groups=None if faithful else matrix.groups,
        fake=matrix.fake,
        random_state=random_state,
        threads=threads,
    )
    # Thesis: computed, never reported. Rows of one image would leak, so that patches have none.
    asked = best.classifier == "RF" and matrix.rows_per_image == 1 and not faithful
    return model, {
        "cell": cell,
        "protocol": protocol,
        "classifier": best.classifier,
        "engine": dict(engine),
        "parameters": parameters,
        "n_images": len(matrix.ids),
        "n_rows": matrix.values.shape[0],
        "n_values": matrix.values.shape[1],
        "seed": seed,
        "random_state": random_state,
        "n_iterations": _iterations(model),
        "oob_accuracy": oob_accuracy(model, matrix.values, fake=matrix.fake) if asked else None,
        "versions": versions(),
        "latents": matrix.attributes["train_digests"],
    }


def shuffle_rows(matrix: Matrix) -> None:
    """Shuffle the rows of a matrix in place, as the thesis did before every fit."""
    from sklearn.utils import shuffle

    order = shuffle(np.arange(len(matrix.groups)), random_state=SEED)
    for column in (*matrix.values.T, matrix.groups, matrix.fake):
        column[:] = column[order]


def oob_accuracy(
    forest: Any, values: NDArray[np.float32], *, fake: NDArray[np.bool_]
) -> float | None:
    """Give the accuracy of a forest on its training rows, each asked of the trees without it.

    The same number as scikit-learn's ``oob_score_``, which copies the rows of every tree: 3 GB,
    463 times, for 30,000 flat images. Nothing is left in the model.

    Parameters
    ----------
    forest : estimator
    values : ndarray, float32, (rows, P)
        The rows that it was fitted to, in their order.
    fake : ndarray, bool, (rows,)

    Returns
    -------
    float or None, 0 to 1
        Of the rows that some tree was grown without; None where there is no such row.
    """
    total = np.zeros((len(values), len(forest.classes_)))
    for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        left_out = np.ones(len(values), dtype=bool)
        left_out[drawn] = False
        total[left_out] += tree.predict_proba(values, check_input=False)[left_out]
    known = total.any(axis=1)
    if not known.any():
        return None
    called = forest.classes_[total[known].argmax(axis=1)] == "fake"
    return float(np.mean(called == fake[known]))


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
    groups: NDArray[np.int32] | None,
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
    groups : ndarray, int32, (rows,), or None
        Image of each row; with early stopping a tenth of the images is kept for validation, so
        that no image stands on both sides. Thesis: rows were divided, as None does.
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
        parts = None
        if early and groups is None:
            parts = divided_rows(labels, random_state)
        elif early:
            kept = validation_rows(groups, fake, random_state)
            parts = np.flatnonzero(~kept), np.flatnonzero(kept)
        return _fit_boosting(model, values, labels, parts=parts, threads=threads)
    model.fit(values, labels)
    # The thread count is kept in the model; without it equal models give equal files.
    return model.set_params(n_jobs=None) if "n_jobs" in model.get_params() else model


def _fit_boosting(
    model: Any,
    values: NDArray[np.float32],
    labels: NDArray[np.str_],
    *,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
    threads: int,
) -> Any:
    """Fit HistGradientBoosting; `parts` are rows to fit and rows for early stopping."""
    from threadpoolctl import threadpool_limits

    from latentprint.binning import block_binning

    with threadpool_limits(threads, "openmp"), block_binning():
        if parts is None:
            model.fit(values, labels)
        else:
            fitted, kept = parts
            model.fit(
                take_rows(values, fitted),
                labels[fitted],
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


def divided_rows(
    labels: NDArray[np.str_], random_state: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


def take_rows(
    values: NDArray[np.float32], rows: NDArray[np.bool_] | NDArray[np.int64]
) -> NDArray[np.float32]:
    """Copy rows of a matrix, chosen by truth or by number, so that columns are contiguous."""
    chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
    return values.T.take(chosen, axis=1).T


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


def voting_rows(matrix: Matrix, classifier: str, *, protocol: str) -> NDArray[np.int64] | None:
    """Tell which rows of a test image are asked.

    Parameters
    ----------
    matrix : Matrix
        Test rows; those of `multiple` are all positions of the grid, row by row.
    classifier : str
    protocol : {"corrected", "faithful"}

    Returns
    -------
    ndarray, int64, (voters,), or None
        Place of each voter among the rows of its image; a place may repeat. None for all rows.
    """
    feature = matrix.attributes["feature"]
    if protocol != FAITHFUL or feature != "multiple":
        return None
    positions = [tuple(position) for position in matrix.attributes["test_positions"]]
    if scored_by(protocol, feature=feature, classifier=classifier) == "patch":
        voters = [tuple(position) for position in matrix.attributes["train_positions"]]
    else:
        height, width = (last + 1 for last in positions[-1])
        voters = voting_positions(height, width, latent=matrix.attributes["latent"])[:N_VOTES]
    return np.array([positions.index(position) for position in voters])


def predict_images(
    model: Any,
    matrix: Matrix,
    *,
    threads: int,
    voters: NDArray[np.int64] | None = None,
) -> Predictions:
    """Let a model predict the images of a matrix, by vote where an image has several rows.

    Parameters
    ----------
    model : estimator
    matrix : Matrix
    threads : int
    voters : ndarray, int64, (voters,), optional
        As `voting_rows` gives them.

    Returns
    -------
    Predictions
    """
    if voters is None:
        probabilities = predict_fake(model, matrix.values, threads=threads)
        probabilities = probabilities.reshape(-1, matrix.rows_per_image)
    else:  # no row is asked twice, and none in vain
        asked, places = np.unique(voters, return_inverse=True)
        kept = np.isin(np.arange(matrix.rows_per_image), asked)
        values = take_rows(matrix.values, np.tile(kept, len(matrix.ids)))
        probabilities = predict_fake(model, values, threads=threads)
        probabilities = probabilities.reshape(-1, len(asked)).take(places, axis=1)
    score, votes, predicted = vote(probabilities)
    return Predictions(
        ids=matrix.ids,
        fake=matrix.fake_images,
        score=score,
        votes=votes,
        n_patches=np.full(len(matrix.ids), probabilities.shape[1]),
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
