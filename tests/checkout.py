"""A copy of the checkout in which a tiny run has been made, and questions to Snakemake about it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "resources", "tests/data")


@dataclass
class Checkout:
    """A copy of the project in which Snakemake runs."""

    folder: Path

    def snakemake(
        self,
        *arguments: str,
        check: bool = True,
        configuration: str = "tests/data/tiny.yaml",
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess:
        """Run Snakemake on the tiny configuration, steps with this test's Python."""
        result = subprocess.run(
            _command(configuration, *arguments), cwd=self.folder, env=environment or _environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if check and result.returncode:
            raise AssertionError(f"snakemake failed:\n{result.stdout}\n{result.stderr}")
        return result

    def kill_when(self, under_way: Callable[[], bool], *, limit_s: float = 900) -> bool:
        """Run Snakemake, and kill it with all its jobs in a moment in which something is under way.

        Everything is stopped before it is killed, so that what was seen still holds: a job that
        ended in between is not taken for one that was killed.

        Returns
        -------
        bool
            False if Snakemake ended before such a moment was met.
        """
        output = self.folder / "killed.log"
        with output.open("w") as file:  # jobs are in the process group of their Snakemake
            process = subprocess.Popen(
                _command("tests/data/tiny.yaml"), cwd=self.folder, env=_environment(),
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + limit_s
        try:
            while process.poll() is None and time.monotonic() < deadline:
                if under_way():
                    os.killpg(process.pid, signal.SIGSTOP)
                    time.sleep(0.05)
                    if under_way():
                        return True
                    os.killpg(process.pid, signal.SIGCONT)
                time.sleep(0.02)
            assert process.poll() == 0, f"snakemake failed or hung:\n{output.read_text()}"
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def planned(self, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, int]:
        """Count the jobs that a dry run plans, by rule; nothing to do gives an empty count."""
        options = ("--dry-run", "--quiet", "rules", *arguments)
        output = self.snakemake(*options, environment=environment).stdout
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


def _command(configuration: str, *arguments: str) -> list[str]:
    options = ["--cores", "2", "--configfile", configuration]
    return [sys.executable, "-m", "snakemake", *options, *arguments]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment.pop("PYTHONPATH", None)
    return environment


def copy_without_times(folder: Path, place: Path) -> None:
    """Copy all files, none of their times, and nothing of what Snakemake remembers."""
    shutil.copytree(
        folder, place, copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns(".snakemake", "__pycache__"),
    )  # fmt: skip


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
