"""config/thesis.yaml on a skeleton of the data set: the whole DAG without images, or one line."""

import copy

import pytest
import yaml
from snakemake.utils import update_config

from latentprint import plan
from tests.checkout import Checkout

ROWS = {"train": 100_000, "valid": 20_000, "test": 20_000}
WEIGHTS = (
    "VM_hop/encoder_Y_0.5.pth",
    "VM_hop/encoder_UV_0.5.pth",
    "VM_common_int/Y_0.5.pth",
    "VM_common_int/UV_0.5.pth",
)
THESIS = "config/thesis.yaml"


class OfThesis(Checkout):
    """A copy of the project whose runs are those of the thesis."""

    def snakemake(self, *arguments, check=True, configuration=THESIS):
        return super().snakemake(*arguments, check=check, configuration=configuration)


@pytest.fixture(scope="module")
def thesis(checkout):
    return OfThesis(checkout.folder)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    for split, count in ROWS.items():
        with (folder / f"{split}.csv").open("w") as file:
            file.write(",original_path,id,label,label_str,path\n")
            for row in range(count):
                label, word = (1, "real") if row % 2 else (0, "fake")
                name = f"{split}{row:06d}"
                file.write(f"{row},x/{name}.jpg,{name},{label},{word},{split}/{word}/{name}.jpg\n")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name in WEIGHTS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
        (folder / name.replace("0.5", "0.012")).touch()  # model id 1, for another table of levels
    return folder


@pytest.fixture(scope="module")
def config(root):
    merged = yaml.safe_load((root / "config/config.yaml").read_text())
    update_config(merged, yaml.safe_load((root / THESIS).read_text()))
    return merged


def given(faces, weights):
    return ["--config", f"images_root={faces}", f"weights={weights}"]


def test_the_dag_is_that_of_the_plan(thesis, config, faces, weights):
    planned = thesis.planned(*given(faces, weights))
    expected = plan.jobs(config)
    assert {rule: planned[rule] for rule in expected} == expected
    assert expected["fit_classifier"] == expected["tune_classifier"] == 24
    assert expected["evaluate_classifier"] == 48
    others = {rule: count for rule, count in planned.items() if rule not in expected}
    assert others and set(others.values()) == {1}, others


def test_the_searches_are_those_of_the_plan(thesis, config, faces, weights):
    output = thesis.snakemake("--dry-run", "--printshellcmds", *given(faces, weights)).stdout
    assert output.count("--tuning search") == len(plan.trials(config)) == 16
    assert output.count("steps.tune_classifier --study") == 8


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('latents: ["y", "y_hat"]', 'latents: ["y"]'),
        ("features: [flatten, single, multiple]", "features: [flatten]"),
        ('"6": [3, 702]', '"6": [1, 0]'),
    ],
)
def test_other_factors_are_planned_as_they_run(thesis, config, faces, weights, old, new):
    with thesis.edited(THESIS, old, new):
        planned = thesis.planned(*given(faces, weights))
        changed = copy.deepcopy(config)
        update_config(changed, yaml.safe_load((thesis.folder / THESIS).read_text()))
    expected = plan.jobs(changed)
    assert {rule: planned.get(rule, 0) for rule in expected} == expected


def refused(thesis, *options):
    result = thesis.snakemake("--dry-run", *options, check=False)
    assert result.returncode == 2
    text = result.stdout + result.stderr
    for word in ("Traceback", "Error", 'File "', ".smk"):
        assert word not in text
    (line,) = [line for line in text.splitlines() if line.startswith("error: ")]
    return line


def test_what_is_not_given_is_asked_for(thesis, faces):
    assert "images_root is empty. Give a folder" in refused(thesis)
    only_images = ["--config", f"images_root={faces}"]
    assert "weights is empty. Give a folder" in refused(thesis, *only_images)


def test_a_folder_without_lists_is_told_what_to_hold(thesis, weights, tmp_path):
    line = refused(thesis, *given(tmp_path, weights))
    assert "no image set found. Put there either train.csv and test.csv" in line


def test_a_missing_list_is_named(thesis, faces, weights, tmp_path):
    (tmp_path / "train.csv").symlink_to(faces / "train.csv")
    line = refused(thesis, *given(tmp_path, weights))
    assert "test.csv: missing, although train.csv is there" in line


@pytest.mark.parametrize("missing", WEIGHTS[1:3])
def test_a_missing_weight_file_is_named(thesis, faces, tmp_path, missing):
    for name in WEIGHTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name != missing:
            (tmp_path / name).touch()
    line = refused(thesis, *given(faces, tmp_path))
    assert f"{missing} is missing, needed for" in line and "docs/data.md" in line
