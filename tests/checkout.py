"""A copy of the checkout in which a tiny run has been made, and questions to Snakemake about it."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "resources", "tests/data")


@dataclass
class Checkout:
    """A copy of the project in which Snakemake runs."""

    folder: Path

    def snakemake(
        self, *arguments: str, check: bool = True, configuration: str = "tests/data/tiny.yaml"
    ) -> subprocess.CompletedProcess:
        """Run Snakemake on the tiny configuration, steps with this test's Python."""
        environment = dict(os.environ)
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        environment.pop("PYTHONPATH", None)
        result = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile",
             configuration, *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if check and result.returncode:
            raise AssertionError(f"snakemake failed:\n{result.stdout}\n{result.stderr}")
        return result

    def planned(self, *arguments: str) -> dict[str, int]:
        """Count the jobs that a dry run plans, by rule; nothing to do gives an empty count."""
        output = self.snakemake("--dry-run", "--quiet", "rules", *arguments).stdout
        counts = {}
        for table in re.findall(r"^job +count\n[- ]+\n((?:\S+ +\d+\n)+)", output, re.MULTILINE):
            for line in table.splitlines():
                rule, count = line.split()
                counts[rule] = int(count)
        if not counts:
            assert "Nothing to be done" in output, f"no table of jobs in:\n{output}"
        counts.pop("total", None)
        counts.pop("all", None)
        return counts

    @contextmanager
    def edited(self, name: str, old: str, new: str):
        """Change one file for the duration of a block."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")


def copy_project(root: Path, folder: Path) -> Checkout:
    for part in PARTS:
        source = root / part
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return Checkout(folder)
