"""The embedded default, whole: what a newcomer's first command makes."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentprint.evaluate import wilson_interval


@pytest.fixture(scope="module")
def demo(root: Path, tmp_path_factory) -> Path:
    """The results of a demo run in a copy of the project."""
    from tests.checkout import copy_project

    folder = copy_project(root, tmp_path_factory.mktemp("demo")).folder
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    result = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "all"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "results" / "demo"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_all_48_cells_and_the_best_one_is_neither_noise_nor_trivial(demo):
    accuracies = [float(row["accuracy"]) for row in rows(demo / "scores.tsv")]
    assert len(accuracies) == 48
    print(f"best cell {max(accuracies):.3f}, median {sorted(accuracies)[24]:.3f}")
    assert 0.65 <= max(accuracies) <= 0.97


def test_levels_reach_their_rates(demo):
    for row in rows(demo / "scores.tsv"):
        if row["latent"] == "y_hat":
            assert math.isclose(float(row["bpp_reached"]), float(row["bpp"]), rel_tol=0.15)


@pytest.mark.parametrize("kind", ["logistic regression", "forest"])
def test_file_traits_alone_are_at_chance(demo, kind):
    """Size and quantisation tables of the very files that the cells were trained and tested on."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": RandomForestClassifier(200, min_samples_leaf=5, random_state=0),
    }
    traits, labels = {"train": [], "test": []}, {"train": [], "test": []}
    for row in rows(demo / "selection.tsv"):
        path = demo / "drawn" / row["path"]
        with Image.open(path) as image:
            tables = [step for table in image.quantization.values() for step in table]
        traits[row["split"]].append([math.log(path.stat().st_size), *tables])
        labels[row["split"]].append(row["label"])
    model = models[kind].fit(np.array(traits["train"]), labels["train"])
    right = int((model.predict(np.array(traits["test"])) == labels["test"]).sum())
    low, high = wilson_interval(right, len(labels["test"]))
    print(f"{kind} on file traits: {right / len(labels['test']):.3f} ({low:.3f} to {high:.3f})")
    assert low < 0.5 < high
