"""The profile of a workstation: as many jobs of extraction at once as there are GPUs."""

import subprocess
import sys
import time

import pytest

from tests.checkout import _environment, copy_project

SHARDS = 6
RUN = "results/tiny"


@pytest.mark.whole
def test_two_gpus_are_both_used_by_one_job_each(root, tmp_path):
    """That each of the two takes a GPU of its own is shown in tests/unit/test_gpus.py."""
    copy = copy_project(root, tmp_path)
    tiny = tmp_path / "tests/data/tiny.yaml"
    tiny.write_text(tiny.read_text() + "store: {shard_images: 16}\n")
    stores = [f"{RUN}/latents/model-3/shards/train-{shard}.h5" for shard in range(SHARDS)]
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/workstation"]
    command += ["--cores", "4", "--configfile", str(tiny), "--config", f"n_train={16 * SHARDS}"]
    output = tmp_path / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*command, "--", *stores], cwd=copy.folder, env=_environment(), stdout=file, stderr=file
        )
    at_once = set()
    logs = tmp_path / RUN / "logs/analyse_images/model-3"
    while process.poll() is None:
        begun = {path.stem for path in logs.glob("*.log")}
        ended = {path.stem for path in (tmp_path / stores[0]).parent.glob("train-*.json")}
        at_once.add(len(begun - ended))
        time.sleep(0.05)
    assert process.returncode == 0, output.read_text()
    assert max(at_once) == 2
