"""The audit of a run: baselines, sentences, tables, the steps on JPEG, PNG and mixed sets."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from latentprint.audit.baseline import BASELINES, FOREST, Baseline, matrix, run_baselines
from latentprint.audit.duplicates import NearDuplicate, near_duplicates, thumbnail
from latentprint.audit.figure import draw_sizes
from latentprint.audit.findings import findings
from latentprint.audit.summary import baselines, summary
from latentprint.audit.trait_table import read_traits, write_traits
from latentprint.audit.traits import COLUMNS, LUMA, measure
from latentprint.errors import UserError
from latentprint.figure_style import style
from latentprint.glossary import words
from latentprint.image_files import decode
from latentprint.image_folders import find
from latentprint.image_tables import Chosen, read_images
from latentprint.steps import audit_images, render_audit
from latentprint.table_formats import to_csv, to_latex, to_markdown
from tests.unit.audit_pictures import write_set

PAIR = NearDuplicate("within_class", "0", "train", "fake", "1", "train", "fake", 4, 0.99)


def traits_of(n=200, *, telling=None, seed=0):
    """Made-up traits of n images per split; `telling`: trait -> value of the fakes."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(2 * n):
        row = dict.fromkeys(COLUMNS, 0)
        row |= {"id": f"{k:05d}", "label": ("real", "fake")[k % 2]}
        row |= {"split": ("train", "test")[k // n], "format": "JPEG", "mode": "RGB"}
        row |= {"segments": "DA", "jpeg_tables": "12345678", "jpeg_sampling": "4:2:0"}
        row |= {"width": 256, "height": 256, "n_bytes": int(rng.integers(9000, 12000))}
        row |= {"jpeg_quality": 90, "resize_both": float(rng.uniform(2, 4))}
        row |= telling if telling and row["label"] == "fake" else {}
        rows.append(row)
    return rows


def outcome(low, high, *, crossed=0.5):
    return Baseline((low + high) / 2, low, high, 400, crossed, [], {})


def audit_of(rows, pairs=()):
    return findings(rows, pairs, {name: outcome(0.47, 0.57) for name in BASELINES})


@pytest.fixture
def few_trees(monkeypatch):
    """As the audit's forest, in a tenth of the time."""
    monkeypatch.setitem(FOREST, "n_estimators", 10)


# --- baselines ------------------------------------------------------------------------------


def test_traits_without_a_label_in_them_stay_at_chance(few_trees):
    found = run_baselines(traits_of(400), seed=1)
    for baseline in found.values():
        assert baseline.low < 0.5 < baseline.high
        assert baseline.cv_accuracy == pytest.approx(0.5, abs=0.1)
        assert (baseline.n, baseline.traits) == (400, list(baseline.importance))
    assert found["traces"].traits[-1] == "grid_other_column"


@pytest.mark.parametrize(
    ("trait", "value"), [("jpeg_tables", "87654321"), ("jpeg_quality", None), ("exif", 1)]
)
def test_a_trait_that_tells_the_label_is_found_and_named(few_trees, trait, value):
    found = run_baselines(traits_of(telling={trait: value}), seed=1)
    for baseline in found.values():
        assert baseline.accuracy > 0.95 and baseline.cv_accuracy > 0.95
        assert max(baseline.importance, key=baseline.importance.get) == trait


def test_traces_are_for_the_second_baseline_only(few_trees):
    found = run_baselines(traits_of(telling={"grid_other": 0.3}), seed=1)
    assert found["file"].low < 0.5 < found["file"].high
    assert found["traces"].accuracy > 0.95
    assert "grid_other" not in BASELINES["file"]


def test_it_is_fitted_on_training_images_and_asked_on_test_images(few_trees):
    """What tells the label in training only shows in the folds, not in the test."""
    rows = traits_of(telling={"exif": 1})
    for row in rows:
        row["exif"] *= row["split"] == "train"
    found = run_baselines(rows, seed=1)["file"]
    assert found.cv_accuracy > 0.95 and found.low < 0.5 < found.high


def test_threads_and_repetition_change_nothing_the_seed_does(few_trees):
    rows = traits_of(telling={"grid_own": 0.1}) + traits_of(seed=3)
    one = run_baselines(rows, seed=1)
    assert one == run_baselines(rows, seed=1, threads=3)
    assert one != run_baselines(rows, seed=2)


def test_text_becomes_its_rank_among_training_images():
    rows = [
        {"split": "train", "format": "PNG", "n_bytes": 5},
        {"split": "train", "format": "JPEG", "n_bytes": None},
        {"split": "train", "format": "PNG", "n_bytes": 7},
        {"split": "test", "format": "BMP", "n_bytes": 8},
    ]
    np.testing.assert_array_equal(
        matrix(rows, ["format", "n_bytes"]), [[0, 5], [1, -1], [0, 7], [2, 8]]
    )


def test_two_images_per_class_are_enough(few_trees):
    found = run_baselines(traits_of(2), seed=1)
    assert found["file"].n == 2 and found["file"].cv_accuracy is None


# --- findings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "crossed", "words_"),
    [
        (0.47, 0.57, 0.5, "0.520 (0.470-0.570) on the test images: no better than guessing"),
        (0.6, 0.7, 0.9, "the files betray the label"),
        (0.6, 0.7, 0.52, "weak evidence, since chance is not excluded by the 0.520"),
        (0.3, 0.4, 0.5, "below chance"),
    ],
)
def test_the_first_sentence_compares_with_chance(low, high, crossed, words_):
    found = findings(traits_of(60), [], {"file": outcome(low, high, crossed=crossed)})
    sentences = found["sentences"]
    assert sentences[0].startswith("File traits alone reach ")
    assert words_ in sentences[0]


def test_sentences_name_duplicates_and_settings():
    sentences = audit_of(traits_of(4), [PAIR, PAIR, PAIR._replace(kind="across_splits")])[
        "sentences"
    ]
    assert len(sentences) == 4
    assert "1 pair across training and test images, none of real and fake" in sentences[2]
    assert "2 pairs within one split and class" in sentences[2]
    assert sentences[3].startswith("All files share one set of quantisation tables")
    none = audit_of(traits_of(4))["sentences"]
    assert none[2].startswith("No near duplicates")
    # The page that shows them is reStructuredText.
    assert not re.search(r"[*|`]|_\W", " ".join(sentences + none))


@pytest.mark.parametrize(
    ("telling", "expected"),
    [
        ({"jpeg_sampling": "4:4:4"}, "a chroma sampling that the other class never has: 100.0%"),
        ({"jpeg_tables": "87654321"}, "quantisation tables that the other class never has"),
        ({"format": "PNG", "jpeg_tables": "", "jpeg_sampling": ""}, "file formats that the other"),
    ],
)
def test_settings_that_differ_by_class_are_said(telling, expected):
    assert expected in audit_of(traits_of(4, telling=telling))["sentences"][-1]


def test_settings_that_both_classes_share_in_other_shares_are_no_difference():
    rows = traits_of(8)
    for row in rows[:6]:
        row["jpeg_tables"] = "87654321"
    found = audit_of(rows)
    assert found["tables"] == {"real": 2, "fake": 2, "shared": 2, "share_alone": 0}
    assert found["sentences"][-1].startswith("Both classes have the same file settings (2 sets")
    for row in rows:
        row |= {"format": "PNG", "jpeg_tables": "", "jpeg_sampling": ""}
    assert audit_of(rows)["sentences"][-1].startswith("No file is a JPEG")


# --- tables and figure ----------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "it"])
def test_summary_has_a_row_per_split_and_class(language):
    rows = traits_of(telling={"resize_both": 9.0, "jpeg_sampling": "4:4:4"})
    for row in rows[:2]:
        row["jpeg_sampling"] = "4:2:0"
    table = summary(rows, audit_of(rows), text=words(language))
    assert [row[2] for row in table.rows] == ["100"] * 4
    assert [record["resize_share"] for record in table.data] == [0, 1, 0, 1]
    assert table.rows[1][6] == "4:4:4 99.0%, 4:2:0 1.0%"
    assert re.fullmatch(r"10\.\d \(9\.\d-1\d\.\d\)", table.rows[0][3])
    assert table.rows[0][4] == "90"
    assert table.language == language
    for writer in (to_csv, to_latex, to_markdown):
        assert "4:4:4" in writer(table)


def test_files_without_jpeg_traits_leave_their_cells_empty():
    rows = traits_of(4, telling={"jpeg_quality": None, "jpeg_tables": "", "jpeg_sampling": ""})
    table = summary(rows, audit_of(rows, [PAIR]), text=words("en"))
    assert any("1 within one split and class" in note for note in table.notes)
    assert table.rows[1][4:7] == ["", "0", ""]
    assert table.data[1]["jpeg_quality_median"] is None


def test_baselines_stand_above_the_traits_that_count(few_trees):
    rows = traits_of(telling={"exif": 1})
    audit = findings(rows, [], run_baselines(rows, seed=1))
    table = baselines(json.loads(json.dumps(audit)), text=words("en"))
    assert [len(row) for row in table.rows] == [3] * len(table.rows)
    one = audit["baselines"]["traces"]
    expected = f"{one['accuracy']:.3f} ({one['low']:.3f}-{one['high']:.3f})"
    assert (table.rows[0][0], table.rows[0][2]) == ("Accuracy (test)", expected)
    assert "exif" in [row[0] for row in table.rows]
    assert "icc" not in [row[0] for row in table.rows]
    assert table.data[0]["file_low"] == audit["baselines"]["file"]["low"]
    assert to_csv(table).startswith("quantity,file,file_low")


def test_figure_holds_every_image():
    rows = traits_of(60)
    with style():
        picture, data = draw_sizes(rows, images="drawn by the product", text=words("en"))
    assert sum(record["n"] for record in data) == 120
    assert len(picture.axes) == 1 and picture.axes[0].get_xlabel() == "File size (KiB)"


# --- steps ----------------------------------------------------------------------------------


@pytest.fixture
def step(monkeypatch):
    """Run a step's main in this process."""

    def run_main(module, *options):
        monkeypatch.setattr(sys, "argv", ["step", *map(str, options)])
        module.main()

    return run_main


def test_steps_write_everything_twice_alike_on_a_mixed_set(few_trees, step, tmp_path):
    write_set(tmp_path, options={"fake": {"kind": "PNG"}})
    contents = []
    for threads in (1, 2):
        out = tmp_path / f"out{threads}"
        step(
            audit_images,
            *("--images", tmp_path / "selection.tsv", "--root", tmp_path, "--image-size", 64),
            *("--seed", 1, "--threads", threads, "--traits", out / "traits.tsv"),
            *("--duplicates", out / "near_duplicates.tsv", "--audit", out / "audit.json"),
        )
        step(
            render_audit,
            *("--traits", out / "traits.tsv", "--audit", out / "audit.json"),
            *("--images-text", "folder x", "--run", "r", "--config-digest", "abc"),
            *("--output", out),
        )
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 3 + 4 + 4 + 3
    audit = json.loads(contents[0]["audit.json"])
    assert (audit["n_train"], audit["n_test"]) == (12, 12)
    assert audit["formats"] == {"real": 1, "fake": 1, "shared": 0, "share_alone": 1}
    rows = read_traits(tmp_path / "out1/traits.tsv")
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["id"] == "00000" and rows[1]["jpeg_quality"] is None
    assert b"Run r, configuration abc" in contents[0]["summary.md"]


@pytest.mark.parametrize(
    ("step_name", "absent"),
    [
        ("audit_images", ("torch", "matplotlib")),
        ("render_audit", ("torch", "sklearn", "h5py")),
    ],
)
def test_steps_need_what_their_environment_has(root, step_name, absent):
    code = (
        f"import sys, latentprint.steps.{step_name}; "
        f"sys.exit(', '.join({set(absent)} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root / "workflow/lib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == ""


def test_traits_are_read_as_they_were_written(tmp_path):
    write_set(tmp_path, n=1, options={"real": {"kind": "PNG"}})
    rows, thumbnails = measure(read_images(tmp_path / "selection.tsv"), root=tmp_path, size=64)
    rows[0]["jpeg_tables"] = "12345678"
    write_traits(tmp_path / "traits.tsv", rows)
    assert read_traits(tmp_path / "traits.tsv") == rows
    assert thumbnails.shape == (4, 32, 32)


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_changed_file_is_an_error(tmp_path, harm):
    chosen = write_set(tmp_path, n=1)
    path = tmp_path / chosen[2].path
    path.write_bytes(path.read_bytes() + b"x") if harm == "changed" else path.unlink()
    with pytest.raises(UserError, match=f"{path.name}: (has changed since|cannot be read)"):
        measure(chosen, root=tmp_path, size=64)


def test_faces(shared):
    """The facts that the README of the face set states: one setting, five pairs, all of fakes."""
    root = shared / "data" / "faces"
    chosen = [Chosen(image.id, image.label, image.split, image.path, "x") for image in find(root)]
    copies = np.stack([thumbnail(decode(root / i.path).astype(np.float32) @ LUMA) for i in chosen])
    pairs = near_duplicates(chosen, copies)
    assert len(chosen) == 1600 and len(pairs) == 5
    assert {pair[2:4] + pair[5:7] for pair in pairs} == {("train", "fake") * 2}
