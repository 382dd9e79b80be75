"""What an image went through before, read from its pixels: halved chroma planes, an earlier JPEG.

The colour cue sees halved chroma planes whoever halved them. An image whose chroma was halved by
something else than JPEG AI therefore says nothing to it and is marked as confounded.

Three measures, each for a picture on its own grid (row and column 0 are those of the file):

- `centred`: chroma planes that were doubled with samples half a pixel away (JPEG's 4:2:0) change
  more from odd to even columns than from even to odd. Logarithm of the ratio of squared steps.
- `cosited`: planes that were doubled by averages between kept samples (Photo CD) bend less at the
  averages. The same with second differences.
- `jpeg`: coefficients of 8x8 cosine transforms of luma lie at multiples of one step.

Measured on 256x256 pixels, docs/cues.md: `centred` is below 0.2 on photographs without this history
and above 0.25 on 4:2:0 JPEG files; decoders that double planes by networks, JPEG AI's above all,
show it too, so that it alone does not tell JPEG from JPEG AI; `jpeg` does.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width, 3)
Plane = NDArray[np.float64]

CENTRED_FROM = 0.2
COSITED_FROM = 0.25
JPEG_FROM = 0.15
NOISE = 1e-3  # squared grey levels: differences below it are rounding
# BT.601, full range, as JFIF: rows give Y, Cb, Cr.
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
BLOCK = 8
# Orthonormal cosine transform, type II: frequency, place.
COSINES = np.cos(np.pi * np.outer(np.arange(BLOCK), 2 * np.arange(BLOCK) + 1) / (2 * BLOCK))
COSINES *= np.where(np.arange(BLOCK) == 0, np.sqrt(1 / BLOCK), np.sqrt(2 / BLOCK))[:, None]
# The coefficients that stay in most blocks at usual qualities: row and column frequency.
LOW = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1))
STEPS = range(2, 60)
FEWEST = 60  # coefficients that a step is judged by


class Traces(NamedTuple):
    """The three measures of one picture."""

    centred: float
    cosited: float
    jpeg: float


def traces(rgb: Pixels) -> Traces:
    """Measure a picture.

    Parameters
    ----------
    rgb : ndarray, uint8, (height, width, 3)
        At least 16 x 16 pixels, from the file's first row and column or a multiple of 16 after.

    Returns
    -------
    Traces
        Each 0 where there is no sign at all.
    """
    luma, *chroma = np.moveaxis(rgb.astype(float) @ YCBCR.T, 2, 0)
    return Traces(
        float(np.mean([_alternation(np.diff(np.moveaxis(c, a, 0), axis=0))
                       for c in chroma for a in (0, 1)])),
        float(np.mean([_alternation(np.diff(np.moveaxis(c, a, 0), n=2, axis=0))
                       for c in chroma for a in (0, 1)])),
        jpeg_trace(luma),
    )  # fmt: skip


def confounded(found: Traces, *, jpeg_sampling: str = "", declared: bool = False) -> str:
    """Say why the colour cue has nothing to say of a picture; "" where it has.

    Parameters
    ----------
    found : Traces
    jpeg_sampling : str
        Of a JPEG file: "4:2:0", "4:2:2", "4:4:4"; "" for other files.
    declared : bool
        Whether the picture is given as uncompressed: then halved chroma planes alone are enough.

    Returns
    -------
    str
    """
    if jpeg_sampling in ("4:2:0", "4:2:2"):
        return f"stored as JPEG with chroma {jpeg_sampling}"
    if found.cosited >= COSITED_FROM:
        return "its chroma planes were halved before (averages between kept samples)"
    if found.centred >= CENTRED_FROM and found.jpeg >= JPEG_FROM:
        return "was a JPEG with halved chroma planes before"
    if found.centred >= CENTRED_FROM and declared:
        return "its chroma planes were halved before"
    return ""


def _alternation(differences: Plane) -> float:
    energy = np.square(differences)
    even, odd = energy[0::2].mean(), energy[1::2].mean()
    return abs(float(np.log((even + NOISE) / (odd + NOISE))))


def jpeg_trace(luma: Plane) -> float:
    """Give how well cosine coefficients of luma lie at multiples of a step, 0 to 1.

    Parameters
    ----------
    luma : ndarray, float64, (height, width)

    Returns
    -------
    float
        Median over low frequencies of the largest mean of cos(2 pi c / step) over the steps; about
        0.04 without an earlier JPEG. Qualities above 92 or so have steps too small to be seen.
    """
    return max(_at_multiples(luma[row:, column:]) for row, column in {(0, 0), _block_start(luma)})


def _block_start(luma: Plane) -> tuple[int, int]:
    """Find where blocks start: after the row and column of the strongest steps."""
    found = []
    for axis in (0, 1):
        lines = np.moveaxis(luma, axis, 0)
        slope = np.diff(lines, axis=0)
        step = np.abs(slope[1:-1] - (slope[:-2] + slope[2:]) / 2)
        strength = [step[start::BLOCK].mean() for start in range(BLOCK)]
        found.append((int(np.argmax(strength)) + 2) % BLOCK)
    return found[0], found[1]


def _at_multiples(luma: Plane) -> float:
    rows, columns = (side // BLOCK for side in luma.shape)
    blocks = luma[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    coefficients = COSINES @ (blocks.transpose(0, 2, 1, 3) - 128) @ COSINES.T
    return float(np.median([_best_step(coefficients[:, :, u, v].ravel()) for u, v in LOW]))


def _best_step(coefficients: NDArray[np.float64]) -> float:
    best = 0.0
    for step in STEPS:
        large = coefficients[np.abs(coefficients) > step / 2]
        if len(large) < FEWEST:
            break
        best = max(best, float(np.cos(2 * np.pi * large / step).mean()))
    return best
