"""The first fault of a configuration is one line that says where."""

import copy

import pytest
import yaml

from latentprint.configuration import check_schema, name_keys
from latentprint.errors import UserError


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture
def schema(root):
    return root / "workflow/schemas/config.schema.yaml"


def test_the_default_passes(config, schema):
    check_schema(config, schema)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("n_trian", 10, "config: n_trian is not a key (did you mean n_train?)"),
        ("search.GB.fold", 3, "search.GB.fold is not a key (did you mean folds?)"),
        ("engine.GB.max_bin", 31, "engine.GB.max_bin is not a key (did you mean max_bins?)"),
        ("training.stagez", 1, "training.stagez is not a key (did you mean stages?)"),
        ("n_train", -2, "n_train is -2, expected at least 2"),
        ("latents", ["y", "z"], 'latents.1 is "z", expected one of y, y_hat'),
        ("latents", "y", 'latents is "y", expected a list'),
        ("operating_points.0.5", [4, 0], "operating_points.0.5.0 is 4, expected at most 3"),
        ("tools", "on", 'tools is "on", expected true or false'),
        ("protocol", "loyal", 'protocol is "loyal", expected one of corrected, faithful'),
        ("bpp", [], "bpp is [], expected at least 1 entry"),
        ("seed", "one", 'seed is "one", expected a whole number'),
        ("search", None, "search is null, expected keys with values"),
        ("weights", 3, "weights is 3, expected text or nothing"),
    ],
)
def test_faults_are_named_with_their_place(config, schema, path, value, message):
    changed = copy.deepcopy(config)
    node = changed
    *parents, last = path.split(".") if not path.startswith("operating") else path.split(".", 1)
    for parent in parents:
        node = node[parent]
    node[last] = value
    with pytest.raises(UserError) as caught:
        check_schema(changed, schema)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(config, schema):
    del config["bpp"]
    with pytest.raises(UserError, match="'bpp' is a required property"):
        check_schema(config, schema)


def test_a_level_without_quotes_takes_the_place_of_the_one_with_quotes():
    """The default writes "0.25", and a user's file, which comes later, may write 0.25."""
    config = {"points": {"0.25": [3, 0], "1.0": [3, 1], 0.25: [3, 2]}, "stages": [{1: 2}]}
    name_keys(config)
    assert config == {"points": {"0.25": [3, 2], "1.0": [3, 1]}, "stages": [{"1": 2}]}
    assert list(config) == ["points", "stages"]
