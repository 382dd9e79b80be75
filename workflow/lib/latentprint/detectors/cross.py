"""Asking a detector about latents that it was not trained for, read straight from a store."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from latentprint.cell_fits import joined, predict_images
from latentprint.detectors.rows import detector_matrix, seen_alone
from latentprint.errors import UserError
from latentprint.feature_kinds import COMPONENTS
from latentprint.features import Matrix
from latentprint.predictions import Predictions
from latentprint.store import Store

BLOCK_VALUES = 2**23  # 32 MiB of float32


def store_blocks(
    store: Store,
    labels: Mapping[str, str],
    *,
    feature: str,
    component: str,
    latent: str,
    positions: Sequence[Sequence[int]],
) -> Iterator[Matrix]:
    """Give the rows of all images of a store, some images at a time.

    Parameters
    ----------
    store : Store
    labels : mapping of str to str
        "real" or "fake" of every id.
    feature, component, latent : str
        As for `build_features`.
    positions : sequence of (row, column)
        Of the test, for features that are no summary.

    Yields
    ------
    Matrix

    Raises
    ------
    UserError
        If an image of the store has no label.
    """
    missing = [name for name in store.ids if name not in labels]
    if missing:
        raise UserError(
            f"{store.path}: holds {missing[0]}, which the list of images does not name. Delete "
            f"{store.path} and run snakemake again."
        )
    names = [f"{part}/{latent}" for part in COMPONENTS[component]]
    channels = sum(store.shape(name)[1] for name in names)
    grid = store.shape(names[0])[2:]
    size = max(1, BLOCK_VALUES // (channels * grid[0] * grid[1]))
    attributes = {"feature": feature, "component": component, "latent": latent}
    attributes["test_positions"] = [list(position) for position in positions]
    for start in range(0, len(store), size):
        stop = min(start + size, len(store))
        ids = store.ids[start:stop]
        if seen_alone(feature):
            parts = [store.read_positions(name, positions, start, stop) for name in names]
        else:
            parts = [store.read(name, start, stop) for name in names]
        fake = np.array([labels[name] == "fake" for name in ids])
        yield detector_matrix(parts, ids, fake, attributes)


def predict_store(
    model: Any, store: Store, labels: Mapping[str, str], *, threads: int, **read: Any
) -> Predictions:
    """Let a model predict all images of a store; other parameters as for `store_blocks`."""
    blocks = store_blocks(store, labels, **read)
    return joined([predict_images(model, matrix, threads=threads) for matrix in blocks])
