"""Points: which levels share latents and fits, from the table and from what was matched."""

import re

import pytest
import yaml

from latentprint import grid, points
from latentprint.errors import UserError
from latentprint.points import Points


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config" / "config.yaml").read_text())


def sidecar(model: dict, beta: str) -> dict:
    """What names a point: images per model id, digest of displacements."""
    digests = {"model": str(sorted(model.items())), "beta": beta}
    return {
        "datasets": {name: {"sha256": digest} for name, digest in digests.items()},
        "summary": {"model": model},
    }


class Matched:
    """What was matched, by level; remembers which levels were asked for."""

    def __init__(self, **levels):
        self.levels = {name.removeprefix("bpp_"): value for name, value in levels.items()}
        self.asked = []

    def __call__(self, bpp, split):
        self.asked.append(bpp)
        model, beta = self.levels[bpp]  # KeyError is a LookupError: not matched yet
        return sidecar(model, f"{beta} {split}")


@pytest.fixture
def matched(config):
    config |= {"rate": "match", "bpp": [1, 2, 6, 12]}
    return Matched(
        bpp_1=({"0": 5, "3": 5}, "a"),
        bpp_2=({"0": 5, "3": 5}, "b"),
        bpp_6=({"3": 10}, "c"),
        bpp_12=({"3": 10}, "c"),
    )


def test_names_of_points_tell_displacements_apart():
    for model, beta in ((0, 0), (3, 702), (3, -680), (1, -1069)):
        name = f"model-{model}_beta-{beta}"
        assert re.fullmatch(points.QUANTISED, name)
        assert points.table_entry(name) == (model, beta)
    for name in ("model-3", "models-0123abcd", "bpp-6", "model-4_beta-0", "matched-0123"):
        assert not re.fullmatch(points.QUANTISED, name)


def test_matched_levels_are_named_by_what_was_found(config, matched):
    at = Points(config, matched)
    names = {bpp: (at.of(bpp, "y"), at.of(bpp, "y_hat")) for bpp in grid.levels(config)}
    assert names["6"] == names["12"] and names["6"][0] == "model-3"
    assert names["1"][0] == names["2"][0]
    assert re.fullmatch(points.MIXED, names["1"][0])
    assert len({y_hat for _, y_hat in names.values()}) == 3
    assert all(re.fullmatch("matched-[0-9a-f]{8}", y_hat) for _, y_hat in names.values())
    assert at.models("1", "train") == [0, 3] and at.models("6", "test") == [3]
    assert [at.same_as(bpp) for bpp in names] == [[], [], [], ["6"]]
    assert {at.level_at(names["12"][1]), at.level_at(names["6"][1])} == {"6"}


def test_the_test_images_count_as_well(config, matched):
    """Equal choices in training alone do not make levels one point."""
    at = Points(config, lambda bpp, split: matched("6" if split == "train" else bpp, split))
    assert at.of("1", "y_hat") != at.of("12", "y_hat")
    assert re.fullmatch(points.MIXED, at.of("1", "y")) and at.of("12", "y") == "model-3"


def test_a_level_that_is_added_changes_no_point(config, matched):
    before = Points(config, matched)
    names = {bpp: before.of(bpp, "y_hat") for bpp in grid.levels(config)}
    config["bpp"] = [0.5, 1, 2, 6, 12]
    matched.levels["0.5"] = ({"0": 10}, "d")
    after = Points(config, matched)
    assert {bpp: after.of(bpp, "y_hat") for bpp in names} == names


def test_what_is_known_does_not_wait_for_what_is_not(config, matched):
    known = Points(config, matched).of("6", "y_hat")
    del matched.levels["1"]
    at = Points(config, matched)
    assert at.level_at(known) == "6"
    with pytest.raises(LookupError):
        at.of("1", "y")
    with pytest.raises(LookupError):  # it may be the point of the level that is missing
        at.level_at("matched-00000000")
    matched.levels["1"] = ({"0": 10}, "e")
    with pytest.raises(UserError, match="matched-00000000: no level of bpp is at this point"):
        at.level_at("matched-00000000")


def test_a_level_asks_for_no_other(config, matched):
    Points(config, matched).of("6", "y_hat")
    assert set(matched.asked) == {"6"}


def test_the_table_is_known_without_matching(config):
    at = Points(config, lambda bpp, split: 1 / 0)
    for cell in grid.cells(config):
        at.study(at.fitted(cell))
    with pytest.raises(ValueError, match="nothing is known"):
        Points(config | {"rate": "match"}).of("1", "y")


def test_one_study_serves_all(config):
    at = Points(config)
    for cell in grid.cells(config):
        expected = f"model-3/y/{cell.component}/single/{cell.classifier}"
        assert at.study(at.fitted(cell)) == expected


def test_y_takes_the_search_of_a_level_of_its_own_model(config):
    config["latents"] = ["y_hat", "y"]
    config["operating_points"] = {"0.25": [1, 0], "1.0": [3, 0]}
    config["tuning_from"] = {"latents": True}
    at = Points(config)
    assert at.study("model-3/y/Y/single/RF") == "model-3_beta-0/y_hat/Y/single/RF"
    assert at.study("model-1/y/Y/single/RF") == "model-1_beta-0/y_hat/Y/single/RF"


def test_a_search_is_reused_by_matched_levels_too(config, matched):
    at = Points(config, matched)
    config["tuning_from"] = {"latents": True}
    at_2, at_12 = at.of("2", "y_hat"), at.of("12", "y_hat")
    assert at.study(f"{at_2}/y_hat/Y/single/RF") == f"{at.of('1', 'y')}/y/Y/single/RF"
    assert at.study(f"{at_12}/y_hat/Y/single/RF") == "model-3/y/Y/single/RF"
    config["latents"] = ["y_hat", "y"]
    assert at.study("model-3/y/Y/single/RF") == f"{at.of('6', 'y_hat')}/y_hat/Y/single/RF"
    config["tuning_from"] = {"bpp": True}
    assert at.study(f"{at_12}/y_hat/Y/single/RF") == f"{at.of('1', 'y_hat')}/y_hat/Y/single/RF"


def test_reuse_of_a_feature_alone(config):
    config["tuning_from"] = {"flatten": "single"}
    at = Points(config)
    where = "model-3_beta-545/y_hat/Y"
    assert at.study(f"{where}/flatten/GB") == f"{where}/single/GB"
    assert at.study(f"{where}/multiple/GB") == f"{where}/multiple/GB"


def test_a_search_may_be_reused_from_a_feature_outside_the_run(config):
    config["features"] = ["flatten"]
    grid.check(config)
    assert Points(config).study("model-3/y/Y/flatten/GB") == "model-3/y/Y/single/GB"


def test_a_penalty_is_searched_for_every_feature(config):
    """It depends on the number of values; trees take over what another feature found."""
    config["classifiers"] += ["LR"]
    config["tuning_from"] = {"flatten": "single", "latents": False, "bpp": False}
    found = Points(config)
    name = "model-3/y/Y/flatten/{}"
    assert found.study(name.format("LR")) == name.format("LR")
    assert found.study(name.format("RF")) == "model-3/y/Y/single/RF"
