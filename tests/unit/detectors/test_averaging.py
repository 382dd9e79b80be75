"""The average of detectors: calibrated members, maps of other images, no look at the test."""

import numpy as np
import pytest

from latentprint.detectors.averaging import average, average_held_out, compared
from latentprint.detectors.calibration import fit_calibration, log_odds
from latentprint.errors import UserError
from latentprint.predictions import Predictions
from latentprint.search import image_folds

N = 400
FAKE = np.arange(N) % 2 == 1


def member(seed, *, skill=1.0, overstated=1.0, fake=FAKE):
    """Scores with noise of their own."""
    generator = np.random.default_rng(seed)
    odds = overstated * (skill * np.where(fake, 1, -1) + generator.normal(0, 1.5, len(fake)))
    score = 1 / (1 + np.exp(-odds))
    one = np.ones(len(fake), dtype=np.int64)
    ids = tuple(map(str, range(len(fake))))
    return Predictions(ids, fake, score, (score >= 0.5).astype(np.int64), one, score >= 0.5)


def test_the_score_is_the_mean_of_the_calibrated_log_odds():
    held, asked = [member(1), member(2)], [member(3), member(4)]
    found = average(held, asked)
    odds = [
        log_odds(fit_calibration("platt", one.score, one.fake)(other.score))
        for one, other in zip(held, asked, strict=True)
    ]
    assert log_odds(found.score) == pytest.approx(np.mean(odds, axis=0))
    assert np.array_equal(found.predicted, found.score >= 0.5)


def test_one_that_overstates_does_not_count_for_more():
    calm, loud = (
        average([member(1), member(2, overstated=k)], [member(3), member(4, overstated=k)])
        for k in (1.0, 2.0)
    )
    assert loud.score == pytest.approx(calm.score, abs=1e-3)


def test_members_with_errors_of_their_own_are_better_together():
    found = average([member(s) for s in range(5)], [member(s) for s in range(10, 15)])
    alone = [np.mean(member(s).predicted == FAKE) for s in range(10, 15)]
    assert np.mean(found.predicted == FAKE) > max(alone) + 0.03


def test_maps_do_not_see_the_image_that_they_are_asked_about():
    folds = image_folds(FAKE, n_folds=4, seed=1)
    one, other = member(1), member(2)
    before = average_held_out([one, other], folds)
    changed = [
        Predictions(
            m.ids, np.where(folds[0], ~FAKE, FAKE), m.score, m.votes, m.n_patches, m.predicted
        )
        for m in (one, other)
    ]
    after = average_held_out(changed, folds)
    assert np.array_equal(after.score[folds[0]], before.score[folds[0]])
    assert not np.array_equal(after.score[folds[1]], before.score[folds[1]])


def test_the_comparison_is_paired_and_with_the_best_member():
    folds = image_folds(FAKE, n_folds=4, seed=1)
    held = [member(1), member(2), member(3, skill=0.1)]
    together = average_held_out(held, folds)
    found = compared(together, held, folds)
    assert found["accuracy"] == np.mean(together.predicted == FAKE)
    assert found["difference"] == pytest.approx(found["accuracy"] - max(found["members"]))
    assert found["difference_low"] < found["difference"] < found["difference_high"]
    assert found["members"][2] == min(found["members"]) and found["n"] == N


def test_members_of_other_images_are_refused():
    other = member(2)
    other = Predictions(other.ids[::-1], *list(other.__dict__.values())[1:])
    with pytest.raises(UserError, match="members were asked about other images"):
        average([member(1), member(2)], [member(1), other])
