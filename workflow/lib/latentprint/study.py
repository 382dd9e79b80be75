"""The search of one cell: its journal while it runs, its trials and its choice when it is done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentprint.classifiers import CLASSIFIERS
from latentprint.costs import versions
from latentprint.features import Matrix
from latentprint.halving import chosen_parameters, halve
from latentprint.journal import NAME, Journal
from latentprint.search import search, space_of
from latentprint.tuning import Best, best_trial, cost_of, write_best, write_trials

WAYS = {"search": search, "halving": halve}


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
    tuning: str = "search",
) -> Best:
    """Search, and write the trials and the choice to two files; parameters as for `search`.

    `tuning` is "search" or "halving". Finished trials are kept in a journal beside `trials` until
    both files are there: a search that was killed takes them over, if `code` (the digest of the
    code behind the rule), the libraries and whatever else their scores depend on are the same.
    """
    described = {"engine": engine, "seed": seed, "cell": cell}
    key = trial_key(matrix, classifier, tuning=tuning, settings=settings, **described)
    journal = Journal(trials.with_name(NAME), key | {"code": code, "versions": versions(engine)})
    tried = WAYS[tuning](
        matrix, classifier, settings=settings, threads=threads, journal=journal, **described
    )
    # With halving only the last rung has seen all images.
    complete = tried if tuning == "search" else [t for t in tried if t.stage == tried[-1].stage]
    chosen = best_trial(complete)
    parameters = chosen_parameters(classifier, chosen)
    choice = Best(classifier, parameters, chosen.mean, "searched", cell, cost_of(tried))
    write_trials(trials, tried, n_folds=settings["folds"])
    write_best(best, choice)
    journal.remove()
    return choice


def trial_key(
    matrix: Matrix,
    classifier: str,
    *,
    tuning: str,
    settings: Mapping[str, Any],
    engine: Mapping[str, Any],
    seed: int,
    cell: str,
) -> dict[str, Any]:
    """Name all that a trial depends on besides its parameters, its images, code and libraries.

    Not among it: the draws, the grid and the candidates of halving, so that a search which takes
    too long can be stopped and made smaller without losing what it has done; the threads, which
    change the time only.
    """
    space = space_of(classifier, settings)
    return {
        "tuning": tuning,
        "classifier": classifier,
        "folds": settings["folds"],
        "grown": space.get(CLASSIFIERS[classifier].grown),
        "engine": dict(engine),
        "seed": seed,
        "cell": cell,
        "rows": [*matrix.values.shape, matrix.rows_per_image],
        "features": matrix.attributes,
        "ids": matrix.ids,
        "fake": matrix.fake_images.tolist(),
    }
