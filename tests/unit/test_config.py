"""Schema, defaults and description of the configuration agree, and so do the pinned versions."""

import re

import pytest
import yaml


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture
def schema(root):
    return yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())


def described(root):
    """Keys in the first column of the table of keys."""
    table = (root / "config/README.md").read_text().split("## Keys")[1]
    cells = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    return [key for cell in cells for key in re.findall(r"`(\w+)`", cell)]


def test_every_key_has_default_schema_and_description(root, config, schema):
    assert set(config) == set(schema["properties"]) == set(schema["required"])
    assert sorted(described(root)) == sorted(config)


def test_defaults_of_the_description_are_those_of_the_file(root, config):
    table = (root / "config/README.md").read_text()
    for keys, shown in re.findall(r"^\| (`.*?`) \| (`.*?`) \|", table, re.MULTILINE):
        names, values = re.findall(r"`(\w+)`", keys), re.findall(r"`(.*?)`", shown)
        for name, value in zip(names, values, strict=True):
            if name != "engine":
                assert yaml.safe_load(value) == config[name], name


def test_every_key_of_the_schema_is_described_and_closed(schema):
    for key, entry in schema["properties"].items():
        assert entry.get("description"), key
        if entry.get("type") == "object" and key != "operating_points":
            assert entry["additionalProperties"] is False, key
    assert schema["additionalProperties"] is False


def test_the_tiny_configuration_changes_sizes_alone(root, config):
    tiny = yaml.safe_load((root / "tests/data/tiny.yaml").read_text())
    assert set(tiny) <= set(config)
    for key in ("bpp", "latents", "features", "classifiers", "weights", "images_root"):
        assert key not in tiny
