"""Photographs through codecs: bits per pixel and quality at a row of settings."""

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, features

from latentprint.codec import JpegAI
from latentprint.codec.gains import LOG_K
from latentprint.rate_distortion.curve import JPEG, OWN, TRANSFORMS, WEBP, Point

Pixels = NDArray[np.uint8]

SUFFIXES = {".png", ".webp", ".bmp", ".tif", ".tiff"}  # a lossy original favours its own codec
DISPLACEMENTS = (-1069, -950, -800, -650, -500, -350, -200, -50, 100, 250, 400, 550, 702)
JPEG_QUALITIES = (5, 8, 12, 17, 25, 35, 45, 55, 65, 75, 82, 88, 92, 95)
WEBP_QUALITIES = (0, 5, 12, 25, 40, 55, 70, 80, 88, 93, 97)
TRANSFORM_LEVELS = (-8, -4, 0, 4)  # gains of transforms without entropy networks, sigma levels


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
    models : sequence of int
        Model ids to try.
    """

    def __init__(self, codec: JpegAI, models: Sequence[int]) -> None:
        self._codec, self._models = codec, models
        self._seen: list[tuple[str, str, list[NDArray[np.int32]], int, float]] = []

    def add(self, pixels: Pixels, name: str) -> None:
        """Code one photograph at all settings."""
        rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        for model in self._models:
            y = self._codec.encode(rgb, model, latents=("y",))
            latents = (y.luma.y, y.chroma.y)
            for level in TRANSFORM_LEVELS:
                gain = math.exp(level * LOG_K)
                symbols = [(values * gain).round() for values in latents]
                decoded = self._codec.synthesise(
                    *(values / gain for values in symbols), size=y.size, model=model
                )
                psnr = quality(decoded[0].permute(1, 2, 0).cpu().numpy(), pixels)
                kept = [values[0].flatten(1).int().cpu().numpy() for values in symbols]
                setting = f"model {model}, gain {gain:.3f}"
                self._seen.append((setting, name, kept, pixels[..., 0].size, psnr))

    def points(self) -> Iterator[Point]:
        """Give the points of all photographs added, once their statistics are known."""
        for setting in dict.fromkeys(entry[0] for entry in self._seen):
            entries = [entry for entry in self._seen if entry[0] == setting]
            bits = np.zeros(len(entries))
            for component in range(2):
                for channel in range(len(entries[0][2][component])):
                    bits += _pooled_bits([entry[2][component][channel] for entry in entries])
            for (_, name, _, size, psnr), total in zip(entries, bits, strict=True):
                yield Point(TRANSFORMS, setting, name, float(total) / size, psnr)


def _pooled_bits(rows: Sequence[NDArray[np.int32]]) -> NDArray[np.float64]:
    """Give the bits of each row of symbols under the frequencies of all rows together."""
    values, counts = np.unique(np.concatenate(rows), return_counts=True)
    cost = np.log2(counts.sum()) - np.log2(counts)
    return np.array([cost[np.searchsorted(values, row)].sum() for row in rows])


def photograph_paths(folder: Path) -> list[Path]:
    """List the photographs of a folder, by name."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
