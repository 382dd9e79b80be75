"""Features files: what making all of them costs beside reading the stores once."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchtools.page import Table, number

from latentprint import store
from latentprint.feature_files import build_features
from latentprint.feature_kinds import COMPONENTS, SPLITS
from store_cost.measuring import Cost, cold_and_warm, in_child
from store_cost.setting import Setting, Y

N_PATCHES = 15
DEMO = (180, 200)  # images of the two splits of `make demo`
STEPS = tuple(itertools.product(COMPONENTS, ("flatten", "single", "multiple")))


class Found(NamedTuple):
    """Costs of some images: one pass over the stores, all features, each of them, a job."""

    counts: tuple[int, int]
    reading: tuple[Cost, Cost]
    building: tuple[Cost, Cost]
    each: dict[tuple[str, str], tuple[Cost, int]]
    store_bytes: int
    job_cpu_s: float


def described(setting: Setting) -> str:
    """Say on what it is measured."""
    return setting.described()


def tables(setting: Setting) -> list[Table]:
    """Measure at the size of the demo, and with all images."""
    half = setting.n // 2
    sizes = {tuple(min(one, half) for one in DEMO): None, (half, setting.n - half): None}
    found = [in_child(measure, setting, counts) for counts in sizes]
    totals = []
    for one in found:
        written = sum(size for _, size in one.each.values())
        totals.append(
            [
                " + ".join(f"{count:,}" for count in one.counts),
                _costs(one.reading),
                _costs(one.building),
                f"{100 * one.building[1].cpu_s / one.reading[1].cpu_s:.0f} %",
                number(one.store_bytes / 2**20),
                number(written / 2**20),
                f"{100 * written / one.store_bytes:.1f} %",
                number(one.job_cpu_s),
            ]
        )
    largest = found[-1]
    rows = [
        [
            f"{component}, {feature}",
            number(1000 * spent.cpu_s),
            number(size / 2**20),
        ]
        for (component, feature), (spent, size) in largest.each.items()
    ]
    return [
        Table(
            "All six features of one point beside one pass over its stores",
            (
                "images, training + test",
                "one pass, s",
                "six features, s",
                "CPU of one pass",
                "stores, MiB",
                "features, MiB",
                "of the stores",
                "a job alone, CPU s",
            ),
            totals,
            "CPU s from memory / wall s from memory / wall s after the stores were forgotten. "
            "The 24 features of the demo are 18 files, of three points (y, y_hat at two rates): "
            "the share is the same. A job is one process from its start to its end.",
        ),
        Table(
            f"Each of them, {' + '.join(f'{count:,}' for count in largest.counts)} images",
            ("component, feature", "CPU ms", "MiB"),
            rows,
        ),
    ]


def _costs(costs: tuple[Cost, Cost]) -> str:
    cold, warm = costs
    return f"{number(warm.cpu_s)} / {number(warm.wall_s)} / {number(cold.wall_s)}"


def measure(setting: Setting, counts: tuple[int, int]) -> Found:
    """Make stores of both splits, read them once, and make all features of them."""
    paths, selection = divided(setting, counts)
    files = list(paths.values())

    def read() -> None:
        for path in files:
            with store.open_store(path) as opened:
                for _ in opened.blocks(Y):
                    pass

    def build(component: str, feature: str) -> Path:
        output = setting.work / f"features-{component}-{feature}.h5"
        build_features(
            output,
            stores=paths,
            selection=selection,
            feature=feature,
            component=component,
            latent="y",
            n_patches=N_PATCHES,
            seed=1,
        )
        return output

    def build_all() -> None:
        for step in STEPS:
            build(*step)

    reading, building = cold_and_warm(read, files), cold_and_warm(build_all, files)
    each = {}
    for step in STEPS:
        spent = cold_and_warm(lambda: build(*step), [])[1]  # noqa: B023
        each[step] = spent, build(*step).stat().st_size
    size = sum(path.stat().st_size for path in files)
    return Found(counts, reading, building, each, size, job_seconds(setting, paths, selection))


def divided(setting: Setting, counts: tuple[int, int]) -> tuple[dict[str, Path], Path]:
    """Write the first latents as stores of two splits, and the selection."""
    lines = ["id\tlabel\tsplit"]
    paths = {}
    with store.open_store(setting.latents()) as latents:
        kinds = {name: (latents.shape(name)[1:], np.float32) for name in Y}
        first = 0
        for split, count in zip(SPLITS, counts, strict=True):
            ids = latents.ids[first : first + count]
            paths[split] = setting.work / f"{split}-{count}.h5"
            with store.create(paths[split], ids=ids, datasets=kinds, attributes={}) as writer:
                for row in range(count):
                    here = first + row
                    arrays = {name: latents.read(name, here, here + 1) for name in Y}
                    writer.write(row, arrays)
            lines += [f"{image}\t{('real', 'fake')[int(image) % 2]}\t{split}" for image in ids]
            first += count
    selection = setting.work / "selection.tsv"
    selection.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths, selection


def job_seconds(setting: Setting, paths: dict[str, Path], selection: Path) -> float:
    """Give the CPU seconds of one job that selects single patches, its start included."""
    options = {
        "train-store": paths["train"],
        "test-store": paths["test"],
        "selection": selection,
        "latent": "y",
        "component": "YUV",
        "feature": "single",
        "n-patches": N_PATCHES,
        "seed": 1,
        "protocol": "corrected",
        "output": setting.work / "job.h5",
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "latentprint.steps.build_features", *given]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    spent = []
    for _ in range(3):
        before = os.times()
        subprocess.run(command, check=True, env=environment, capture_output=True)
        after = os.times()
        spent.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
    return min(spent)
