"""Several detectors as one: the mean of their calibrated log odds.

Members are the best cells by cross-validation, so that no test image has a part in their choice.
Each score is made a probability by Platt's map first: members then speak of the same thing, and a
member that overstates does not count for more.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.compare.differences import paired_interval
from latentprint.detectors.calibration import cross_fitted, fit_calibration, log_odds
from latentprint.errors import UserError
from latentprint.evaluate import wilson_interval
from latentprint.predictions import Predictions, vote

MAP = "platt"


def average(held_out: Sequence[Predictions], asked: Sequence[Predictions]) -> Predictions:
    """Average what members say of some images.

    Parameters
    ----------
    held_out : sequence of Predictions
        Of each member, of training images that its fits did not see: its map is made of them.
    asked : sequence of Predictions
        Of each member, in the same order; all of the same images.

    Returns
    -------
    Predictions
        Its score is 1 / (1 + exp(-mean log odds)).
    """
    _check_images(asked)
    maps = [fit_calibration(MAP, member.score, member.fake) for member in held_out]
    return _joined(
        asked[0],
        [chart(member.score) for chart, member in zip(maps, asked, strict=True)],
    )


def average_held_out(
    held_out: Sequence[Predictions], folds: Sequence[NDArray[np.bool_]]
) -> Predictions:
    """Average the members on the training images, with maps made of the other folds' images."""
    _check_images(held_out)
    probabilities = [cross_fitted(MAP, one.score, one.fake, folds) for one in held_out]
    return _joined(held_out[0], probabilities)


def _joined(images: Predictions, probabilities: Sequence[NDArray[np.float64]]) -> Predictions:
    score = 1 / (1 + np.exp(-np.mean([log_odds(one) for one in probabilities], axis=0)))
    score, votes, predicted = vote(score[:, None])
    one = np.ones(len(score), dtype=np.int64)
    return Predictions(images.ids, images.fake, score, votes, one, predicted)


def _check_images(members: Sequence[Predictions]) -> None:
    if any(member.ids != members[0].ids for member in members):
        raise UserError(
            "members were asked about other images, or in another order. Delete the folder "
            "detectors of this run and run snakemake again."
        )


def compared(
    together: Predictions,
    held_out: Sequence[Predictions],
    folds: Sequence[NDArray[np.bool_]],
) -> dict[str, Any]:
    """Compare the average with the best member on the training images, all by the same folds.

    Returns
    -------
    dict
        Accuracy of the average and its interval, accuracies of the members, and the difference to
        the best of them with its paired interval.
    """
    n = len(together.fake)
    right = together.predicted == together.fake
    low, high = wilson_interval(int(right.sum()), n)
    members = [
        (cross_fitted(MAP, one.score, one.fake, folds) >= 0.5) == one.fake for one in held_out
    ]
    best = max(members, key=lambda member: int(member.sum()))
    lost, won = int((best & ~right).sum()), int((right & ~best).sum())
    difference_low, difference_high = paired_interval(lost, won, n=n)
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "members": [float(member.mean()) for member in members],
        "difference": (won - lost) / n,
        "difference_low": difference_low,
        "difference_high": difference_high,
        "n": n,
    }
