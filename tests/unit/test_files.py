"""Output files: complete or absent, and nothing left beside them."""

import os
import signal
import subprocess
import sys

import pytest

from latentprint.files import replacing, write_text

KILLED = """
import os, signal
from pathlib import Path
from latentprint.files import replacing

with replacing(Path("scores.tsv")) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_in_the_middle(folder):
    """Let a process write scores.tsv and be killed on the way."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", KILLED], cwd=folder, env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_process_leaves_no_result_and_the_next_one_clears_up(tmp_path):
    kill_in_the_middle(tmp_path)
    kill_in_the_middle(tmp_path)
    (leftover,) = names(tmp_path)  # the second one removed what the first one left
    assert leftover.startswith(".scores.") and leftover.endswith(".partial.tsv")
    write_text(tmp_path / "scores.tsv", "whole\n")
    assert names(tmp_path) == ["scores.tsv"]
    assert (tmp_path / "scores.tsv").read_text() == "whole\n"


def test_only_leftovers_of_the_same_file_are_removed(tmp_path):
    kept = [".scores.1.partial.csv", ".scores.b.1.partial.tsv", ".costs.1.partial.tsv",
            "scores.1.partial.tsv", ".scores.partial.tsv", ".[s]cores.1.partial.tsv"]  # fmt: skip
    for name in [*kept, ".scores.1.partial.tsv", ".scores.22.partial.tsv"]:
        (tmp_path / name).touch()
    write_text(tmp_path / "scores.tsv", "")
    assert names(tmp_path) == sorted([*kept, "scores.tsv"])
    write_text(tmp_path / "[s]cores.tsv", "")
    assert ".[s]cores.1.partial.tsv" not in names(tmp_path)


def test_a_process_whose_file_was_taken_over_fails(tmp_path):
    path = tmp_path / "scores.tsv"
    with pytest.raises(FileNotFoundError), replacing(path) as temporary:
        temporary.write_text("older")
        temporary.unlink()  # as its successor does
    assert names(tmp_path) == []


def test_a_failed_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "scores.tsv"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert (names(tmp_path), path.read_text()) == (["scores.tsv"], "old")


def keep(folder, text, *, fail=True):
    """Add to what is there of scores.tsv."""
    with replacing(folder / "scores.tsv", keep=True) as temporary:
        with temporary.open("a") as file:
            file.write(text)
        if fail:
            raise RuntimeError
    return temporary


def test_what_is_kept_is_there_again_until_it_is_whole(tmp_path):
    for text in ("a third, ", "two thirds, "):
        with pytest.raises(RuntimeError):
            keep(tmp_path, text)
        (leftover,) = names(tmp_path)
        assert leftover.startswith(".scores.") and leftover.endswith(".partial.tsv")
    keep(tmp_path, "whole", fail=False)
    assert names(tmp_path) == ["scores.tsv"]
    assert (tmp_path / "scores.tsv").read_text() == "a third, two thirds, whole"


def test_of_several_leftovers_the_newest_is_gone_on_with(tmp_path):
    kill_in_the_middle(tmp_path)
    for number, (pid, text) in enumerate([(1, "old "), (3, "newest "), (2, "older ")]):
        path = tmp_path / f".scores.{pid}.partial.tsv"
        path.write_text(text)
        age = 10 if text == "newest " else 1000 + number
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5000 - age))
    keep(tmp_path, "whole", fail=False)
    assert names(tmp_path) == ["scores.tsv"]
    assert (tmp_path / "scores.tsv").read_text() == "newest whole"


def test_the_block_may_remove_what_nobody_can_use(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.tsv", keep=True) as temporary:
        temporary.touch()
        temporary.unlink()
        raise RuntimeError
    assert names(tmp_path) == []


def test_without_keep_nothing_is_taken_over(tmp_path):
    with pytest.raises(RuntimeError):
        keep(tmp_path, "half")
    with replacing(tmp_path / "scores.tsv") as temporary:
        assert not temporary.exists()
        temporary.write_text("anew")
    assert (tmp_path / "scores.tsv").read_text() == "anew"
