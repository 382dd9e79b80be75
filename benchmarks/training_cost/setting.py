"""What is measured: the rows that are fitted and asked, and how much of each part is run."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.features import load_matrix
from latentprint.seeds import rng

SIDE = 16
PER_CHANNEL = SIDE * SIDE
SHIFTED_PER_CHANNEL = 6  # values with another mean in one class, on average
CHANNELS_PER_SCALED = 16  # of so many channels one has another scale in one class
SCALED_BY = 1.08


class Data(NamedTuple):
    """Rows of both splits; the columns of the values lie together in memory."""

    values: NDArray[np.float32]  # (n, P)
    fake: NDArray[np.bool_]  # (n,)
    test_values: NDArray[np.float32]  # (n_test, P)
    test_fake: NDArray[np.bool_]  # (n_test,)

    @property
    def labels(self) -> NDArray[np.str_]:
        """Labels of the training rows, "fake" and "real"."""
        return np.where(self.fake, "fake", "real")


class Setting(NamedTuple):
    """What all parts need to know.

    `features` is a features file, None for rows that are drawn; `values` is then P. The parts are
    repeated for each of the `seeds`, of the rows and of the models.
    """

    features: Path | None = None
    n: int = 4000
    n_test: int = 1000
    values: int = 65536
    seeds: tuple[int, ...] = (0, 1, 2)
    threads: int = 1
    trees: int = 100
    candidates: int = 2
    search_trees: int = 50
    rounds: int = 20

    def data(self, seed: int) -> Data:
        """Give the rows of a seed."""
        if self.features is None:
            return drawn(self, seed)
        parts = []
        for split, count in (("train", self.n), ("test", self.n_test)):
            matrix = load_matrix(self.features, split)
            values, fake = matrix.values, matrix.fake
            if len(fake) > count:
                rows = balanced(fake, count, rng(seed, "rows", split))
                values, fake = taken(values, rows), fake[rows]
            parts += [values, fake]
        return Data(*parts)

    def described(self) -> str:
        """Say in a few words what the rows are."""
        if self.features is None:
            return f"synthetic, {self.n} to fit and {self.n_test} to ask, of {self.values} values"
        return f"at most {self.n} to fit and {self.n_test} to ask of a features file"


def taken(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Copy rows of a matrix so that columns lie together."""
    return values.T.take(rows, axis=1).T


def balanced(
    fake: NDArray[np.bool_], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Choose rows, half of them fake where there are enough, in their order."""
    order = generator.permutation(len(fake))
    fakes, reals = order[fake[order]], order[~fake[order]]
    n_fake = max(min(count // 2, len(fakes)), count - len(reals))
    return np.sort(np.concatenate([fakes[:n_fake], reals[: count - n_fake]]))


def drawn(setting: Setting, seed: int) -> Data:
    """Draw rows that look like latents and have a weak signal.

    Laplacian values, in each channel of 16 x 16 smoothed and scaled together (log-normal). Six
    values a channel have another mean in each class, 0.05 to 0.25 of the unit Laplacian above or
    below; one channel of 16 has a scale 8 % larger in one class. The channels are the same for all
    seeds, the rows are not.
    """
    channels = setting.values // PER_CHANNEL
    if channels < 1 or channels * PER_CHANNEL != setting.values:
        raise UserError(f"--values {setting.values}: expected a multiple of {PER_CHANNEL}")
    fake = [np.arange(count) % 2 == 0 for count in (setting.n, setting.n_test)]
    both = np.concatenate(fake)
    world = rng(0, "latents-like channels")
    shift = np.zeros(setting.values, dtype=np.float32)
    shifted = world.choice(setting.values, size=SHIFTED_PER_CHANNEL * channels, replace=False)
    shift[shifted] = world.uniform(0.05, 0.25, len(shifted)) * world.choice([-1, 1], len(shifted))
    scaled = world.choice(channels, size=math.ceil(channels / CHANNELS_PER_SCALED), replace=False)
    parts = [np.empty((setting.values, len(part)), dtype=np.float32) for part in fake]
    for channel in range(channels):
        scale = np.float32(world.lognormal())
        neighbours = np.float32(world.uniform(0, 0.5))
        generator = rng(seed, "latents-like rows", str(channel))
        place = slice(channel * PER_CHANNEL, (channel + 1) * PER_CHANNEL)
        rows = smoothed(generator, len(both), neighbours)
        rows += np.where(both, np.float32(1), np.float32(-1))[:, np.newaxis] * shift[place]
        rows[both] *= SCALED_BY if channel in scaled else 1
        rows *= scale
        parts[0][place] = rows[: setting.n].T
        parts[1][place] = rows[setting.n :].T
    return Data(parts[0].T, fake[0], parts[1].T, fake[1])


def smoothed(
    generator: np.random.Generator, count: int, neighbours: np.float32
) -> NDArray[np.float32]:
    """Draw channels, float32 (count, 256): unit Laplacian, mixed with the four neighbours."""
    size = (count, SIDE, SIDE)
    one, other = (generator.standard_exponential(size, dtype=np.float32) for _ in range(2))
    plain = one - other
    mixed = plain.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            mixed += neighbours * np.roll(plain, step, axis=axis)
    mixed /= np.sqrt(1 + 4 * neighbours**2)
    return mixed.reshape(count, PER_CHANNEL)


def mean_interval(numbers: Sequence[float]) -> tuple[float, float, float]:
    """Give a mean with its 95 % interval (Student's t); infinite for one number."""
    from scipy.stats import t

    mean = float(np.mean(numbers))
    if len(numbers) < 2:
        return mean, -math.inf, math.inf
    half = t.ppf(0.975, len(numbers) - 1) * np.std(numbers, ddof=1) / math.sqrt(len(numbers))
    return mean, mean - half, mean + half
