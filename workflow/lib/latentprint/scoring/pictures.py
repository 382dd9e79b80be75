"""One picture of a folder: what is asked of it, what it looks like, or why it is refused."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentprint.errors import UserError
from latentprint.image_files import decode

Pixels = NDArray[np.uint8]

THUMBNAIL_PX = 80
THUMBNAIL_QUALITY = 70
UNIT = 16  # pixels of a latent, and of two JPEG blocks: a region keeps the grid of both


class Picture(NamedTuple):
    """A file of the folder.

    Attributes
    ----------
    path : str
        Relative to the folder.
    width, height : int or None
        Pixels; None where it cannot be decoded.
    region : ndarray, uint8, (size, size, 3), or None
        The whole picture, or the region at its centre; None where it is smaller or not readable.
    whole : bool
        Whether the region is the picture: then the detector is asked.
    thumbnail : bytes
        JPEG; empty where there is none.
    refusal : str
        Why the detector is not asked; empty where it is.
    kind : str
        The same without the numbers of this picture, for counts.
    cue_refusal : str
        Why the cues are not asked; empty where they are.
    """

    path: str
    width: int | None
    height: int | None
    region: Pixels | None
    whole: bool
    thumbnail: bytes
    refusal: str
    kind: str
    cue_refusal: str


def read_picture(folder: Path, path: str, size: int) -> Picture:
    """Decode a file as the index does, and decide who may be asked about it.

    Parameters
    ----------
    folder : Path
    path : str
        Relative to it.
    size : int
        Width and height that the detector was trained on, pixels.

    Returns
    -------
    Picture
        Whatever is wrong with the file; nothing is raised.
    """
    try:
        pixels = decode(Path(folder, path), advice="")
    except UserError as error:
        reason = str(error).removeprefix(f"{Path(folder, path)}: ").rstrip(". ")
        return refused(path, reason)
    except MemoryError:
        return refused(path, "needs more memory than there is")
    except Exception as error:  # of a damaged file, from a decoder: no reason to stop the others
        text = " ".join(str(error).split())
        return refused(path, f"does not decode ({text or type(error).__name__})")
    height, width = pixels.shape[:2]
    offsets = region_offsets(height, width, size)
    region = None
    if offsets is not None:
        top, left = offsets
        # A copy: a view would keep the whole picture in memory.
        region = pixels[top : top + size, left : left + size].copy()
    whole = (height, width) == (size, size)
    expected = f"expected {size} x {size}"
    return Picture(
        path=path,
        width=width,
        height=height,
        region=region,
        whole=whole,
        thumbnail=thumbnail(pixels),
        refusal="" if whole else f"is {width} x {height} pixels, {expected}",
        kind="" if whole else f"of another size, {expected} pixels",
        cue_refusal="" if offsets else f"is {width} x {height} pixels, {expected} at least",
    )


def refused(path: str, reason: str) -> Picture:
    """Give the picture that cannot be read, with the reason."""
    kind = "larger than can be read" if reason.endswith("at most 100000000") else reason
    kind = kind.partition(" (")[0]
    return Picture(path, None, None, None, False, b"", reason, kind, reason)


def region_offsets(height: int, width: int, size: int) -> tuple[int, int] | None:
    """Give first row and column of the region at the centre; None where the picture is smaller.

    Rounded down to multiples of 16 pixels, so that the grids of JPEG blocks and of latents in the
    region are those of the file.
    """
    if min(height, width) < size:
        return None
    return (height - size) // 2 // UNIT * UNIT, (width - size) // 2 // UNIT * UNIT


def thumbnail(pixels: Pixels) -> bytes:
    """Give a JPEG of at most 80 x 80 pixels of a picture, uint8 (height, width, 3)."""
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return file.getvalue()
