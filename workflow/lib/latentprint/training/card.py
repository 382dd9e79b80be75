"""The model card of the embedded weights: data, settings, and quality measured on photographs."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latentprint.codec import JpegAI
from latentprint.progress import Progress
from latentprint.training.export import GAIN_OFFSET
from latentprint.training.loop import BETAS, Settings
from latentprint.training.pictures import SUFFIXES

NAME = "model_card.md"
DISPLACEMENTS = (-1069, -800, -500, -200, 0, 200, 400)


def text(
    weights: Path, *, settings: Settings, names: Sequence[str], evaluation: Path | None
) -> str:
    """Write the card.

    Parameters
    ----------
    weights : Path
        Folder with the weights, as exported.
    settings : Settings
    names : sequence of str
        Photographs trained on.
    evaluation : Path, optional
        Folder of photographs to measure on.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "# Embedded codec weights",
        "",
        "JPEG AI architecture, operating point BOP, model id 3, luma and chroma, with the integer",
        "scale decoder; tensors as float16. Made by the rule `train_codec` of this project. These",
        "are not the weights of the JPEG AI reference software, and latents made with them are",
        "not those of a standard encoder.",
        "",
        "## Training",
        "",
        f"- {len(names)} photographs ({', '.join(_origins(names))}) and drawn pictures (discs,",
        "  bars, gradients, grain).",
        "- Start: a 16x16 cosine transform written into the networks (`training/start.py`).",
        "- Loss: bits per pixel + weight x mean squared RGB error, weight growing with the square",
        f"  of the gain; displacements drawn from {BETAS[0] - GAIN_OFFSET} to "
        f"{BETAS[1] - GAIN_OFFSET}, as these files count them (the gain table was shifted by "
        f"{GAIN_OFFSET} afterwards).",
        *(f"- {key}: {value}" for key, value in asdict(settings).items()),
        "",
        "## Quality",
        "",
    ]
    if evaluation is None:
        return "\n".join([*lines, "Not measured: no evaluation photographs were given.", ""])
    points, count = measure(weights, evaluation)
    lines += [
        f"Mean over the {count} photographs of `{evaluation.name}`, none of them trained on.",
        "Tools off; PSNR over RGB of each picture, bits estimated from the likelihoods.",
        "",
        "| displacement | bpp | PSNR, dB |",
        "|---|---|---|",
        *(f"| {beta} | {bpp:.3f} | {psnr:.2f} |" for beta, bpp, psnr in points),
        "",
    ]
    return "\n".join(lines)


def _origins(names: Sequence[str]) -> list[str]:
    origins = [name.split("_")[0] for name in names]
    return [f"{origins.count(origin)} {origin}" for origin in dict.fromkeys(origins)]


def measure(weights: Path, folder: Path) -> tuple[list[tuple[int, float, float]], int]:
    """Code and decode photographs at several displacements.

    Parameters
    ----------
    weights : Path
    folder : Path
        Photographs, any sizes from 64 x 64.

    Returns
    -------
    points : list of (int, float, float)
        Displacement, mean bits per pixel, mean PSNR over RGB in decibels.
    count : int
        Photographs.
    """
    codec = JpegAI.load(weights, "BOP")
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    sums = {beta: [0.0, 0.0] for beta in DISPLACEMENTS}
    progress = Progress(len(paths), "photographs")
    for path in paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        rgb = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
        y = codec.encode(rgb, latents=("y",))
        for beta in DISPLACEMENTS:
            coded = codec.quantise(y.luma.y, y.chroma.y, beta=(beta, beta), tools=False)
            decoded = codec.synthesise(coded.luma.y_hat, coded.chroma.y_hat, y.size)
            error = float((decoded.double() - rgb.double()).square().mean())
            sums[beta][0] += float(coded.bits.sum()) / (rgb.shape[2] * rgb.shape[3])
            sums[beta][1] += 10 * math.log10(255**2 / error)
        progress.advance(1)
    points = [(beta, bits / len(paths), psnr / len(paths)) for beta, (bits, psnr) in sums.items()]
    return points, len(paths)
