"""The configurations for real images: nothing of the demo slips in, and what they promise holds."""

import copy
import re

import pytest
import yaml
from snakemake.utils import update_config

from latentprint import grid
from latentprint.classifiers import CLASSIFIERS
from latentprint.configuration import check_schema
from latentprint.errors import UserError

# Not settings of the experiment: they may stay those of the default.
OPTIONAL = {
    "seed", "labels", "images", "rd_curve", "training", "screening", "detectors", "n_valid",
    "seeds", "parts", "cues",
}  # fmt: skip


def load(root, name):
    return yaml.safe_load((root / f"config/{name}.yaml").read_text())


def merged(root, name):
    config = load(root, "config")
    update_config(config, load(root, name))
    return config


@pytest.fixture(params=["faces", "faces-full", "full", "thesis"])
def name(request):
    return request.param


def test_every_key_is_stated(root, name):
    own, default = load(root, name), load(root, "config")
    assert set(own) <= set(default)
    assert set(default) - set(own) <= OPTIONAL
    assert own["run"] == name


def test_nothing_of_the_demo_is_left_in_what_is_stated(root, name):
    own, config = load(root, name), merged(root, name)
    for key, value in own.items():
        if key in ("search", "engine"):  # others stay, where no one asks
            assert set(value) == set(own["classifiers"])
            assert {name: config[key][name] for name in value} == value, key
        elif key != "operating_points":  # the demo's levels stay in the table, too
            assert config[key] == value, key
    stated = {grid.level(bpp) for bpp in own["operating_points"]}
    assert set(grid.levels(own)) <= stated


def test_images_and_weights_must_be_given(root, name):
    config = merged(root, name)
    assert config["images_root"] == config["weights"] == ""
    for key, value in (("images_root", "faces"), ("weights", "weights")):
        with pytest.raises(UserError, match=f"{key} is empty"):
            grid.check(config)
        config[key] = value
    grid.check(config)
    check_schema(config, root / "workflow/schemas/config.schema.yaml")


def test_a_nested_key_that_is_not_stated_is_noticed(root):
    """The comparison above can fail: the demo's value of a key that is left out stays."""
    config, own = load(root, "config"), load(root, "thesis")
    del own["search"]["GB"]["space"]["max_leaf_nodes"]
    stated = copy.deepcopy(own["search"])
    update_config(config, own)
    assert config["search"] != stated


def test_the_thesis_is_that_of_the_thesis(root):
    config = merged(root, "thesis")
    assert (config["n_train"], config["n_test"], config["n_patches"]) == (30_000, 3_000, 15)
    assert (config["operating_point"], config["tools"], config["rate"]) == ("HOP", True, "match")
    assert config["y_hat"] == "after_lsbs"
    assert grid.operating_point(config, "6") == grid.operating_point(config, "12") == (3, 702)
    assert len(grid.cells(config)) == 48
    for classifier in ("RF", "GB"):
        search = config["search"][classifier]
        assert search["space"] == CLASSIFIERS[classifier].space
        assert (search["draws"], search["folds"]) == (100, 3)
        drawn = {key for key, entry in search["space"].items() if isinstance(entry, dict)}
        assert set(search["grid"]) == drawn


def test_the_thesis_fits_the_memory_that_its_header_states(root):
    text = (root / "config/thesis.yaml").read_text()
    header = " ".join(re.findall(r"^# ?(.*)$", text, re.MULTILINE))
    stated = float(re.search(r"largest job, GB on flatten YUV: ([\d.]+) GB", header)[1])
    machine = int(re.search(r"for a machine of (\d+) GB", header)[1])
    published = float(re.search(r"255 bins of the thesis would need ([\d.]+) GB", header)[1])
    config = merged(root, "thesis")

    def largest():
        cells = grid.cells(config)
        return max(
            grid.fit_memory_mb(config, cell.component, cell.feature, cell.classifier) / 1000
            for cell in cells
        )

    assert round(largest(), 1) == stated < 0.9 * machine
    assert largest() == grid.fit_memory_mb(config, "YUV", "flatten", "GB") / 1000
    config["engine"]["GB"]["max_bins"] = 255
    assert round(largest(), 1) == published
