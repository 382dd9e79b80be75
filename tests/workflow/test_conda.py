"""Every rule runs in the environment that it names, started from one that holds Snakemake alone."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.checkout import copy_project

# Every rule, and no more cells than that takes.
SMALL = 'latents: ["y_hat"]\nbpp: [0.25]\ncomponents: ["Y"]\nfeatures: [single]'


@pytest.fixture(scope="module")
def driver(root, shared, tmp_path_factory):
    """Environment variables of a user who has Snakemake and a conda, and nothing else."""
    if not (shared / "bin/conda").is_file():
        pytest.skip("needs the stand-in for conda in ../shared/bin, which is not here")
    folder = tmp_path_factory.mktemp("driver")
    pin = re.search(r"^snakemake==.*$", (root / "envs/venv.txt").read_text(), re.M)[0]
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv/bin/pip", "install", "--quiet", pin], check=True)
    left_out = ("PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    own = str(root / ".venv")
    path = [part for part in os.environ["PATH"].split(":") if not part.startswith(own)]
    return kept | {"PATH": ":".join([str(shared / "bin"), str(folder / "venv/bin"), *path])}


@pytest.fixture(scope="module")
def copy(root, tmp_path_factory):
    copy = copy_project(root, tmp_path_factory.mktemp("conda"))
    tiny = copy.folder / "tests/data/tiny.yaml"
    kept = [line for line in tiny.read_text().splitlines() if not line.startswith("components")]
    tiny.write_text("\n".join([*kept, SMALL]) + "\n")
    return copy


def run(copy, driver, *arguments):
    command = ["snakemake", "--cores", "2", "--use-conda", "--configfile", "tests/data/tiny.yaml"]
    return subprocess.run(
        [shutil.which("snakemake", path=driver["PATH"]), *command[1:], *arguments],
        cwd=copy.folder, env=driver, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.whole
def test_a_run_from_nothing_but_snakemake(copy, driver):
    python = shutil.which("python", path=driver["PATH"])
    for package in ("numpy", "torch", "sklearn", "matplotlib"):
        found = subprocess.run([python, "-c", f"import {package}"], env=driver, capture_output=True)
        assert found.returncode, f"{package} is in the environment that should hold Snakemake alone"
    result = run(copy, driver)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (copy.folder / "results/tiny/tables/table_3_1.csv").is_file()
    assert len(list((copy.folder / ".snakemake/conda").glob("*.env_setup_done"))) == 3


@pytest.mark.whole
def test_adding_or_leaving_out_conda_reruns_nothing(copy, driver):
    """After the test above, in whose folder everything was made in conda environments."""
    for options in ([], ["--use-conda"]):
        assert copy.planned(*options, environment=driver) == {}


@pytest.mark.whole
def test_a_package_missing_from_an_environment_stops_the_run(copy, driver):
    with copy.edited("envs/report.yaml", "  - matplotlib-base=3.11\n", ""):
        result = run(copy, driver, "--", "results/tiny/figures/cells.svg")
    assert result.returncode
    assert "No module named 'matplotlib'" in result.stdout + result.stderr
