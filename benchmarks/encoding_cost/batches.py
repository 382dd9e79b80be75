"""Part C: batches and threads, through the codec and through the analysis networks alone."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from benchtools.page import Table, number
from torch import Tensor

from encoding_cost.measuring import cost, forget_peak, in_child, kernel_seconds, memory_mib
from encoding_cost.meter import Meter
from encoding_cost.setting import LATENTS, MODEL, Setting, has
from latentprint.codec import JpegAI, analysis
from latentprint.progress import Progress

AT_LEAST = 8  # pictures of a batch size, of five runs at most: of the smaller ones the median


class Sweep(NamedTuple):
    """One configuration: `latents` is what is kept, None the analysis alone."""

    point: str
    latents: tuple[str, ...] | None
    threads: int


class Throughput(NamedTuple):
    """What a batch gave: images a second of wall time, CPU seconds an image, memory, GPU share."""

    images_a_second: float
    cpu_s: float
    peak_mib: float
    busy: float


def tables(setting: Setting) -> list[Table]:
    """Measure every configuration in a process of its own."""
    jobs = [
        Sweep(point, latents, count)
        for point in setting.points
        for latents in (("y",), LATENTS, None)
        for count in setting.threads
        if latents != LATENTS or has(setting.codec(point), "entropy")
    ]
    through, alone = [], []
    progress = Progress(len(jobs), "configurations")
    for job in jobs:
        rows = alone if job.latents is None else through
        rows.append(_row(setting, job, in_child(sweep, setting, job)))
        progress.advance(1)
    ends = (setting.batches[0], setting.batches[-1])
    columns = [
        "images a second at batch:",
        "threads",
        *(str(batch) for batch in setting.batches),
        *(f"CPU s an image, {batch}" for batch in ends),
        *(f"peak MiB, {batch}" for batch in ends),
        *([] if setting.device == "cpu" else [f"GPU busy, {ends[1]}"]),
    ]
    note = "" if torch.cuda.is_available() else "No GPU was there: nothing here was run on one."
    return [
        Table("Through the codec, tools on", columns, through),
        Table("The analysis networks alone, one call a batch", columns, alone, note),
    ]


def _row(setting: Setting, job: Sweep, found: list[Throughput]) -> list[str]:
    what = "analysis alone" if job.latents is None else " and ".join(job.latents)
    first, last = found[0], found[-1]
    return [
        f"{job.point}, {what}",
        f"{job.threads}",
        *(number(one.images_a_second) for one in found),
        *(number(one.cpu_s) for one in (first, last)),
        *(number(one.peak_mib) for one in (first, last)),
        *([] if setting.device == "cpu" else [f"{100 * last.busy:.0f} %"]),
    ]


def sweep(setting: Setting, job: Sweep) -> list[Throughput]:
    """Run batches of growing size; memory is counted from the open codec on."""
    torch.set_num_threads(job.threads)
    codec = setting.codec(job.point)
    pictures = setting.pictures(max(setting.batches))
    start, _ = memory_mib(setting.device)
    found = []
    for batch in setting.batches:
        work = work_of(setting, codec, job, pictures[:batch])
        if not found:
            work()  # reads the weights
        forget_peak(setting.device)
        spent = cost(work, repeats=max(1, min(5, AT_LEAST // batch)), device=setting.device)
        busy = math.nan if setting.device == "cpu" else kernel_seconds(work) / spent.wall_s
        peak = memory_mib(setting.device)[1] - start
        found.append(Throughput(batch / spent.wall_s, spent.cpu_s / batch, peak, busy))
    return found


def work_of(setting: Setting, codec: JpegAI, job: Sweep, rgb: Tensor) -> Callable[[], Any]:
    """Give what a sweep repeats: the codec on a batch, or the two analysis networks alone."""
    if job.latents is not None:
        return lambda: codec.encode(rgb, model=MODEL, latents=job.latents)
    with Meter(setting.device).watching() as meter:
        codec.encode(rgb[:1], model=MODEL, latents=("y",))
    calls = [((torch.cat([x] * len(rgb)), *rest), o) for (x, *rest), o in meter.analyses]

    def analyse() -> None:
        with torch.no_grad():
            for args, options in calls:
                analysis.analyse(*args, **options)

    return analyse
