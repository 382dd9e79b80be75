"""Part D: one image at a time, as the thesis encoded."""

import logging
import statistics
import time
from typing import NamedTuple

import torch
from torch import Tensor

from encoding_cost.measuring import now
from encoding_cost.meter import ANALYSES, Meter, distinct_trials
from encoding_cost.page import Table, between, number
from encoding_cost.setting import LATENTS, MODEL, Setting, has
from latentprint.codec import JpegAI, matcher
from latentprint.codec.gains import BETA_MAX

logger = logging.getLogger(__name__)

TARGETS_BPP = (6.0, 0.5, None)  # None: model 3 at displacement 0
# The reference software's CPU seconds for an image, least and most: one thread, one image at a
# time, on a machine of this kind; measured outside this repository.
REFERENCE_S: dict[tuple[str, float | None], tuple[float, float]] = {
    ("HOP", 6.0): (14.5, 14.5),
    ("HOP", None): (2.4, 2.8),
    ("BOP", 6.0): (4.6, 4.6),
    ("BOP", None): (1.0, 1.4),
}
COLUMNS = (
    "",
    "CPU s an image",
    "least to most",
    "wall s",
    "analyses, s",
    "hyper, s",
    "rates and y_hat, s",
    "rates tried",
    "saturated",
    "reference, CPU s (elsewhere)",
    "quotient (not from one run)",
)


class Encoded(NamedTuple):
    """Seconds of one image and its stages, and its search where there was one."""

    spent_s: float
    wall_s: float
    analyses_s: float
    hyper_s: float
    decision: matcher.Decision | None

    @property
    def rest_s(self) -> float:
        """Seconds of all that is neither analysis nor hyper networks."""
        return self.spent_s - self.analyses_s - self.hyper_s


def tables(setting: Setting) -> list[Table]:
    """Encode a quarter of the pictures at each target rate, and with a fixed model."""
    torch.set_num_threads(1)
    count = max(1, len(setting.files) // 4)
    pictures = setting.pictures(count)
    rows = []
    for point in sorted(setting.points, reverse=True):
        codec = setting.codec(point)
        for target in TARGETS_BPP:
            models = (MODEL,) if target is None else tuple(matcher.MODELS)
            name = f"{point}, " + (f"model {MODEL}" if target is None else f"{target:g} bpp")
            if not (has(codec, "encoder", *models) and has(codec, "entropy", *models)):
                logger.info("%s: left out, files of model ids are missing", name)
                continue
            encode(codec, pictures[:1], target)  # reads the weights and does not count
            images = [encode(codec, pictures[row : row + 1], target) for row in range(count)]
            rows.append(_row(name, images, REFERENCE_S.get((point, target), ())))
    return [Table(f"One image at a time, tools on, y and y_hat, {count} images", COLUMNS, rows)]


def encode(codec: JpegAI, rgb: Tensor, target: float | None) -> Encoded:
    """Encode one image, uint8, (1, 3, height, width)."""
    device = codec.device.type
    with Meter(device).watching() as meter:
        wall, began = time.perf_counter(), now(device)
        codec.encode(rgb, model=MODEL, latents=LATENTS, target_bpp=target)
        spent = now(device) - began
        wall = time.perf_counter() - wall
    analyses = sum(meter.seconds[stage] for stage in ANALYSES)
    decision = meter.decisions[0] if meter.decisions else None
    return Encoded(spent, wall, analyses, meter.seconds["hyper"], decision)


def _row(name: str, images: list[Encoded], reference: tuple[float, ...]) -> list[str]:
    """Give one row: medians; the parts' need not add up."""
    spent = [image.spent_s for image in images]
    median = statistics.median(spent)
    decisions = [image.decision for image in images if image.decision]
    tried = statistics.median([distinct_trials(d) for d in decisions]) if decisions else None
    saturated = sum(not d.found and d.beta == BETA_MAX for d in decisions)
    return [
        name,
        number(median),
        f"{number(min(spent))} to {number(max(spent))}",
        number(statistics.median(image.wall_s for image in images)),
        number(statistics.median(image.analyses_s for image in images)),
        number(statistics.median(image.hyper_s for image in images)),
        number(statistics.median(image.rest_s for image in images)),
        number(tried),
        f"{saturated} of {len(images)}" if decisions else "",
        between(reference),
        between([second / median for second in reference]),
    ]
