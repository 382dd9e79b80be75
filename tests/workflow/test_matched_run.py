"""The workflow with rates matched for every image: levels that come out as one are fitted once."""

import csv
import json
import shutil

import numpy as np
import pytest
import yaml

from latentprint import store
from latentprint.predictions import read_predictions
from tests.checkout import Checkout, copy_project
from tests.weights import write_four_models

# The weights give 7 to 11 bits per pixel at most: 20 and 30 are out of reach, 4 is not.
LEVELS = ("4", "20", "30")
RUN = "results/matched"
SCORES = f"{RUN}/scores.tsv"
CONFIG = {
    "run": "matched",
    "cues": {"scored": []},
    "image_size": 64,
    "n_train": 12,
    "n_test": 10,
    "bpp": [4, 20, 30],
    "rate": "match",
    "operating_points": {},
    "components": ["YUV"],
    "features": ["single"],
    "classifiers": ["RF"],
    "tuning": "published",
}


class Matched(Checkout):
    """A copy of the project whose runs are of the matched levels."""

    def snakemake(self, *arguments, configuration="matched.yaml", **options):
        return super().snakemake(*arguments, configuration=configuration, **options)

    @property
    def results(self):
        return self.folder / RUN

    def configure(self, **changes):
        config = CONFIG | {"weights": str(self.folder / "weights")} | changes
        (self.folder / "matched.yaml").write_text(yaml.safe_dump(config))

    def jobs(self, **changes):
        """Count the jobs for the scores with a changed configuration."""
        self.configure(**changes)
        return self.planned("--", SCORES)

    def sidecar(self, name):
        return json.loads((self.results / f"latents/{name}.json").read_text())


@pytest.fixture(scope="module")
def matched(root, tmp_path_factory):
    copy = Matched(copy_project(root, tmp_path_factory.mktemp("matched")).folder)
    write_four_models(copy.folder / "weights")
    copy.configure()
    copy.snakemake("--", SCORES)
    return copy


@pytest.fixture(scope="module")
def points(matched):
    """Point of every level and latent, as the scores say it."""
    with (matched.results / "scores.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {(row["bpp"], row["latent"]): row["point"] for row in rows}


def test_saturated_levels_are_one_point_fitted_once(matched, points):
    assert len(points) == len(LEVELS) * 2
    for latent in ("y", "y_hat"):
        assert points["20", latent] == points["30", latent] != points["4", latent]
    cells = {path.parts[-6] for path in matched.results.glob("cells/*/*/*/*/*/model.skops")}
    assert cells == {*points.values(), *(f"bpp-{bpp}" for bpp in LEVELS)}
    logs = matched.results.glob("logs/fit_classifier/*/*/*/*/*.log")
    assert {path.parts[-5] for path in logs} == set(points.values())
    assert [matched.sidecar(f"bpp-{bpp}/test")["attributes"]["same_as"] for bpp in LEVELS] == [
        [], [], ["20"],
    ]  # fmt: skip


def test_images_differ_in_model_and_displacement_where_the_rate_is_in_reach(matched):
    low, high = (matched.sidecar(f"bpp-{bpp}/matched/train")["summary"] for bpp in ("4", "20"))
    assert low["bpp"]["mean"] == pytest.approx(4, rel=0.05)
    assert low["beta"]["luma"][0] < low["beta"]["luma"][1] < 0
    assert high["beta"]["luma"] == [702, 702] and high["bpp"]["max"] < 20
    assert len(low["model"]) > 1


@pytest.mark.parametrize("bpp", LEVELS)
def test_a_level_shows_what_its_points_hold(matched, points, bpp):
    latents = matched.results / "latents"
    level = latents / f"bpp-{bpp}/test.h5"
    store.verify(level)
    with (
        store.open_store(level) as shown,
        store.open_store(latents / f"bpp-{bpp}/matched/test.h5") as found,
    ):
        for name in ("model", "beta", "found", "trials"):
            np.testing.assert_array_equal(shown.read(name), found.read(name))
        np.testing.assert_allclose(shown.read("bpp"), found.read("bpp"), rtol=1e-6)
        for row, model in enumerate(shown.read("model").tolist()):
            with store.open_store(latents / f"model-{model}/shards/test-0.h5") as source:
                for name in ("luma/y", "chroma/y"):
                    np.testing.assert_array_equal(
                        shown.read(name, row, row + 1), source.read(name, row, row + 1)
                    )
        for latent in ("y", "y_hat"):
            with store.open_store(latents / points[bpp, latent] / "test.h5") as kept:
                assert shown.digest_of(f"luma/{latent}") == kept.digest_of(f"luma/{latent}")
        assert shown.attributes["rate"] == "match"
        assert shown.attributes["target_bpp"] == float(bpp)


def test_a_second_run_has_nothing_to_do(matched):
    assert matched.jobs() == {}


def test_a_level_that_is_added_leaves_the_others_alone(matched):
    """Wherever it stands: its own point is not known yet, but those of the others are."""
    new = {"match_rates": 2, "join_matched": 2, "collect_scores": 1, "share_cell": 2}
    assert matched.jobs(bpp=[4, 20, 30, 6]) == new | {
        "join_level": 1, "evaluate_classifier": 2,
    }  # fmt: skip
    # Those behind it learn whether they are the same: their descriptions are written again.
    assert matched.jobs(bpp=[6, 4, 20, 30]) == new | {
        "join_level": 4, "evaluate_classifier": 8,
    }  # fmt: skip


def test_a_level_removed_runs_the_gather_alone(matched):
    for bpp in ([4, 20], [20, 30]):
        assert matched.jobs(bpp=bpp) == {"collect_scores": 1}


def test_carried_state_is_matched_and_quantised_again(matched):
    planned = matched.jobs(state="carried")
    assert "analyse_images" not in planned
    assert planned["match_rates"] == 6


def test_a_folder_is_scored_at_the_rate_of_each_picture(matched, tmp_path):
    """Its hyperparameters are published: the cell is cross-validated with them."""
    matched.configure(bpp=[4], latents=["y_hat"], search={"RF": {"folds": 2}})
    with (matched.results / "selection.tsv").open(newline="") as file:
        chosen = list(csv.DictReader(file, delimiter="\t"))
    for row in chosen:
        if row["split"] == "test":
            shutil.copy(matched.results / "drawn" / row["path"], tmp_path / f"{row['id']}.jpg")
    matched.snakemake("--config", f"images={tmp_path}", "--", "score")
    with (matched.results / f"scores_of/{tmp_path.name}/scores.tsv").open(newline="") as file:
        scores = {row["file"]: float(row["score"]) for row in csv.DictReader(file, delimiter="\t")}
    cell = matched.results / "cells/bpp-4/y_hat/YUV/single/RF"
    (best,) = (matched.results / "detectors/candidates.tsv").read_text().splitlines()[1:]
    assert best.split("\t")[:6] == ["1", "4", "y_hat", "YUV", "single", "RF"]
    said = read_predictions(cell / "predictions.tsv")
    expected = {f"{name}.jpg": score for name, score in zip(said.ids, said.score, strict=True)}
    assert scores == pytest.approx(expected, rel=1e-8) and len(set(scores.values())) > 2
    with store.open_store(matched.results / "latents/bpp-4/matched/test.h5") as found:
        assert len(np.unique(found.read("beta"))) > 2  # each picture has a rate of its own
