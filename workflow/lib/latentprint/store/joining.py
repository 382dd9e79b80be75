"""Joining stores: large datasets become views of those of other files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.sidecar import sidecar_path
from latentprint.store.checks import remake
from latentprint.store.description import check_attributes, finish
from latentprint.store.digests import row_digests
from latentprint.store.layout import ROW_DIGESTS, SOURCES, relative
from latentprint.store.reading import open_store


def join(
    path: Path,
    shards: Sequence[Path],
    *,
    attributes: Mapping[str, Any],
    views: Mapping[str, Sequence[Path]] | None = None,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Make a store whose large datasets are views of other stores, and its sidecar file.

    File names are kept relative to `path`, so that the folder of results can be moved. Numbers per
    image and row digests are copied: they are small.

    Parameters
    ----------
    path : Path
        The store to make.
    shards : sequence of Path
        Stores, in the order of their images; all with the same datasets.
    attributes : mapping of str to JSON value
        As for `create`.
    views : mapping of str to sequence of Path, optional
        Datasets to be taken from other stores, which hold the same images in the same order.
    arrays : mapping of str to ndarray, (N, ...), optional
        Numbers per image that no other store holds.

    Raises
    ------
    UserError
        If a shard is missing, half-written or of another schema, or if the parts do not fit.
    """
    path = Path(path)
    check_attributes(path, attributes)
    views, arrays = views or {}, arrays or {}
    opened: dict[Path, _Part] = {}
    for source in [*shards, *(source for sources in views.values() for source in sources)]:
        if source not in opened:
            opened[source] = _Part.of(source)
    parts = [opened[shard] for shard in shards]
    ids = [image for part in parts for image in part.ids]
    if len(set(ids)) != len(ids):
        raise UserError(f"{path}: an image stands in two shards. {remake(path)}")
    origin = {name: parts for name in parts[0].kinds if name not in views and name not in arrays}
    for part in parts:
        if part.kinds.keys() != parts[0].kinds.keys():
            raise UserError(
                f"{part.path}: holds {', '.join(part.kinds)}, expected "
                f"{', '.join(parts[0].kinds)} as in {parts[0].path}. {remake(part.path)}"
            )
    for name, sources in views.items():
        origin[name] = [opened[source] for source in sources]
        if [image for part in origin[name] for image in part.ids] != ids:
            raise UserError(
                f"{path}: '{name}' is to be taken from {origin[name][0].path}, which holds "
                f"other images or another order. {remake(origin[name][0].path)}"
            )
    with replacing(path) as temporary, replacing(sidecar_path(path)) as sidecar:
        with h5py.File(temporary, "w") as file:
            file.create_dataset("id", data=ids, dtype=h5py.string_dtype())
            for name in sorted(origin):
                _join_dataset(file, name, origin[name], folder=path.parent)
            for name, array in sorted(arrays.items()):
                file.create_dataset(name, data=array)
                file.create_dataset(f"{ROW_DIGESTS}/{name}", data=row_digests(array))
            table = [(relative(part.path, path.parent), part.digest) for part in opened.values()]
            file.create_dataset(SOURCES, data=table, dtype=h5py.string_dtype())
            finish(file, sidecar, ids, attributes)
        os.utime(sidecar)  # newer than the closed file: see `changed_since_described`


class _Part(NamedTuple):
    """What joining needs of one store, which need not stay open: there may be thousands."""

    path: Path
    ids: tuple[str, ...]
    digest: str
    kinds: dict[str, tuple[tuple[int, ...], np.dtype[Any]]]  # shape of an image, dtype
    row_digests: dict[str, NDArray[np.uint8]]
    small: dict[str, NDArray[Any]]  # what is copied; the others are viewed

    @classmethod
    def of(cls, path: Path) -> "_Part":
        with open_store(path) as store:
            datasets = {name: store.dataset(name) for name in store.names}
            return cls(
                path,
                store.ids,
                store.digest,
                {name: (each.shape[1:], each.dtype) for name, each in datasets.items()},
                {name: store.row_digests(name) for name in datasets},
                {
                    name: store.read(name)
                    for name, each in datasets.items()
                    if not (each.is_virtual or each.chunks)
                },
            )


def _join_dataset(file: h5py.File, name: str, parts: Sequence[_Part], *, folder: Path) -> None:
    """Add one dataset made of the rows of several stores."""
    for part in parts:
        if name not in part.kinds:
            raise UserError(
                f"{part.path}: no dataset '{name}', expected one of {', '.join(part.kinds)}. "
                f"{remake(part.path)}"
            )
    shape, dtype = parts[0].kinds[name]
    for part in parts:
        found = part.kinds[name]
        if found != (shape, dtype):
            raise UserError(
                f"{part.path}: '{name}' has images of shape {found[0]} ({found[1]}), "
                f"expected {shape} ({dtype}) as in {parts[0].path}. {remake(part.path)}"
            )
    digests = np.concatenate([part.row_digests[name] for part in parts])
    file.create_dataset(f"{ROW_DIGESTS}/{name}", data=digests)
    if all(name in part.small for part in parts):
        file.create_dataset(name, data=np.concatenate([part.small[name] for part in parts]))
        return
    layout = h5py.VirtualLayout(shape=(len(digests), *shape), dtype=dtype)
    start = 0
    for part in (part for part in parts if part.ids):
        stop = start + len(part.ids)
        layout[start:stop] = h5py.VirtualSource(
            relative(part.path, folder), name, shape=(len(part.ids), *shape), dtype=dtype
        )
        start = stop
    file.create_virtual_dataset(name, layout)
