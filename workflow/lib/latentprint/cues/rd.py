"""Rate and distortion over three more compressions: each one loses less than the one before.

An image that went through the codec before loses less in the first of them. The 17 values are ours,
after the description by Bergmann, Brand and Riess (2025), who do not list theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.cues.trials import ALL, DETECTOR, Asked, Material, Pick, Trial
from latentprint.cues.versions import ai, levels
from latentprint.errors import UserError

Pixels = NDArray[np.uint8]  # (height, width, 3)

QUESTION = "If compressed with JPEG AI: twice?"
CAUTION = "holds only if the picture went through JPEG AI"
SHOWN = ("bpp_1", "psnr_1", "psnr_2", "psnr_3")
PASSES = 3
PEAK = 255.0
LEAST_ERROR = 1e-6  # mean squared error; identical images have 108.13 dB, not infinity
NAMES = (
    *(f"bpp_{k}" for k in (1, 2, 3)),
    *(f"bpp_y_{k}" for k in (1, 2, 3)),
    *(f"bpp_z_{k}" for k in (1, 2, 3)),
    *(f"psnr_{k}" for k in (1, 2, 3)),
    "psnr_total",
    "dpsnr_12",
    "dpsnr_23",
    "dbpp_12",
    "dbpp_23",
)
RATES = tuple(name for name in NAMES if "bpp" in name)
FEATURE_SETS = {
    "all17": NAMES,
    "quality": tuple(name for name in NAMES if name not in RATES),
    "rates": RATES,
}


def psnr(first: Pixels, second: Pixels) -> float:
    """Give the peak signal-to-noise ratio over all samples of all channels, decibels.

    Parameters
    ----------
    first, second : ndarray, uint8, (height, width, 3)

    Returns
    -------
    float
        At most 108.13, of identical images.
    """
    error = float(np.square(first.astype(float) - second.astype(float)).mean())
    return float(10 * np.log10(PEAK**2 / max(error, LEAST_ERROR)))


def features(
    pictures: Sequence[Pixels],
    bits: NDArray[np.float64],
    *,
    header_bits: Sequence[float] = (0,) * 3,
) -> NDArray[np.float64]:
    """Give the 17 values of an image and its three compressions.

    Parameters
    ----------
    pictures : sequence of 4 ndarray, uint8, (height, width, 3)
        The image, and what each compression of the one before decodes to.
    bits : ndarray, float64, (3, 4)
        Of each compression the bits of luma z, luma y, chroma z, chroma y, as `Coded.bits`.
    header_bits : sequence of 3 float, default 0
        What else each file holds; 0 where bits are estimated and no file is written.

    Returns
    -------
    ndarray, float64, (17,)
        In the order of `NAMES`: bits per pixel in all, of the latents, of the hyper latents;
        decibels of each step and of all; differences between neighbouring steps.

    Raises
    ------
    UserError
        If there are not four pictures of one size, or bits are missing.
    """
    bits = np.asarray(bits, dtype=float)
    if len(pictures) != PASSES + 1 or len({picture.shape for picture in pictures}) != 1:
        raise UserError(
            f"rate-distortion values of {len(pictures)} pictures: expected the image and its "
            f"{PASSES} compressions, all of one size"
        )
    if bits.shape != (PASSES, 4) or not np.isfinite(bits).all():
        raise UserError(
            f"rate-distortion values: bits are {bits.shape} with {int(np.isnan(bits).sum())} "
            f"missing, expected ({PASSES}, 4). They need the entropy files of the codec"
        )
    pixels = pictures[0].shape[0] * pictures[0].shape[1]
    latent = bits[:, [1, 3]].sum(axis=1) / pixels
    hyper = bits[:, [0, 2]].sum(axis=1) / pixels
    total = latent + hyper + np.asarray(header_bits, dtype=float) / pixels
    steps = [psnr(pictures[k], pictures[k + 1]) for k in range(PASSES)]
    return np.array(
        [
            *total,
            *latent,
            *hyper,
            *steps,
            psnr(pictures[0], pictures[-1]),
            steps[1] - steps[0],
            steps[2] - steps[1],
            total[1] - total[0],
            total[2] - total[1],
        ]
    )


def names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of the values, whatever the settings."""
    return NAMES


def columns(found: Sequence[str], feature_set: str) -> NDArray[np.bool_]:
    """Tell which values belong to a feature set."""
    return np.isin(found, FEATURE_SETS[feature_set])


def measure(pictures: NDArray[np.uint8], asked: Asked) -> NDArray[np.float64]:
    """Compress pictures three times at the level that they went through last; (batch, 17).

    Pictures of a version without JPEG AI are compressed at `cues.rd.analysis_bpp`.
    """
    level = (levels(asked.version) or [asked.settings["rd"]["analysis_bpp"]])[-1]
    passes, bits, found = [pictures], [], None
    for _ in range(PASSES):
        compressed = asked.compressor.compress(passes[-1], level, found)
        # A search for the rate in every pass would hide the effect.
        found = compressed.settings
        passes.append(compressed.pictures)
        bits.append(compressed.bits)
    rows = zip(*passes, strict=True)
    return np.stack(
        [features(four, np.stack([bit[k] for bit in bits])) for k, four in enumerate(rows)]
    )


def silence(picture: Pixels, jpeg_sampling: str) -> str:
    """Say why the cue does not speak of a picture: it always does."""
    return ""


def trials(settings: Mapping[str, Any], material: Material) -> Iterator[Trial]:
    """Make up the trials: first x second level, by forests for one second level and for all."""
    rates, chosen = settings["rd"]["rates"], settings["rd"]["features"]
    once = {b: Pick(ai(b), "uncompressed", False) for b in rates}
    twice = {(a, b): Pick(ai(a, b), "uncompressed", True) for a in rates for b in rates}

    def tests(pairs: Sequence[tuple[str, str]]) -> dict[str, tuple[Pick, ...]]:
        return {f"{a} then {b}": (once[b], twice[a, b]) for a, b in pairs}

    def train(pairs: Sequence[tuple[str, str]]) -> tuple[Pick, ...]:
        seconds = dict.fromkeys(b for _, b in pairs)
        return (*(once[b] for b in seconds), *(twice[pair] for pair in pairs))

    every = list(twice)
    for feature_set in FEATURE_SETS:
        for b in rates:
            pairs = [(a, b) for a in rates]
            yield Trial("one second level", b, train(pairs), tests(pairs), feature_set)
    yield Trial("all pairs", ALL, train(every), tests(every), chosen)
    if len(rates) > 1:
        for left_out in rates:
            pairs = [pair for pair in every if pair[0] != left_out]
            asked = [pair for pair in every if pair[0] == left_out]
            yield Trial(
                "first level left out", f"without {left_out}", train(pairs), tests(asked), chosen
            )
    # What another decoder gave was coded once before; coded by this codec, it went through twice.
    elsewhere = {
        f"decoded: {name}, then {b}": (Pick(ai(b), "decoded", True, name),)
        for name in material.decoded
        for b in rates
    }
    if elsewhere:
        yield Trial("elsewhere", ALL, train(every), elsewhere, chosen)
    # A user's picture is analysed at one level: the forest learns from pairs that end there.
    b = settings["rd"]["analysis_bpp"]
    pairs = [(a, b) for a in rates]
    yield Trial(DETECTOR, b, train(pairs), {ALL: train(pairs)}, chosen)
