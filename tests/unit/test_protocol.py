"""What faithful changes in a configuration, and the positions of the thesis."""

import copy
import re

import pytest
import yaml

from latentprint.configuration import check_schema
from latentprint.protocol import (
    N_VOTES,
    OVERRIDES,
    apply_protocol,
    scored_by,
    training_positions,
    voting_positions,
)

# thesis-facts.md, 1.3 and 1.4
TRAINING = """
    (3,0) (8,7) (7,4) (3,2) (13,1) (0,2) (6,7) (0,6) (13,7) (14,8) (0,5) (13,10) (8,4) (6,10) (3,2)
"""


def pairs(text):
    return [tuple(map(int, pair)) for pair in re.findall(r"\((\d+), ?(\d+)\)", text)]


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


def test_training_positions_are_the_printed_ones():
    assert training_positions(16, 16) == pairs(TRAINING)
    assert len(set(training_positions(16, 16))) == 14


@pytest.mark.parametrize(
    ("latent", "first", "last", "distinct"),
    [
        ("y", [(12, 3), (11, 11), (8, 1)], (12, 12), 168),
        ("y_hat", [(6, 2), (7, 3), (9, 3)], (2, 2), 157),
    ],
)
def test_voting_positions_are_the_printed_ones(latent, first, last, distinct):
    drawn = voting_positions(16, 16, latent=latent)
    assert len(drawn) == 256
    assert (drawn[:3], drawn[-1], len(set(drawn))) == (first, last, distinct)
    assert N_VOTES == 255  # the last is left out: no ties


def test_positions_agree_with_the_reference_material(shared):
    text = (shared / "docs/thesis-facts.md").read_text(encoding="utf-8")
    printed = re.search(r"with replacement:\s+((?:\(\d+,\d+\) ?)+)", text)[1]
    assert training_positions(16, 16) == pairs(printed)
    y, y_hat = re.findall(r"((?:\(\d+, \d+\) )+)\.\.\. (\(\d+, \d+\))", text)[:2]
    for latent, (first, last) in (("y", y), ("y_hat", y_hat)):
        drawn = voting_positions(16, 16, latent=latent)
        assert drawn[:3] == pairs(first) and drawn[-1:] == pairs(last)


@pytest.mark.parametrize("grid", [(4, 4), (2, 7)])
def test_positions_lie_in_any_grid(grid):
    height, width = grid
    drawn = training_positions(*grid) + voting_positions(*grid, latent="y")
    assert {row for row, _ in drawn} == set(range(height))
    assert {col for _, col in drawn} == set(range(width))


def test_forests_of_patches_alone_are_scored_by_patch():
    cells = [
        (protocol, feature, classifier)
        for protocol in ("corrected", "faithful")
        for feature in ("flatten", "single", "multiple")
        for classifier in ("RF", "GB")
        if scored_by(protocol, feature=feature, classifier=classifier) == "patch"
    ]
    assert cells == [("faithful", "multiple", "RF")]


def test_corrected_changes_nothing(config):
    before = copy.deepcopy(config)
    assert apply_protocol(config) == ""
    assert config == before


def test_faithful_overrides_and_names_what_it_overrides(config, root):
    before = copy.deepcopy(config)
    config["protocol"] = "faithful"
    line = apply_protocol(config)
    assert line == (
        "protocol: faithful sets sampling first (was stratified), tuning published (was search), "
        "state carried (was fresh), n_patches 15 (was 8), engine.GB.early_stopping true (was "
        "false); see docs/thesis.md"
    )
    changed = {key for key in config if config[key] != before[key]}
    assert changed == {"protocol", "sampling", "tuning", "state", "n_patches", "engine"}
    changed_engines = {name: config["engine"][name] for name in ("RF", "GB")}
    assert changed_engines == {
        "RF": {"name": "sklearn"},
        "GB": {"name": "sklearn", "max_bins": 31, "early_stopping": True},
    }
    check_schema(config, root / "workflow/schemas/config.schema.yaml")


def test_faithful_names_only_what_it_changes(config):
    config |= {"protocol": "faithful", "tuning": "published", "n_patches": 1}
    line = apply_protocol(config)
    assert "tuning" not in line and "n_patches 15 (was 1)" in line
    again = apply_protocol(config)
    assert "was" not in again and again.startswith("protocol: faithful")


def test_an_early_stopping_that_was_not_set_is_named(config):
    config["protocol"] = "faithful"
    del config["engine"]["GB"]["early_stopping"]
    assert "engine.GB.early_stopping true (was null)" in apply_protocol(config)
    assert len(OVERRIDES) == 5
