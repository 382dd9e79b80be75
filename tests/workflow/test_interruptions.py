"""A run that is stopped and started again ends in the same bytes as one that was left alone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from latentprint import extraction
from latentprint.codec import JpegAI
from latentprint.image_tables import read_images
from latentprint.provenance import code_digest
from latentprint.sidecar import read_sidecar
from tests.checkout import _command, _environment, copy_project

LOCKED = "the remaining lock was likely caused by a kill signal or a power loss"
UNLOCK = "snakemake --unlock"
SAME = ("predictions.tsv", "best.yaml", "fit.yaml", "model.skops", "scores.json")


def cell_of(log, run):
    """The folder of the cell that a log of tune_classifier or fit_classifier is about."""
    return run.joinpath("cells", *log.with_suffix("").parts[-5:])


def extracting(run):
    """A store of latents is half-written."""
    return any(run.glob("latents/**/.*.partial.h5"))


def tuning(run):
    """A search has finished some of its trials."""
    return any(
        journal.stat().st_size and not (journal.parent / "best.yaml").exists()
        for journal in run.glob("cells/*/*/*/*/*/trials.partial.jsonl")
    )


def fitting(run):
    """A fit has said how much memory it needs, and not written all its outputs."""
    return any(
        log.stat().st_size and not (cell_of(log, run) / "costs.json").exists()
        for log in run.glob("logs/fit_classifier/*/*/*/*/*.log")
    )


class Started:
    """A job of a rule has begun its log, and not ended: its output is not there."""

    def __init__(self, log, output):
        self.log, self.output = log, output
        self.__name__ = log

    def forget(self, run):
        """Take away the logs of earlier jobs, and what is done already with such a job."""
        for path in list(run.glob(f"logs/{self.log}")):
            path.unlink()
        if "*" not in self.log:
            (run / self.output(None)).unlink(missing_ok=True)

    def __call__(self, run):
        below = len(run.parts) + 2  # logs/<rule>/
        return any(
            not (run / self.output(Path(*path.with_suffix("").parts[below:]))).exists()
            for path in run.glob(f"logs/{self.log}")
        )


# In the order of the run.
STAGES = (
    Started("index_images.log", lambda job: "images.tsv"),
    extracting,
    Started("extract_latents/*/*.log", lambda job: f"latents/{job.parent}/shards/{job.name}.h5"),
    Started("join_shards/*/*.log", lambda job: f"latents/{job}.h5"),
    Started("build_features/*/*/*/*.log", lambda job: f"features/{job}.h5"),
    tuning,
    fitting,
    Started("evaluate_classifier/*/*/*/*/*.log", lambda job: f"cells/{job}/scores.json"),
    Started("collect_scores.log", lambda job: "scores.tsv"),
    Started("render_tables.log", lambda job: "tables/table_3_1.csv"),
    Started("plot_figures.log", lambda job: "figures/cells.svg"),
    Started("describe_run.log", lambda job: "landing.rst"),
)


LONG_STAGES = (extracting, tuning, fitting)


@pytest.mark.parametrize(
    "stages", [LONG_STAGES, pytest.param(STAGES, marks=pytest.mark.whole)], ids=["long", "all"]
)
def test_a_run_killed_in_its_stages_ends_in_the_same_bytes(root, finished, tmp_path, stages):
    copy = copy_project(root, tmp_path)
    run = tmp_path / "results/tiny"
    trials = {}
    for number, stage in enumerate(stages):
        if isinstance(stage, Started):
            stage.forget(run)
        assert copy.kill_when(lambda stage=stage: stage(run)), f"{stage.__name__}: not met"
        if number == 0:
            refused = copy.snakemake(check=False)
            assert refused.returncode == 1
            readme = (root / "README.md").read_text()
            assert LOCKED in refused.stderr and LOCKED in " ".join(readme.split())
            assert UNLOCK in readme
        if stage is tuning:
            journals = list(run.glob("cells/*/*/*/*/*/trials.partial.jsonl"))
            trials = {path.parent: len(path.read_text().splitlines()) for path in journals}
        copy.snakemake("--unlock")

    copy.snakemake()
    assert any(trials.values())
    for cell, count in trials.items():
        log = run / "logs/tune_classifier" / cell.relative_to(run / "cells").with_suffix(".log")
        assert sum(map(int, re.findall(r"taken over (\d+) of", log.read_text()))) == count
    whole = finished.folder / "results/tiny"
    names = [path.relative_to(run) for path in run.rglob("*") if path.name in SAME]
    assert len(names) > 100
    tables = [path.relative_to(run) for path in run.glob("tables/*") if "3_3" not in path.name]
    figures = [path.relative_to(run) for path in run.glob("figures/*") if "cost" not in path.name]
    assert len(tables) > 15 and len(figures) > 20
    for name in [*names, *tables, *figures, "scores.tsv", "selected.yaml", "contrasts.tsv"]:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert not list(run.rglob("*.partial*"))
    assert copy.planned() == {}


N_TRAIN = 160  # seconds of extraction
STORE = "results/tiny/latents/model-3/shards/train-0.h5"


def writing(copy, run, command, *, environment=None, beyond=0):
    """Start a command and wait until more of a store is written than `beyond`, in bytes."""
    process = subprocess.Popen(
        command, cwd=copy.folder, env=_environment() | (environment or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    while process.poll() is None:
        for path in run.glob("latents/model-3/shards/.train-0.*.partial.h5"):
            if path.stat().st_blocks * 512 > beyond + 500_000:
                return process
        time.sleep(0.005)
    raise AssertionError(f"over too soon:\n{process.communicate()[0]}")


@pytest.mark.slow
def test_extraction_goes_on_where_ctrl_c_or_sigterm_stopped_it(root, tmp_path):
    copy = copy_project(root, tmp_path)
    run = tmp_path / "results/tiny"
    log = run / "logs/analyse_images/model-3/train-0.log"
    options = ("--config", f"n_train={N_TRAIN}", "--", STORE)

    process = writing(copy, run, _command("tests/data/tiny.yaml", *options))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to Snakemake and all its jobs
    output, _ = process.communicate(timeout=60)
    assert process.returncode, output
    (leftover,) = (tmp_path / STORE).parent.iterdir()
    assert re.fullmatch(r"\.train-0\.\d+\.partial\.h5", leftover.name)
    assert re.search(rf"\d+ of {N_TRAIN} images are kept in .*{leftover.name}", log.read_text())
    assert log.read_text().endswith("stopped by SIGINT\n")

    # As Slurm does: SIGTERM to the job's processes.
    step = [sys.executable, "-m", "latentprint.steps.analyse_images"]
    step += ["--images", str(run / "selection.tsv"), "--split", "train", "--image-size", "64"]
    step += ["--shard", "0", "--shard-images", "1000"]
    step += ["--root", str(run / "drawn"), "--weights", "resources/codec"]
    step += ["--operating-point", "BOP", "--model", "3", "--device", "auto", "--output", STORE]
    step += ["--code", code_digest("analyse_images", environment=root / "envs/codec.yaml")]
    written = leftover.stat().st_blocks * 512
    process = writing(
        copy, run, step, environment={"PYTHONPATH": str(tmp_path / "workflow/lib")}, beyond=written
    )
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM and "Traceback" not in output
    first = int(
        re.search(rf"resuming after image (\d+) of {N_TRAIN} from .*partial\.h5", output)[1]
    )
    second = int(re.search(rf"(\d+) of {N_TRAIN} images are kept in .*partial\.h5", output)[1])
    assert 1 < first < second < N_TRAIN and output.endswith("stopped by SIGTERM\n")

    copy.snakemake(*options)
    assert f"resuming after image {second} of {N_TRAIN} from" in log.read_text()
    assert sorted(path.name for path in (tmp_path / STORE).parent.iterdir()) == [
        "train-0.h5", "train-0.json"
    ]  # fmt: skip
    torch.set_num_threads(1)
    chosen = [image for image in read_images(run / "selection.tsv") if image.split == "train"]
    extraction.analyse(
        JpegAI.load(root / "resources/codec", "BOP"), chosen, root=run / "drawn", size=64,
        model=3, output=tmp_path / "whole.h5",
    )  # fmt: skip
    resumed, whole = (read_sidecar(tmp_path / name) for name in
                      (STORE.replace(".h5", ".json"), "whole.json"))  # fmt: skip
    assert resumed["digest"] == whole["digest"] and resumed["n_images"] == N_TRAIN
