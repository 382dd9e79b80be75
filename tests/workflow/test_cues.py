"""The forensic cues end to end: pictures, versions, forests, tables, figures; then asked again."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import yaml

from latentprint.codec import JpegAI
from latentprint.cues.asking import AskedCue
from latentprint.cues.colour import features as colour_values
from latentprint.detectors.names import read_rows
from latentprint.image_files import decode
from tests.checkout import copy_without_times

SETTINGS = {
    "run": "few",
    "parts": ["cues"],
    "cues": {
        "drawn": 10,
        "rates": ["1.0"],
        "alterations": [],
        "folds": 2,
        "trees": 20,
        "rd": {"rates": ["1.0"], "analysis_bpp": "1.0", "curve_images": 2, "curve_passes": 2},
    },
}


@pytest.fixture(scope="module")
def done(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cues")
    (folder / "few.yaml").write_text(yaml.safe_dump(SETTINGS))
    (folder / "config").symlink_to(root / "config")
    command = ["snakemake", "--snakefile", str(root / "Snakefile"), "--cores", "2"]
    command += ["--configfile", "few.yaml"]
    first = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr[-3000:]
    return folder, command


def test_all_cues_answer_and_what_they_say_is_drawn(done):
    folder, _ = done
    cues = folder / "results/few/cues"
    for cue in ("colour", "rd", "quantisation"):
        rows = read_rows(cues / cue / "accuracy.tsv")
        (detector,) = [row for row in rows if row["task"] == "detector"]
        assert int(detector["n_images"]) >= 10
        assert float(detector["accuracy_low"]) < float(detector["accuracy_high"])
        assert "svg" in (cues / "shown" / "spectra.svg").read_text()[:200]
        for kind in ("csv", "md", "tex", "html"):
            assert (cues / "shown" / f"{cue}.{kind}").stat().st_size > 200
    # A rounded picture against a drawn one that no codec has touched: plain at this rate.
    rows = read_rows(cues / "quantisation/accuracy.tsv")
    assert all(float(row["accuracy"]) > 0.8 for row in rows if row["task"] == "rates")
    text = (cues / "shown/rd_curves.svg").read_text()
    assert "embedded weights" in text and "drawn by the product" in text


def test_versions_are_pictures_with_bits_and_operating_point(done):
    folder, _ = done
    versions = folder / "results/few/cues/versions"
    for row in read_rows(versions / "ai-1.0+ai-1.0/pictures.tsv"):
        assert (row["model"], row["beta"]) == ("3", "300")
        bits = sum(float(row[name]) for name in ("luma_z", "luma_y", "chroma_z", "chroma_y"))
        assert float(row["bpp"]) == pytest.approx(bits / 256**2, abs=1e-4)
        path = versions / "ai-1.0+ai-1.0/pictures" / f"{row['id']}.png"
        assert decode(path, 256).shape == (256, 256, 3)


def test_a_second_run_does_nothing_and_other_trees_measure_nothing_again(done):
    folder, command = done
    again = subprocess.run([*command, "--dry-run"], cwd=folder, capture_output=True, text=True)
    assert "Nothing to be done" in again.stdout + again.stderr
    changed = json.loads(json.dumps(SETTINGS))
    changed["cues"]["trees"] = 21
    (folder / "more.yaml").write_text(yaml.safe_dump(changed))
    said = subprocess.run(
        [*command[:-1], "more.yaml", "--dry-run"], cwd=folder, capture_output=True, text=True
    )
    text = said.stdout + said.stderr
    assert "classify_cue" in text and "measure_cue" not in text and "compress_images" not in text


def test_a_copy_without_times_does_nothing_either(done, tmp_path):
    folder, command = done
    copy_without_times(folder, tmp_path / "copy")
    said = subprocess.run(
        [*command, "--dry-run"], cwd=tmp_path / "copy", capture_output=True, text=True
    )
    assert "Nothing to be done" in said.stdout + said.stderr, said.stdout[-2000:]


def test_the_forests_answer_for_single_pictures(done, root):
    folder, _ = done
    cues = folder / "results/few/cues"
    codec = JpegAI.load(root / "resources/codec", "BOP")
    asked = [AskedCue(cues / name, codec) for name in ("colour", "rd", "quantisation")]
    assert all("what it says of photographs means nothing" in cue.about for cue in asked)
    names = {"source": "000000", "ai-1.0": "000001"}
    paths = [cues / "versions" / v / "pictures" / f"{n}.png" for v, n in names.items()]
    pictures = [decode(path, 256) for path in paths]
    for cue in asked:
        together = cue.ask(pictures, paths)
        alone = [cue.ask([one], [path])[0] for one, path in zip(pictures, paths, strict=True)]
        for one, other in zip(together, alone, strict=True):
            assert one.values == pytest.approx(other.values, rel=1e-5)
            assert set(one.values) == set(cue.values)
            if one.probability is None:
                assert one.note.startswith("confounded")
            else:
                assert 0.01 < one.low <= one.probability <= one.high < 0.99  # of 20 to 30 pictures
                assert other.probability == pytest.approx(one.probability, abs=1e-6)
    shown = asked[0].ask(pictures[:1], paths[:1])[0].values
    assert [shown[name] for name in ("c_rg", "c_rb", "c_gb")] == pytest.approx(
        colour_values(pictures[0])[:3]
    )
    # The forests learnt from both pictures: the right order is the least that can be asked.
    colour = [answer.probability for answer in asked[0].ask(pictures, paths)]
    assert np.isfinite(colour[0]) and colour[1] > colour[0]


SMELL = '''"""Brightness: as good a cue as smell."""

import numpy as np

from latentprint.cues.trials import ALL, DETECTOR, Pick, Trial

QUESTION, CAUTION, SHOWN = "Is it coded?", "", ("mean", "spread")
FEATURE_SETS = {"all": SHOWN}


def names(settings):
    return SHOWN


def columns(found, feature_set):
    return np.isin(found, FEATURE_SETS[feature_set])


def measure(pictures, asked):
    return np.stack([[one.mean(), one.std()] for one in pictures])


def silence(picture, jpeg_sampling):
    return ""


def trials(settings, material):
    picks = (Pick("source", "uncompressed", False), Pick("ai-1.0", "uncompressed", True))
    yield Trial(DETECTOR, ALL, picks, {ALL: picks}, "all")
'''
ENTRY = """

def _smell() -> ModuleType:
    from latentprint.cues import smell

    return smell


CUES["smell"] = Cue(_smell, False, lambda settings: [SOURCE, ai("1.0")], ())
"""


def test_a_new_cue_is_one_module_and_one_entry(root, tmp_path):
    copy = tmp_path / "copy"
    for name in ("workflow", "config", "envs", "profiles"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Snakefile", copy)
    (copy / "resources").symlink_to(root / "resources")
    package = copy / "workflow/lib/latentprint/cues"
    (package / "smell.py").write_text(SMELL)
    registry = package / "registry.py"
    registry.write_text(registry.read_text() + ENTRY)
    settings = {"wanted": ["smell"], "drawn": 10, "folds": 2, "trees": 5}
    (copy / "smell.yaml").write_text(yaml.safe_dump({"parts": ["cues"], "cues": settings}))
    command = ["snakemake", "--cores", "2", "--configfile", "smell.yaml"]
    ended = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    (row,) = read_rows(copy / "results/demo/cues/smell/accuracy.tsv")
    assert row["n"] == "20" and row["task"] == "detector"
    assert (copy / "results/demo/cues/shown/smell.md").read_text().startswith("**smell**")
