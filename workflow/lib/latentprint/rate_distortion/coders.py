"""Photographs through codecs: bits per pixel and quality at a row of settings."""

import io
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, features

from latentprint.codec import JpegAI
from latentprint.codec.gains import LOG_K
from latentprint.rate_distortion.curve import JPEG, OWN, TRANSFORMS, WEBP, Point

Pixels = NDArray[np.uint8]
Counts = tuple[NDArray[np.int32], NDArray[np.int64]]  # symbols, how often

DISPLACEMENTS = (-1069, -950, -800, -650, -500, -350, -200, -50, 100, 250, 400, 550, 702)
JPEG_QUALITIES = (5, 8, 12, 17, 25, 35, 45, 55, 65, 75, 82, 88, 92, 95)
WEBP_QUALITIES = (0, 5, 12, 25, 40, 55, 70, 80, 88, 93, 97)
TRANSFORM_LEVELS = (-10, -8, -6, -4, -2, 0, 2, 4)  # gains of transforms alone, sigma levels


def quality(decoded: Pixels, original: Pixels) -> float:
    """Give the peak signal-to-noise ratio over all samples, decibels; infinite for equal ones."""
    error = np.square(decoded.astype(float) - original.astype(float)).mean()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def file_codec(codec: str, pixels: Pixels, name: str) -> Iterator[Point]:
    """Code one photograph as JPEG (4:2:0, optimised tables) or lossy WebP (slowest method).

    Parameters
    ----------
    codec : {"jpeg", "webp"}
    pixels : ndarray, uint8, (height, width, 3)
    name : str
        Of the photograph.

    Yields
    ------
    Point
        Bits are those of the whole file, headers included.
    """
    options: dict[str, object] = {"subsampling": "4:2:0", "optimize": True}
    kind, qualities = "JPEG", JPEG_QUALITIES
    if codec == WEBP:
        options, kind, qualities = {"method": 6}, "WEBP", WEBP_QUALITIES
    image = Image.fromarray(pixels)
    for level in qualities:
        file = io.BytesIO()
        image.save(file, kind, quality=level, **options)
        with Image.open(file) as decoded:
            psnr = quality(np.asarray(decoded.convert("RGB")), pixels)
        yield Point(codec, f"q{level}", name, 8 * file.tell() / pixels[..., 0].size, psnr)


def library_versions() -> dict[str, str | None]:
    """Give the versions of the libraries behind JPEG and WebP."""
    turbo = features.version("libjpeg_turbo")
    return {
        "pillow": features.version("pil"),
        JPEG: f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}",
        WEBP: f"libwebp {features.version('webp')}",
    }


def jpeg_ai(codec: JpegAI, model: int, pixels: Pixels, name: str) -> Iterator[Point]:
    """Code one photograph with the whole codec, tools on, at a row of displacements.

    Parameters
    ----------
    codec : JpegAI
        With encoder, entropy and decoder files of the model id.
    model : int
    pixels : ndarray, uint8, (height, width, 3)
    name : str

    Yields
    ------
    Point
        Bits are estimated from the likelihoods, as the standard's rate matcher counts them.
    """
    rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    # z of pictures above a megapixel do not follow from y, so every displacement starts at pixels.
    whole = pixels[..., 0].size > 2**20
    y = None if whole else codec.encode(rgb, model, latents=("y",))
    for beta in DISPLACEMENTS:
        if y is None:
            coded = codec.encode(rgb, model, (beta, beta), latents=("y_hat",))
        else:
            coded = codec.quantise(y.luma.y, y.chroma.y, model, (beta, beta), size=y.size)
        decoded = codec.decode(coded)[0].permute(1, 2, 0).cpu().numpy()
        bpp = float(coded.bits.sum()) / pixels[..., 0].size
        yield Point(OWN, f"model {model}, {beta}", name, bpp, quality(decoded, pixels))


class TransformCoder:
    """Transforms without entropy networks: latents rounded, rate by their own statistics.

    The official entropy files are not always at hand. The rate is then the entropy of the symbols
    of every channel over all photographs, without context and without the cost of the tables: what
    a static arithmetic coder would need. The codec with its own entropy networks needs less.

    Parameters
    ----------
    codec : JpegAI
        With encoder and decoder files.
    model : int
        Model id.
    """

    def __init__(self, codec: JpegAI, model: int) -> None:
        self._codec, self._model = codec, model
        # Of each photograph and setting: name, samples, quality, counted symbols of every channel.
        self._seen: dict[str, list[tuple[str, int, float, list[Counts]]]] = {}

    def add(self, pixels: Pixels, name: str) -> None:
        """Code one photograph at all settings."""
        rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        y = self._codec.encode(rgb, self._model, latents=("y",))
        for level in TRANSFORM_LEVELS:
            gain = math.exp(level * LOG_K)
            symbols = [(values * gain).round() for values in (y.luma.y, y.chroma.y)]
            decoded = self._codec.synthesise(
                *(values / gain for values in symbols), size=y.size, model=self._model
            )
            psnr = quality(decoded[0].permute(1, 2, 0).cpu().numpy(), pixels)
            counts = [
                np.unique(channel, return_counts=True)
                for values in symbols
                for channel in values[0].flatten(1).int().cpu().numpy()
            ]
            entry = (name, pixels[..., 0].size, psnr, counts)
            self._seen.setdefault(f"model {self._model}, gain {gain:.3f}", []).append(entry)

    def points(self) -> Iterator[Point]:
        """Give the points of all photographs added, once their statistics are known."""
        for setting, entries in self._seen.items():
            channels = zip(*(counts for _, _, _, counts in entries), strict=True)
            bits = sum(pooled_bits(channel) for channel in channels)
            for (name, size, psnr, _), total in zip(entries, bits, strict=True):
                yield Point(TRANSFORMS, setting, name, float(total) / size, psnr)


def pooled_bits(counted: Sequence[Counts]) -> NDArray[np.float64]:
    """Give the bits of each group of symbols under the frequencies of all groups together.

    Parameters
    ----------
    counted : sequence of (values, counts)
        Sorted symbols of a group, each once, and how often they occur.

    Returns
    -------
    ndarray, float64, (groups,)
    """
    values = np.concatenate([values for values, _ in counted])
    symbols, places = np.unique(values, return_inverse=True)
    counts = np.concatenate([counts for _, counts in counted])
    totals = np.bincount(places, weights=counts, minlength=len(symbols))
    cost = np.log2(totals.sum()) - np.log2(totals)
    return np.array(
        [(counts * cost[np.searchsorted(symbols, values)]).sum() for values, counts in counted]
    )
