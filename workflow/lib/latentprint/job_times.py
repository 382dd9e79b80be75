"""Times and memory of the jobs of a run, from the files that Snakemake's `benchmark:` writes."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from latentprint.errors import UserError

UNKNOWN = ("", "-", "NA")  # what Snakemake writes for a job that ended before it was looked at


class Job(NamedTuple):
    """One job.

    Attributes
    ----------
    rule : str
    name : str
        What tells it from other jobs of its rule: "model-3/train-0"; empty for an only job.
    wall_s, cpu_s : float, seconds
    peak_mb : float, MB
        Largest resident memory, of all its processes.
    """

    rule: str
    name: str
    wall_s: float
    cpu_s: float
    peak_mb: float


class RuleTime(NamedTuple):
    """The jobs of one rule, added up.

    Attributes
    ----------
    rule : str
    jobs : int
    wall_s, cpu_s : float, seconds
        Sums over the jobs.
    longest_s : float, seconds
        Wall time of the longest job.
    longest : str
        Its name.
    peak_mb : float, MB
        Of the job with the largest.
    """

    rule: str
    jobs: int
    wall_s: float
    cpu_s: float
    longest_s: float
    longest: str
    peak_mb: float


def read_times(folder: Path) -> list[RuleTime]:
    """Add up the jobs of each rule.

    Parameters
    ----------
    folder : Path
        `benchmarks/` of a run: a file, or a folder of files, for each rule.

    Returns
    -------
    list of RuleTime
        The rule that took longest first, by name where two are equal.

    Raises
    ------
    UserError
        If there is no job in it.
    """
    jobs = list(read_jobs(folder))
    if not jobs:
        raise UserError(
            f"{folder}: expected times of jobs (<rule>.tsv, <rule>/.../*.tsv), found none. "
            "Make a job of the run again: snakemake --forcerun index_images"
        )
    rules: dict[str, list[Job]] = {}
    for job in jobs:
        rules.setdefault(job.rule, []).append(job)
    found = [_added_up(rule, own) for rule, own in rules.items()]
    return sorted(found, key=lambda time: (-time.wall_s, time.rule))


def read_jobs(folder: Path) -> Iterator[Job]:
    """Read what was measured of every job, in the order of the files' names."""
    for path in sorted(folder.rglob("*.tsv")):
        rule, *rest = path.relative_to(folder).with_suffix("").parts
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                measured = (_number(row[column]) for column in ("s", "cpu_time", "max_rss"))
                yield Job(rule, "/".join(rest), *measured)


def _added_up(rule: str, jobs: list[Job]) -> RuleTime:
    longest = max(jobs, key=lambda job: job.wall_s)
    return RuleTime(
        rule,
        len(jobs),
        sum(job.wall_s for job in jobs),
        sum(job.cpu_s for job in jobs),
        longest.wall_s,
        longest.name,
        max(job.peak_mb for job in jobs),
    )


def _number(text: str) -> float:
    return 0.0 if text in UNKNOWN else float(text)
