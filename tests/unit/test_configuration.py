"""The first fault of a configuration is one line that says where."""

import copy

import pytest
import yaml

from latentprint.configuration import check_schema
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
        ("n_train", -2, "n_train: "),
        ("latents", ["y", "z"], "latents.1: 'z' is not one of"),
        ("latents", "y", "latents: 'y' is not of type 'array'"),
        ("operating_points.0.5", [4, 0], "4 is greater than the maximum of 3"),
        ("tools", "on", "tools: 'on' is not of type"),
        ("protocol", "loyal", "protocol: 'loyal' is not one of ['corrected', 'faithful']"),
        ("bpp", [], "bpp: "),
        ("seed", "one", "seed: 'one' is not of type 'integer'"),
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
