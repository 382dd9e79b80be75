"""What the cues are asked: every level by every level, every pair, every generator left out."""

import json

import pytest
import yaml

from latentprint.cues import colour, quantisation, rd
from latentprint.cues.registry import CUES, versions_of
from latentprint.cues.trials import DETECTOR, Material

MATERIAL = Material(("photos", "kodak"), ("dalle", "glide"), ("reference/012",))


@pytest.fixture
def settings(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())["cues"]


def by_task(module, settings, material=MATERIAL):
    found = {}
    for trial in module.trials(settings, material):
        found.setdefault(trial.task, []).append(trial)
    return found


def test_every_cue_measures_what_it_is_asked_about_and_has_one_forest_for_scoring(settings):
    for name, cue in CUES.items():
        versions = versions_of(settings, [name])
        trials = list(cue.load().trials(settings, MATERIAL))
        assert [trial.task for trial in trials].count(DETECTOR) == 1
        for trial in trials:
            for pick in (*trial.train, *(p for picks in trial.tests.values() for p in picks)):
                assert pick.version in versions, (name, trial.task)
            assert {pick.positive for pick in trial.train} == {True, False}
            assert not any(pick.kind == "decoded" for pick in trial.train)


def test_colour_learns_at_each_level_and_is_asked_at_all_never_from_confounded(settings):
    tasks = by_task(colour, settings)
    asked = {(t.trained_on, test) for t in tasks["rates"] for test in t.tests}
    assert asked == {(a, b) for a in (*settings["rates"], "all") for b in settings["rates"]}
    assert all(pick.confounded is False for ts in tasks.values() for t in ts for pick in t.train)
    assert "confounded: kodak" in tasks["elsewhere"][0].tests


def test_rd_has_all_pairs_and_leaves_out_each_first_level(settings):
    tasks = by_task(rd, settings)
    rates = settings["rd"]["rates"]
    assert set(tasks["all pairs"][0].tests) == {f"{a} then {b}" for a in rates for b in rates}
    for trial in tasks["first level left out"]:
        level = trial.trained_on.removeprefix("without ")
        assert not any(pick.version.startswith(f"ai-{level}+") for pick in trial.train)
        assert all(test.startswith(f"{level} then") for test in trial.tests)


def test_quantisation_tests_each_generator_alone_across_and_left_out(settings):
    tasks = by_task(quantisation, settings)
    pairs = {(t.trained_on, test) for t in tasks["generators"] for test in t.tests}
    assert pairs == {(a, b) for a in MATERIAL.generators for b in MATERIAL.generators}
    for trial in tasks["generator left out"]:
        name = trial.trained_on.removeprefix("without ")
        assert list(trial.tests) == [name]
        assert name not in {pick.source for pick in trial.train}
    single = by_task(quantisation, settings, Material(("p",), ("one",), ()))
    assert "generator left out" not in single


def test_settings_that_do_not_change_values_are_not_among_those_that_do(settings):
    for name, cue in CUES.items():
        assert set(cue.measured_by) <= set(settings[name])
        assert "features" not in cue.measured_by
    assert json.dumps(settings)  # they are given to the steps as JSON
