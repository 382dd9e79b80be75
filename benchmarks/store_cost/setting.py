"""What is measured, and the latents that it is measured on."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentprint import store
from latentprint.errors import UserError
from latentprint.image_files import decode
from latentprint.progress import Progress
from latentprint.seeds import rng

logger = logging.getLogger("store")

MODEL = 3
BLOCK = 8
Y = ("luma/y", "chroma/y")
ALL_IMAGES = 140_000


class Setting(NamedTuple):
    """What all parts need to know."""

    weights: Path | None
    images: Path | None
    n: int
    work: Path
    runs: tuple[Path, ...] = ()
    threads: int = 1

    def latents(self) -> Path:
        """Give the store of y of n pictures; made once for a folder of work."""
        path = self.work / f"y-{self.n}.h5"
        if not path.exists():
            encode(self, path)
        return path

    def described(self) -> str:
        """Say whose latents they are."""
        with store.open_store(self.latents()) as opened:
            made = opened.attributes
        again = self.n - made["pictures"]
        text = f"y of {self.n:,} pictures of {made['size']} x {made['size']}, model {MODEL}"
        return text + (f"; {again:,} of them are others again, flipped by chance" * (again > 0))


def encode(setting: Setting, path: Path) -> None:
    """Encode pictures to y, and flipped copies where there are not enough."""
    import torch

    from latentprint.codec import JpegAI

    torch.set_num_threads(1)
    suffixes = (".jpg", ".jpeg", ".png")
    files = sorted(each for each in setting.images.rglob("*") if each.suffix.lower() in suffixes)
    if not files:
        raise UserError(f"{setting.images}: no .jpg or .png file. Name a folder of pictures")
    files = [files[row % len(files)] for row in range(setting.n)]
    codec = JpegAI.load(setting.weights, "BOP", "cpu")
    size = decode(files[0]).shape[0]
    shapes = {"luma/y": 160, "chroma/y": 96}
    grid = -(-size // 16)
    progress = Progress(setting.n, "images")
    with (
        torch.no_grad(),
        store.create(
            path,
            ids=[str(row) for row in range(setting.n)],
            datasets={name: ((shapes[name], grid, grid), np.float32) for name in Y},
            attributes={"pictures": len(set(files)), "size": size},
        ) as writer,
    ):
        for start, pixels in _pictures(files):
            rgb = torch.from_numpy(pixels).permute(0, 3, 1, 2)
            coded = codec.encode(rgb, model=MODEL, latents=("y",))
            luma, chroma = coded.luma.y.numpy(), coded.chroma.y.numpy()
            writer.write(start, {"luma/y": luma, "chroma/y": chroma})
            progress.advance(len(pixels))


def _pictures(files: list[Path]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Decode pictures in blocks; what comes again is flipped, in one of three ways."""
    seen: set[Path] = set()
    for start in range(0, len(files), BLOCK):
        block = []
        for row, file in enumerate(files[start : start + BLOCK], start):
            picture = decode(file)
            if file in seen:
                way = rng(0, "flip", json.dumps(row)).integers(1, 4)
                picture = picture[:: -1 if way & 1 else 1, :: -1 if way & 2 else 1]
            seen.add(file)
            block.append(picture)
        yield start, np.stack(block)
