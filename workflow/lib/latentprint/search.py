"""Choice of hyperparameters: random draws, then a grid over the best values, by cross-validation.

Folds divide images, not rows, and are the same for all cells of a run, so that their accuracies can
be compared. (Thesis: folds divided rows, so that patches of one image stood on both sides.)
"""

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentprint.classifiers import (
    CLASSIFIERS,
    Parameters,
    check_memory,
    effective_parameters,
    fit_bytes,
)
from latentprint.errors import UserError
from latentprint.features import Matrix
from latentprint.journal import Journal
from latentprint.learn import fit_model, iterations, load_engine, take_rows
from latentprint.predicting import predict_fake
from latentprint.predictions import vote
from latentprint.progress import Progress
from latentprint.seeds import integer, rng
from latentprint.space_check import check_space
from latentprint.spaces import draw, limits
from latentprint.tuning import Trial, best_trial

logger = logging.getLogger(__name__)

GRID_VALUES = 3


class Validated(NamedTuple):
    """Outcome of a cross-validation: of every fold the accuracy, and the full fits of all."""

    scores: tuple[float, ...]
    full_fits: float


def search(
    matrix: Matrix,
    classifier: str,
    *,
    settings: Mapping[str, Any],
    engine: Mapping[str, Any],
    seed: int,
    cell: str,
    threads: int,
    journal: Journal | None = None,
) -> list[Trial]:
    """Try random draws, then the grid of the three best values per named hyperparameter.

    The grid keeps the best draw's values for what it does not name, and leaves out what was tried
    already.

    Parameters
    ----------
    matrix : Matrix
        Training rows.
    classifier : str
    settings : mapping
        `draws`, `folds`, `grid` (names) and, optionally, `space` of the config's `search.<name>`.
    engine : mapping
    seed : int
        The run's seed.
    cell : str
        Name of the cell; draws and the trees' random state depend on it, folds do not.
    threads : int
    journal : Journal, optional
        Trials that are finished already; they are taken over, with their seconds. The others are
        added to it.

    Returns
    -------
    list of Trial
        In the order of trying.
    """
    space = space_of(classifier, settings)
    check_space(classifier, space, settings["grid"])
    folds = image_folds(matrix.fake_images, n_folds=settings["folds"], seed=seed)
    candidates = draw(space, count=settings["draws"], generator=rng(seed, "tune", cell))
    check_largest(classifier, candidates, engine=engine, shape=matrix.values.shape)
    most = most_grown(classifier, space)

    def fitted(stage: str, parameters: Parameters) -> Trial:
        began = time.perf_counter()
        scores, full_fits = cross_validate(
            matrix,
            classifier,
            effective_parameters(classifier, parameters, engine),
            folds=folds,
            random_state=integer(seed, "tune", cell),
            threads=threads,
            engine=engine["name"],
            most=most,
        )
        return Trial(stage, parameters, scores, time.perf_counter() - began, full_fits)

    load_engine(classifier, engine)
    progress = Progress(GRID_VALUES ** len(settings["grid"]), "trials")
    trials: list[Trial] = []

    def add(stage: str, points: Sequence[Parameters]) -> None:
        known = [journal and journal.find(parameters) for parameters in points]
        progress.total += known.count(None)
        if n_known := len(known) - known.count(None):
            logger.info("taken over %d of %d %s trials", n_known, len(known), stage)
        for parameters, found in zip(points, known, strict=True):
            trial = replace(found, stage=stage) if found else fitted(stage, parameters)
            trials.append(trial)
            if not found:
                if journal:
                    journal.add(trial)
                progress.advance(1, note=f"best so far {best_trial(trials).mean:.4f}")

    add("random", candidates)
    progress.total = progress.done
    add("grid", grid(trials, settings["grid"]))
    return trials


