"""The machine, and processes of their own: memory that nothing else has touched."""

import math
import multiprocessing
import os
import platform
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any


def memory_mib() -> tuple[float, float]:
    """Give the resident memory of this process and its peak, MiB; NaN where nobody tells."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:  # not Linux
        return math.nan, math.nan
    found = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", text, re.MULTILINE))
    return int(found["VmRSS"]) / 1024, int(found["VmHWM"]) / 1024


def forget_peak() -> None:
    """Let the peak start from what is in use now, where the system lets us."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def in_child(function: Callable[..., Any], *args: Any, preload: Sequence[str]) -> Any:
    """Run a function in a fresh process; `preload` are modules that its like share."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result()


def machine() -> str:
    """Name the processor and count its cores."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        (name, *_) = re.findall(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    except (OSError, ValueError):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
