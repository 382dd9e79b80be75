"""The whole workflow on 64 x 64 pixels: what it leaves behind, and what a second run does."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from PIL import Image

CELLS = 2 * 2 * 1 * 3 * 2  # bpp, latents, components, features, classifiers


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_scores_hold_every_cell(finished):
    scores = rows(finished.folder / "results/tiny/scores.tsv")
    assert len(scores) == CELLS
    for score in scores:
        assert (
            float(score["accuracy_low"])
            <= float(score["accuracy"])
            <= float(score["accuracy_high"])
        )
        assert int(score["n_test"]) == 20
        assert score["weights"] == "embedded"
        counts = [int(score[name]) for name in ("fake_fake", "fake_real", "real_fake", "real_real")]
        assert sum(counts) == 20
        assert float(score["accuracy"]) == (counts[0] + counts[3]) / 20


def test_every_cell_has_its_files(finished):
    folder = finished.folder / "results/tiny/cells"
    for score in rows(finished.folder / "results/tiny/scores.tsv"):
        cell = folder.joinpath(
            f"bpp-{score['bpp']}", score["latent"], score["component"], score["feature"],
            score["classifier"],
        )  # fmt: skip
        names = {path.name for path in cell.iterdir()}
        assert names == {
            "trials.tsv", "best.yaml", "model.skops", "fit.yaml", "predictions.tsv", "costs.json",
            "scores.json",
        }  # fmt: skip
        assert len(rows(cell / "predictions.tsv")) == 20


def test_y_is_one_experiment_at_both_levels(finished):
    scores = rows(finished.folder / "results/tiny/scores.tsv")
    by_level = {}
    for score in scores:
        if score["latent"] == "y":
            key = (score["component"], score["feature"], score["classifier"])
            by_level.setdefault(key, {})[score["bpp"]] = score["accuracy"]
    assert by_level
    for accuracies in by_level.values():
        assert len(accuracies) == 2
        assert len(set(accuracies.values())) == 1


def test_contrasts_hold_every_pair_that_is_not_equal_by_construction(finished):
    found = rows(finished.folder / "results/tiny/contrasts.tsv")
    pairs = {}
    for row in found:
        if not row["within"]:
            pairs.setdefault((row["first"], row["second"]), []).append(row)
    assert {name: len(each) for name, each in pairs.items()} == {
        ("1", "0.25"): 6, ("y", "y_hat"): 12, ("GB", "RF"): 12,
        ("flatten", "single"): 8, ("flatten", "multiple"): 8, ("single", "multiple"): 8,
    }  # fmt: skip
    assert {row["latent"] for row in pairs["1", "0.25"]} == {"y_hat"}
    assert {row["n_test"] for row in found} == {"20"}
    assert (
        "GB - RF, flatten"
        in (finished.folder / "results/tiny/tables/table_contrasts.md").read_text()
    )


def test_levels_differ_in_rate(finished):
    reached = {}
    for level in ("0.25", "1"):
        path = finished.folder / f"results/tiny/latents/bpp-{level}/test.json"
        reached[level] = json.loads(path.read_text())["summary"]["bpp"]["mean"]
    assert 0 < reached["0.25"] < reached["1"]


def test_selected_cell_was_searched(finished):
    selected = yaml.safe_load((finished.folder / "results/tiny/selected.yaml").read_text())
    assert selected["feature"] == "single"
    assert 0 <= selected["cv_accuracy"] <= 1


def test_tables_and_figures_are_there(finished):
    run = finished.folder / "results/tiny"
    for stem in ("2_1", "2_2", "3_1", "3_2", "3_3", "contrasts"):
        for kind in ("csv", "md", "tex", "html"):
            assert (run / f"tables/table_{stem}.{kind}").stat().st_size > 50
    for stem in ("figure_3_1b", "figure_3_5b", "figure_3_6b", "cells"):
        assert (run / f"figures/{stem}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (run / f"figures/{stem}.svg").read_text()


def test_the_audit_was_done_before_the_long_jobs(finished):
    run = finished.folder / "results/tiny"
    audited = (run / "audit/audit.json").stat().st_mtime
    assert audited < (run / "latents/model-3/train.h5").stat().st_mtime


def test_the_first_page_of_the_report_is_about_this_run(finished):
    page = (finished.folder / "results/tiny/landing.rst").read_text()
    audit = json.loads((finished.folder / "results/tiny/audit/audit.json").read_text())
    assert audit["sentences"][0] in page
    assert "Run ``tiny``" in page


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.planned() == {}


def test_scores_are_the_same_bytes_when_made_again(finished):
    run = finished.folder / "results/tiny"
    names = ["scores.tsv", "contrasts.tsv", "cells/bpp-1/y_hat/YUV/multiple/GB/predictions.tsv",
             "cells/bpp-1/y_hat/YUV/multiple/GB/scores.json", "tables/table_3_2.csv",
             "figures/cells.svg", "figures/cells.png"]  # fmt: skip
    before = {name: (run / name).read_bytes() for name in names}
    cell = "results/tiny/cells/bpp-1/y_hat/YUV/multiple/GB"
    for name in ("predictions.tsv", "scores.json"):
        (finished.folder / cell / name).unlink()
    (run / "figures/cells.png").unlink()
    (run / "scores.tsv").unlink()  # what is missing is made again only where something needs it
    finished.snakemake()
    assert {name: (run / name).read_bytes() for name in names} == before


def score(checkout, folder, *arguments, **options):
    return checkout.snakemake("--config", f"images={folder}", *arguments, "--", "score", **options)


def test_a_folder_is_scored_by_the_cell_that_was_best_in_cross_validation(finished, tmp_path):
    run = finished.folder / "results/tiny"
    folder = tmp_path / "My pictures"
    (folder / "sub").mkdir(parents=True)
    tested = [row for row in rows(run / "selection.tsv") if row["split"] == "test"]
    for row, where in zip(tested, ["", "sub/"] * 2, strict=False):
        shutil.copy(run / "drawn" / row["path"], folder / f"{where}{row['id']}.jpg")
    Image.new("RGB", (100, 64)).save(folder / "wide.png")
    (folder / "broken.jpg").write_bytes(b"")
    (folder / "notes.txt").touch()
    score(finished, folder)
    found = {row["file"]: row for row in rows(run / "scores_of/My_pictures/scores.tsv")}
    assert list(found) == sorted(found) and len(found) == 6
    (best,) = rows(run / "detectors/chosen.tsv")
    cell = run.joinpath("cells", f"bpp-{best['bpp']}", *list(best.values())[2:6])
    said = {row["id"]: row["score"] for row in rows(cell / "predictions.tsv")}
    for name, row in found.items():
        if row["score"]:
            image = name.removeprefix("sub/").removesuffix(".jpg")
            assert float(row["score"]) == pytest.approx(float(said[image]), rel=1e-8)
            low, high = float(row["probability_low"]), float(row["probability_high"])
            assert 0 < low <= float(row["probability"]) <= high < 1
    assert sum(bool(row["score"]) for row in found.values()) == 4
    # The demo's pictures are JPEG files with 4:2:0: the colour cue has nothing to say of them.
    silent = [row for row in found.values() if row["score"]]
    assert all(row["colour_note"].startswith("confounded: stored as JPEG") for row in silent)
    assert not any(row["colour_probability"] for row in silent)
    assert 0 <= float(found["wide.png"]["colour_probability"]) <= 1  # its central region
    assert len({row["score"] for row in found.values()}) > 2
    assert found["wide.png"]["refusal"] == "is 100 x 64 pixels, expected 64 x 64"
    assert found["broken.jpg"]["refusal"] == "is empty (0 bytes)"
    page = (run / "scores_of/My_pictures/index.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 5 and "images drawn by the product" in page

    def planned():
        return score(finished, folder, "--dry-run", "--quiet", "rules").stdout

    assert "Nothing to be done" in planned()
    assert finished.planned("--config", f"images={folder}") == {}
    (folder / "broken.jpg").write_bytes(b"other")
    again = planned()
    assert "score_images" in again and "fit_classifier" not in again


def test_cells_with_given_hyperparameters_are_candidates(finished):
    run = finished.folder / "results/tiny"
    found = rows(run / "detectors/candidates.tsv")
    assert len(found) == CELLS * 3 // 4  # y is one experiment at both levels
    accuracies = [float(row["cv_accuracy"]) for row in found]
    assert accuracies == sorted(accuracies, reverse=True)
    searched = [row for row in rows(run / "scores.tsv") if row["cv_accuracy"]]
    assert len({row["study"] for row in searched}) == 2 and len(found) > 2
    assert rows(run / "detectors/chosen.tsv") == found[:1]


def test_a_cross_validation_with_the_best_of_a_search_is_that_of_the_search(finished, tmp_path):
    name = "model-3/y/YUV/single/RF"
    run, output = finished.folder / "results/tiny", tmp_path / "validated.json"
    best = yaml.safe_load((run / "cells" / name / "best.yaml").read_text())
    config = yaml.safe_load((finished.folder / "config/config.yaml").read_text())
    subprocess.run(
        [
            sys.executable, "-m", "latentprint.steps.validate_cell",
            "--features", str(run / "features/model-3/y/YUV/single.h5"),
            "--best", str(run / "cells" / name / "best.yaml"), "--classifier", "RF",
            "--engine", json.dumps(config["engine"]["RF"]), "--seed", str(config["seed"]),
            "--folds", "2", "--cell", name, "--output", str(output),
        ],
        env=os.environ | {"PYTHONPATH": str(finished.folder / "workflow/lib")}, check=True,
    )  # fmt: skip
    assert json.loads(output.read_text())["cv_accuracy"] == best["cv_accuracy"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("", "images is empty, expected a folder of images to score. Name it: snakemake score"),
        ("nowhere", "images is nowhere, which is no folder. Name the folder"),
        ("config", "config: holds no images to score"),
    ],
)
def test_a_folder_that_cannot_be_scored_is_one_line(finished, given, line):
    ended = score(finished, given, "--dry-run", check=False)
    assert ended.returncode == 2
    (said,) = [one for one in ended.stderr.splitlines() if one.startswith("error: ")]
    assert line in said and "Traceback" not in ended.stderr


def readme_block(root, language, *, holding):
    """The code block of the README that holds a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    return next(block for block in blocks if holding in block)


def test_a_classifier_is_one_entry_and_three_lines_of_configuration(finished, root):
    """What the README prints is what is tried."""
    entry = readme_block(root, "python", holding='CLASSIFIERS["LR"]')
    lines = yaml.safe_load(readme_block(root, "yaml", holding="LR"))
    path = finished.folder / "workflow/lib/latentprint/classifiers.py"
    config = yaml.safe_load((finished.folder / "tests/data/tiny.yaml").read_text())
    config["search"] |= lines.pop("search")
    (finished.folder / "with_lr.yaml").write_text(yaml.safe_dump(config | lines))
    cell = "results/tiny/cells/bpp-1/y_hat/YUV/single/LR"
    text = path.read_text()
    path.write_text(text + "\n\n" + entry)
    try:
        # The code changed for every classifier; only the new cell is wanted here.
        finished.snakemake(
            "--rerun-triggers", "mtime", "--", f"{cell}/scores.json", configuration="with_lr.yaml"
        )
    finally:
        path.write_text(text)
    assert json.loads((finished.folder / cell / "scores.json").read_text())["n_test"] == 20
