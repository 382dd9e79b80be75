"""The best cells of a run, looked into: from their choice to tables and figures."""

import csv
import json
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from latentprint.predictions import read_predictions
from tests.checkout import Checkout, copy_project, copy_without_times

RUN = "results/looked"
CONFIG = {
    "run": "looked",
    "cues": {"scored": []},
    "image_size": 64,
    "n_train": 24,
    "n_test": 20,
    "bpp": [0.25],
    "latents": ["y", "y_hat"],
    "components": ["Y"],
    "features": ["gap", "screened"],
    "classifiers": ["LR", "SVM"],
    "search": {name: {"draws": 2, "folds": 2} for name in ("LR", "SVM")},
    "screening": {"k": {"choice": [16, 64]}},
    "tuning_from": {"flatten": "flatten", "latents": False, "bpp": False},
    "detectors": {
        "examined": 2,
        "ensemble": 3,
        "folds": 2,
        "repetitions": 2,
        "shares": [0.25, 0.5, 1.0],
        "alterations": ["jpeg-50", "resize-50", "jpegai-25"],
        "folders": {"others": "others"},
        "pixels": {"members": 1, "epochs": 1, "width": 2, "folds": 2, "side": 16},
    },
}


class Looked(Checkout):
    """A copy of the project whose run is looked into."""

    def snakemake(self, *arguments, configuration="looked.yaml", **options):
        return super().snakemake(*arguments, configuration=configuration, **options)

    def rows(self, name):
        with (self.folder / RUN / name).open(newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def looked(root, tmp_path_factory):
    copy = Looked(copy_project(root, tmp_path_factory.mktemp("looked")).folder)
    (copy.folder / "looked.yaml").write_text(yaml.safe_dump(CONFIG))
    generator = np.random.default_rng(1)
    for name in ("one/a", "one/b", "two/c"):
        path = copy.folder / "others" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    copy.snakemake()
    return copy


def test_the_best_by_cross_validation_are_chosen(looked):
    scores = looked.rows("scores.tsv")
    chosen = looked.rows("detectors/chosen.tsv")
    best = max(scores, key=lambda row: float(row["cv_accuracy"]))
    assert [row["rank"] for row in chosen] == ["1", "2"]
    assert {row["classifier"] for row in chosen} == {"LR", "SVM"}
    assert float(chosen[0]["cv_accuracy"]) == float(best["cv_accuracy"])
    for row in chosen:
        same = [float(s["cv_accuracy"]) for s in scores if s["classifier"] == row["classifier"]]
        assert float(row["cv_accuracy"]) == max(same)


def folders(looked):
    names = ("latent", "component", "feature", "classifier")
    for row in looked.rows("detectors/chosen.tsv"):
        tail = "/".join(row[name] for name in names)
        yield row, looked.folder / RUN / f"detectors/bpp-{row['bpp']}/{tail}"


def test_every_training_image_is_scored_by_a_fit_without_it(looked):
    chosen = [row["id"] for row in looked.rows("selection.tsv") if row["split"] == "train"]
    for _, folder in folders(looked):
        assert list(read_predictions(folder / "held_out.tsv").ids) == chosen
        found = json.loads((folder / "calibration.json").read_text())
        assert (found["training"]["n"], found["test"]["n"]) == (24, 20)


def test_curve_and_importance_are_of_the_detector(looked):
    for row, folder in folders(looked):
        curve = json.loads((folder / "learning_curve.json").read_text())
        assert [point["n_train"] for point in curve["measured"]] == [6, 12, 24]
        assert len(curve["extrapolated"]) == 2
        lines = list(csv.DictReader((folder / "importance.tsv").open(newline=""), delimiter="\t"))
        kinds = {line["kind"] for line in lines}
        assert kinds == ({"channel"} if row["feature"] == "gap" else {"channel", "position"})
        assert sum(line["kind"] == "channel" for line in lines) == 2 * 160


def test_detectors_are_asked_about_other_latents_and_images(looked):
    for row, folder in folders(looked):
        asked = {path.stem for path in (folder / "cross").glob("*.tsv")}
        other = {"y": "latent-y_hat", "y_hat": "latent-y"}[row["latent"]]
        images = {"altered-jpeg-50", "altered-resize-50", "altered-jpegai-25", "folders-others"}
        assert asked == ({other} | images if row["latent"] == "y" else {other})
        own = [r["id"] for r in looked.rows("selection.tsv") if r["split"] == "test"]
        assert list(read_predictions(folder / f"cross/{other}.tsv").ids) == own
        if row["latent"] == "y":
            found = read_predictions(folder / "cross/folders-others.tsv")
            assert found.ids == ("one/a", "one/b", "two/c") and found.fake.all()


def test_the_average_is_of_the_best_cells_and_judged_on_held_out_images(looked):
    scores = {row["cv_accuracy"] for row in looked.rows("scores.tsv")}
    members = looked.rows("detectors/members.tsv")
    best = sorted(map(float, scores), reverse=True)
    assert float(members[0]["cv_accuracy"]) == best[0] and len(members) == 3
    decided = yaml.safe_load((looked.folder / RUN / "detectors/detector.yaml").read_text())
    alone = max(decided["members"].values())
    together = decided["held_out"]["accuracy"]
    assert (decided["detector"] == "ensemble") == (together > alone)
    found = read_predictions(looked.folder / RUN / "detectors/ensemble/predictions.tsv")
    own = [row["id"] for row in looked.rows("selection.tsv") if row["split"] == "test"]
    assert list(found.ids) == own


def test_a_folder_is_scored_by_what_was_decided_of_the_average(looked, tmp_path):
    run = looked.folder / RUN
    test = [row for row in looked.rows("selection.tsv") if row["split"] == "test"]
    for row in test[:6]:
        shutil.copy(run / "drawn" / row["path"], tmp_path / f"{row['id']}.jpg")
    looked.snakemake("--config", f"images={tmp_path}", "--", "score")
    decided = yaml.safe_load((run / "detectors/detector.yaml").read_text())["detector"]
    folder = "detectors/ensemble" if decided == "ensemble" else f"cells/{decided}"
    said = read_predictions(run / folder / "predictions.tsv")
    expected = dict(zip(said.ids, said.score.tolist(), strict=True))
    found = looked.rows(f"scores_of/{tmp_path.name}/scores.tsv")
    scores = {row["file"].removesuffix(".jpg"): float(row["score"]) for row in found}
    assert scores == {name: pytest.approx(expected[name], rel=1e-7) for name in scores}
    assert len(set(scores.values())) == 6


def test_tables_and_figures_name_what_they_show(looked):
    shown = looked.folder / RUN / "detectors/shown"
    ranking = (shown / "ranking.md").read_text()
    assert "average of 3" in ranking
    assert "pixels, no latents, 64 x 64" in ranking and "embedded weights" in ranking
    assert "pixels, no latents, 16 x 16" in ranking
    for stem in ("costs", "learning_curves", "reliability", "importance", "cross_tests"):
        assert "embedded weights, images drawn by the product, n = 20" in " ".join(
            (shown / f"{stem}.svg").read_text().split()
        ), stem


def test_nothing_is_done_in_a_copy_without_times(looked, tmp_path):
    copy_without_times(looked.folder, tmp_path / "copy")
    said = Looked(tmp_path / "copy").snakemake("-n")
    assert "Nothing to be done" in said.stdout + said.stderr, said.stdout[-2000:]


def test_nothing_is_done_twice_and_a_new_alteration_is_two_jobs_and_its_tests(looked):
    assert "Nothing to be done" in looked.snakemake("-n").stdout + looked.snakemake("-n").stderr
    changed = CONFIG | {"detectors": CONFIG["detectors"] | {"alterations": ["jpeg-50", "jpeg-60"]}}
    shutil.copy(looked.folder / "looked.yaml", looked.folder / "before.yaml")
    (looked.folder / "looked.yaml").write_text(yaml.safe_dump(changed))
    try:
        jobs = looked.planned()
    finally:
        shutil.copy(looked.folder / "before.yaml", looked.folder / "looked.yaml")
    of_y = sum(row["latent"] == "y" for row, _ in folders(looked))
    asked = {"alter_images": 1, "analyse_other_images": 1, "cross_test": of_y} if of_y else {}
    assert {rule: jobs.get(rule, 0) for rule in asked} == asked
    assert not {"fit_classifier", "calibrate_detector", "measure_importance"} & set(jobs)
