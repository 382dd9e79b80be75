"""Part B: where the time goes, from file to stores, one picture at a time."""

import hashlib
import logging
import math
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from benchtools.page import Table, number

from encoding_cost.measuring import cost, now
from encoding_cost.meter import ANALYSES, ENTROPY, Meter, distinct_trials, stage_products
from encoding_cost.products import SQUARE, Counter, Product, bound_seconds, gmac
from encoding_cost.setting import LATENTS, MODEL, Setting, has
from latentprint import extraction, store
from latentprint.codec import Coded, JpegAI, matcher
from latentprint.codec.layouts import CHANNELS
from latentprint.image_files import decode

logger = logging.getLogger(__name__)

NAMES = {
    "read": "read, SHA-256, decode the JPEG",
    "colour": "colour conversion",
    **ANALYSES,
    "hyper": "hyper networks, their bits",
    "quantise": "gain, tools, context, bits, y_hat",
    "rest": "rest of the call",
    "write": "digests and HDF5, y and y_hat",
}
Measured = tuple[float, list[Product]]  # seconds, and what was multiplied in them


def tables(setting: Setting) -> list[Table]:
    """Measure every stage, at the operating points whose entropy files are there."""
    torch.set_num_threads(1)
    found = []
    for point in setting.points:
        codec = setting.codec(point)
        if has(codec, "entropy"):
            found.append(_table(setting, codec))
        else:
            logger.info("%s: left out, the entropy files of model %d are missing", point, MODEL)
    return found


def _table(setting: Setting, codec: JpegAI) -> Table:
    seconds, coded = _stage_seconds(setting, codec)
    seconds["write"] = _write_seconds(coded)
    whole = sum(seconds.values())
    products = stage_products(setting, codec.operating_point)
    rows = [
        _row(setting, name, seconds[stage], products.get(stage, ()), seconds[stage] / whole)
        for stage, name in NAMES.items()
    ]
    every = [product for stage in (*ANALYSES, *ENTROPY) for product in products[stage]]
    rows.append(_row(setting, "**file to stores**", whole, every, 1.0))
    if has(codec, "entropy", *matcher.MODELS):
        rows.append(_row(setting, "one rate trial", *_trial(setting, codec, coded[0])))
    if has(codec, "decoder"):
        name = "synthesis (not needed for latents)"
        rows.append(_row(setting, name, *_synthesis(setting, codec, coded[0])))
    unit = "CPU ms" if setting.device == "cpu" else "ms"
    measures = ("share", "GMAC", "bound, ms", "times the bound", "times the square")
    return Table(
        f"{codec.operating_point}, model {MODEL}, tools on, one picture at a time",
        ["", f"{unit} an image", *measures],
        rows,
    )


def _row(
    setting: Setting,
    name: str,
    seconds: float,
    products: Sequence[Product],
    share: float | None = None,
) -> list[str]:
    """Give one row: the bound is the time of the matrix products alone, as in part A."""
    bound = ideal = math.nan
    if products:
        bound = bound_seconds(products, 1, setting.device)
        ideal = bound_seconds([SQUARE], 1, setting.device) * gmac(products) / gmac([SQUARE])
    return [
        name,
        number(1e3 * seconds),
        "" if share is None else f"{100 * share:.1f} %",
        number(gmac(products)) if products else "",
        number(1e3 * bound),
        number(seconds / bound),
        number(seconds / ideal),
    ]


def _stage_seconds(setting: Setting, codec: JpegAI) -> tuple[dict[str, float], list[Coded]]:
    """Encode every picture; medians of the seconds of each stage but writing."""
    samples: Mapping[str, list[float]] = defaultdict(list)
    coded = []
    codec.encode(setting.pictures(1), model=MODEL, latents=LATENTS)  # reads the weights
    for path in setting.files:
        began = time.process_time()
        pixels = _digest_and_decode(path)
        samples["read"].append(time.process_time() - began)
        rgb = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        with Meter(setting.device).watching() as meter:
            began = now(setting.device)
            coded.append(codec.encode(rgb, model=MODEL, latents=LATENTS))
            whole = now(setting.device) - began
        meter.seconds["rest"] = whole - sum(meter.seconds.values())
        for stage, seconds in meter.seconds.items():
            samples[stage].append(seconds)
    return {stage: statistics.median(values) for stage, values in samples.items()}, coded


def _digest_and_decode(path: Path) -> np.ndarray:
    """Read an image as extraction does: the digest of the file, then its pixels."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return decode(path)


def _write_seconds(coded: Sequence[Coded]) -> float:
    """Write y and y_hat of coded pictures to a store, in blocks; CPU seconds an image."""
    latents = {
        f"{part}/{name}": np.concatenate([getattr(getattr(c, part), name).cpu() for c in coded])
        for part in CHANNELS
        for name in LATENTS
    }
    datasets = {name: (values.shape[1:], values.dtype) for name, values in latents.items()}
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        ids = [str(row) for row in range(len(coded))]
        path = Path(folder) / "latents.h5"
        with store.create(path, ids=ids, datasets=datasets, attributes={}) as writer:
            for start in range(0, len(coded), extraction.BLOCK):
                rows = slice(start, start + extraction.BLOCK)
                writer.write(start, {name: values[rows] for name, values in latents.items()})
        return (time.process_time() - began) / len(coded)


def _trial(setting: Setting, codec: JpegAI, coded: Coded) -> Measured:
    """Measure the rate of one displacement, in a search on the y of model 3 for all models."""
    luma, chroma = ({m: getattr(coded, c).y for m in matcher.MODELS} for c in CHANNELS)

    def match(*, count: bool = False) -> tuple[float, list[Product]]:
        with Meter(setting.device, count=count).watching() as meter:
            began = now(setting.device)
            codec.match(luma, chroma, 0.5, size=coded.size)
            spent = now(setting.device) - began - meter.seconds["hyper"]
        trials = distinct_trials(meter.decisions[0])
        products = meter.products["quantise"]
        return spent / trials, products[: len(products) // trials]

    _, products = match(count=True)  # also reads the weights
    return statistics.median(match()[0] for _ in range(3)), products


def _synthesis(setting: Setting, codec: JpegAI, coded: Coded) -> Measured:
    """Measure the way back to a picture."""

    def picture() -> None:
        codec.synthesise(coded.luma.y_hat, coded.chroma.y_hat, size=coded.size, model=MODEL)

    products: list[Product] = []
    with Counter(products):
        picture()  # also reads the weights
    spent = cost(picture, repeats=5, device=setting.device)
    return (spent.cpu_s if setting.device == "cpu" else spent.wall_s), products
