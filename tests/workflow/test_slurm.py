"""The cluster profile on a real Slurm of three nodes: who runs where, what a failure costs."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.checkout import Checkout, copy_project

PARTITIONS = "partitions:\n  cpu: {}\n  gpu: {max_gpu: 2}\n"
FIELDS = "JobId|Partition|State|MinMemory|NumCPUs|TresPerNode|NodeList|Comment"
GPU_RULES = ("analyse_images", "extract_latents")


@pytest.fixture(scope="module")
def cluster(shared):
    """Environment of a shell on a small cluster, which is stopped at the end."""
    up, down = shared / "bin/slurm-up", shared / "bin/slurm-down"
    if not up.is_file():
        pytest.skip("needs the small Slurm cluster of ../shared/bin, which is not here")
    if os.geteuid():
        pytest.skip("to start a small Slurm cluster takes the superuser")
    started = subprocess.run([up], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stdout + started.stderr
    configuration = re.search(r"export SLURM_CONF=(\S+)", started.stdout)[1]
    yield {"SLURM_CONF": configuration}
    subprocess.run([down], capture_output=True, check=False)


@pytest.fixture(scope="module")
def environment(root, cluster, tmp_path_factory):
    """The same, with the plugin, and with what the user has to say: the partitions."""
    folder = tmp_path_factory.mktemp("slurm")
    wanted = ["throttler", "pandas", "snakemake-executor-plugin-slurm-jobstep"]
    wanted += [line for line in (root / "envs/slurm.txt").read_text().splitlines() if "==" in line]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--target", folder / "plugin", *wanted], check=True)
    (folder / "partitions.yaml").write_text(PARTITIONS)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | cluster | {
        "PATH": path,
        "PYTHONPATH": str(folder / "plugin"),
        "SNAKEMAKE_SLURM_PARTITIONS": str(folder / "partitions.yaml"),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip


class Watch:
    """Looks at the queue while a run goes on."""

    def __init__(self, environment):
        self.environment, self.jobs, self.gpu_at_once = environment, {}, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _look(self):
        form = "%i|%P|%T|%m|%C|%b|%N|%k"
        while not self._ended.wait(0.5):
            command = ["squeue", "--noheader", "--states=all", "--format", form]
            found = subprocess.run(
                command, env=self.environment, capture_output=True, text=True, check=False
            )
            lines = [line.split("|") for line in found.stdout.splitlines()]
            self.jobs |= {
                line[0]: dict(zip(FIELDS.split("|"), line, strict=True)) for line in lines
            }
            running = [line for line in lines if line[1] == "gpu" and line[2] == "RUNNING"]
            self.gpu_at_once = max(self.gpu_at_once, len(running))

    def of(self, rule):
        return [job for job in self.jobs.values() if rule in job["Comment"]]


def command(*arguments):
    profile = ["--workflow-profile", "profiles/slurm", "--slurm-no-account"]
    quick = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
    files = ["--configfile", "tests/data/tiny.yaml"]
    return [sys.executable, "-m", "snakemake", *profile, *quick, *files, *arguments]


def run(copy, environment, *arguments):
    return subprocess.run(
        command(*arguments), cwd=copy.folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(root, environment, tmp_path_factory):
    """A run on the cluster, in which one fit fails at its first attempt."""
    copy = copy_project(root, tmp_path_factory.mktemp("cluster"))
    step = copy.folder / "workflow/lib/latentprint/steps/evaluate_classifier.py"
    text = step.read_text()
    fails = 'if __name__ == "__main__":\n'
    once = (
        "    from pathlib import Path as _Path\n"
        "    if not _Path('failed.once').exists():\n"
        "        _Path('failed.once').touch()\n"
        "        raise MemoryError('once')\n"
    )
    assert fails in text
    step.write_text(text.replace(fails, fails + once))
    with Watch(environment) as watch:
        result = run(copy, environment)
    return copy, result, watch


@pytest.mark.whole
def test_the_run_ends_with_the_scores_of_one_on_this_machine(whole, finished):
    copy, result, _ = whole
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    name = "results/tiny/scores.tsv"
    assert (copy.folder / name).read_bytes() == (finished.folder / name).read_bytes()
    assert "Nothing to be done" in run(copy, whole[2].environment, "--dry-run").stdout


@pytest.mark.whole
def test_gpu_jobs_run_on_the_gpu_node_alone_and_one_at_a_time(whole):
    _, _, watch = whole
    gpu_jobs = [job for rule in GPU_RULES for job in watch.of(rule)]
    assert len(gpu_jobs) == 6  # two of y, four of y_hat
    assert {(job["Partition"], job["NodeList"]) for job in gpu_jobs} == {("gpu", "gpu1")}
    others = [job for job in watch.jobs.values() if job not in gpu_jobs]
    assert {job["Partition"] for job in others} == {"cpu"}
    assert watch.gpu_at_once == 1


@pytest.mark.whole
def test_small_jobs_share_entries_of_the_queue(whole):
    copy, _, watch = whole
    assert sum(copy.planned("--forceall").values()) > 100
    assert len(watch.jobs) < 30


@pytest.mark.whole
def test_a_job_that_fails_is_tried_again_with_more_memory(whole):
    copy, _, watch = whole
    assert (copy.folder / "failed.once").exists()
    jobs = sorted(watch.of("scores"), key=lambda job: int(job["JobId"]))
    (failed,) = [job for job in jobs if job["State"] == "FAILED"]
    again = [job for job in jobs if job["JobId"] > failed["JobId"]][-1]
    per_cpu = [int(job["MinMemory"].rstrip("MG")) / int(job["NumCPUs"]) for job in (failed, again)]
    assert again["State"] == "COMPLETED" and per_cpu[1] > per_cpu[0]


@pytest.mark.whole
def test_logs_are_where_the_readme_says(whole, root):
    copy, result, _ = whole
    readme = " ".join((root / "README.md").read_text().split())
    for place in ("results/<run>/logs/", ".snakemake/slurm_logs/"):
        assert place in readme
    logs = copy.folder / "results/tiny/logs"
    assert (logs / "analyse_images/model-3/train-0.log").read_text().strip()
    # The end of a failed job's log is on the terminal, since the next attempt writes it anew.
    assert "MemoryError: once" in result.stdout + result.stderr
    # Of Slurm's own logs, those of failed entries stay; they name the job.
    (failed,) = (copy.folder / ".snakemake/slurm_logs").rglob("*.log")
    assert "results/tiny/logs/evaluate_classifier/" in failed.read_text()


@pytest.mark.whole
def test_a_job_that_is_cancelled_goes_on_where_it_was(root, environment, tmp_path):
    copy = Checkout(copy_project(root, tmp_path / "copy").folder)
    store = "results/tiny/latents/model-3/shards/train-0.h5"
    arguments = ["--config", "n_train=160", "--", store]
    process = subprocess.Popen(
        command(*arguments), cwd=copy.folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        with Watch(environment) as watch:
            partial = copy.folder / Path(store).parent
            while process.poll() is None:
                begun = [path.stat().st_blocks for path in partial.glob(".train-0.*.partial.h5")]
                if any(blocks * 512 > 500_000 for blocks in begun):
                    break
                time.sleep(0.02)
            (job,) = [one for one in watch.of("analyse_images") if one["State"] == "RUNNING"]
            subprocess.run(["scancel", job["JobId"]], env=environment, check=True)
            output, _ = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, output
    log = (copy.folder / "results/tiny/logs/analyse_images/model-3/train-0.log").read_text()
    assert re.search(r"resuming after image \d+ of 160", log)
    assert len(watch.of("analyse_images")) == 2


def test_every_line_of_a_profile_is_explained(root):
    for path in sorted((root / "profiles").glob("*/config.yaml")):
        explained = False
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                explained = True
            elif not line.strip():
                explained = False
            elif re.match(r"\S", line):
                assert explained, f"{path}: {line}"
            if re.match(r"[a-z-]+: \S", line):
                explained = False


def test_profiles_repeat_what_the_default_says(root):
    import yaml

    default, *others = [
        yaml.safe_load((root / f"profiles/{name}/config.yaml").read_text())
        for name in ("default", "slurm", "workstation")
    ]
    for other in others:
        assert {key: other[key] for key in default if key != "resources"} == {
            key: value for key, value in default.items() if key != "resources"
        }
        assert "slurm_account" not in str(other) and "partition" not in str(other)
