"""Held-out scores, learning curve, importance: who sees what, and what is found."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from latentprint.detectors.held_out import held_out
from latentprint.detectors.importance import alone, divide, drops, groups_of
from latentprint.detectors.learning_curve import extrapolate, mean_interval, power_law, subsets
from latentprint.detectors.stability import stability
from latentprint.features import Matrix
from latentprint.search import image_folds

N, PER_IMAGE = 40, 3
FAKE = np.arange(N) % 2 == 1


def matrix(values, per_image=PER_IMAGE):
    groups = np.repeat(np.arange(N, dtype=np.int32), per_image)
    names = tuple(f"image-{number}" for number in range(N))
    return Matrix(np.asfortranarray(values, dtype=np.float32), groups, FAKE[groups], names, {})


# Held-out scores


def test_no_image_is_scored_by_a_model_that_saw_it(monkeypatch):
    """A model that remembers its rows would know them."""
    generator = np.random.default_rng(1)
    data = matrix(generator.normal(size=(N * PER_IMAGE, 4)))
    seen = {}

    class Remembers:
        classes_ = np.array(["fake", "real"])

        def __init__(self, values):
            self.rows = {row.tobytes() for row in np.ascontiguousarray(values)}

        def predict_proba(self, values):
            known = [row.tobytes() in self.rows for row in np.ascontiguousarray(values)]
            seen["known"] = seen.get("known", 0) + sum(known)
            return np.column_stack([np.full(len(values), 0.75), np.full(len(values), 0.25)])

    monkeypatch.setattr(
        "latentprint.detectors.held_out.fit_model",
        lambda classifier, parameters, *, values, **_: Remembers(values),
    )
    folds = image_folds(FAKE, n_folds=4, seed=1)
    given = {"engine": "sklearn", "folds": folds, "random_state": 1, "threads": 1}
    found = held_out(data, "LR", {}, **given)
    assert seen["known"] == 0
    assert found.score.tolist() == [0.75] * N
    assert found.votes.tolist() == [PER_IMAGE] * N and found.ids == data.ids


def test_held_out_scores_are_those_of_the_folds():
    values = np.random.default_rng(2).normal(size=(N, 6))
    values[:, 0] += np.where(FAKE, 3, -3)
    folds = image_folds(FAKE, n_folds=4, seed=1)
    given = {"engine": "sklearn", "folds": folds, "random_state": 1, "threads": 1}
    found = held_out(matrix(values, 1), "LR", {"C": 1.0}, **given)
    assert np.mean(found.predicted == FAKE) > 0.9
    assert not np.isnan(found.score).any()


# Learning curve


def test_subsets_are_nested_balanced_and_their_own_in_every_repetition():
    fake = np.arange(80) % 2 == 1
    small, half, whole = subsets(fake, [0.125, 0.5, 1.0], seed=1, repetition=0)
    assert [int(chosen.sum()) for chosen in (small, half, whole)] == [10, 40, 80]
    assert fake[small].sum() == 5 and fake[half].sum() == 20
    assert not (small & ~half).any() and not (half & ~whole).any()
    other = subsets(fake, [0.125, 0.5, 1.0], seed=1, repetition=1)[0]
    assert not np.array_equal(small, other)
    assert np.array_equal(small, subsets(fake, [0.125], seed=1, repetition=0)[0])


def test_a_power_law_is_found_and_followed():
    counts = [100, 200, 400, 800]
    errors = [2 * count**-0.4 for count in counts]
    assert power_law(counts, errors) == pytest.approx((2, 0.4))
    generator = np.random.default_rng(3)
    points = {
        count: generator.random((4, 20_000)) >= error
        for count, error in zip(counts, errors, strict=True)
    }
    near, far = extrapolate(points, seed=1, ahead=[1600, 100_000])
    assert near["accuracy"] == pytest.approx(1 - 2 * 1600**-0.4, abs=0.01)
    assert near["accuracy_low"] < near["accuracy"] < near["accuracy_high"]
    assert far["accuracy_high"] - far["accuracy_low"] < 0.1 and far["accuracy"] > near["accuracy"]


def test_no_error_is_no_logarithm_of_0():
    points = {count: np.ones((1, 50), dtype=bool) for count in (10, 20, 40)}
    (found,) = extrapolate(points, seed=1, ahead=[1000])
    assert 0.98 < found["accuracy"] <= 1


def test_repetitions_of_an_image_hang_together():
    """So they make an interval no narrower: their errors are of the same images."""
    one = np.random.default_rng(4).random((1, 400)) < 0.8
    alone_, again = mean_interval(one, seed=1), mean_interval(np.repeat(one, 5, axis=0), seed=1)
    assert alone_ == again
    assert alone_[0] == one.mean() and 0.03 < alone_[2] - alone_[1] < 0.1


# Importance


def test_groups_are_channels_and_positions_of_a_row():
    planes = np.arange(3 * 4 * 5).reshape(3, 4, 5)  # channels, height, width
    groups = groups_of(60, (4, 5), "flatten")
    channels = [group for group in groups if group.kind == "channel"]
    positions = [group for group in groups if group.kind == "position"]
    assert (len(channels), len(positions)) == (3, 20)
    assert channels[1].columns.tolist() == planes[1].ravel().tolist()
    assert positions[7].columns.tolist() == planes[:, 1, 2].tolist()
    assert (positions[7].row, positions[7].column) == (1, 2)


@pytest.mark.parametrize("channels", [160, 256])
def test_groups_of_gap_are_the_three_statistics_of_a_channel(channels):
    parts = [160] if channels == 160 else [160, 96]
    names = [
        (first + c, statistic)
        for first, count in zip([0, 160], parts, strict=False)
        for statistic in range(3)
        for c in range(count)
    ]
    groups = groups_of(3 * channels, (16, 16), "gap")
    for channel in (0, 159, channels - 1):
        assert [names[column] for column in groups[channel].columns] == [
            (channel, statistic) for statistic in range(3)
        ]
    assert sorted(np.concatenate([group.columns for group in groups])) == [*range(3 * channels)]


def test_images_that_are_asked_are_not_fitted_to():
    fake = np.arange(1000) % 2 == 1
    fitted, asked = divide(fake, np.random.default_rng(1))
    assert fitted.sum() == 750 and not fitted[asked].any()
    assert len(asked) == 128 and fake[asked].sum() == 64
    fitted, asked = divide(np.array([True, False, False, False]), np.random.default_rng(1))
    assert len(asked) == 2 and not fitted[asked].any()


def test_what_a_detector_uses_is_lost_when_exchanged_and_nothing_else():
    generator = np.random.default_rng(5)
    values = generator.normal(size=(N, 12)).astype(np.float32)
    values[:, 4:8] += np.where(FAKE, 2, -2)[:, None]
    before = values.copy()
    groups = [g for g in groups_of(12, (2, 2), "flatten") if g.kind == "channel"]

    def ask(rows):
        return 1 / (1 + np.exp(-rows[:, 4:8].sum(axis=1)))  # the second channel alone

    given = {"per_image": 1, "generator": np.random.default_rng(1)}
    first, second, third = drops(ask, values, FAKE, groups, **given)
    assert first == third == 0 and second > 0.3
    assert np.array_equal(values, before)

    areas = alone(values, FAKE, image_folds(FAKE, n_folds=4, seed=1), groups, per_image=1)
    assert areas[1] > 0.95 and max(areas[0], areas[2]) < 0.8


def test_rows_of_an_image_move_together():
    """Patches of a real image stay patches of one image when they are exchanged."""
    values = np.repeat(np.arange(4.0), 3)[:, None].astype(np.float32)
    seen = []

    def ask(rows):
        seen.append(rows[:, 0].copy())
        return np.zeros(len(rows))

    (group,) = groups_of(1, (2, 2), "single")
    drops(
        ask, values, np.array([True, False] * 2), [group],
        per_image=3, generator=np.random.default_rng(3),
    )  # fmt: skip
    exchanged = seen[1].reshape(4, 3)
    assert (exchanged == exchanged[:, :1]).all() and set(exchanged[:, 0]) == {0, 1, 2, 3}


def test_stability_is_the_mean_rank_correlation_of_pairs():
    generator = np.random.default_rng(6)
    rows = generator.integers(0, 9, size=(3, 30)).astype(float)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([spearmanr(rows[a], rows[b]).statistic for a, b in pairs])
    assert stability(rows) == pytest.approx(expected)
    assert stability(rows[:1]) is None
    assert stability([[1.0, 1.0], [1.0, 2.0]]) is None
