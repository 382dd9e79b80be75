"""A data set as large as one likes, from a small one: shifted and flipped copies of its images.

For time, memory and disk alone. Copies of one image stand in for different ones, so that an
accuracy on them means nothing; names and a note in the folder say so.
"""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentprint.errors import UserError
from latentprint.image_files import decode
from latentprint.image_folders import LABELS, RUN_SPLITS, Listed, find
from latentprint.progress import Progress
from latentprint.seeds import rng

logger = logging.getLogger(__name__)

SHIFT = 8  # pixels, at most, in both directions
STEPS = 2 * SHIFT + 1
VARIANTS = 2 * STEPS**2  # of an image: flipped or not, at each shift
QUALITY = 95
NOTE = "note.txt"


def repeat(root: Path, output: Path, *, counts: dict[str, int], size: int, seed: int) -> None:
    """Write folders of images, half of each class, in the layout `<split>/<label>/`.

    What is there already stays, so that a run which was stopped goes on, and a larger one adds.

    Parameters
    ----------
    root : Path
        Folder of a data set.
    output : Path
    counts : dict of str to int
        Images of "train" and of "test"; copies are made of images of the same split.
    size : int
        Width and height, pixels; other images are left out.
    seed : int

    Raises
    ------
    UserError
        If a class of a split has no image, or not enough for so many distinct copies.
    """
    output.mkdir(parents=True, exist_ok=True)
    (output / NOTE).write_text(
        f"Shifted and flipped copies of the images of {root.name}, for measuring time, memory and "
        "disk.\nAn accuracy on them means nothing: copies of one image are counted as many.\n"
    )
    listed = find(root)
    progress = Progress(sum(counts.values()), "images")
    for split in RUN_SPLITS:
        for label in LABELS:
            sources = [image for image in listed if (image.split, image.label) == (split, label)]
            if not sources:
                raise UserError(f"{root}: no {label} image of {split}, expected at least one")
            folder = output / split / label
            folder.mkdir(parents=True, exist_ok=True)
            if counts[split] // 2 > len(sources) * VARIANTS:
                raise UserError(
                    f"{root}: {len(sources)} {label} images of {split} have "
                    f"{len(sources) * VARIANTS} distinct copies, expected {counts[split] // 2}. "
                    "Ask for fewer, or give more images"
                )
            for number in range(counts[split] // 2):
                path = folder / f"copy-{split}-{label}-{number:06d}.jpg"
                if not path.exists():
                    turn, place = divmod(number, len(sources))
                    _write(path, copy_of(root, sources[place], turn, size=size, seed=seed))
                progress.advance(1)


def copy_of(root: Path, source: Listed, turn: int, *, size: int, seed: int) -> NDArray[np.uint8]:
    """Shift an image by up to `SHIFT` pixels, its border mirrored, and flip it or not.

    Parameters
    ----------
    root : Path
    source : Listed
    turn : int, 0 to VARIANTS - 1
        No two turns of an image give the same copy.
    size, seed : int

    Returns
    -------
    ndarray, uint8, (size, size, 3)
    """
    variants = rng(seed, "repeat", source.id).permutation(VARIANTS)
    flipped, place = divmod(int(variants[turn]), STEPS**2)
    top, left = divmod(place, STEPS)
    pixels = decode(root / source.path, size)
    padded = np.pad(pixels, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    shifted = padded[top : top + size, left : left + size]
    return shifted[:, ::-1] if flipped else shifted


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    unfinished = path.with_suffix(".part")
    Image.fromarray(np.ascontiguousarray(pixels)).save(unfinished, "JPEG", quality=QUALITY)
    unfinished.rename(path)
