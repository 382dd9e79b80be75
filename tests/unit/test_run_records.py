"""Records of a run: kept beside it, put back for Snakemake, compared with the files."""

import base64
import json
import os
import shutil
import subprocess
import sys

import pytest

from latentprint import run_records
from latentprint.errors import UserError

RUN = run_records.Path("results/tiny")


def record(state, name, **others):
    """Write what Snakemake writes of a file."""
    place = run_records._place(state, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    text = {"rule": "some_rule", "params": ["'abc'"], "record_format_version": 6}
    place.write_text(json.dumps(text | others))
    return place


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["results/tiny/scores.tsv", "results/tiny/cells/best.yaml"]
    for name in names:
        path = run_records.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        record(run_records.STATE, name)
    record(run_records.STATE, "results/other/scores.tsv")
    return names


def test_records_of_a_run_are_kept_and_put_back(run, tmp_path):
    before = {name: run_records._place(run_records.STATE, name).read_text() for name in run}
    assert run_records.keep(RUN) == 2
    assert [made.path for made in run_records.read(RUN)] == sorted(run)
    assert run_records.restore(RUN) == 0
    (tmp_path / ".snakemake").rename(tmp_path / "elsewhere")
    assert run_records.restore(RUN) == 2
    assert {name: run_records._place(run_records.STATE, name).read_text() for name in run} == before
    assert not run_records._place(run_records.STATE, "results/other/scores.tsv").exists()


def test_long_names_are_kept_in_parts_as_snakemake_does(run):
    name = "results/tiny/" + "/".join(["a" * 60] * 5)
    place = record(run_records.STATE, name)
    parts = place.relative_to(run_records.STATE).parts
    assert len(parts) == 2 and parts[0].startswith("@") and len(parts[0]) == 255
    assert base64.urlsafe_b64decode("".join((parts[0][1:], parts[1]))).decode() == name
    path = run_records.Path(name)
    path.parent.mkdir(parents=True)
    path.write_text("x")
    assert run_records.keep(RUN) == 3


def test_a_folder_that_a_rule_writes_is_known_by_its_files(run, root, tmp_path):
    name = "results/tiny/pictures"
    folder = run_records.Path(name)
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/a.png").write_text("some")
    (folder / ".snakemake_timestamp").touch()
    record(run_records.STATE, name)
    assert run_records.keep(RUN) == 3
    (folder / ".snakemake_timestamp").unlink()
    (tmp_path / ".snakemake").rename(tmp_path / "elsewhere")
    assert run_records.restore(RUN) == 3
    assert "3 files" in verified(root, tmp_path).stdout
    (folder / "sub/a.png").write_text("same")  # as long
    said = verified(root, tmp_path)
    assert f"error: {name}: is not the folder that the run made" in said.stdout
    (folder / "sub/a.png").rename(folder / "a.png")
    assert "is not the folder" in verified(root, tmp_path).stdout
    shutil.rmtree(folder)
    assert f"error: {name}: is missing" in verified(root, tmp_path).stdout


def test_what_is_unfinished_or_gone_has_no_record(run):
    record(run_records.STATE, run[0], incomplete=True)
    run_records.Path(run[1]).unlink()
    record(run_records.STATE, "results/tiny/cut").write_text('{"rule": "so')
    assert run_records.keep(RUN) == 0


def test_a_file_of_known_size_and_time_is_not_read_again(run, monkeypatch):
    run_records.keep(RUN)
    before = run_records.read(RUN)
    monkeypatch.setattr(run_records, "_digest", None)
    assert run_records.keep(RUN) == 2
    assert run_records.read(RUN) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_text("shorter"), "holds 7 bytes, expected 23"),
        (lambda path: path.write_text(path.read_text().upper()), "another SHA-256"),
    ],
)
def test_a_changed_file_without_record_stops_the_start(run, tmp_path, change, message):
    run_records.keep(RUN)
    (tmp_path / ".snakemake").rename(tmp_path / "elsewhere")
    change(run_records.Path(run[0]))
    with pytest.raises(UserError, match=message) as caught:
        run_records.restore(RUN)
    assert str(caught.value).startswith(f"{run[0]}: ")
    assert f"Delete it, then run the same command again with -- {run[0]}" in str(caught.value)


def test_records_of_another_form_are_left_alone(run, tmp_path):
    record(run_records.STATE, run[0], record_format_version=7)
    run_records.keep(RUN)
    (tmp_path / ".snakemake").rename(tmp_path / "elsewhere")
    assert run_records.restore(RUN) == 1


def test_a_damaged_list_is_named(run):
    (RUN / run_records.NAME).write_text("{}\n")
    with pytest.raises(UserError, match=r"records\.jsonl: cannot be read"):
        run_records.read(RUN)


def verified(root, folder):
    command = [sys.executable, "-m", "latentprint.steps.verify_run", "--results", str(RUN)]
    environment = os.environ | {"PYTHONPATH": str(root / "workflow/lib")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_verify_names_every_fault_and_says_what_to_do(run, root, tmp_path):
    assert "no such file" in verified(root, tmp_path).stderr
    run_records.keep(RUN)
    result = verified(root, tmp_path)
    assert (result.returncode, result.stderr.count("error")) == (0, 0)
    assert "2 files, 0 of them stores, are what was made" in result.stdout
    run_records.Path(run[0]).write_text("other")
    run_records.Path(run[1]).unlink()
    result = verified(root, tmp_path)
    assert result.returncode == 2
    assert f"error: {run[0]}: holds 5 bytes" in result.stdout
    assert f"error: {run[1]}: is missing" in result.stdout
    assert "2 of 2 files are not what was made" in result.stderr
