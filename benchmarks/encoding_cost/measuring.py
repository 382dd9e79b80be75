"""Clocks and memory, of a CPU or of a GPU."""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from benchtools import processes


class Cost(NamedTuple):
    """Seconds of one run, medians."""

    wall_s: float
    cpu_s: float


def now(device: str) -> float:
    """Give CPU seconds of all threads of this process; on a GPU wall seconds, when it has ended."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def cost(work: Callable[[], Any], *, repeats: int, device: str = "cpu") -> Cost:
    """Run something several times; on a GPU until it has ended."""

    def clocks() -> tuple[float, float]:
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = clocks()
        work()
        wall_end, cpu_end = clocks()
        walls.append(wall_end - wall)
        cpus.append(cpu_end - cpu)
    return Cost(statistics.median(walls), statistics.median(cpus))


def kernel_seconds(work: Callable[[], Any]) -> float:
    """Give the seconds that a GPU's kernels and copies took in one run of something."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        work()
        torch.cuda.synchronize()
    events = [e for e in profiled.key_averages() if "CUDA" in str(e.device_type)]
    return sum(event.self_device_time_total for event in events) / 1e6


def memory_mib(device: str) -> tuple[float, float]:
    """Give memory in use and its peak, MiB: of the process, or of the tensors on a GPU."""
    if device == "cpu":
        return processes.memory_mib()
    used = torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
    return used[0] / 2**20, used[1] / 2**20


def forget_peak(device: str) -> None:
    """Let the peak start from what is in use now, where the system lets us."""
    if device == "cpu":
        processes.forget_peak()
    else:
        torch.cuda.reset_peak_memory_stats()


def in_child(function: Callable[..., Any], *args: Any) -> Any:
    """Run a function in a fresh process, whose memory nothing else has touched."""
    return processes.in_child(function, *args, preload=("torch", "latentprint.extraction"))
