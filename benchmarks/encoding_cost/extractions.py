"""Part E: extraction from files to stores, as the workflow's jobs call it."""

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchtools.page import Table, number

from encoding_cost.measuring import cost, forget_peak, in_child, kernel_seconds, memory_mib
from encoding_cost.setting import MODEL, Setting, has
from latentprint import extraction
from latentprint.codec import JpegAI
from latentprint.image_files import decode
from latentprint.image_tables import Chosen

THESIS_IMAGES = 140_000


class Extracted(NamedTuple):
    """What one step of extraction cost."""

    wall_s: float
    cpu_s: float
    in_codec_s: float
    peak_mib: float


def tables(setting: Setting) -> list[Table]:
    """Measure extraction of n images; at the first operating point also of four times as many."""
    n = len(setting.files)
    rows = []
    for point in setting.points:
        for count in (n, 4 * n) if point == setting.points[0] else (n,):
            for step, found in in_child(extract, setting, point, count).items():
                rows.append(_row(f"{point}, {step}", found, count))
    within = "wall time within the codec" if setting.device == "cpu" else "GPU busy"
    columns = (
        "",
        "images",
        "images a second",
        "CPU s an image",
        within,
        "peak MiB",
        f"{THESIS_IMAGES:,} images, hours",
    )
    return [Table("Extraction, one process of one thread, from files to stores", columns, rows)]


def _row(name: str, found: Extracted, count: int) -> list[str]:
    rate = count / found.wall_s
    return [
        name,
        f"{count:,}",
        number(rate),
        number(found.cpu_s / count),
        f"{100 * found.in_codec_s / found.wall_s:.0f} %",
        number(found.peak_mib),
        number(THESIS_IMAGES / rate / 3600),
    ]


def extract(setting: Setting, point: str, count: int) -> dict[str, Extracted]:
    """Run both steps of extraction; memory is counted from the open codec on."""
    codec = extraction.open_codec(setting.weights, operating_point=point, device=setting.device)
    files = [setting.files[row % len(setting.files)] for row in range(count)]
    size = decode(files[0]).shape[0]
    with tempfile.TemporaryDirectory() as folder:
        stores = Path(folder)
        root = stores / "images"
        root.mkdir()
        chosen = [_linked(root, row, file) for row, file in enumerate(files)]

        def analyse() -> None:
            y = stores / "y.h5"
            extraction.analyse(codec, chosen, root=root, size=size, model=MODEL, output=y)

        def quantise() -> None:
            extraction.quantise(
                codec,
                [stores / "y.h5"],
                models=np.full(count, MODEL),
                betas=np.zeros((count, 2), dtype=np.int64),
                output=stores / "y_hat.h5",
            )

        start, _ = memory_mib(setting.device)
        found = {"analyse: y": _measured(setting, codec, "encode", analyse, start)}
        if has(codec, "entropy"):
            step = "quantise: y_hat"
            found[step] = _measured(setting, codec, "quantise", quantise, start)
    return found


def _linked(root: Path, row: int, file: Path) -> Chosen:
    """Put an image into the folder of a run, under a name of its own."""
    path = f"{row:06d}{file.suffix}"
    (root / path).symlink_to(file.resolve())
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Chosen(id=f"{row:06d}", label="real", split="train", path=path, sha256=sha256)


def _measured(
    setting: Setting, codec: JpegAI, method: str, work: Callable[[], None], start_mib: float
) -> Extracted:
    """Run one step, which spends its time in one method of the codec."""
    within = _timed(codec, method)
    forget_peak(setting.device)
    spent = cost(work, repeats=1, device=setting.device)
    in_codec = within() if setting.device == "cpu" else kernel_seconds(work)
    return Extracted(*spent, in_codec, memory_mib(setting.device)[1] - start_mib)


def _timed(codec: JpegAI, method: str) -> Callable[[], float]:
    """Measure the wall seconds within a method of this codec; the function given says how many."""
    function = getattr(codec, method)
    spent = [0.0]

    def measured(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            spent[0] += time.perf_counter() - began

    setattr(codec, method, measured)
    return lambda: spent[0]
