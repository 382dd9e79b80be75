"""The benchmark of tuning runs, and its tables stand where they belong."""

import os
import re
import subprocess
import sys

import pytest


def bench(root, *options):
    environment = os.environ | {"PYTHONPATH": str(root / "workflow/lib")}
    return subprocess.run(
        [sys.executable, root / "benchmarks/tune.py", *map(str, options)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_both_ways_are_compared_and_written_into_the_page(root, tmp_path):
    page = tmp_path / "tuning.md"
    page.write_text("Before.\n\n<!-- tune.py RF -->\nold\n<!-- end of tune.py RF -->\n\nAfter.\n")
    small = ["--n", 90, "--n-test", 40, "--draws", 3, "--candidates", 6, "--least", 20, "--small"]
    result = bench(root, *small, "--seeds", 2, "--markdown", page)
    assert result.returncode == 0, result.stderr
    text = page.read_text()
    assert text.startswith("Before.") and "After." in text and "old" not in text
    for name in ("RF", "GB"):
        part = text.split(f"<!-- tune.py {name} -->")[1].split("<!-- end")[0]
        rows = {
            way: re.search(rf"^\| {way} \| (.*) \|$", part, re.MULTILINE)[1].split(" | ")
            for way in ("search", "halving", "halving to search")
        }
        costs = [float(rows[way][2].split()[0]) for way in ("search", "halving")]
        assert float(rows["halving to search"][2]) == pytest.approx(costs[1] / costs[0], rel=0.05)
        assert all(len(cells) == 5 for cells in rows.values())
        assert "halving, seed 1" in part and "--small" in part


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classifiers", "RF,KNN"], "error: --classifiers RF,KNN: KNN is none, expected"),
        (["--candidates", "1"], "error: --seeds, --draws, --threads: expected 1 or more"),
    ],
)
def test_mistakes_of_use_are_one_line(root, options, message):
    result = bench(root, *options)
    assert result.returncode == 2 and message in result.stderr
    assert "Traceback" not in result.stderr
