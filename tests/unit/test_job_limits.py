"""Minutes that jobs ask for: generous beside what the plan expects, and never none."""

import copy

import yaml
from snakemake.utils import update_config

from latentprint import job_limits


def settings(root, name="config"):
    merged = yaml.safe_load((root / "config/config.yaml").read_text())
    update_config(merged, yaml.safe_load((root / f"config/{name}.yaml").read_text()))
    return merged


def test_every_kind_of_job_that_takes_time_has_an_estimate(root):
    found = job_limits.seconds(settings(root, "thesis"))
    for name in ("index_images", "audit_images", "analyse_images", "match_rates"):
        assert found[name, ""] > 0
    assert found["fit_classifier", "GB flatten"] > found["fit_classifier", "GB single"] > 0
    assert found["tune_classifier", "search RF single"] > found["fit_classifier", "RF single"]


def test_a_shard_takes_as_long_whatever_the_number_of_images(root):
    config = settings(root, "thesis")
    larger = copy.deepcopy(config)
    larger["n_train"] *= 3
    rule = ("analyse_images", "")
    assert job_limits.seconds(config)[rule] == job_limits.seconds(larger)[rule]


def test_minutes_are_several_times_the_estimate():
    assert job_limits.minutes(0) == job_limits.LEAST_MINUTES
    assert job_limits.minutes(3600) == job_limits.LEAST_MINUTES + 60 * job_limits.SAFETY
