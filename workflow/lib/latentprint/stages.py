"""What a model would say with fewer trees or rounds, read off one fit."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.estimators.screening import Screened, some_columns
from latentprint.predicting import fake_column, map_blocks, row_blocks
from latentprint.predictions import vote


def staged_accuracy(
    model: Any,
    values: Any,
    fake_images: NDArray[np.bool_],
    *,
    stages: Sequence[int],
    threads: int,
) -> NDArray[np.float64]:
    """Give the accuracy after some numbers of trees or rounds, by image.

    Parameters
    ----------
    model : estimator
        A forest, or boosting; of either engine.
    values : ndarray, float32, or BinnedValues, (rows, P)
        Rows of images that the model has not seen, equally many for every image.
    fake_images : ndarray, bool, (N,)
    stages : sequence of int, rising
        A model that has fewer trees or rounds counts with all that it has.
    threads : int

    Returns
    -------
    ndarray, float64, (stages,), 0 to 1
    """
    per_image = values.shape[0] // len(fake_images)

    def called(block: Any) -> NDArray[np.bool_]:
        """Tell which images of a block are called fake, (stages, images)."""
        found = np.empty((len(stages), block.shape[0] // per_image), dtype=bool)
        reached = 0
        for number, probabilities in enumerate(staged_fake(model, block), 1):
            if number == stages[reached]:
                found[reached] = vote(probabilities.reshape(-1, per_image))[2]
                reached += 1
                if reached == len(stages):
                    return found
        found[reached:] = vote(probabilities.reshape(-1, per_image))[2]
        return found

    blocks = row_blocks(values, together=per_image)
    predicted = np.concatenate(list(map_blocks(model, called, blocks, threads=threads)), axis=1)
    return (predicted == fake_images).mean(axis=1)


def staged_fake(model: Any, values: Any) -> Iterator[NDArray[np.float64]]:
    """Give the probability of fake after one tree or round, after two, ...

    Yields
    ------
    ndarray, float64, (rows,)
        What a model of so many trees or rounds gives, to the last bit.
    """
    if isinstance(model, Screened):
        model, values = model.model, some_columns(values, model.columns)
    column = fake_column(model)
    if not hasattr(model, "estimators_"):
        for probabilities in model.staged_predict_proba(values):
            yield probabilities[:, column]
        return
    total = np.zeros((len(values), len(model.classes_)))
    for number, tree in enumerate(model.estimators_, 1):
        total += tree.predict_proba(values, check_input=False)
        yield total[:, column] / number
