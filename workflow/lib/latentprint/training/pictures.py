"""What the codec is trained on: crops of photographs and of drawn pictures, never faces."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentprint.errors import UserError

SUFFIXES = {".png", ".webp", ".jpg", ".jpeg"}
DRAWN_SHARE = 8  # one crop in so many is drawn


class Pictures:
    """Random crops, the same for the same seed and step.

    Parameters
    ----------
    folder : Path
        Photographs, at least as large as the crop.
    crop : int
        Side of a crop, pixels.
    batch : int
        Crops in a batch.
    seed : int

    Raises
    ------
    UserError
        If the folder holds no photograph of sufficient size.
    """

    def __init__(self, folder: Path, *, crop: int, batch: int, seed: int) -> None:
        self.crop, self.batch, self.seed = crop, batch, seed
        self.files: dict[str, str] = {}  # name: SHA-256
        self._photographs: list[np.ndarray] = []
        content = hashlib.sha256()
        for path in sorted(folder.glob("*")):
            if path.suffix.lower() in SUFFIXES:
                with Image.open(path) as image:
                    pixels = np.asarray(image.convert("RGB"))
                if min(pixels.shape[:2]) >= crop:
                    self.files[path.name] = file_digest(path)
                    self._photographs.append(pixels)
                    content.update(path.name.encode() + pixels.tobytes())
        if not self.files:
            raise UserError(
                f"{folder}: no photograph of at least {crop} x {crop} pixels "
                f"({', '.join(sorted(SUFFIXES))}). Point training.photos to a folder of photographs"
            )

        self.digest = content.hexdigest()

    def at(self, step: int) -> Tensor:
        """Give the batch of one step.

        Parameters
        ----------
        step : int

        Returns
        -------
        Tensor, uint8, (batch, 3, crop, crop)
        """
        random = np.random.default_rng([self.seed, step])
        crops = [
            drawn(random, self.crop)
            if random.integers(DRAWN_SHARE) == 0
            else self._photograph(random)
            for _ in range(self.batch)
        ]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()

    def _photograph(self, random: np.random.Generator) -> np.ndarray:
        pixels = self._photographs[random.integers(len(self._photographs))]
        row = random.integers(pixels.shape[0] - self.crop + 1)
        column = random.integers(pixels.shape[1] - self.crop + 1)
        cut = pixels[row : row + self.crop, column : column + self.crop]
        if random.integers(2):
            cut = cut[:, ::-1]
        if random.integers(2):
            cut = cut.transpose(1, 0, 2)
        return cut


def drawn(random: np.random.Generator, side: int) -> np.ndarray:
    """Draw overlapping discs and bars with shading and grain over each other.

    Parameters
    ----------
    random : Generator
    side : int
        Pixels.

    Returns
    -------
    ndarray, uint8, (side, side, 3)
    """
    rows, columns = np.mgrid[:side, :side] / side
    picture = np.empty((side, side, 3))
    picture[:] = random.uniform(0, 255, 3)
    for _ in range(random.integers(6, 40)):
        size = 0.02 / (random.random() + 0.03)  # many small shapes, few large ones
        y, x, angle = random.uniform(0, 1), random.uniform(0, 1), random.uniform(0, np.pi)
        along = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
        across = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
        if random.integers(2):
            distance = np.hypot(along, across) - size
        else:
            distance = np.maximum(np.abs(along) - size, np.abs(across) - size / 3)
        softness = random.choice([0.002, 0.005, 0.03])
        cover = np.clip(0.5 - distance / softness, 0, 1)[..., None]
        colour = random.uniform(0, 255, 3) + random.normal(0, 60, 3) * along[..., None]
        waves = random.uniform(0, 30) * np.sin(along * random.uniform(5, 120))
        picture += cover * (colour + waves[..., None] - picture)
    picture += random.normal(0, random.uniform(0, 6), picture.shape)
    return picture.clip(0, 255).round().astype(np.uint8)


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
