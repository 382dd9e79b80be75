"""Altered copies of test images: compressed again, made smaller and larger again, coded by JPEG AI.

An alteration is named "<kind>-<number>": `jpeg-75` is JPEG of quality 75 (4:2:0, as most software
writes it), `resize-50` half the width and height and back (bicubic both ways, with antialiasing),
`jpegai-100` JPEG AI at model id and displacement of the level 1.00 bpp of the configuration.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.image_files import decode
from latentprint.image_tables import Chosen
from latentprint.progress import Progress

Pixels = NDArray[np.uint8]  # (height, width, 3)

BATCH = 8  # images that the codec is given together
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    """Compress as JPEG of a quality, 1 to 100, and decode."""

    def altered(pixels: Pixels) -> Pixels:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=2)
        return np.array(Image.open(file).convert("RGB"))

    return altered


def resize(percent: int) -> Callable[[Pixels], Pixels]:
    """Make smaller to some percent of width and height, 1 to 99, and back."""

    def altered(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        size = max(1, round(width * percent / 100)), max(1, round(height * percent / 100))
        small = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        return np.array(small.resize((width, height), Image.Resampling.BICUBIC))

    return altered


PLAIN = {"jpeg": jpeg, "resize": resize}


def write_altered(
    chosen: Sequence[Chosen],
    alter: Callable[[list[Pixels]], list[Pixels]],
    *,
    root: Path,
    size: int,
    output: Path,
) -> list[Chosen]:
    """Write altered copies as PNG and give the list of them.

    Parameters
    ----------
    chosen : sequence of Chosen
        Images of the test, in their order.
    alter : callable
        Of a few images at a time.
    root : Path
        Folder of the data set.
    size : int
        Width and height, pixels.
    output : Path
        Folder for the copies; created.

    Returns
    -------
    list of Chosen
        With the paths and digests of the copies, relative to `output`.
    """
    output.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(chosen), "images")
    written = []
    for start in range(0, len(chosen), BATCH):
        images = chosen[start : start + BATCH]
        pictures = alter([decode(root / image.path, size) for image in images])
        for number, (image, pixels) in enumerate(zip(images, pictures, strict=True), start):
            name = f"{number:06d}.png"
            with replacing(output / name) as path:
                Image.fromarray(pixels).save(path, "PNG", compress_level=1)
            digest = hashlib.sha256((output / name).read_bytes()).hexdigest()
            written.append(image._replace(path=name, sha256=digest))
        progress.advance(len(images))
    return written


def each(alter: Callable[[Pixels], Pixels]) -> Callable[[list[Pixels]], list[Pixels]]:
    """Make an alteration of one image one of several."""
    return lambda pictures: [alter(pixels) for pixels in pictures]


def folder_images(folder: Path, size: int) -> tuple[list[Chosen], list[tuple[str, str]]]:
    """List the images of a folder and its subfolders that have the right size, all as fake.

    Returns
    -------
    chosen : list of Chosen
        Sorted by path; the id is the path without its suffix, so that subfolders (generators) can
        be told apart.
    refused : list of (path, reason)
    """
    chosen, refused = [], []
    for path in _pictures(folder):
        name = path.relative_to(folder)
        try:
            decode(path, size, advice="")
        except UserError as error:
            refused.append((str(name), str(error)))
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        chosen.append(Chosen(str(name.with_suffix("")), "fake", "test", str(name), digest))
    return chosen, refused


def _pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield path
