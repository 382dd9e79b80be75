"""How a candidate of halving is fitted and judged: on which images, and with how many trees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint import learn
from latentprint.classifiers import CLASSIFIERS, Parameters, effective_parameters
from latentprint.features import Matrix
from latentprint.predicting import PREDICTION_BLOCK_VALUES, predict_fake
from latentprint.predictions import vote
from latentprint.search import most_grown, share_of_full
from latentprint.seeds import integer, rng
from latentprint.spaces import limits
from latentprint.stages import staged_accuracy
from latentprint.tuning import Trial

# Share of the most rounds for which the log loss may stand still. Accuracy goes on rising when the
# log loss does not fall any more: with 10 rounds of patience, faces on single patches lost 0.05.
PATIENCE = 1 / 3
LEAST_PATIENCE = 10
FOREST_STAGES = 50  # numbers of trees that are compared, at most; more would pick chance


@dataclass(frozen=True)
class Growth:
    """How trees or rounds are counted.

    Attributes
    ----------
    name : str or None
        The hyperparameter; None where it is fixed or there is none, and nothing is read off.
    most : int or None
        Trees or rounds of a full fit.
    stages : tuple of int
        Numbers that are compared, rising.
    before : int or None
        Trees or rounds of the fits on the rungs before the last. A forest of few trees tells
        candidates apart; how far boosting should go differs between them.
    """

    name: str | None
    most: int | None
    stages: tuple[int, ...]
    before: int | None

    def full(self, parameters: Parameters, *, last: bool = True) -> Parameters:
        """Add the number of trees or rounds to fit, where it is not fixed."""
        return (
            {**parameters, self.name: self.most if last else self.before}
            if self.name
            else parameters
        )


def growth_of(classifier: str, space: Mapping[str, Any]) -> Growth:
    """Tell what of trees or rounds is read off, and which numbers are compared.

    Of a forest at most `FOREST_STAGES` numbers in the range of the space. Of boosting all rounds
    from the first, wherever the range begins: it may stop before.
    """
    kind, most = CLASSIFIERS[classifier], most_grown(classifier, space)
    if most is None or not isinstance(space[kind.grown], Mapping):
        return Growth(None, most, (), None)
    if kind.boosts:
        return Growth(kind.grown, most, tuple(range(1, most + 1)), most)
    low = limits(space[kind.grown])[0]
    numbers = np.linspace(low, most, min(FOREST_STAGES, most - low + 1)).round().astype(int)
    return Growth(kind.grown, most, tuple(np.unique(numbers).tolist()), low)


def nested_order(
    fake_images: NDArray[np.bool_], inside: NDArray[np.bool_], generator: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Put the images of each class that are inside in a random order; subsets are its beginnings.

    Parameters
    ----------
    fake_images, inside : ndarray, bool, (N,)
    generator : Generator

    Returns
    -------
    list of two ndarray, int64
        Real and fake images.
    """
    return [
        generator.permutation(np.flatnonzero(inside & (fake_images == label)))
        for label in (False, True)
    ]


def subset(orders: Sequence[NDArray[np.int64]], share: float, n_images: int) -> NDArray[np.bool_]:
    """Choose the first images of each class: bool (N,), the same share of both, at least two."""
    chosen = np.zeros(n_images, dtype=bool)
    for order in orders:
        chosen[order[: max(2, round(share * len(order)))]] = True
    return chosen


