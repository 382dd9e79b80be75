"""What is fitted to pixels in place of latents, to compare with: images, and what came of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.evaluate import measure
from latentprint.files import write_json
from latentprint.image_files import decode
from latentprint.image_tables import Chosen
from latentprint.predictions import Predictions, vote, write_predictions


def read_pixels(chosen: Sequence[Chosen], root: Path, size: int) -> NDArray[np.uint8]:
    """Decode images, uint8 (images, 3, size, size)."""
    found = np.empty((len(chosen), 3, size, size), dtype=np.uint8)
    for number, image in enumerate(chosen):
        found[number] = decode(root / image.path, size).transpose(2, 0, 1)
    return found


def smaller(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Average squares of pixels so that `side` rows and columns are left, float32 (images, values).

    Parameters
    ----------
    pixels : ndarray, uint8, (images, 3, size, size)
        `size` a multiple of `side`.
    side : int
    """
    images, channels, size, _ = pixels.shape
    step = size // side
    squares = pixels.reshape(images, channels, side, step, side, step)
    return squares.mean(axis=(3, 5), dtype=np.float32).reshape(images, -1)


def write_outcome(
    test: Sequence[Chosen],
    probability: NDArray[np.float64],
    about: dict[str, Any],
    *,
    predictions: Path,
    scores: Path,
) -> None:
    """Write predictions of the test images and their measures.

    Parameters
    ----------
    test : sequence of Chosen
    probability : ndarray, float64, (images,)
        Of fake.
    about : dict
        Classifier, accuracy in cross-validation, training images, costs.
    predictions, scores : Path
    """
    score, votes, predicted = vote(probability[:, None])
    found = Predictions(
        tuple(image.id for image in test),
        np.array([image.label == "fake" for image in test]),
        score,
        votes,
        np.ones(len(test), dtype=np.int64),
        predicted,
    )
    write_predictions(predictions, found)
    write_json(scores, measure(found) | about)
