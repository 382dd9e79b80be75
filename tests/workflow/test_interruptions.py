"""A run that is killed and started again ends in the same bytes as one that was left alone."""

import re
import shutil

from tests.checkout import copy_project

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


def kill_in(stage, copy, run):
    """Kill Snakemake and its jobs in a stage; begin anew where that stage was over too soon."""
    for _ in range(3):
        if copy.kill_when(lambda: stage(run)):
            return
        shutil.rmtree(run)
    raise AssertionError(f"{stage.__name__}: three times over before it could be killed")


def test_a_run_killed_in_every_stage_ends_in_the_same_bytes(root, finished, tmp_path):
    copy = copy_project(root, tmp_path)
    run = tmp_path / "results/tiny"

    kill_in(extracting, copy, run)
    assert list(run.glob("latents/**/.*.partial.h5"))
    refused = copy.snakemake(check=False)
    assert refused.returncode == 1
    readme = (root / "README.md").read_text()
    assert LOCKED in refused.stderr and LOCKED in " ".join(readme.split())
    assert UNLOCK in readme
    copy.snakemake("--unlock")

    kill_in(tuning, copy, run)
    journals = list(run.glob("cells/*/*/*/*/*/trials.partial.jsonl"))
    finished_trials = {path.parent: len(path.read_text().splitlines()) for path in journals}
    copy.snakemake("--unlock")

    kill_in(fitting, copy, run)
    copy.snakemake("--unlock")

    copy.snakemake()
    assert any(finished_trials.values())
    for cell, count in finished_trials.items():
        log = run / "logs/tune_classifier" / cell.relative_to(run / "cells").with_suffix(".log")
        assert sum(map(int, re.findall(r"taken over (\d+) of", log.read_text()))) == count
    whole = finished.folder / "results/tiny"
    names = [path.relative_to(run) for path in run.rglob("*") if path.name in SAME]
    assert len(names) > 100
    for name in [*names, "scores.tsv", "selected.yaml", "tables/table_3_1.csv"]:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert not list(run.rglob("*.partial*"))
    assert copy.planned() == {}
