"""Features: which latent values a classifier sees, one row per image or per patch.

A features file holds the groups ``train`` and ``test``, each with ``values`` (rows, P) float32,
``image`` (rows,) int32 (index into ``id``), ``id`` (N,) and ``label`` (N,) "real" or "fake". Rows
stand image by image, the same number for every image of a group. Flatten has no ``values``: they
would be a second copy of the store, so the file names the store and `load_matrix` reads it. (An
HDF5 view that changes the shape works, but reads 10 times slower than the store: 1.2 against 0.1
CPU seconds for 200 images.)
"""

import csv
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.protocol import CORRECTED, FAITHFUL, training_positions
from latentprint.seeds import rng
from latentprint.store import Store, open_store

SPLITS = ("train", "test")
COMPONENTS = {"Y": ("luma",), "YUV": ("luma", "chroma")}
FORMAT = "latentprint features"

Positions = NDArray[np.int64]  # (k, 2): row, column in the latent's grid


@dataclass(frozen=True)
class Feature:
    """One way to make rows of values from the latents of an image.

    Attributes
    ----------
    positions : callable (height, width, n_patches, generator) -> (train, test)
        Positions that are used, the same for all images, each int64 (k, 2).
    rows_per_image : callable (positions) -> int
    values_per_row : callable (channels, height, width) -> int
    build : callable (block, positions) -> values
        From float32 (n, channels, height, width) to float32 (n, rows_per_image, values_per_row).
    in_store : bool
        Whether the values are all the store's values, which are then not written again.
    """

    positions: Callable[[int, int, int, np.random.Generator], tuple[Positions, Positions]]
    rows_per_image: Callable[[Positions], int]
    values_per_row: Callable[[int, int, int], int]
    build: Callable[[NDArray[np.float32], Positions], NDArray[np.float32]]
    in_store: bool = False


@dataclass(frozen=True)
class Matrix:
    """The rows of one split.

    Attributes
    ----------
    values : ndarray, float32, (rows, P), columns contiguous
    groups : ndarray, int32, (rows,)
        Image of each row, as an index into `ids`; 0 0 ... 1 1 ..., equally many rows per image.
    fake : ndarray, bool, (rows,)
    ids : tuple of str, (N,)
    attributes : dict
        Of the features file: feature, component, latent, digests and positions.
    """

    values: NDArray[np.float32]
    groups: NDArray[np.int32]
    fake: NDArray[np.bool_]
    ids: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def rows_per_image(self) -> int:
        """Rows that stand for one image."""
        return len(self.groups) // len(self.ids)

    @property
    def fake_images(self) -> NDArray[np.bool_]:
        """Label of every image, bool (N,)."""
        return self.fake[:: self.rows_per_image]


def flatten_block(block: NDArray[np.float32], positions: Positions) -> NDArray[np.float32]:
    """Put all values of an image in one row, channel by channel (C order), luma then chroma."""
    return block.reshape(len(block), 1, -1)


def patches(block: NDArray[np.float32], positions: Positions) -> NDArray[np.float32]:
    """Take the channels at each position as one row, positions in the given order."""
    return block[:, :, positions[:, 0], positions[:, 1]].transpose(0, 2, 1)


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
    every = np.argwhere(np.ones((height, width), dtype=bool))
    chosen = np.sort(generator.choice(len(every), size=n_patches, replace=False))
    return every[chosen], every


def everywhere(
    height: int, width: int, n_patches: int, generator: np.random.Generator
) -> tuple[Positions, Positions]:
    """Give all positions, in row-major order."""
    every = np.argwhere(np.ones((height, width), dtype=bool))
    return every, every


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
    generator = rng(seed, "patches")
    if protocol == FAITHFUL and feature == "multiple":
        return np.array(training_positions(*grid)), everywhere(*grid, n_patches, generator)[1]
    return FEATURES[feature].positions(*grid, n_patches, generator)


def _one_row(positions: Positions) -> int:
    return 1


def _row_per_position(positions: Positions) -> int:
    return len(positions)


def _all_values(channels: int, height: int, width: int) -> int:
    return channels * height * width


def _channels(channels: int, height: int, width: int) -> int:
    return channels


