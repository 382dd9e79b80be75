"""Demo images: drawn scenes, photographed (real) or generated (fake), in the Kaggle layout."""

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentprint.demo.camera import photograph
from latentprint.demo.generator import generate
from latentprint.demo.scenes import draw_scene
from latentprint.errors import UserError
from latentprint.files import write_text
from latentprint.progress import Progress

LABELS = ("real", "fake")
SPLITS = ("train", "test")
IMAGES = Path("real_vs_fake") / "real-vs-fake"
"""Folder of the images in the Kaggle layout; the column `path` is relative to it."""
HEADER = ("", "original_path", "id", "label", "label_str", "path")

JPEG = {"format": "JPEG", "quality": 95, "subsampling": "4:2:0"}
"""Both classes are written with the same tables and the same chroma sampling."""
OVERSIZE = (3, 2)
"""Edge of a scene in edges of the image: both classes are drawn larger and made smaller."""
MAX_PER_CLASS = 50_000
"""The ids of real images have five digits, half of them for each split."""


def draw(index: int, label: str, *, split: str, seed: int, size: int) -> NDArray[np.uint8]:
    """Draw one image; it depends on the arguments only, not on the images drawn before.

    Parameters
    ----------
    index : int, >= 0
        Number of the image within its split and class.
    label : {"real", "fake"}
        Photographed or generated.
    split : {"train", "test"}
    seed : int, >= 0
        Another seed gives other images.
    size : int
        Edge in pixels, a multiple of 16 and at least 64.

    Returns
    -------
    uint8, (size, size, 3)
        RGB, sRGB curve.

    Raises
    ------
    UserError
        If `size` is not allowed.
    """
    if size < 64 or size % 16:
        raise UserError(
            f"demo images of {size} x {size} pixels: expected a multiple of 16, at least 64. "
            "Change image_size"
        )
    key = (seed, SPLITS.index(split), LABELS.index(label), index)
    scene_rng, pipeline_rng = np.random.default_rng(key).spawn(2)
    scene = draw_scene(scene_rng, size * OVERSIZE[0] // OVERSIZE[1])
    pipeline = photograph if label == "real" else generate
    picture = pipeline(scene, pipeline_rng, size)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """Code an image, uint8 (height, width, 3), as a JPEG file with the settings of both classes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **JPEG)
    return buffer.getvalue()


def image_id(index: int, label: str, *, split: str, seed: int) -> str:
    """Name an image as the Kaggle set does: five digits if real, ten letters if fake.

    The id does not depend on how many images are drawn and is unique over splits and classes.
    """
    if label == "real":
        return f"{SPLITS.index(split) * MAX_PER_CLASS + index:05d}"
    digest = hashlib.sha256(f"{seed}/{split}/{index}".encode()).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:10])


def write_images(
    folder: Path, split: str, *, n_images: int, seed: int, size: int
) -> tuple[Path, int]:
    """Draw one split, half real and half fake, in the Kaggle layout; complete or absent.

    Parameters
    ----------
    folder : Path
        Gets `<split>.csv` and `real_vs_fake/real-vs-fake/<split>/{real,fake}/<id>.jpg`. The images
        of the split are replaced; the csv file is written last.
    split : {"train", "test"}
    n_images : int
        Images in all, even.
    seed : int, >= 0
    size : int
        Edge in pixels, a multiple of 16 and at least 64.

    Returns
    -------
    table : Path
        The csv file.
    n_bytes : int
        Size of the images.

    Raises
    ------
    UserError
        If a number is not allowed.
    """
    if n_images < 2 or n_images % 2 or n_images > 2 * MAX_PER_CLASS:
        raise UserError(
            f"n_{split}: expected an even number of images from 2 to {2 * MAX_PER_CLASS} (half "
            f"real, half fake), got {n_images}. Change n_{split}"
        )
    if seed < 0:
        raise UserError(f"seed: expected a number >= 0, got {seed}. Change seed")
    table = folder / f"{split}.csv"
    target = folder / IMAGES / split
    partial = target.with_name(f".{split}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    progress = Progress(n_images, f"{split} images")
    n_bytes = 0
    try:
        for label in LABELS:
            (partial / label).mkdir(parents=True)
            for index in range(n_images // 2):
                content = encoded(draw(index, label, split=split, seed=seed, size=size))
                name = image_id(index, label, split=split, seed=seed)
                (partial / label / f"{name}.jpg").write_bytes(content)
                n_bytes += len(content)
                progress.advance(1)
        # Without its csv file a split does not count as there, so that goes first.
        table.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(
        [HEADER, *_rows(split, n_images // 2, seed=seed)]
    )
    write_text(table, buffer.getvalue())
    return table, n_bytes


def _rows(split: str, n_per_class: int, *, seed: int) -> Iterator[tuple[object, ...]]:
    """Give the rows of the csv file, real images first; label 1 is real there."""
    number = 0
    for label in LABELS:
        for index in range(n_per_class):
            name = image_id(index, label, split=split, seed=seed)
            path = f"{split}/{label}/{name}.jpg"
            yield number, f"drawn/seed-{seed}/{path}", name, int(label == "real"), label, path
            number += 1
