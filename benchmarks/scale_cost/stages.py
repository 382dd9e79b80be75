"""What the stages of a finished run cost, from the files that Snakemake's `benchmark:` wrote."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchtools.page import Table, number

TARGET = 140_000  # images of the whole Kaggle set
STORES = {"analyse_images": "model-*/shards", "extract_latents": "model-*_beta-*/shards"}
# Rules whose time is a number of images times a constant.
LINEAR = ("index_images", "analyse_images", "extract_latents")
FITS = ("tune_classifier", "fit_classifier")


class Stage(NamedTuple):
    """The jobs of one rule."""

    rule: str
    jobs: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    bytes_written: int


def stages(run: Path) -> list[Stage]:
    """Read the rules of a run that were timed, those that took longest first."""
    found = []
    for folder in sorted((run / "benchmarks").iterdir()):
        rows = [row for path in folder.rglob("*.tsv") for row in read(path)]
        if folder.is_file():
            folder, rows = folder.with_suffix(""), read(folder)
        if rows:
            found.append(
                Stage(
                    folder.name,
                    len(rows),
                    sum(float(row["s"]) for row in rows),
                    sum(_seconds(row["cpu_time"]) for row in rows),
                    max(_seconds(row["max_rss"]) for row in rows),
                    size_of(run, folder.name),
                )
            )
    return sorted(found, key=lambda stage: -stage.cpu_s)


def read(path: Path) -> list[dict[str, str]]:
    """Read one file that Snakemake wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _seconds(text: str) -> float:
    return float(text) if text not in ("", "NA", "-") else 0.0


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
    for stage in found:
        share = TARGET / images
        linear = stage.rule in LINEAR
        rows.append(
            [
                stage.rule,
                str(stage.jobs),
                number(stage.wall_s),
                number(stage.cpu_s),
                number(1000 * stage.cpu_s / images) if linear else "",
                number(stage.peak_mb),
                number(stage.bytes_written / 1e9) if stage.bytes_written else "",
                number(stage.cpu_s * share / 3600) if linear else "",
                number(stage.bytes_written * share / 1e9) if stage.bytes_written else "",
            ]
        )
    columns = [
        "rule", "jobs", "wall s, added up", "CPU s", "CPU ms an image", "largest job, MB",
        "disk, GB",
        "140,000 images: core hours", "disk, GB",
    ]  # fmt: skip
    return Table(f"{images:,} images through the workflow", columns, rows)
