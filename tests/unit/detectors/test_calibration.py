"""Calibration: maps that hold, thresholds that keep their rate, nothing learnt from the test."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

from latentprint.detectors.calibration import (
    Calibration,
    choose_method,
    cross_fitted,
    describe,
    fit_calibration,
    log_loss,
    log_odds,
    rates,
    read_calibration,
    reliability,
    threshold_at,
    write_calibration,
)
from latentprint.errors import UserError
from latentprint.search import image_folds


def overconfident(n, *, seed, slope=3.0):
    """Scores whose log odds are `slope` times the true ones."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(0, 1.2, n)
    fake = generator.random(n) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-slope * odds)), fake


def test_platt_is_the_likeliest_line_in_the_log_odds():
    score, fake = overconfident(400, seed=1)
    found = fit_calibration("platt", score, fake)

    def loss(line):
        return log_loss(1 / (1 + np.exp(-(line[0] * log_odds(score) + line[1]))), fake)

    expected = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7}).x
    assert [found.slope, found.intercept] == pytest.approx(expected, abs=1e-3)
    assert found.slope == pytest.approx(1 / 3, abs=0.1)  # undoes what was overstated


def test_isotonic_is_scikit_learns_within_what_so_many_images_can_show():
    score, fake = overconfident(300, seed=2)
    found = fit_calibration("isotonic", score, fake)
    least = 1 / 302
    model = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(score, fake)
    asked = np.linspace(0, 1, 101)
    assert np.allclose(found(asked), model.predict(asked))
    assert found(asked).min() >= least and found(asked).max() <= 1 - least


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_maps_never_turn_the_order_round(method):
    generator = np.random.default_rng(3)
    score = generator.random(100)
    backwards = score < 0.5  # the classes the wrong way round
    found = fit_calibration(method, score, backwards)
    assert (np.diff(found(np.linspace(0, 1, 200))) >= -1e-12).all()
    assert found(np.array([0.0, 1.0])) == pytest.approx([0.5, 0.5], abs=0.06)


def test_scores_of_0_and_1_have_a_probability():
    score, fake = np.array([0.0, 0.0, 1.0, 1.0] * 5), np.array([False, True, False, True] * 5)
    for method in ("platt", "isotonic"):
        probability = fit_calibration(method, score, fake)(score)
        assert ((probability > 0) & (probability < 1)).all()


def test_cross_fitting_asks_maps_that_did_not_see_the_image():
    score, fake = overconfident(90, seed=4)
    folds = image_folds(fake, n_folds=3, seed=1)
    found = cross_fitted("isotonic", score, fake, folds)
    for fold in folds:
        changed = fake.copy()
        changed[fold] = ~fake[fold]
        again = cross_fitted("isotonic", score, changed, folds)
        assert np.array_equal(again[fold], found[fold])


def test_the_map_with_the_lower_loss_is_chosen():
    score, fake = overconfident(300, seed=5)
    folds = image_folds(fake, n_folds=5, seed=1)
    losses = {m: log_loss(cross_fitted(m, score, fake, folds), fake) for m in ("platt", "isotonic")}
    assert choose_method(score, fake, folds) == min(losses, key=losses.get) == "platt"
    # A step that no line in the log odds follows.
    generator = np.random.default_rng(6)
    score = generator.random(3000)
    fake = generator.random(3000) < np.where((score > 0.45) & (score < 0.9), 0.9, 0.1)
    fake |= (score > 0.9) & (generator.random(3000) < 0.9)
    folds = image_folds(fake, n_folds=5, seed=1)
    assert choose_method(score, fake, folds) == "isotonic"


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1])
def test_a_threshold_keeps_its_rate_and_is_the_lowest_that_does(rate):
    score, fake = overconfident(1000, seed=7)
    threshold = threshold_at(score, fake, rate)
    real = score[~fake]
    assert (real > threshold).mean() <= rate
    below = real[real < threshold].max()
    assert (real > below).mean() > rate


def test_a_rate_that_so_few_images_cannot_show_has_no_threshold():
    score, fake = overconfident(100, seed=8)
    assert threshold_at(score, fake, 0.01) is None
    assert threshold_at(score, fake, 0.1) is not None


def test_equal_scores_do_not_exceed_a_rate():
    score, fake = np.full(100, 0.5), np.arange(100) < 50
    threshold = threshold_at(score, fake, 0.1)
    assert rates(score, fake, threshold)["false_alarm"] == 0


def test_bins_are_those_of_scikit_learn():
    score, fake = overconfident(500, seed=9)
    fakes, means = calibration_curve(fake, score, n_bins=10)
    rows = reliability(score, fake)
    assert [row["fakes"] for row in rows] == pytest.approx(fakes)
    assert [row["mean"] for row in rows] == pytest.approx(means)
    assert sum(row["n"] for row in rows) == 500
    assert all(row["fakes_low"] <= row["fakes"] <= row["fakes_high"] for row in rows)


def test_calibration_mends_what_is_overstated_and_the_test_teaches_nothing(tmp_path):
    score, fake = overconfident(800, seed=10)
    test_score, test_fake = overconfident(2000, seed=11)
    folds = image_folds(fake, n_folds=5, seed=1)
    found = describe(score, fake, folds, test_score, test_fake)
    assert found["test"]["ece_before"] > 0.1 > 0.05 > found["test"]["ece_after"]
    assert found["test"]["log_loss_after"] < found["test"]["log_loss_before"]
    assert found["test"]["auc"] == pytest.approx(
        describe(score, fake, folds, test_score**2, test_fake)["test"]["auc"]
    )
    other = describe(score, fake, folds, 1 - test_score, ~test_fake)
    for key in ("calibration", "training", "log_loss_of_methods"):
        assert other[key] == found[key]
    assert [row["threshold"] for row in other["thresholds"]] == [
        row["threshold"] for row in found["thresholds"]
    ]

    write_calibration(tmp_path / "calibration.json", found)
    read, described = read_calibration(tmp_path / "calibration.json")
    assert described["test"]["n"] == 2000
    assert np.array_equal(read(test_score), Calibration(**found["calibration"])(test_score))


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "calibration.json"
    for content in ("", "{}", '{"calibration": {"method": "platt"}}'):
        path.write_text(content)
        with pytest.raises(UserError, match=r"calibration\.json: cannot be read"):
            read_calibration(path)
