"""Choice of hyperparameters by successive halving: many candidates on few images, few on all.

::

    rung 1   81 candidates   1/27 of the images
    rung 2   27 best          1/9
    rung 3    9 best          1/3
    rung 4    3 best          all: the best of these is chosen

Images are the resource: the subsets are balanced, each holds the one before, and they lie within
the training part of every fold, so that no image stands on both sides. All rungs are judged on the
whole test part of their folds, the same as those of `search`. The number of trees or rounds is not
drawn but read off: a fit with the most that the space allows is asked for the accuracy after fewer,
and the number with the best mean over the folds counts. Before the last rung forests have only the
least that the space allows: they have to tell candidates apart.

A forest whose rows are images is judged out of bag on all rungs but the last, by one fit instead
of one a fold: images outside the subset by all trees, those inside by the trees that did not draw
them.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from latentprint.classifiers import CLASSIFIERS, Parameters
from latentprint.features import Matrix
from latentprint.journal import Journal
from latentprint.judging import Judge, growth_of
from latentprint.ladder import DEFAULTS, rungs
from latentprint.learn import load_engine
from latentprint.progress import Progress
from latentprint.search import check_largest, image_folds, space_of
from latentprint.seeds import rng
from latentprint.space_check import check_space
from latentprint.spaces import draw
from latentprint.tuning import Trial, best_trial

logger = logging.getLogger(__name__)


def halve(
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
    """Try random candidates on few images, and the better ones on more.

    Parameters
    ----------
    matrix : Matrix
        Training rows, as the engine wants them.
    classifier : str
    settings : mapping
        `folds` and, optionally, `space` and `halving` (`candidates`, `factor`, `least`) of the
        config's `search.<name>`.
    engine : mapping
    seed : int
        The run's seed.
    cell : str
        Name of the cell; candidates and the trees' random state depend on it, folds and subsets
        do not.
    threads : int
    journal : Journal, optional
        As for `search.search`.

    Returns
    -------
    list of Trial
        Rung by rung; those of the last rung were fitted to all images of their folds.
    """
    space = space_of(classifier, settings)
    check_space(classifier, space, ())
    growth = growth_of(classifier, space)
    drawn = {name: entry for name, entry in space.items() if name != growth.name}
    asked = DEFAULTS | dict(settings.get("halving", {}))
    candidates = draw(drawn, count=asked["candidates"], generator=rng(seed, "halving", cell))
    folds = image_folds(matrix.fake_images, n_folds=settings["folds"], seed=seed)
    trained = min(int(np.count_nonzero(~fold)) for fold in folds)
    ladder = rungs(trained, asked | {"candidates": len(candidates)})
    judge = Judge(matrix, classifier, engine, folds, growth, seed=seed, cell=cell, threads=threads)
    full = [growth.full(parameters) for parameters in candidates]
    check_largest(classifier, full, engine=engine, shape=matrix.values.shape)
    load_engine(classifier, engine)

    trials: list[Trial] = []
    progress = Progress(sum(rung.candidates for rung in ladder), "trials")
    for number, rung in enumerate(ladder, 1):
        stage, last = f"rung {number}", number == len(ladder)
        by_folds = last or not judge.out_of_bag
        images = judge.images(rung.share, by_folds=by_folds)
        here: list[Trial] = []
        for parameters in candidates[: rung.candidates]:
            found = journal.find(parameters, images=images) if journal else None
            if found and len(found.scores) == (len(folds) if by_folds else 1):
                here.append(replace(found, stage=stage))
                progress.total -= 1
                continue
            began = time.perf_counter()
            judged = judge.by_folds if by_folds else judge.by_bag
            trial = replace(judged(parameters, rung.share, last=last), stage=stage, images=images)
            here.append(replace(trial, seconds=time.perf_counter() - began))
            if journal:
                journal.add(here[-1])
            progress.advance(1, note=f"{stage}, best {best_trial(here).mean:.4f}")
        logger.info(
            "%s of %d: %d candidates on %d images, best %.4f",
            stage,
            len(ladder),
            len(here),
            images,
            best_trial(here).mean,
        )
        trials += here
        # Stable: the first of equals leads.
        candidates = [trial.parameters for trial in sorted(here, key=lambda trial: -trial.mean)]
    return trials


def chosen_parameters(classifier: str, trial: Trial) -> Parameters:
    """Join a trial's parameters and the number of trees or rounds that was read off its fits."""
    if trial.grown is None:
        return trial.parameters
    return {**trial.parameters, CLASSIFIERS[classifier].grown: trial.grown}
