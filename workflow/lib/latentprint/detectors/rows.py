"""Rows that a detector sees, of latents that are in memory or were read from a store."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.feature_kinds import FEATURES
from latentprint.features import Matrix

Latents = NDArray[np.float32]


def seen_alone(feature: str) -> bool:
    """Tell whether a feature sees single positions, so that the others need not be read."""
    kind = FEATURES[feature]
    return not (kind.whole or kind.summary)


def at_positions(latents: Latents, positions: Sequence[Sequence[int]]) -> Latents:
    """Give the values at some positions, as a store reads them.

    Parameters
    ----------
    latents : ndarray, float32, (N, channels, h, w)
    positions : sequence of (row, column)

    Returns
    -------
    ndarray, float32, (N, positions, channels)
    """
    rows, columns = np.asarray(positions, dtype=np.intp).reshape(-1, 2).T
    return latents[:, :, rows, columns].swapaxes(1, 2)


def detector_matrix(
    parts: Sequence[Latents],
    ids: Sequence[str],
    fake: NDArray[np.bool_],
    attributes: Mapping[str, Any],
) -> Matrix:
    """Make the rows of some images, as `build_features` makes them.

    Parameters
    ----------
    parts : sequence of ndarray, float32
        Of luma and, where the component has it, of chroma: (N, channels, h, w), or (N, positions,
        channels) where the feature sees single positions.
    ids : sequence of str, (N,)
    fake : ndarray, bool, (N,)
    attributes : mapping
        `feature`, and what else is known of the rows.

    Returns
    -------
    Matrix
    """
    kind = FEATURES[attributes["feature"]]
    if kind.summary:
        values = np.concatenate([kind.summary(part) for part in parts], axis=1)
    elif kind.whole:
        values = np.concatenate([part.reshape(len(ids), -1) for part in parts], axis=1)
    else:
        joined = np.concatenate(parts, axis=2)  # (N, positions, channels)
        values = joined.reshape(-1, joined.shape[2])
    groups = np.repeat(np.arange(len(ids), dtype=np.int32), len(values) // len(ids))
    return Matrix(values, groups, fake[groups], tuple(ids), dict(attributes))
