"""Quality of the official base transforms on faces: what latents lose before quantisation.

The vectors show that the arithmetic is right, on photographs of other things. This shows that the
codec does to faces what a codec should.
"""

import csv
from pathlib import Path

import torch

from latentprint.codec import JpegAI, colour, synthesis
from tests.parity.conftest import NOTES, read_rgb

MODEL = 3
PER_CLASS = 12
# PSNR in dB, mean and smallest of the faces: what was measured when the test was written (mean
# 38.38, 54.04, 55.97, 38.12; smallest 27.09, 47.35, 50.48, 27.07) less about 0.5 dB. The smallest
# is a portrait before dense leaves: 160 coefficients for 256 luma samples do not hold such texture.
FLOORS = {
    "Y": (37.9, 26.6),
    "U": (53.5, 46.8),
    "V": (55.5, 50.0),
    "RGB": (37.6, 26.6),
}


def faces(folder: Path) -> list[Path]:
    """Give the first images of each class in the order of the test table."""
    with (folder / "test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        folder / "real_vs_fake" / "real-vs-fake" / row["path"]
        for label in ("real", "fake")
        for row in [row for row in rows if row["label_str"] == label][:PER_CLASS]
    ]


def psnr(ours: torch.Tensor, original: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB, peak 255."""
    error = (ours.double() - original.double()).square().mean()
    return float(10 * torch.log10(255**2 / error))


def test_unquantised_latents_give_the_face_back(shared, weights, tensors):
    codec = JpegAI.load(weights, "BOP")
    values = {name: [] for name in FLOORS}
    for path in faces(shared / "data" / "faces"):
        rgb = read_rgb(path)
        latents = codec.encode(rgb, model=MODEL, latents=("y",))
        decode = {"size": tuple(rgb.shape[-2:]), "operating_point": "BOP"}
        y = synthesis.synthesise_luma(
            latents.luma.y, weights=tensors("decoder", "luma", MODEL, "BOP"), **decode
        )
        uv = synthesis.synthesise_chroma(
            latents.luma.y,
            latents.chroma.y,
            weights=tensors("decoder", "chroma", MODEL, "BOP"),
            **decode,
        )
        original = torch.cat(colour.rgb_to_yuv(rgb), dim=1)  # not rounded
        planes = torch.cat([y, uv], dim=1)
        for at, name in enumerate(("Y", "U", "V")):
            values[name].append(psnr(planes[:, at], original[:, at]))
        values["RGB"].append(psnr(colour.yuv_to_rgb(y, uv), rgb))
    count = len(values["RGB"])
    assert count == 2 * PER_CLASS
    NOTES.append(f"{count} faces, BOP, model {MODEL}, y not quantised: PSNR in dB, mean (smallest)")
    NOTES.append(
        ", ".join(f"{name} {sum(v) / count:.2f} ({min(v):.2f})" for name, v in values.items())
    )
    print(*NOTES[-2:], sep="\n")
    for name, (mean, smallest) in FLOORS.items():
        assert sum(values[name]) / count >= mean, name
        assert min(values[name]) >= smallest, name
