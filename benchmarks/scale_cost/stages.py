"""What the stages of a finished run cost, from the files that Snakemake's `benchmark:` wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchtools.page import Table, number

from latentprint.job_times import RuleTime, read_times

TARGET = 140_000  # images of the whole Kaggle set
STORES = {"analyse_images": "model-*/shards", "extract_latents": "model-*_beta-*/shards"}
# Rules whose time is a number of images times a constant.
LINEAR = ("index_images", "analyse_images", "extract_latents")
FITS = ("tune_classifier", "fit_classifier")


class Stage(NamedTuple):
    """The jobs of one rule, and what they wrote."""

    time: RuleTime
    bytes_written: int


def stages(run: Path) -> list[Stage]:
    """Read the rules of a run that were timed, those that took most CPU time first."""
    found = sorted(read_times(run / "benchmarks"), key=lambda time: -time.cpu_s)
    return [Stage(time, size_of(run, time.rule)) for time in found]


def size_of(run: Path, rule: str) -> int:
    """Add up the bytes on disk of what a rule of extraction writes."""
    pattern = STORES.get(rule)
    if pattern is None:
        return 0
    wanted = [
        path
        for path in (run / "latents").glob(f"{pattern}/*.h5")
        if rule != "analyse_images" or "_beta" not in path.parts[-3]
    ]
    return sum(path.stat().st_blocks * 512 for path in wanted)


def table(found: Sequence[Stage], images: int) -> Table:
    """Show the stages, and what those that grow with the images come to for all of the set."""
    rows = []
    for time, bytes_written in found:
        share = TARGET / images
        linear = time.rule in LINEAR
        rows.append(
            [
                time.rule,
                str(time.jobs),
                number(time.wall_s),
                number(time.cpu_s),
                number(1000 * time.cpu_s / images) if linear else "",
                number(time.peak_mb),
                number(bytes_written / 1e9) if bytes_written else "",
                number(time.cpu_s * share / 3600) if linear else "",
                number(bytes_written * share / 1e9) if bytes_written else "",
            ]
        )
    columns = [
        "rule", "jobs", "wall s, added up", "CPU s", "CPU ms an image", "largest job, MB",
        "disk, GB",
        "140,000 images: core hours", "disk, GB",
    ]  # fmt: skip
    return Table(f"{images:,} images through the workflow", columns, rows)