class Judge:
    """Fits candidates to some of the training images and judges them on others.

    Parameters
    ----------
    matrix : Matrix
    classifier : str
    engine : mapping
    folds : sequence of ndarray, bool, (N,)
        As `search.image_folds` gives them.
    growth : Growth
    seed, cell, threads
        As for `halving.halve`.
    """

    def __init__(
        self,
        matrix: Matrix,
        classifier: str,
        engine: Mapping[str, Any],
        folds: Sequence[NDArray[np.bool_]],
        growth: Growth,
        *,
        seed: int,
        cell: str,
        threads: int,
    ) -> None:
        self.matrix, self.classifier, self.engine = matrix, classifier, engine
        self.folds, self.growth, self.threads = folds, growth, threads
        self.random_state = integer(seed, "tune", cell)
        fake, every = matrix.fake_images, np.ones(len(matrix.ids), dtype=bool)
        self.orders = [
            nested_order(fake, ~fold, rng(seed, "halving", f"fold {number}"))
            for number, fold in enumerate(folds)
        ]
        self.order = nested_order(fake, every, rng(seed, "halving", "all"))
        kind = CLASSIFIERS[classifier]
        # A forest that screened its values chose them with the labels of all its rows.
        self.out_of_bag = (
            not kind.boosts
            and kind.grown is not None
            and matrix.rows_per_image == 1
            and not matrix.screens
        )
        self.stopping: Parameters = {}
        if kind.boosts and growth.name:
            patience = max(LEAST_PATIENCE, round(PATIENCE * growth.most))
            self.stopping = {"early_stopping": True, "n_iter_no_change": patience}

    def images(self, share: float, *, by_folds: bool) -> int:
        """Count the images of a fit: of the first fold, or of the one that is judged by bag."""
        orders = self.orders[0] if by_folds else self.order
        return int(np.count_nonzero(subset(orders, share, len(self.matrix.ids))))

    def by_folds(self, parameters: Parameters, share: float, *, last: bool) -> Trial:
        """Fit to a share of the training part of every fold; judge on the fold's test part.

        Boosting stops when the log loss on the test part has not fallen for long (`PATIENCE`): that
        is no more of a look at it than reading the rounds off its accuracy, and no image is kept
        back from the fit.
        """
        matrix, threads = self.matrix, self.threads
        accuracy, full_fits, reached = [], 0.0, self.growth.most
        for fold, orders in zip(self.folds, self.orders, strict=True):
            inside, tested = subset(orders, share, len(fold)), fold[matrix.groups]
            asked = learn.take_rows(matrix.values, tested)
            kept = (asked, matrix.fake[tested]) if self.stopping else None
            model = self._fitted(parameters, inside, last=last, validation=kept)
            full_fits += share_of_full(model, np.mean(inside), most=self.growth.most)
            fake = matrix.fake_images[fold]
            if self.growth.name:
                reached = min(reached, learn.iterations(model))
                accuracy.append(
                    staged_accuracy(model, asked, fake, stages=self.growth.stages, threads=threads)
                )
            else:
                probabilities = predict_fake(model, asked, threads=threads)
                called = vote(probabilities.reshape(-1, matrix.rows_per_image))[2]
                accuracy.append(np.array([np.mean(called == fake)]))
        # Only numbers that all folds have grown were really judged; the fewest of equals.
        known = sum(stage <= reached for stage in self.growth.stages) or 1
        best = int(np.mean(accuracy, axis=0)[:known].argmax())
        grown = self.growth.stages[best] if self.growth.name else None
        scores = tuple(float(stages[best]) for stages in accuracy)
        return Trial("", parameters, scores, 0.0, full_fits, grown=grown)

    def by_bag(self, parameters: Parameters, share: float, *, last: bool) -> Trial:
        """Fit a forest to a share of all images, and judge it on all, none with a tree that saw it.

        Images of the subset are asked of the trees that did not draw them, the others of all trees.
        """
        matrix = self.matrix
        inside = subset(self.order, share, len(matrix.ids))
        model = self._fitted(parameters, inside, last=last)
        own = learn.oob_accuracy(
            model, learn.take_rows(matrix.values, inside), fake=matrix.fake[inside]
        )
        outside = np.flatnonzero(~inside)
        size = max(1, PREDICTION_BLOCK_VALUES // matrix.values.shape[1]) * self.threads
        right = 0 if own is None else own * np.count_nonzero(inside)
        judged = len(outside) + (0 if own is None else np.count_nonzero(inside))
        for start in range(0, len(outside), size):
            rows = outside[start : start + size]
            asked = learn.take_rows(matrix.values, rows)
            called = predict_fake(model, asked, threads=self.threads) >= 0.5
            right += np.count_nonzero(called == matrix.fake[rows])
        full_fits = share_of_full(model, np.mean(inside), most=self.growth.most)
        return Trial("", parameters, (float(right / judged),), 0.0, full_fits)

    def _fitted(
        self,
        parameters: Parameters,
        inside: NDArray[np.bool_],
        *,
        last: bool,
        validation: tuple[Any, NDArray[np.bool_]] | None = None,
    ) -> Any:
        """Fit to some images."""
        matrix, rows = self.matrix, inside[self.matrix.groups]
        full = effective_parameters(
            self.classifier, self.growth.full(parameters, last=last), self.engine
        )
        return learn.fit_model(
            self.classifier,
            full | self.stopping,
            values=learn.take_rows(matrix.values, rows),
            groups=matrix.groups[rows],
            fake=matrix.fake[rows],
            random_state=self.random_state,
            threads=self.threads,
            engine=self.engine["name"],
            validation=validation,
            grid=matrix.grid,
        )
