"""Forests over cues: nobody is asked about an image it learnt from; intervals; what is missing."""

from dataclasses import asdict

import numpy as np
import pytest

from latentprint.cues import detector, forest
from latentprint.cues.asking import _drawn_maps
from latentprint.cues.measured import Measured, read_measured, write_measured
from latentprint.cues.sources import Source
from latentprint.cues.trials import Pick, Trial, material
from latentprint.errors import UserError

FITTING = {"n_trees": 25, "seed": 1, "threads": 1}


def source(number, kind="uncompressed", name="photos", confounded=""):
    return Source(
        f"{number:06d}", f"image-{number}", kind, name, "", 64, 64, 0, 0, "", "", 0, 0, 0,
        confounded, "",
    )  # fmt: skip


def measured(sources, values):
    return Measured(tuple(one.id for one in sources), ("a", "b"), np.asarray(values, float))


@pytest.fixture
def pair():
    """Forty photographs, before and after: value a differs, b does not."""
    sources = [source(k) for k in range(40)]
    random = np.random.default_rng(0)
    before = random.normal(0, 1, (40, 2))
    after = before + np.array([3, 0])
    return sources, {
        "source": measured(sources, before), "ai-1": measured(sources, after)
    }  # fmt: skip


def trial(**changed):
    picks = (Pick("source", "uncompressed", False), Pick("ai-1", "uncompressed", True))
    return Trial("rates", "1", picks, {"1": picks}, "both", **changed)


def test_a_difference_is_found_and_its_absence_gives_guessing(pair):
    sources, values = pair
    folds = forest.folds_of(sources, 5, seed=1)
    for chosen, least, most in (([True, False], 0.85, 1), ([False, True], 0.3, 0.7)):
        rows = forest.Rows(values, sources, np.array(chosen))
        answers = forest.run_trial(trial(), rows, folds, **FITTING)["1"]
        found = forest.measures(answers, seed=1)
        assert least <= found["accuracy"] <= most
        assert found["n"] == 80 and found["n_images"] == 40
        assert found["accuracy_low"] < found["accuracy"] <= found["accuracy_high"]


def test_no_forest_answers_about_an_image_that_it_learnt_from(pair):
    """Values that name the image: a forest that had seen it would be right about its label."""
    sources, _ = pair
    random = np.random.default_rng(3)
    labels = random.permutation([0, 1] * 20)
    names = np.arange(40)[:, None] * [1, 1] + random.normal(0, 0.01, (40, 2))
    values = {"source": measured(sources, names)}
    picks = tuple(
        Pick("source", "uncompressed", bool(label), source=str(label)) for label in (0, 1)
    )
    sources = [one._replace(source=str(label)) for one, label in zip(sources, labels, strict=True)]
    told = Trial("rates", "1", picks, {"1": picks}, "both")
    rows = forest.Rows(values, sources, np.array([True, True]))
    folds = forest.folds_of(sources, 5, seed=1)
    answers = forest.run_trial(told, rows, folds, **FITTING)["1"]
    assert forest.measures(answers, seed=1)["accuracy"] < 0.75
    seen = forest.new_forest(25, seed=1, threads=1).fit(names, labels)
    assert (seen.predict(names) == labels).mean() > 0.9  # the values do allow it


def test_tests_of_one_class_have_no_auc_and_absent_ones_are_left_out(pair):
    sources, values = pair
    other = [source(100 + k, "decoded", "reference") for k in range(4)]
    values = dict(values)
    values["source"] = measured(
        [*sources, *other], np.vstack([values["source"].values, np.full((4, 2), 5.0)])
    )
    asked = {
        "decoded": (Pick("source", "decoded", True),),
        "none": (Pick("source", "synthetic", False),),
    }
    picks = trial().train
    rows = forest.Rows(values, [*sources, *other], np.array([True, True]))
    folds = forest.folds_of([*sources, *other], 5, seed=1)
    found = forest.run_trial(Trial("x", "1", picks, asked, "both"), rows, folds, **FITTING)
    assert set(found) == {"decoded"}
    measures = forest.measures(found["decoded"], seed=1)
    assert measures["auc"] is None and measures["balanced_accuracy"] is None
    assert measures["accuracy"] == 1 and measures["accuracy_low"] < 0.6


