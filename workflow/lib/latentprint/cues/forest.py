"""Forests over cues: fitted for each fold of images, asked about the images of that fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.cues.measured import Measured
from latentprint.cues.sources import Source
from latentprint.cues.trials import Pick, Trial
from latentprint.errors import UserError
from latentprint.evaluate import area_under_roc, wilson_interval
from latentprint.seeds import integer, rng

DRAWS = 1000  # of the bootstrap over images


@dataclass(frozen=True)
class Answers:
    """What a trial's forests say to one test.

    Attributes
    ----------
    sources : tuple of Source
    versions : tuple of str
    positive : ndarray, bool, (N,)
        What is true.
    score : ndarray, float64, (N,), 0 to 1
        Share of the forest's probability for positive, by a forest that did not see the image.
    """

    sources: tuple[Source, ...]
    versions: tuple[str, ...]
    positive: NDArray[np.bool_]
    score: NDArray[np.float64]


class Rows:
    """Measured values of all versions, found by picture.

    Parameters
    ----------
    measured : mapping of str to Measured
        By version.
    sources : sequence of Source
    chosen : ndarray, bool, (values,)
        Columns of a feature set.
    """

    def __init__(
        self,
        measured: Mapping[str, Measured],
        sources: Sequence[Source],
        chosen: NDArray[np.bool_],
    ) -> None:
        self._sources = sources
        self._values = {
            version: one.values[:, chosen].astype(np.float32) for version, one in measured.items()
        }
        self._places = {
            version: {name: row for row, name in enumerate(one.ids)}
            for version, one in measured.items()
        }

    def take(
        self, picks: Sequence[Pick]
    ) -> tuple[list[Source], list[str], NDArray[np.bool_], NDArray[np.float32]]:
        """Give sources, versions, classes and values, (N, values), of some picks."""
        sources: list[Source] = []
        versions: list[str] = []
        positive: list[bool] = []
        blocks = [np.empty((0, next(iter(self._values.values())).shape[1]), np.float32)]
        for pick in picks:
            chosen = pick.choose(self._sources)
            places = self._places[pick.version]
            blocks.append(self._values[pick.version][[places[one.id] for one in chosen]])
            sources += chosen
            versions += [pick.version] * len(chosen)
            positive += [pick.positive] * len(chosen)
        return sources, versions, np.array(positive, bool), np.concatenate(blocks)


def folds_of(sources: Sequence[Source], count: int, *, seed: int) -> dict[str, int]:
    """Give every image its fold; regions and versions of an image share it.

    Parameters
    ----------
    sources : sequence of Source
    count : int
    seed : int

    Returns
    -------
    dict of str to int
        By `image_id`. Every source's images are spread evenly over the folds.
    """
    chance = rng(seed, "cues", "folds")
    found: dict[str, int] = {}
    for source in dict.fromkeys((row.kind, row.source) for row in sources):
        images = list(dict.fromkeys(r.image_id for r in sources if (r.kind, r.source) == source))
        images = [name for name in images if name not in found]
        order = chance.permutation(len(images))
        found |= {images[place]: int(k % count) for k, place in enumerate(order)}
    return found


def new_forest(n_trees: int, *, seed: int, threads: int) -> Any:
    """Make a forest that is not fitted; classes weigh the same whatever their counts."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=n_trees,
        max_features="sqrt",
        class_weight="balanced",
        n_jobs=threads,
        random_state=integer(seed, "cues", "forest"),
    )


def run_trial(
    trial: Trial,
    rows: Rows,
    folds: Mapping[str, int],
    *,
    n_trees: int,
    seed: int,
    threads: int,
) -> dict[str, Answers]:
    """Fit a forest for each fold and ask it about the images of that fold.

    Returns
    -------
    dict of str to Answers
        By test; tests without pictures are left out.

    Raises
    ------
    UserError
        If a class has too few images.
    """
    sources, _, positive, values = rows.take(trial.train)
    fold = np.array([folds[one.image_id] for one in sources])
    _check_classes(trial, positive, fold)
    taken = {name: rows.take(picks) for name, picks in trial.tests.items()}
    score = {name: np.full(len(found[2]), np.nan) for name, found in taken.items()}
    for number in sorted(set(folds.values())):
        asked = {
            name: np.array([folds[one.image_id] == number for one in found[0]], bool)
            for name, found in taken.items()
        }
        if not any(inside.any() for inside in asked.values()):
            continue
        forest = new_forest(n_trees, seed=seed, threads=threads)
        forest.fit(values[fold != number], positive[fold != number])
        for name, inside in asked.items():
            if inside.any():
                score[name][inside] = forest.predict_proba(taken[name][3][inside])[:, 1]
    return {
        name: Answers(tuple(found[0]), tuple(found[1]), found[2], score[name])
        for name, found in taken.items()
        if found[0]
    }


def _check_classes(trial: Trial, positive: NDArray[np.bool_], fold: NDArray[np.integer]) -> None:
    for said in (True, False):
        if len(set(fold[positive == said])) < 2:
            raise UserError(
                f"cues, {trial.task}, {trial.trained_on}: {int((positive == said).sum())} "
                f"{'positive' if said else 'negative'} pictures that can be used, expected some in "
                "two folds at least. Give more pictures, or fewer cues.rates"
            )


def images_of(answers: Answers) -> NDArray[np.int64]:
    """Give the number of the image that each answer is about: int64, (N,), from 0."""
    images = {name: k for k, name in enumerate(dict.fromkeys(s.image_id for s in answers.sources))}
    return np.array([images[one.image_id] for one in answers.sources])


def measures(answers: Answers, *, seed: int) -> dict[str, Any]:
    """Give what a test's answers come to.

    Returns
    -------
    dict
        `n_images`, `n`, `accuracy` with a 95 % interval (bootstrap over images: versions and
        regions of an image go together), `balanced_accuracy` and `auc`, None with one class only,
        and `called_positive`, the share.
    """
    called = answers.score >= 0.5
    right = called == answers.positive
    place = images_of(answers)
    of_image = np.bincount(place), np.bincount(place, weights=right)
    low, high = bootstrap_interval(*of_image, seed=seed)
    both = 0 < answers.positive.sum() < len(answers.positive)
    return {
        "n_images": int(place.max()) + 1,
        "n": len(right),
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": (
            float(np.mean([right[answers.positive].mean(), right[~answers.positive].mean()]))
            if both
            else None
        ),
        "auc": float(area_under_roc(answers.positive, answers.score)) if both else None,
        "called_positive": float(called.mean()),
    }


def bootstrap_interval(
    n: NDArray[np.number], right: NDArray[np.number], *, seed: int
) -> tuple[float, float]:
    """Give the 95 % interval of a share by drawing images with replacement.

    Parameters
    ----------
    n, right : ndarray, (images,)
        Answers of every image, and how many of them are right.
    seed : int

    Returns
    -------
    low, high : float, 0 to 1
        Percentiles of 1,000 draws. Where every image has the same share of right answers, draws
        would give a point: there the Wilson interval of as many images.
    """
    counts = rng(seed, "cues", "bootstrap").multinomial(
        len(n), np.full(len(n), 1 / len(n)), size=DRAWS
    )
    shares = (counts @ right) / (counts @ n)
    share = float(right.sum() / n.sum())
    low, high = (float(value) for value in np.percentile(shares, [2.5, 97.5]))
    return wilson_interval(share * len(n), len(n)) if low == high else (low, high)
