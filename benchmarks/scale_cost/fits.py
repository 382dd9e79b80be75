"""Fits on flatten for more and more images: seconds and memory, and where they lead."""

import csv
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchtools import processes
from benchtools.page import Table, number

from latentprint import store
from latentprint.classifiers import CLASSIFIERS, effective_parameters, fit_bytes
from latentprint.feature_files import build_features
from latentprint.learn import fit_model, iterations, load_engine, load_training

logger = logging.getLogger(__name__)

FURTHER = (30_000, 100_000)
PRELOAD = ("scale_cost.fits",)
LARGER = 1.25  # a need that is this much above what was taken is still a good statement


class Case(NamedTuple):
    """A classifier, its engine, and what of its hyperparameters is not the thesis'."""

    classifier: str
    engine: Mapping[str, Any]
    changed: Mapping[str, Any] = {}

    @property
    def parameters(self) -> dict[str, Any]:
        """What is fitted with."""
        published = CLASSIFIERS[self.classifier].published | dict(self.changed)
        return effective_parameters(self.classifier, published, self.engine)


class Fitted(NamedTuple):
    """One fit in a process of its own."""

    images: int
    values: int
    load_cpu_s: float
    fit_cpu_s: float
    wall_s: float
    grown: int | None
    peak_mb: float
    stated_mb: float


def subset(run: Path, point: str, latent: str, images: int, folder: Path) -> Path:
    """Make a features file of the first shards of a run, which hold so many images."""
    folder.mkdir(parents=True, exist_ok=True)
    shards, count = [], 0
    while count < images:
        shards.append(run / f"latents/{point}/shards/train-{len(shards)}.h5")
        count += store.read_sidecar(store.sidecar_path(shards[-1]))["n_images"]
    store.join(folder / "train.h5", shards, attributes={})
    with (run / "selection.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    split = rows[0].index("split")
    train = [row for row in rows[1:] if row[split] == "train"][:count]
    kept = [rows[0], *train, *(row for row in rows[1:] if row[split] == "test")]
    selection = folder / "selection.tsv"
    selection.write_text("".join("\t".join(row) + "\n" for row in kept))
    output = folder / "flatten.h5"
    build_features(
        output,
        stores={"train": folder / "train.h5", "test": run / f"latents/{point}/test.h5"},
        selection=selection,
        feature="flatten",
        component="YUV",
        latent=latent,
        n_patches=1,
        seed=1,
    )
    return output


def fit(features: Path, case: Case, threads: int) -> Fitted:
    """Load the rows and fit, as the step does; called in a process of its own."""
    load_engine(case.classifier, case.engine)
    before, _ = processes.memory_mib()
    processes.forget_peak()
    began, wall = time.process_time(), time.perf_counter()
    matrix = load_training(features, engine=case.engine, seed=1)
    loaded = time.process_time()
    model = fit_model(
        case.classifier,
        case.parameters,
        values=matrix.values,
        groups=matrix.groups,
        fake=matrix.fake,
        random_state=1,
        threads=threads,
        engine=case.engine["name"],
    )
    ended = time.process_time()
    _, peak = processes.memory_mib()
    rows, values = matrix.values.shape
    stated = fit_bytes(case.classifier, case.engine, rows, values, case.parameters)
    return Fitted(
        rows,
        values,
        loaded - began,
        ended - loaded,
        time.perf_counter() - wall,
        iterations(model),
        (peak - before) * 2**20 / 1e6,
        stated / 1e6,
    )


def further(found: Sequence[Fitted], case: Case, images: int) -> tuple[float, float, float]:
    """Say what so many images will need: CPU s to load, to fit the same number of trees, MB.

    Loading grows with the images; a fit with a power of them, that of the measured ones. The memory
    is the formula's, raised by what the measured fits took beyond it, if they did.
    """
    sizes = np.log([one.images for one in found])
    slope, start = np.polyfit(sizes, np.log([one.fit_cpu_s / (one.grown or 1) for one in found]), 1)
    trees = found[-1].grown or 1
    load = found[-1].load_cpu_s * images / found[-1].images
    stated = (
        fit_bytes(case.classifier, case.engine, images, found[-1].values, case.parameters) / 1e6
    )
    beyond = max(1.0, *(one.peak_mb / one.stated_mb for one in found))
    return load, trees * float(np.exp(start + slope * np.log(images))), stated * beyond


def table(title: str, found: Sequence[Fitted], case: Case) -> Table:
    """Show what was measured and where it leads."""
    rows = [
        [
            f"{one.images:,}",
            "measured",
            number(one.load_cpu_s),
            number(one.fit_cpu_s),
            str(one.grown or ""),
            number(one.wall_s),
            number(one.peak_mb / 1000),
            number(one.stated_mb / 1000),
        ]
        for one in found
    ]
    for images in FURTHER:
        load, seconds, peak = further(found, case, images)
        stated = fit_bytes(case.classifier, case.engine, images, found[-1].values, case.parameters)
        rows.append(
            [
                f"{images:,}", "extrapolated", number(load), number(seconds),
                str(found[-1].grown or ""), "", number(peak / 1000), number(stated / 1e9),
            ]
        )  # fmt: skip
    columns = [
        "images", "", "loading, CPU s", "fit, CPU s", "trees or rounds", "wall s", "memory, GB",
        "stated before, GB",
    ]  # fmt: skip
    return Table(title, columns, rows)
