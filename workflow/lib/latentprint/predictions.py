"""Predictions for the test images: the vote of patches, and the file that holds the result.

The positive class is fake: a score is a probability that the image is synthetic.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.files import write_text

COLUMNS = ("id", "label", "score", "votes", "n_patches", "predicted")
WORDS = {False: "real", True: "fake"}


@dataclass(frozen=True)
class Predictions:
    """What a classifier says about N images.

    Attributes
    ----------
    ids : tuple of str, (N,)
    fake : ndarray, bool, (N,)
        The truth.
    score : ndarray, float64, (N,), 0 to 1
        Probability of fake; the mean over the patches of an image.
    votes : ndarray, int64, (N,), 0 to n_patches
        Patches called fake.
    n_patches : ndarray, int64, (N,)
        Patches that voted; 1 where a row stands for a whole image.
    predicted : ndarray, bool, (N,)
        True where the image is called fake.
    """

    ids: tuple[str, ...]
    fake: NDArray[np.bool_]
    score: NDArray[np.float64]
    votes: NDArray[np.int64]
    n_patches: NDArray[np.int64]
    predicted: NDArray[np.bool_]


def vote(
    probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Let the patches of each image vote.

    A patch is called fake from a probability of 0.5. The majority decides; a tie goes to the class
    with the higher mean probability, and to fake if these are equal, too.

    Parameters
    ----------
    probabilities : ndarray, float64, (N, patches), 0 to 1
        Probability of fake.

    Returns
    -------
    score : ndarray, float64, (N,)
        Mean probability of fake.
    votes : ndarray, int64, (N,)
        Patches called fake.
    predicted : ndarray, bool, (N,)
        True where the image is called fake.
    """
    score = probabilities.mean(axis=1)
    votes = np.count_nonzero(probabilities >= 0.5, axis=1)
    lead = 2 * votes - probabilities.shape[1]
    predicted = (lead > 0) | ((lead == 0) & (score >= 0.5))
    return score, votes, predicted


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write one line per image, in the order of the images; scores with 9 significant digits."""
    lines = ["\t".join(COLUMNS)]
    for index, image in enumerate(predictions.ids):
        lines.append(
            f"{image}\t{WORDS[bool(predictions.fake[index])]}\t{predictions.score[index]:.9g}"
            f"\t{predictions.votes[index]}\t{predictions.n_patches[index]}"
            f"\t{WORDS[bool(predictions.predicted[index])]}"
        )
    write_text(path, "\n".join(lines) + "\n")


def read_predictions(path: Path) -> Predictions:
    """Read a predictions file.

    Raises
    ------
    UserError
        If the file is missing, empty or has other columns.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected predictions. Delete it and run snakemake "
            "again."
        ) from error
    if tuple(header) != COLUMNS or not rows:
        raise UserError(
            f"{path}: has {len(rows)} lines under the columns {' '.join(header)}, expected "
            f"predictions under {' '.join(COLUMNS)}. Delete it and run snakemake again."
        )
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    return Predictions(
        ids=columns["id"],
        fake=np.array(columns["label"]) == "fake",
        score=np.array(columns["score"], dtype=np.float64),
        votes=np.array(columns["votes"], dtype=np.int64),
        n_patches=np.array(columns["n_patches"], dtype=np.int64),
        predicted=np.array(columns["predicted"]) == "fake",
    )
