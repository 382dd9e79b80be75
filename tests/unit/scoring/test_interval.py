"""The interval of a probability: what a refit to other draws of held-out images gives."""

import numpy as np
import pytest

from latentprint.detectors.calibration import Calibration
from latentprint.scoring.interval import Calibrated, bootstrap
from latentprint.scoring.thresholds import known_thresholds, level_exceeded, level_words
from tests.unit.scoring.stand_ins import about, calibrated, held_out

SCORES = np.linspace(0, 1, 101)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_interval_holds_the_probability(method):
    probability, low, high = calibrated(60, method).probabilities(SCORES)
    assert (low <= probability).all() and (probability <= high).all()
    assert (low >= 0).all() and (high <= 1).all()
    assert (high - low).max() > 0.05


def test_an_interval_that_would_leave_the_probability_out_is_widened():
    """As steps of isotonic regression do, where a draw moves the corner beside a score."""
    flat = [Calibration("isotonic", scores=(0.0, 1.0), probabilities=(p, p)) for p in (0.4, 0.6)]
    for own, expected in ((0.9, (0.4, 0.9)), (0.1, (0.1, 0.6)), (0.5, (0.4, 0.6))):
        drawn = Calibrated(Calibration("isotonic", scores=(0.0,), probabilities=(own,)), (*flat,))
        probability, low, high = drawn.probabilities(np.array([0.5]))
        assert probability[0] == own
        assert (low[0], high[0]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_interval_shrinks_with_more_held_out_images(method):
    widths = []
    for n in (60, 600, 6000):
        _, low, high = calibrated(n, method).probabilities(SCORES)
        widths.append((high - low).mean())
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


def test_platt_intervals_agree_with_theory():
    """The mean of many fits spreads as the inverse of Fisher's information says."""
    images = held_out(4000)
    found = calibrated(4000)
    slope, intercept = found.calibration.slope, found.calibration.intercept
    odds = np.log(images.score / (1 - images.score))
    p = 1 / (1 + np.exp(-(slope * odds + intercept)))
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    covariance = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
    at = np.array([1.5, 1.0])
    spread = np.sqrt(at @ covariance @ at)
    _, low, high = found.probabilities(np.array([1 / (1 + np.exp(-1.5))]))
    width = np.log(high / (1 - high)) - np.log(low / (1 - low))
    assert width[0] == pytest.approx(2 * 1.96 * spread, rel=0.25)


def test_equal_seeds_give_equal_intervals_whatever_is_asked_together():
    images = held_out()
    calibration = calibrated().calibration
    first, second, other = (bootstrap(calibration, images, seed=seed) for seed in (1, 1, 2))
    together = first.probabilities(SCORES)
    assert np.array_equal(together, second.probabilities(SCORES))
    assert not np.array_equal(together, other.probabilities(SCORES))
    alone = np.concatenate([first.probabilities(SCORES[k : k + 1]) for k in range(101)], axis=1)
    assert np.array_equal(alone, together)


def test_both_classes_are_in_every_draw():
    """Of four images: Platt cannot be fitted to a draw that misses a class."""
    images = held_out(4)
    found = bootstrap(calibrated(4, apart=0.0).calibration, images, seed=1)
    assert len(found.draws) == 200


def test_a_score_is_named_by_the_strictest_threshold_that_it_exceeds():
    described = about(n=60).described  # 30 real images: too few for 1 %
    thresholds = known_thresholds(described)
    assert [rate for rate, _ in thresholds] == [0.05, 0.10]
    (_, five), (_, ten) = thresholds
    assert ten < five
    between, above = (five + ten) / 2, five + 1e-6
    levels = [level_exceeded(score, thresholds) for score in (ten, between, five, above)]
    assert levels == [None, 0.10, 0.10, 0.05]
    assert [level_words(level, thresholds) for level in (None, 0.10, 0.05)] == [
        "below the 10 % threshold",
        "above the 10 % threshold",
        "above the 5 % threshold",
    ]
    assert level_words(None, []) == "no threshold known"
