"""Random generators derived from the one seed of a run by name.

Every use of chance has its own name ("tune", cell; "patches"; "folds"), so that adding a cell or a
step changes the random numbers of no other.
"""

import hashlib
import json

import numpy as np


def rng(seed: int, *names: str) -> np.random.Generator:
    """Give the generator that belongs to a seed and a name.

    Parameters
    ----------
    seed : int
        The run's seed.
    *names : str
        What the numbers are for, from the general to the special.
    """
    return np.random.default_rng(_entropy(seed, names))


def integer(seed: int, *names: str) -> int:
    """Give a whole number from 0 to 2**31 - 1 for libraries that want a seed of their own."""
    return _entropy(seed, names) % 2**31


def _entropy(seed: int, names: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps([seed, *names]).encode()).digest())
