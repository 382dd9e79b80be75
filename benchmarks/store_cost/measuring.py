"""Clocks, and files that the system forgets."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchtools import processes


class Cost(NamedTuple):
    """Seconds of one run."""

    wall_s: float
    cpu_s: float


def cost(work: Callable[[], Any], *, repeats: int = 1) -> Cost:
    """Run something some times; the least of each clock."""
    walls, cpus = [], []
    for _ in range(repeats):
        clocks = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - clocks[0])
        cpus.append(time.process_time() - clocks[1])
    return Cost(min(walls), min(cpus))


def forget(paths: Sequence[Path]) -> None:
    """Ask the system to drop what it keeps of files in memory."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def cold_and_warm(work: Callable[[], Any], paths: Sequence[Path]) -> tuple[Cost, Cost]:
    """Run something after its files were forgotten, and then from memory."""
    forget(paths)
    cold = cost(work)
    return cold, cost(work, repeats=3)


def in_child(function: Callable[..., Any], *args: Any) -> Any:
    """Run a function in a fresh process."""
    return processes.in_child(function, *args, preload=("h5py", "latentprint.feature_files"))
