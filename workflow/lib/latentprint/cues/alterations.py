"""Steps between two versions of a picture that are not the codec's."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentprint.cues.history import YCBCR
from latentprint.cues.versions import Step

Pixels = NDArray[np.uint8]  # (height, width, 3)


def jpeg(picture: Pixels, quality: int) -> Pixels:
    """Compress as JPEG, 4:2:0, and decode."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.array(Image.open(file).convert("RGB"))


def scale(picture: Pixels, percent: int) -> Pixels:
    """Make smaller to some percent of width and height; bicubic, with antialiasing."""
    height, width = (round(side * percent / 100) for side in picture.shape[:2])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def shift(picture: Pixels, pixels: int) -> Pixels:
    """Cut off rows above and columns at the left, so that latents lie on another grid."""
    return picture[pixels:, pixels:].copy()


def half(picture: Pixels, sampling: int) -> Pixels:
    """Halve the chroma planes (means of four) and double them again (bilinear); 8 bits."""
    luma, *chroma = np.moveaxis(picture.astype(float) @ YCBCR.T, 2, 0)
    size = picture.shape[1], picture.shape[0]
    small = size[0] // 2, size[1] // 2
    doubled = [
        np.asarray(
            Image.fromarray(plane.astype(np.float32))
            .resize(small, Image.Resampling.BOX)
            .resize(size, Image.Resampling.BILINEAR)
        )
        for plane in chroma
    ]
    return _to_rgb(np.stack([luma, *doubled], axis=2))


def full(picture: Pixels, sampling: int) -> Pixels:
    """Convert to YCbCr of 8 bits and back, with chroma planes as they are."""
    return _to_rgb((picture.astype(float) @ YCBCR.T).round())


def _to_rgb(planes: NDArray[np.float64]) -> Pixels:
    return (planes @ np.linalg.inv(YCBCR).T).round().clip(0, 255).astype(np.uint8)


STEPS: dict[str, Callable[[Pixels, int], Pixels]] = {
    "jpeg": jpeg, "scale": scale, "shift": shift, "half": half, "full": full,
}  # fmt: skip


def altered(picture: Pixels, step: Step) -> Pixels:
    """Do one step to a picture."""
    return STEPS[step.kind](picture, int(step.value))
