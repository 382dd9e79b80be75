"""Making features files: the rows that a classifier sees, without a second copy of the store.

A features file holds the groups ``train`` and ``test``, each with ``id`` (N,), ``label`` (N,)
"real" or "fake", and the attributes ``rows_per_image`` and ``n_values`` (P). Rows stand image by
image, the same number for every image of a group. Where few positions are seen, their ``values``
(rows, P) float32 are written. Where all are (flatten; the test images of multiple), the file names
the store, and `latentprint.features` reads the values there. (An HDF5 view that changes the shape
works, but reads 10 times slower than the store: 1.2 against 0.1 CPU seconds for 200 images.)
"""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from latentprint.errors import UserError
from latentprint.feature_kinds import (
    COMPONENTS,
    FEATURES,
    FORMAT,
    SPLITS,
    Feature,
    Positions,
    positions_of,
)
from latentprint.files import replacing
from latentprint.protocol import CORRECTED
from latentprint.store import Store, open_store

BLOCK_VALUES = 2**23  # 32 MiB of float32


def build_features(
    output: Path,
    *,
    stores: dict[str, Path],
    selection: Path,
    feature: str,
    component: str,
    latent: str,
    n_patches: int,
    seed: int,
    protocol: str = CORRECTED,
) -> dict[str, tuple[int, int]]:
    """Make a features file from the latent stores of both splits.

    Parameters
    ----------
    output : Path
    stores : dict of str to Path
        Store of "train" and of "test".
    selection : Path
        ``selection.tsv``; its ids must be those of the stores, in the same order.
    feature, component, latent : str
        Keys of `FEATURES` and `COMPONENTS`; "y" or "y_hat".
    n_patches : int
        Training positions of `multiple`.
    seed : int
        The run's seed. Positions depend on nothing else, so that all cells see the same.
    protocol : {"corrected", "faithful"}
        As for `positions_of`.

    Returns
    -------
    dict of str to (rows, values)
        Per split.

    Raises
    ------
    UserError
        If a store is unusable or holds other images than the selection.
    """
    labels = read_labels(selection)
    names = [f"{part}/{latent}" for part in COMPONENTS[component]]
    attributes: dict[str, Any] = {
        "feature": feature,
        "component": component,
        "latent": latent,
    }
    shapes = {}
    with replacing(output) as temporary, h5py.File(temporary, "w") as file:
        for index, split in enumerate(SPLITS):
            with open_store(stores[split]) as store:
                _check_images(store, labels[split], selection)
                grid = store.shape(names[0])[2:]
                positions = positions_of(
                    feature, grid, n_patches=n_patches, seed=seed, protocol=protocol
                )
                group = file.create_group(split)
                shapes[split] = _write_split(
                    group, store, names, FEATURES[feature], positions[index], labels[split]
                )
                group.attrs["store"] = os.path.relpath(
                    stores[split].resolve(), output.parent.resolve()
                )
                attributes[f"{split}_positions"] = positions[index].tolist()
                attributes[f"{split}_digests"] = {name: store.digest_of(name) for name in names}
        file.attrs["format"] = FORMAT
        file.attrs["attributes"] = json.dumps(attributes)
        file.flush()
        file.attrs["complete"] = True
    return shapes


def read_labels(selection: Path) -> dict[str, list[tuple[str, str]]]:
    """Read id and label of every selected image, in the order of the file, per split."""
    labels: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS}
    with Path(selection).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    image, label, split = (header.index(name) for name in ("id", "label", "split"))
    for row in rows:
        if row[split] in labels:
            labels[row[split]].append((row[image], row[label]))
    return labels


def _check_images(store: Store, labels: Sequence[tuple[str, str]], selection: Path) -> None:
    if store.ids == tuple(image for image, _ in labels):
        return
    raise UserError(
        f"{store.path}: holds {len(store)} images, expected the {len(labels)} of {selection} in "
        f"the same order. Delete {store.path} and run snakemake again."
    )


def _write_split(
    group: h5py.Group,
    store: Store,
    names: Sequence[str],
    feature: Feature,
    positions: Positions,
    labels: Sequence[tuple[str, str]],
) -> tuple[int, int]:
    """Write one split and give the shape of its matrix."""
    grid = store.shape(names[0])[2:]
    per_image = feature.rows_per_image(positions)
    width = feature.values_per_row(sum(store.shape(name)[1] for name in names), *grid)
    rows = len(store) * per_image
    text = h5py.string_dtype()
    group.create_dataset("id", data=[image for image, _ in labels], dtype=text)
    group.create_dataset("label", data=[label for _, label in labels], dtype=text)
    group.attrs["rows_per_image"], group.attrs["n_values"] = per_image, width
    if not feature.in_store(positions, grid):
        values = group.create_dataset("values", shape=(rows, width), dtype=np.float32)
        images = max(1, BLOCK_VALUES // (len(positions) * width))
        for start in range(0, len(store), images):
            stop = min(start + images, len(store))
            if feature.summary:
                parts = [feature.summary(store.read(name, start, stop)) for name in names]
                block = np.concatenate(parts, axis=1)  # (images, values)
            else:
                parts = [store.read_positions(name, positions, start, stop) for name in names]
                block = np.concatenate(parts, axis=2)  # (images, positions, channels)
            values[start * per_image : stop * per_image] = block.reshape(-1, width)
    return rows, width