FEATURES: dict[str, Feature] = {
    "flatten": Feature(everywhere, _one_row, _all_values, flatten_block, in_store=True),
    "single": Feature(centre, _row_per_position, _channels, patches),
    "multiple": Feature(drawn, _row_per_position, _channels, patches),
}


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
        "format": FORMAT,
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
        for key, value in attributes.items():
            file.attrs[key] = value if isinstance(value, str) else json.dumps(value)
        file.flush()
        file.attrs["complete"] = True
    return shapes


def load_matrix(path: Path, split: str) -> Matrix:
    """Read the rows of one split into one column-contiguous matrix, block by block.

    Parameters
    ----------
    path : Path
        A features file.
    split : str
        "train" or "test".

    Raises
    ------
    UserError
        If the file is missing, damaged or half-written, or if the store that a flatten file names
        is not the one it was made from.
    """
    path = Path(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read as HDF5 ({error}), expected a features file. {_remake(path)}"
        ) from error
    with file:
        attributes = _attributes(path, file)
        group = file[split]
        ids = tuple(group["id"].asstr()[:].tolist())
        fake_images = group["label"].asstr()[:] == "fake"
        groups = group["image"][:]
        if FEATURES[attributes["feature"]].in_store:
            store = path.parent / group.attrs["store"]
            values = _read_store(path, store, attributes, split)
        else:
            values = _columns_contiguous(group["values"])
    return Matrix(values, groups, fake_images[groups], ids, attributes)


def read_labels(selection: Path) -> dict[str, list[tuple[str, str]]]:
    """Read id and label of every selected image, in the order of the file, per split."""
    labels: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS}
    with Path(selection).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["split"] in labels:
                labels[row["split"]].append((row["id"], row["label"]))
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
    channels = sum(store.shape(name)[1] for name in names)
    per_image = feature.rows_per_image(positions)
    width = feature.values_per_row(channels, *store.shape(names[0])[2:])
    rows = len(store) * per_image
    text = h5py.string_dtype()
    group.create_dataset("id", data=[image for image, _ in labels], dtype=text)
    group.create_dataset("label", data=[label for _, label in labels], dtype=text)
    group.create_dataset("image", data=np.repeat(np.arange(len(store), dtype=np.int32), per_image))
    if not feature.in_store:
        values = group.create_dataset("values", shape=(rows, width), dtype=np.float32)
        for start, stop, arrays in store.blocks(names):
            block = np.concatenate([arrays[name] for name in names], axis=1)
            values[start * per_image : stop * per_image] = feature.build(block, positions).reshape(
                -1, width
            )
    return rows, width


def _attributes(path: Path, file: h5py.File) -> dict[str, Any]:
    if file.attrs.get("format") != FORMAT or not file.attrs.get("complete", False):
        raise UserError(f"{path}: not a finished features file. {_remake(path)}")
    plain = ("format", "feature", "component", "latent", "complete")
    return {
        key: value if key in plain else json.loads(value)
        for key, value in file.attrs.items()
        if key not in ("format", "complete")
    }


def _read_store(
    path: Path, store_path: Path, attributes: dict[str, Any], split: str
) -> NDArray[np.float32]:
    """Fill one column-contiguous matrix with all values of the store, (N, P)."""
    digests: dict[str, str] = attributes[f"{split}_digests"]
    with open_store(store_path) as store:
        for name, digest in digests.items():
            if store.digest_of(name) != digest:
                raise UserError(
                    f"{path}: was made from '{name}' with digest {digest}, but {store_path} now "
                    f"has {store.digest_of(name)}. {_remake(path)}"
                )
        widths = [int(np.prod(store.shape(name)[1:])) for name in digests]
        columns = np.empty((sum(widths), len(store)), dtype=np.float32)
        for start, stop, arrays in store.blocks(list(digests)):
            first = 0
            for name, width in zip(digests, widths, strict=True):
                block = arrays[name].reshape(stop - start, width)
                columns[first : first + width, start:stop] = block.T
                first += width
    return columns.T


def _columns_contiguous(dataset: h5py.Dataset, *, rows: int = 65536) -> NDArray[np.float32]:
    """Read a matrix (rows, P) so that columns are contiguous, without a second copy of it."""
    columns = np.empty(dataset.shape[::-1], dtype=np.float32)
    for start in range(0, len(dataset), rows):
        columns[:, start : start + rows] = dataset[start : start + rows].T
    return columns.T


def _remake(path: Path) -> str:
    return f"Delete {path} and run snakemake again."
