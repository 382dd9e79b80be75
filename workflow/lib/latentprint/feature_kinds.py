"""What features there are: which positions of the latents a classifier sees, and how as rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.protocol import FAITHFUL, training_positions
from latentprint.seeds import rng

SPLITS = ("train", "test")
COMPONENTS = {"Y": ("luma",), "YUV": ("luma", "chroma")}
FORMAT = "latentprint features 2"  # of the files; what they hold is said in feature_files

Positions = NDArray[np.int64]  # (k, 2): row, column in the latent's grid


@dataclass(frozen=True)
class Feature:
    """One way to make rows of values from the latents of an image.

    Attributes
    ----------
    positions : callable (height, width, n_patches, generator) -> (train, test)
        Positions that are used, the same for all images, each int64 (k, 2).
    whole : bool
        One row an image: all its values, channel by channel (C order), luma then chroma. Otherwise
        a row for each position, in the given order: its channels, luma then chroma.
    summary : callable (images, channels, h, w) -> (images, values), optional
        One row an image: what it makes of luma, then of chroma.
    summaries : int
        Values that it makes of a channel.
    screens : bool
        Whether a fit chooses among the values: of them all it sees the k that `screening` of the
        configuration says.
    """

    positions: Callable[[int, int, int, np.random.Generator], tuple[Positions, Positions]]
    whole: bool = False
    summary: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    summaries: int = 0
    screens: bool = False

    def rows_per_image(self, positions: Positions) -> int:
        """Count the rows that stand for one image."""
        return 1 if self.whole or self.summary else len(positions)

    def values_per_row(self, channels: int, height: int, width: int) -> int:
        """Count the values of a row."""
        if self.summary:
            return channels * self.summaries
        return channels * height * width if self.whole else channels

    def in_store(self, positions: Positions, grid: tuple[int, int]) -> bool:
        """Whether the values are all those of the store, so that a copy would be a second store."""
        if self.summary:
            return False
        return self.whole or np.array_equal(positions, grid_positions(*grid))


def grid_positions(height: int, width: int) -> Positions:
    """Give all positions, in row-major order."""
    return np.argwhere(np.ones((height, width), dtype=bool))


def everywhere(
    height: int, width: int, n_patches: int, generator: np.random.Generator
) -> tuple[Positions, Positions]:
    """Use all positions, in row-major order."""
    every = grid_positions(height, width)
    return every, every


def centre(
    height: int, width: int, n_patches: int, generator: np.random.Generator
) -> tuple[Positions, Positions]:
    """Give the one position (height // 2, width // 2): (8, 8) of 16 x 16, as in the thesis."""
    position = np.array([[height // 2, width // 2]])
    return position, position


def drawn(
    height: int, width: int, n_patches: int, generator: np.random.Generator
) -> tuple[Positions, Positions]:
    """Draw distinct training positions, in row-major order; all positions are for the test.

    Thesis: drew with replacement (one position twice); the vote used 255 draws with replacement.
    """
    if not 1 <= n_patches <= height * width:
        raise UserError(
            f"n_patches: {n_patches}, expected 1 to {height * width} distinct positions in a grid "
            f"of {height} x {width}. See config/README.md, key n_patches."
        )
    every = grid_positions(height, width)
    chosen = np.sort(generator.choice(len(every), size=n_patches, replace=False))
    return every[chosen], every


def channel_statistics(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give mean, standard deviation and mean absolute value of every channel.

    Parameters
    ----------
    values : ndarray, float32, (images, channels, h, w)

    Returns
    -------
    ndarray, float32, (images, 3 x channels)
        The means of all channels, then the deviations (over n), then the absolute values.
    """
    exact = values.astype(np.float64)
    columns = exact.mean(axis=(2, 3)), exact.std(axis=(2, 3)), np.abs(exact).mean(axis=(2, 3))
    return np.concatenate(columns, axis=1).astype(np.float32)


def positions_of(
    feature: str, grid: tuple[int, int], *, n_patches: int, seed: int, protocol: str
) -> tuple[Positions, Positions]:
    """Give the positions of a feature in training and in the test.

    Parameters
    ----------
    feature : str
        Key of `FEATURES`.
    grid : tuple of int
        Height and width of the latents.
    n_patches, seed : int
    protocol : {"corrected", "faithful"}
        `faithful` trains `multiple` on the thesis' positions. The test keeps all positions either
        way, since classifiers share the file; which of them vote is settled at prediction.

    Returns
    -------
    train, test : ndarray, int64, (k, 2)
    """
    if protocol == FAITHFUL and feature == "multiple":
        return np.array(training_positions(*grid)), grid_positions(*grid)
    return FEATURES[feature].positions(*grid, n_patches, rng(seed, "patches"))


FEATURES: dict[str, Feature] = {
    "flatten": Feature(everywhere, whole=True),
    "single": Feature(centre),
    "multiple": Feature(drawn),
    # Not of the thesis: global average pooling, and the values that fits choose among.
    "gap": Feature(everywhere, summary=channel_statistics, summaries=3),
    "screened": Feature(everywhere, whole=True, screens=True),
}
