"""What is measured: weights, pictures, device, threads and batches of a run."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentprint.codec import JpegAI
from latentprint.errors import UserError
from latentprint.image_files import decode

logger = logging.getLogger(__name__)

POINTS = ("BOP", "HOP")
MODEL = 3
LATENTS = ("y", "y_hat")


class Setting(NamedTuple):
    """What all parts need to know."""

    weights: Path
    device: str
    files: tuple[Path, ...]
    points: tuple[str, ...]
    threads: tuple[int, ...] = (1,)
    batches: tuple[int, ...] = (1,)

    def codec(self, point: str) -> JpegAI:
        """Open the codec."""
        return JpegAI.load(self.weights, point, self.device)

    def pictures(self, count: int) -> Tensor:
        """Decode pictures, uint8, (count, 3, height, width); from the start again at the end."""
        paths = [self.files[i % len(self.files)] for i in range(count)]
        return torch.from_numpy(np.stack([decode(path) for path in paths])).permute(0, 3, 1, 2)


def has(codec: JpegAI, kind: str, *models: int) -> bool:
    """Tell whether the folder has the files of a kind, of model 3 unless said."""
    return all(
        (codec.folder / part.relative_path).is_file()
        for model in models or (MODEL,)
        for part in codec.used_parts((kind,), model)
    )


def chosen_files(folder: Path, count: int) -> tuple[Path, ...]:
    """Choose pictures of one size, spread evenly over a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    if not paths:
        raise UserError(f"{folder}: no .jpg or .png file. Name a folder of pictures of one size")
    return tuple(paths[:: max(1, len(paths) // count)][:count])


def able_points(weights: Path, device: str) -> tuple[str, ...]:
    """List the operating points whose encoders of model 3 the folder has."""
    able = []
    reasons = []
    for point in POINTS:
        try:
            codec = JpegAI.load(weights, point, device)
        except UserError as error:
            reasons.append(str(error))
            logger.info("%s is left out: %s", point, error)
            continue
        if has(codec, "encoder"):
            able.append(point)
    if len(reasons) == len(POINTS):
        raise UserError(reasons[0])  # such as a GPU that is not there
    if not able:
        raise UserError(f"{weights}: no encoder files of model {MODEL}. Name another folder")
    return tuple(able)
