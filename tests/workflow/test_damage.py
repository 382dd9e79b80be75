"""Damaged, missing, full, locked or in use: one line says so, and no wrong number is made."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checkout import Checkout, _command, _environment, copy_project

RUN = "results/tiny"
SHARD = f"{RUN}/latents/model-3/shards/train-0.h5"
FEATURES = f"{RUN}/features/model-3/y/YUV/single.h5"
SCORES = f"{RUN}/scores.tsv"
TABLE = f"{RUN}/tables/table_3_1.csv"


@pytest.fixture
def damaged(finished, tmp_path):
    """A copy of the finished run, to be broken."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Checkout(tmp_path / "copy")


def flip_a_byte(path: Path):
    """Change one bit of the largest dataset, as a bad disk or a careless hand does."""
    with path.open("r+b") as file:
        place = path.stat().st_size // 2
        file.seek(place)
        value = file.read(1)[0]
        file.seek(place)
        file.write(bytes([value ^ 0x10]))


def verified(copy, *, expected):
    environment = _environment() | {"PYTHONPATH": str(copy.folder / "workflow/lib")}
    result = subprocess.run(
        ["python", "-m", "latentprint.steps.verify_run", "--results", RUN],
        cwd=copy.folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == expected, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_a_byte, "is not what was written"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "cannot be read"),
    ],
    ids=["flipped byte", "truncated"],
)
def test_a_damaged_store_is_named_before_a_value_is_used(damaged, damage, message):
    damage(damaged.folder / SHARD)
    (damaged.folder / FEATURES).unlink()
    refused = damaged.snakemake("--", FEATURES, check=False)
    output = refused.stdout + refused.stderr
    assert refused.returncode and message in output
    assert f"Delete {SHARD} and " in output and f"-- {SHARD} at the end" in output
    assert not (damaged.folder / FEATURES).exists()
    assert f"error: {SHARD}" in verified(damaged, expected=2)


@pytest.mark.whole
def test_what_is_damaged_or_deleted_is_made_again_as_it_was(damaged):
    verified(damaged, expected=0)
    before = (damaged.folder / SCORES).read_bytes()
    flip_a_byte(damaged.folder / SHARD)
    for suffix in (".h5", ".json"):  # as the message says
        (damaged.folder / SHARD).with_suffix(suffix).unlink()
    damaged.snakemake("--", SHARD)
    damaged.snakemake()
    assert (damaged.folder / SCORES).read_bytes() == before
    verified(damaged, expected=0)
    (damaged.folder / FEATURES).unlink()
    damaged.snakemake("--", FEATURES)
    damaged.snakemake()
    assert (damaged.folder / SCORES).read_bytes() == before
    verified(damaged, expected=0)


def test_a_deleted_intermediate_is_missed_by_verify_alone(damaged):
    (damaged.folder / FEATURES).unlink()
    assert damaged.planned() == {}
    assert f"error: {FEATURES}: is missing" in verified(damaged, expected=2)


def test_a_changed_result_is_named_by_verify(damaged):
    path = damaged.folder / TABLE
    path.write_text(path.read_text().replace("0.", "0,", 1))
    assert f"error: {TABLE}: is not the file that the run made" in verified(damaged, expected=2)


@contextmanager
def small_disk(folder: Path, size: str):
    """Mount a disk of its own, if that is allowed here."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield lambda options: subprocess.run(
            ["mount", "-o", f"remount,{options}", str(folder)], check=True
        )
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(root, tmp_path):
    copy = copy_project(root, tmp_path)
    with small_disk(tmp_path / "results", "500k") as remount:
        full = copy.snakemake("--", SHARD, check=False)
        output = full.stdout + full.stderr
        assert full.returncode and "No space left on device" in output
        assert "Make room and start the same command again" in output
        assert "OSError" not in output and "Traceback" not in output
        assert not (tmp_path / SHARD).exists()
        remount("size=200m")
        copy.snakemake("--", SHARD)
        assert (tmp_path / SHARD).exists()


def test_results_that_cannot_be_written_are_named(root, tmp_path):
    copy = copy_project(root, tmp_path)
    with small_disk(tmp_path / "results", "1m") as remount:
        remount("ro")
        refused = copy.snakemake("--", SHARD, check=False)
    assert refused.returncode
    assert f"error: {RUN}: cannot be written (Read-only file system)" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_of_two_runs_at_once_the_second_stops_and_the_first_ends_well(root, tmp_path):
    copy = copy_project(root, tmp_path)
    first = subprocess.Popen(
        _command("tests/data/tiny.yaml", "--", SHARD), cwd=tmp_path, env=_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        locks = tmp_path / ".snakemake/locks"
        while first.poll() is None and not (locks.is_dir() and any(locks.iterdir())):
            time.sleep(0.02)
        second = copy.snakemake("--", SHARD, check=False)
        assert second.returncode
        assert "Directory cannot be locked" in second.stderr and str(tmp_path) in second.stderr
    finally:
        output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output
    assert (tmp_path / SHARD).exists()
