"""Part D: one image at a time, as the thesis encoded."""

import logging
import statistics
import time
from typing import NamedTuple

import torch
from benchtools.page import Table, between, number
from torch import Tensor

from encoding_cost.measuring import now
from encoding_cost.meter import ANALYSES, Meter, distinct_trials
from encoding_cost.setting import LATENTS, MODEL, Setting, has
from latentprint.codec import JpegAI, matcher
from latentprint.codec.gains import BETA_MAX

logger = logging.getLogger(__name__)


class Way(NamedTuple):
    """How an image is encoded: by a search for a rate, or at a fixed operating point."""

    name: str
    target_bpp: float | None = None
    beta: int = 0

    @property
    def models(self) -> tuple[int, ...]:
        """Model ids that it needs."""
        return tuple(matcher.MODELS) if self.target_bpp else (MODEL,)


WAYS = (
    Way("6 bpp", target_bpp=6.0),
    # Where the search at 6 bpp ends for pictures whose rates all stay below: `rate: table`.
    Way(f"point ({MODEL}, {BETA_MAX})", beta=BETA_MAX),
    Way("0.5 bpp", target_bpp=0.5),
    Way(f"model {MODEL}"),
)
# The reference software's CPU seconds for an image, least and most: one thread, one image at a
# time, on a machine of this kind; measured outside this repository. A table's point is held against
# the search that it replaces.
REFERENCE_S = {
    ("HOP", WAYS[0]): (14.5, 14.5),
    ("HOP", WAYS[1]): (14.5, 14.5),
    ("HOP", WAYS[3]): (2.4, 2.8),
    ("BOP", WAYS[0]): (4.6, 4.6),
    ("BOP", WAYS[1]): (4.6, 4.6),
    ("BOP", WAYS[3]): (1.0, 1.4),
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
    """Encode a quarter of the pictures in every way."""
    torch.set_num_threads(1)
    count = max(1, len(setting.files) // 4)
    pictures = setting.pictures(count)
    rows = []
    for point in sorted(setting.points, reverse=True):
        codec = setting.codec(point)
        for way in WAYS:
            name = f"{point}, {way.name}"
            if not (has(codec, "encoder", *way.models) and has(codec, "entropy", *way.models)):
                logger.info("%s: left out, files of model ids are missing", name)
                continue
            encode(codec, pictures[:1], way)  # reads the weights and does not count
            images = [encode(codec, pictures[row : row + 1], way) for row in range(count)]
            rows.append(_row(name, images, REFERENCE_S.get((point, way), ())))
    return [Table(f"One image at a time, tools on, y and y_hat, {count} images", COLUMNS, rows)]


def encode(codec: JpegAI, rgb: Tensor, way: Way) -> Encoded:
    """Encode one image, uint8, (1, 3, height, width)."""
    device = codec.device.type
    with Meter(device).watching() as meter:
        wall, began = time.perf_counter(), now(device)
        codec.encode(
            rgb,
            model=MODEL,
            beta=(way.beta, way.beta),
            latents=LATENTS,
            target_bpp=way.target_bpp,
        )
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