def test_too_few_pictures_are_said_in_one_line(pair):
    sources, values = pair
    picks = (Pick("source", "uncompressed", False), Pick("ai-1", "synthetic", True))
    rows = forest.Rows(values, sources, np.array([True, True]))
    with pytest.raises(UserError, match="0 positive pictures"):
        forest.run_trial(
            Trial("rates", "1", picks, {}, "both"), rows, forest.folds_of(sources, 5, seed=1),
            **FITTING,
        )  # fmt: skip


def test_intervals_are_of_images_and_never_a_point():
    n = np.full(50, 2)
    right = np.random.default_rng(1).choice([0, 2], 50, p=[0.3, 0.7])
    low, high = forest.bootstrap_interval(n, right, seed=1)
    share = right.sum() / 100
    assert low < share < high
    # Both answers of an image go together: the width is that of 50, not of 100.
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 50), rel=0.15)
    for same in (np.full(50, 2), np.full(50, 1), np.zeros(50)):
        low, high = forest.bootstrap_interval(n, same, seed=1)
        assert high - low > 0.05


def test_picks_choose_by_source_history_and_turn():
    sources = [source(k, name="xy"[k % 2], confounded="jpeg" if k < 4 else "") for k in range(12)]
    pick = Pick("source", "uncompressed", True, source="x", confounded=False)
    assert [one.id[-2:] for one in pick.choose(sources)] == ["04", "06", "08", "10"]
    turns = [Pick("source", "uncompressed", True, turn=(k, 3)).choose(sources) for k in range(3)]
    assert sorted(one.id for turn in turns for one in turn) == [one.id for one in sources]
    assert material(sources).photographs == ("x", "y")


def test_measured_values_are_read_as_written(tmp_path):
    sources = [source(k) for k in range(3)]
    one = measured(sources, [[1.5, 2], [3, 4], [5, 6]])
    write_measured(tmp_path / "m.h5", one)
    again = read_measured(tmp_path / "m.h5")
    assert again.ids == one.ids and again.names == one.names
    assert (again.values == one.values).all()
    (tmp_path / "m.h5").write_bytes(b"no file")
    with pytest.raises(UserError, match="Delete it"):
        read_measured(tmp_path / "m.h5")


def test_the_map_of_answers_that_are_all_right_is_no_step():
    positive = np.arange(60) % 2 == 1
    score = np.where(positive, 0.9, 0.1) + np.linspace(-0.05, 0.05, 60)
    chart = detector.fit_map(score, positive)
    low, high = chart(np.array([0.1, 0.9]))
    assert 0.005 < low < 0.2 and 0.8 < high < 0.995
    assert chart(np.array([0.1, 0.5, 0.9])) == pytest.approx(1 - chart(np.array([0.9, 0.5, 0.1])))


def test_versions_of_an_image_are_drawn_together():
    """Every image four times over says no more than once."""
    chance = np.random.default_rng(5)
    positive = np.arange(40) % 2 == 0
    score = np.clip(0.5 + 0.2 * (positive - 0.5) + chance.normal(0, 0.2, 40), 0, 1)

    def spread(times):
        scores, truths = np.repeat(score, times), np.repeat(positive, times)
        maps = _drawn_maps(
            {
                "scores": scores.tolist(),
                "positive": truths.tolist(),
                "images": np.repeat(np.arange(40), times).tolist(),
                "calibration": asdict(detector.fit_map(scores, truths)),
            }
        )
        return np.std([chart(np.array([0.8]))[0] for chart in maps[1:]])

    assert spread(4) == pytest.approx(spread(1), rel=0.25)
