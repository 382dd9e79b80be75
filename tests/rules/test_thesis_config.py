"""config/thesis.yaml on a skeleton of the data set: the whole DAG without images, or one line."""

import copy
import json
import os

import pytest
import yaml
from snakemake.utils import update_config

from latentprint import plan
from latentprint.points import SPLITS
from tests.checkout import Checkout, copy_project

ROWS = {"train": 100_000, "valid": 20_000, "test": 20_000}
WEIGHTS = tuple(
    f"{name}_{beta}.pth"
    for beta in ("0.002", "0.012", "0.075", "0.5")
    for name in ("VM_hop/encoder_Y", "VM_hop/encoder_UV", "VM_common_int/Y", "VM_common_int/UV")
)
THESIS = "config/thesis.yaml"
RUN = "results/thesis"


class OfThesis(Checkout):
    """A copy of the project whose runs are those of the thesis."""

    def snakemake(self, *arguments, configuration=THESIS, **options):
        return super().snakemake(*arguments, configuration=configuration, **options)


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
    return folder


@pytest.fixture(scope="module")
def config(root):
    merged = yaml.safe_load((root / "config/config.yaml").read_text())
    update_config(merged, yaml.safe_load((root / THESIS).read_text()))
    return merged


def given(faces, weights):
    return ["--config", f"images_root={faces}", f"weights={weights}"]


def single_jobs(planned, expected):
    others = {rule: count for rule, count in planned.items() if rule not in expected}
    assert others and set(others.values()) == {1}, others


def test_before_the_matching_the_dag_is_what_the_plan_says(thesis, config, faces, weights):
    planned = thesis.planned(*given(faces, weights))
    expected = plan.jobs_before_matching(config)
    assert {rule: planned[rule] for rule in expected} == expected
    assert (expected["match_rates"], expected["evaluate_classifier"]) == (66, 48)
    single_jobs(planned, expected)


def shards_in(run, names):
    """Name the shards of stores, and their descriptions."""
    counts = {"train": 30, "test": 3}
    return [
        run / f"latents/{name}/shards/{split}-{shard}{end}"
        for name in names
        for split in SPLITS
        for shard in range(counts[split])
        for end in (".h5", ".json")
    ]


def pretend_matched(folder, of_level):
    """Put empty stores where y and what was matched belong, and descriptions that name points.

    Without records of earlier runs Snakemake goes by the files' times alone.
    """
    run = folder / RUN
    lists = [run / f"{name}.tsv" for name in ("images", "exclusions", "selection")]
    matched = [f"bpp-{bpp}/matched" for bpp in of_level]
    for moment, paths in enumerate(
        [
            *([path] for path in lists),
            shards_in(run, [f"model-{model}" for model in range(4)]),
            shards_in(run, matched),
            [run / f"latents/{name}/{split}.h5" for name in matched for split in SPLITS],
        ]
    ):
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (2e9 + moment,) * 2)
    for bpp, (models, beta) in of_level.items():
        description = {
            "format": "latentprint latents",
            "datasets": {"model": {"sha256": str(models)}, "beta": {"sha256": beta}},
            "summary": {"model": dict.fromkeys(models, 1)},
        }
        for split in SPLITS:
            path = run / f"latents/bpp-{bpp}/matched/{split}.json"
            path.write_text(json.dumps(description))
            os.utime(path, (2e9 + 5,) * 2)


@pytest.mark.parametrize(
    ("of_level", "points"),
    [
        ({"6": ("03", "a"), "12": ("13", "b")}, plan.most_points),
        ({"6": ("3", "a"), "12": ("3", "a")}, plan.fewest_points),
    ],
)
def test_after_the_matching_the_dag_is_that_of_the_plan(
    root, tmp_path, config, faces, weights, of_level, points
):
    own = OfThesis(copy_project(root, tmp_path).folder)
    pretend_matched(own.folder, of_level)
    planned = own.planned(*given(faces, weights))
    expected = plan.jobs(config, points(config))
    for made in ("analyse_images", "match_rates", "join_matched"):
        assert made not in planned
        del expected[made]
    assert {rule: planned[rule] for rule in expected} == expected
    single_jobs(planned, expected)


def test_the_searches_are_those_of_the_plan(thesis, config, faces, weights):
    with thesis.edited(THESIS, "rate: match", "rate: table"):
        output = thesis.snakemake("--dry-run", "--printshellcmds", *given(faces, weights)).stdout
    tabled = config | {"rate": "table"}
    assert output.count("--tuning search") == len(plan.trials(tabled)) == 16
    assert output.count("steps.tune_classifier --study") == 8


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 1", "seed: 2"),
        ('latents: ["y", "y_hat"]', 'latents: ["y"]'),
        ("features: [flatten, single, multiple]", "features: [flatten]"),
        ('"6": [3, 702]', '"6": [1, 0]'),
    ],
)
def test_other_factors_are_planned_as_they_run(thesis, config, faces, weights, old, new):
    with thesis.edited(THESIS, "rate: match", "rate: table"), thesis.edited(THESIS, old, new):
        planned = thesis.planned(*given(faces, weights))
        changed = copy.deepcopy(config)
        update_config(changed, yaml.safe_load((thesis.folder / THESIS).read_text()))
    expected = plan.jobs(changed)
    assert {rule: planned.get(rule, 0) for rule in expected} == expected
    assert "match_rates" not in planned
    single_jobs(planned, expected)


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


@pytest.mark.parametrize("missing", [WEIGHTS[1], WEIGHTS[-1]])
def test_a_missing_weight_file_is_named(thesis, faces, tmp_path, missing):
    for name in WEIGHTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name != missing:
            (tmp_path / name).touch()
    line = refused(thesis, *given(faces, tmp_path))
    assert f"{missing} is missing, needed for" in line and "docs/data.md" in line
