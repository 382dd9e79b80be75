"""Choice of hyperparameters: random draws, then a grid over the best values, by cross-validation.

Folds divide images, not rows, and are the same for all cells of a run, so that their accuracies can
be compared. (Thesis: folds divided rows, so that patches of one image stood on both sides.)
"""

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.classifiers import (
    CLASSIFIERS,
    Parameters,
    check_memory,
    effective_parameters,
)
from latentprint.errors import UserError
from latentprint.features import Matrix
from latentprint.journal import NAME, Journal
from latentprint.learn import fit_model, load_engine, predict_fake, take_rows, versions
from latentprint.predictions import vote
from latentprint.progress import Progress
from latentprint.seeds import integer, rng
from latentprint.tuning import Best, Trial, best_trial, write_best, write_trials

logger = logging.getLogger(__name__)

GRID_VALUES = 3
KINDS = ("integers", "uniform", "loguniform", "choice")


def search_cell(
    matrix: Matrix,
    classifier: str,
    *,
    settings: Mapping[str, Any],
    engine: Mapping[str, Any],
    seed: int,
    cell: str,
    threads: int,
    code: str,
    trials: Path,
    best: Path,
) -> Best:
    """Search, and write the trials and the choice to two files; parameters as for `search`.

    Finished trials are kept in a journal beside `trials` until both files are there: a search that
    was killed takes them over, if `code` (the digest of the code behind the rule), the libraries
    and whatever else their scores depend on are the same.
    """
    described = {"engine": engine, "seed": seed, "cell": cell}
    key = trial_key(matrix, classifier, folds=settings["folds"], **described)
    journal = Journal(trials.with_name(NAME), key | {"code": code, "versions": versions()})
    tried = search(
        matrix, classifier, settings=settings, threads=threads, journal=journal, **described
    )
    chosen = best_trial(tried)
    choice = Best(classifier, chosen.parameters, chosen.mean, "searched", cell)
    write_trials(trials, tried, n_folds=settings["folds"])
    write_best(best, choice)
    journal.remove()
    return choice


def trial_key(
    matrix: Matrix,
    classifier: str,
    *,
    folds: int,
    engine: Mapping[str, Any],
    seed: int,
    cell: str,
) -> dict[str, Any]:
    """Name all that the scores of a trial depend on besides its parameters, code and libraries.

    Not among it: the draws and the grid, so that a search which takes too long can be stopped and
    made smaller without losing what it has done; the threads, which change the time only.
    """
    return {
        "classifier": classifier,
        "folds": folds,
        "engine": dict(engine),
        "seed": seed,
        "cell": cell,
        "rows": [*matrix.values.shape, matrix.rows_per_image],
        "features": matrix.attributes,
        "ids": matrix.ids,
        "fake": matrix.fake_images.tolist(),
    }


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
    space = settings.get("space", CLASSIFIERS[classifier].space)
    check_space(classifier, space, settings["grid"])
    folds = image_folds(matrix.fake_images, n_folds=settings["folds"], seed=seed)
    candidates = draw(space, count=settings["draws"], generator=rng(seed, "tune", cell))
    largest = effective_parameters(classifier, candidates[0], engine)
    check_memory(classifier, *matrix.values.shape, largest)

    def fitted(stage: str, parameters: Parameters) -> Trial:
        began = time.perf_counter()
        scores = cross_validate(
            matrix,
            classifier,
            effective_parameters(classifier, parameters, engine),
            folds=folds,
            random_state=integer(seed, "tune", cell),
            threads=threads,
        )
        return Trial(stage, parameters, scores, time.perf_counter() - began)

    load_engine()
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
) -> tuple[float, ...]:
    """Give the accuracy of every fold: images whose rows' vote is right."""
    scores = []
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
        )
        probabilities = predict_fake(model, take_rows(matrix.values, tested), threads=threads)
        _, _, predicted = vote(probabilities.reshape(-1, matrix.rows_per_image))
        scores.append(float(np.mean(predicted == matrix.fake_images[fold])))
    return tuple(scores)


def draw(
    space: Mapping[str, Any], *, count: int, generator: np.random.Generator
) -> list[Parameters]:
    """Draw distinct sets of hyperparameters; fewer than `count` where the space has no more."""
    drawn: list[Parameters] = []
    for _ in range(100 * count):
        parameters = {name: _draw_one(entry, generator) for name, entry in space.items()}
        if parameters not in drawn:
            drawn.append(parameters)
        if len(drawn) == count:
            break
    return drawn


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


def check_space(classifier: str, space: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise UserError if a search space cannot be drawn from or a grid name is not in it."""
    where = f"config, search.{classifier}"
    for name, entry in space.items():
        if not isinstance(entry, Mapping):
            continue
        kind, values = next(iter(entry.items()), ("", []))
        usable = len(entry) == 1 and kind in KINDS and isinstance(values, list) and values
        if usable and kind != "choice":
            usable = len(values) == 2 and values[0] < values[1]
            usable = usable and (kind != "loguniform" or values[0] > 0)
        if not usable:
            raise UserError(
                f"{where}.space.{name}: {dict(entry)}, expected a fixed value or one of integers, "
                "uniform, loguniform (two rising numbers), choice (a list). See config/README.md."
            )
    for name in names:
        if not isinstance(space.get(name), Mapping):
            raise UserError(
                f"{where}.grid: {name} is not a hyperparameter that the space draws, expected some "
                f"of {', '.join(space)}. See config/README.md, key search."
            )


def _draw_one(entry: Any, generator: np.random.Generator) -> Any:
    """Draw one value; the upper end of integers is exclusive, as in the thesis' spaces."""
    if not isinstance(entry, Mapping):
        return entry
    ((kind, values),) = entry.items()
    if kind == "integers":
        return int(generator.integers(*values))
    if kind == "uniform":
        return float(generator.uniform(*values))
    if kind == "loguniform":
        return float(np.exp(generator.uniform(*np.log(values))))
    return values[int(generator.integers(len(values)))]