def image_folds(
    fake_images: NDArray[np.bool_], *, n_folds: int, seed: int
) -> list[NDArray[np.bool_]]:
    """Divide images into folds of equal size and equal shares of both classes.

    Dividing images and letting their rows follow is what StratifiedGroupKFold does with rows, but
    the folds do not depend on the number of rows per image.

    Parameters
    ----------
    fake_images : ndarray, bool, (N,)
    n_folds : int
    seed : int
        The run's seed.

    Returns
    -------
    list of ndarray, bool, (N,)
        True for the images that a fold is tested on; together they cover every image once.

    Raises
    ------
    UserError
        If a class has fewer images than there are folds.
    """
    smaller = min(np.count_nonzero(fake_images), np.count_nonzero(~fake_images))
    if not 2 <= n_folds <= smaller:
        raise UserError(
            f"config, search folds: {n_folds}, expected 2 to {smaller}, the images of the smaller "
            "class. Lower folds or raise n_train; see config/README.md."
        )
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=integer(seed, "folds"))
    folds = []
    for _, tested in splitter.split(fake_images, fake_images):
        fold = np.zeros(len(fake_images), dtype=bool)
        fold[tested] = True
        folds.append(fold)
    return folds


def cross_validate(
    matrix: Matrix,
    classifier: str,
    parameters: Parameters,
    *,
    folds: Sequence[NDArray[np.bool_]],
    random_state: int,
    threads: int,
    engine: str = "sklearn",
    most: int | None = None,
) -> Validated:
    """Give the accuracy of every fold: images whose rows' vote is right.

    Parameters as for `fit_model`; `most` is the number of trees or rounds of a full fit.
    """
    scores, full_fits = [], 0.0
    for fold in folds:
        tested = fold[matrix.groups]
        model = fit_model(
            classifier,
            parameters,
            values=take_rows(matrix.values, ~tested),
            groups=matrix.groups[~tested],
            fake=matrix.fake[~tested],
            random_state=random_state,
            threads=threads,
            engine=engine,
            grid=matrix.grid,
        )
        full_fits += share_of_full(model, np.mean(~fold), most=most)
        probabilities = predict_fake(model, take_rows(matrix.values, tested), threads=threads)
        _, _, predicted = vote(probabilities.reshape(-1, matrix.rows_per_image))
        scores.append(float(np.mean(predicted == matrix.fake_images[fold])))
    return Validated(tuple(scores), full_fits)


def share_of_full(model: Any, images: float, *, most: int | None) -> float:
    """Say what a fit was of a full one: its share of the images times that of trees or rounds."""
    return float(images) * (iterations(model) / most if most else 1.0)


def space_of(classifier: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the space of the config's `search.<name>`, or the classifier's own."""
    return settings.get("space", CLASSIFIERS[classifier].space)


def most_grown(classifier: str, space: Mapping[str, Any]) -> int | None:
    """Give the most trees or rounds that a space allows; None where it does not say."""
    entry = space.get(CLASSIFIERS[classifier].grown)
    return None if entry is None else limits(entry)[1]


def check_largest(
    classifier: str,
    candidates: Sequence[Parameters],
    *,
    engine: Mapping[str, Any],
    shape: tuple[int, int],
) -> None:
    """Check the memory of the candidate that needs the most; see `classifiers.check_memory`."""
    joined = [effective_parameters(classifier, point, engine) for point in candidates]
    largest = max(joined, key=lambda point: fit_bytes(classifier, engine, *shape, point))
    check_memory(classifier, engine, *shape, largest)


def grid(trials: Sequence[Trial], names: Sequence[str]) -> list[Parameters]:
    """Make the grid of the best values of the named hyperparameters.

    Parameters
    ----------
    trials : sequence of Trial
        The random ones.
    names : sequence of str

    Returns
    -------
    list of dict
        The best trial's parameters with every combination of the three best distinct values of each
        name (best first, ranked by their best trial), without what was tried already.
    """
    ranked = sorted(trials, key=lambda trial: -trial.mean)  # stable: the first of equals leads
    best = {
        name: list(dict.fromkeys(trial.parameters[name] for trial in ranked))[:GRID_VALUES]
        for name in names
    }
    tried = [trial.parameters for trial in trials]
    points = (
        {**ranked[0].parameters, **dict(zip(names, values, strict=True))}
        for values in itertools.product(*best.values())
    )
    return [point for point in points if point not in tried]
