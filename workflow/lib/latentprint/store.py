"""The latent store: the only module that knows the layout of the HDF5 files of latents.

A store holds, for N images, one dataset per kind of latent and some small ones per image:

=====================  ==============  =======  ==============================================
``id``                 (N,)            utf-8    order of ``selection.tsv``
``luma/y``, ``y_hat``  (N, 160, h, w)  float32  one image a chunk, uncompressed
``chroma/y``, ...      (N, 96, h, w)   float32  the same
``model``              (N,)            int8     model id
``bpp``                (N,)            float64  estimated bits per pixel, NaN if unknown
``beta``               (N, 2)          int16    displacement of luma, chroma
``bits``               (N, 4)          float64  bits of luma z, luma y, chroma z, chroma y, or NaN
``found``, ``trials``  (N,)            int8, 16 rate matching: was a rate accepted, rates tried
=====================  ==============  =======  ==============================================

Optional, of luma and of chroma alike:

=============  ==============  =======  ========================================================
``luma/q``     (N, 160, h, w)  int16    quantised residual, compressed
``luma/z_hat`` (N, 160, ...)   int8     hyper latents, compressed
``luma/mu``    (N, 160, h, w)  float32  mean prediction
``luma/gain``  (N, 160)        float32  multiplier of the residual before rounding
``luma/grfs``  (N, 160)        int8     channels raised by GRFS
``luma/cube``  (N, 4, ...)     int8     cube flags
=============  ==============  =======  ========================================================

For each of them ``row_sha256/<name>`` (N, 32) uint8 keeps the digest of every image's bytes, so
that joining shards needs no second look at 30 GB. The digest of a dataset is taken over these row
digests and the digest of a store over the ids and the datasets in alphabetical order; hence neither
depends on how the images were divided into shards. Beside each store ``<stem>.json`` repeats the
digests, counts and attributes: the rules watch this small file instead of the large one.

A store that is being made can be gone on with after its job was stopped. Its large datasets have
their place in the file from the beginning and are written past HDF5's caches, so that even after
``kill -9`` or on a full disk the file is in order; which images are there, the row digests say.
"""

import errno
import hashlib
import json
import logging
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.sidecar import FORMAT, read_sidecar, sidecar_path

logger = logging.getLogger(__name__)

SCHEMA = 1
REQUEST, CLOSED = "request", "closed"  # what a store was asked to be; no job is writing it
OWN_ATTRIBUTES = ("format", "schema", "digest", "complete", REQUEST, CLOSED)
ROW_DIGESTS = "row_sha256"
CHUNKED_FROM_BYTES = 4096  # below this, a chunk per image costs more than it holds
BLOCK_BYTES = 32 * 2**20
STOPPING_S = 10.0  # time that a job which is being stopped has to close its file


class StoreWriter:
    """Fills the rows of a store that `create` has opened."""

    def __init__(
        self, file: h5py.File, names: Sequence[str], ids: Sequence[str], *, done: int = 0
    ) -> None:
        self._file = file
        self._names = tuple(names)
        self._ids = tuple(ids)
        self._written = np.zeros((len(ids), len(names)), dtype=bool)
        self._written[:done] = True

    @property
    def done(self) -> int:
        """The number of images, from the first on, of which all is there."""
        missing = np.flatnonzero(~self._written.all(axis=1))
        return int(missing[0]) if len(missing) else len(self._ids)

    def write(self, start: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write consecutive images.

        Parameters
        ----------
        start : int
            Row of the first image.
        arrays : mapping of str to ndarray, (n, ...)
            Any of the store's datasets; each array holds the n images from row `start`. Values are
            converted to the dataset's dtype.

        Raises
        ------
        ValueError
            If a name, a shape or the range of rows does not fit the store.
        """
        for name, array in arrays.items():
            if name not in self._names:
                raise ValueError(
                    f"no dataset '{name}' in this store, only {', '.join(self._names)}"
                )
            dataset = self._file[name]
            rows = np.ascontiguousarray(array, dtype=dataset.dtype)
            stop = start + len(rows)
            if rows.shape[1:] != dataset.shape[1:] or start < 0 or stop > len(self._ids):
                raise ValueError(
                    f"'{name}': rows {start} to {stop} of shape {rows.shape[1:]} do not fit "
                    f"{dataset.shape}"
                )
            if len(rows) == 0:
                continue
            with _full_disk_named(self._file.filename):
                dataset[start:stop] = rows
                self._file[f"{ROW_DIGESTS}/{name}"][start:stop] = _row_digests(rows)
            self._written[start:stop, self._names.index(name)] = True

    def _check_all_written(self) -> None:
        for column, name in enumerate(self._names):
            missing = np.flatnonzero(~self._written[:, column])
            if len(missing):
                raise ValueError(
                    f"'{name}': {len(missing)} of {len(self._ids)} images were not written, "
                    f"the first is {self._ids[missing[0]]}"
                )


class Store:
    """A store opened for reading; made by `open_store`.

    Attributes
    ----------
    path : Path
    ids : tuple of str, (N,)
    names : tuple of str
        The datasets, in alphabetical order.
    attributes : dict
        What the writer said about the content.
    digest : str
        SHA-256 of the content, hexadecimal.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self.ids = tuple(file["id"].asstr()[:].tolist())
        self.names = _dataset_names(file)
        self.attributes = {
            key: _decoded(value) for key, value in file.attrs.items() if key not in OWN_ATTRIBUTES
        }
        self.digest = str(file.attrs["digest"])

    def __len__(self) -> int:
        return len(self.ids)

    def shape(self, name: str) -> tuple[int, ...]:
        """Give the shape (N, ...) of a dataset."""
        return tuple(self._dataset(name).shape)

    def digest_of(self, name: str) -> str:
        """Give the SHA-256 of one dataset's content, hexadecimal."""
        return _dataset_digest(self._file, name)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Read the images `start` to `stop` (exclusive; all by default) of a dataset, (n, ...)."""
        return self._dataset(name)[start:stop]

    def read_position(self, name: str, row: int, col: int) -> NDArray[np.float32]:
        """Read the channels of every image at one position, (N, channels).

        All of the dataset passes through memory, block by block: the file is laid out by image.
        """
        shape = self.shape(name)
        values = np.empty(shape[:2], dtype=self._dataset(name).dtype)
        for start, stop, block in self.blocks([name]):
            values[start:stop] = block[name][:, :, row, col]
        return values

    def blocks(
        self, names: Sequence[str], *, rows: int | None = None
    ) -> Iterator[tuple[int, int, dict[str, NDArray[Any]]]]:
        """Read several datasets block by block, in order.

        Parameters
        ----------
        names : sequence of str
        rows : int, optional
            Images per block; by default as many as fill about 32 MiB.

        Yields
        ------
        start, stop : int
            The rows of this block.
        arrays : dict of str to ndarray, (stop - start, ...)
        """
        if rows is None:
            row_bytes = sum(
                self._dataset(name).dtype.itemsize * int(np.prod(self.shape(name)[1:]))
                for name in names
            )
            rows = max(1, BLOCK_BYTES // max(row_bytes, 1))
        for start in range(0, len(self), rows):
            stop = min(start + rows, len(self))
            yield start, stop, {name: self.read(name, start, stop) for name in names}

    def _dataset(self, name: str) -> h5py.Dataset:
        if name not in self.names:
            raise UserError(
                f"{self.path}: no dataset '{name}', expected one of {', '.join(self.names)}. "
                f"{_remake(self.path)}"
            )
        return self._file[name]


@contextmanager
def create(
    path: Path,
    *,
    ids: Sequence[str],
    datasets: Mapping[str, tuple[Sequence[int], DTypeLike]],
    attributes: Mapping[str, Any],
    compressed: Collection[str] = (),
    resume: Mapping[str, Any] | None = None,
) -> Iterator[StoreWriter]:
    """Make a store and its sidecar file, complete or not at all.

    Parameters
    ----------
    path : Path
        The store; ``<stem>.json`` beside it is written as well.
    ids : sequence of str, (N,)
        Distinct ids of the images, in the order of the rows.
    datasets : mapping of str to (shape, dtype)
        Shape of one image, () for a number per image, and dtype.
    attributes : mapping of str to JSON value
        What a reader must know about the content. `open_store` compares `images_digest` and
        `weights_digest` with what its caller expects.
    compressed : collection of str
        Datasets of integers, which compress; floats do not.
    resume : mapping of str to JSON value, optional
        What the values depend on beside ids, datasets and attributes. If the block fails, the
        images written so far then stay beside the store; the next call with equal arguments takes
        them over after comparing their digests, and the writer's `done` says how many there are.
        What was begun otherwise is thrown away. Without it nothing stays and nothing is taken over.

    Yields
    ------
    StoreWriter

    Raises
    ------
    ValueError
        If ids repeat or, on leaving the block, if rows were not written.
    """
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path}: the ids of a store must be distinct")
    _check_attributes(path, attributes)
    kept = resume is not None
    request = _request(ids, datasets, attributes, compressed, resume or {})
    with replacing(path, keep=kept) as temporary, replacing(sidecar_path(path)) as sidecar:
        begun, done = _taken_over(temporary, request, sorted(datasets)) or (None, 0)
        with begun or h5py.File(temporary, "w", rdcc_nbytes=0) as file:
            if not done:
                file.create_dataset("id", data=list(ids), dtype=h5py.string_dtype())
                file.attrs[REQUEST] = json.dumps(request)
                for name, (shape, dtype) in sorted(datasets.items()):
                    _add_dataset(file, name, (len(ids), *shape), dtype, packed=name in compressed)
            file.attrs[CLOSED] = False
            file.flush()
            writer = StoreWriter(file, sorted(datasets), ids, done=done)
            try:
                yield writer
            except BaseException:
                with suppress(OSError, RuntimeError):  # on a full disk; the block's error stands
                    file.attrs[CLOSED] = True
                    file.close()
                if kept and writer.done:
                    logger.info("%d of %d images are kept in %s", writer.done, len(ids), temporary)
                elif kept:
                    temporary.unlink(missing_ok=True)
                raise
            writer._check_all_written()
            file.attrs[CLOSED] = True
            _finish(file, sidecar, ids, attributes)


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
    _check_attributes(path, attributes)
    views, arrays = views or {}, arrays or {}
    with ExitStack() as stack:
        opened: dict[Path, Store] = {}
        for source in [*shards, *(source for sources in views.values() for source in sources)]:
            if source not in opened:
                opened[source] = stack.enter_context(open_store(source))
        parts = [opened[shard] for shard in shards]
        ids = [image for part in parts for image in part.ids]
        if len(set(ids)) != len(ids):
            raise UserError(f"{path}: an image stands in two shards. {_remake(path)}")
        origin = {
            name: parts for name in parts[0].names if name not in views and name not in arrays
        }
        for part in parts:
            if part.names != parts[0].names:
                raise UserError(
                    f"{part.path}: holds {', '.join(part.names)}, expected "
                    f"{', '.join(parts[0].names)} as in {parts[0].path}. {_remake(part.path)}"
                )
        for name, sources in views.items():
            origin[name] = [opened[source] for source in sources]
            if [image for part in origin[name] for image in part.ids] != ids:
                raise UserError(
                    f"{path}: '{name}' is to be taken from {origin[name][0].path}, which holds "
                    f"other images or another order. {_remake(origin[name][0].path)}"
                )
        with replacing(path) as temporary, replacing(sidecar_path(path)) as sidecar:
            with h5py.File(temporary, "w") as file:
                file.create_dataset("id", data=ids, dtype=h5py.string_dtype())
                for name in sorted(origin):
                    _join_dataset(file, name, origin[name], folder=path.parent)
                for name, array in sorted(arrays.items()):
                    file.create_dataset(name, data=array)
                    file.create_dataset(f"{ROW_DIGESTS}/{name}", data=_row_digests(array))
                table = [
                    (_relative(part.path, path.parent), part.digest) for part in opened.values()
                ]
                file.create_dataset("sources", data=table, dtype=h5py.string_dtype())
                _finish(file, sidecar, ids, attributes)


@contextmanager
def open_store(
    path: Path, *, images_digest: str | None = None, weights_digest: str | None = None
) -> Iterator[Store]:
    """Open a store for reading after checking that it is what the caller expects.

    Parameters
    ----------
    path : Path
    images_digest, weights_digest : str, optional
        Compared with the attributes of these names.

    Yields
    ------
    Store

    Raises
    ------
    UserError
        If the file is missing, damaged, half-written, of another schema, belongs to other images or
        weights, does not match its sidecar file, or is a view of files that are missing or changed.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected a latent store. Run snakemake again.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read as HDF5 ({error}), expected a latent store. {_remake(path)}"
        ) from error
    with file:
        _check_header(path, file)
        expected = {"images_digest": images_digest, "weights_digest": weights_digest}
        for key, value in expected.items():
            found = _decoded(file.attrs[key]) if key in file.attrs else None
            if value is not None and found != value:
                raise UserError(f"{path}: {key} is {found}, expected {value}. {_remake(path)}")
        for name, digest in _sources(file):
            _check_source(path, path.parent / name, digest)
        yield Store(path, file)


def verify(path: Path) -> None:
    """Read every value of a store and compare all digests with those in the file and beside it.

    Raises
    ------
    UserError
        Names the first image and dataset that differ.
    """
    with open_store(path) as store:
        for name in store.names:
            for start, stop, block in store.blocks([name]):
                kept = store._file[f"{ROW_DIGESTS}/{name}"][start:stop]
                differing = np.flatnonzero((_row_digests(block[name]) != kept).any(axis=1))
                if len(differing):
                    raise UserError(
                        f"{path}: '{name}' of image {store.ids[start + differing[0]]} is not "
                        f"what was written. {_remake(path)}"
                    )
        sidecar = read_sidecar(sidecar_path(path))
        digest = _content_digest(store._file, store.ids, store.names)
        if digest != store.digest or digest != sidecar["digest"]:
            raise UserError(
                f"{path}: the digest of the content is {digest}, expected {sidecar['digest']} as "
                f"in {sidecar_path(path)}. {_remake(path)}"
            )


@contextmanager
def _full_disk_named(path: str) -> Iterator[None]:
    """Raise the system's error for a full disk instead of HDF5's, which is long and has no file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, os.strerror(error.errno), path) from None
        raise


def _check_attributes(path: Path, attributes: Mapping[str, Any]) -> None:
    reserved = set(attributes).intersection(OWN_ATTRIBUTES)
    if reserved:
        raise ValueError(f"{path}: attributes {sorted(reserved)} are set by the store itself")


def _add_dataset(
    file: h5py.File, name: str, shape: tuple[int, ...], dtype: DTypeLike, *, packed: bool
) -> None:
    """Add an empty dataset and that of its row digests."""
    dtype = np.dtype(dtype).newbyteorder("<")
    digests = np.zeros((shape[0], 32), dtype=np.uint8)
    file.create_dataset(f"{ROW_DIGESTS}/{name}", data=digests)
    chunk = (1, *shape[1:])
    if packed:
        file.create_dataset(
            name, shape=shape, dtype=dtype, chunks=chunk, compression="gzip", shuffle=True
        )
    elif np.prod(shape[1:], dtype=int) * dtype.itemsize < CHUNKED_FROM_BYTES:
        file.create_dataset(name, data=np.zeros(shape, dtype))
    else:
        # All chunks get their place now, and nothing is written there until an image is: writing
        # an image changes nothing else in the file (30,000 images: 0.06 s).
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        file.create_dataset(name, shape=shape, dtype=dtype, chunks=chunk, dcpl=layout)


def _finish(
    file: h5py.File, sidecar_file: Path, ids: Sequence[str], attributes: Mapping[str, Any]
) -> None:
    """Write the attributes of a store whose rows are all there, and its sidecar file."""
    names = _dataset_names(file)
    sidecar = {
        "format": FORMAT,
        "schema": SCHEMA,
        "digest": _content_digest(file, ids, names),
        "n_images": len(ids),
        "datasets": {
            name: {
                "shape": list(file[name].shape),
                "dtype": file[name].dtype.name,
                "sha256": _dataset_digest(file, name),
            }
            for name in names
        },
        "summary": _summary(file, names),
        "attributes": dict(attributes),
    }
    for key, value in attributes.items():
        file.attrs[key] = _encoded(value)
    for key in ("format", "schema", "digest"):
        file.attrs[key] = sidecar[key]
    file.flush()
    file.attrs["complete"] = True
    sidecar_file.write_text(
        json.dumps(sidecar, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _request(
    ids: Sequence[str],
    datasets: Mapping[str, tuple[Sequence[int], DTypeLike]],
    attributes: Mapping[str, Any],
    compressed: Collection[str],
    others: Mapping[str, Any],
) -> dict[str, Any]:
    """Say in JSON values what a store is asked to be, by key."""
    kinds = {
        name: [list(shape), np.dtype(dtype).name, name in compressed]
        for name, (shape, dtype) in datasets.items()
    }
    digest = hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest()
    own = {"schema": SCHEMA, "ids": digest, "datasets": kinds}
    return json.loads(json.dumps(dict(attributes) | dict(others) | own))


def _taken_over(
    path: Path, request: Mapping[str, Any], names: Sequence[str]
) -> tuple[h5py.File, int] | None:
    """Open what a stopped job left at `path`, if anything; remove what does not fit.

    Returns
    -------
    file, done : h5py.File and int, or None
        `done` images, from the first on, are there, at least one.
    """
    if not path.exists():
        return None
    file = None
    try:
        file = _opened_for_writing(path)
        begun = json.loads(file.attrs[REQUEST])
        other = sorted(key for key in begun.keys() | request if begun.get(key) != request.get(key))
        packed = any(kind[-1] for kind in request["datasets"].values())
        if other:
            reason = f"it was begun with another {', '.join(other)}"
        elif packed and not file.attrs[CLOSED]:  # compressed chunks are put where there is room
            reason = "its job was killed, and it holds compressed values"
        elif done := _rows_there(file, names):
            total = len(file["id"])
            logger.info("resuming after image %d of %d from %s", done, total, path)
            return file, done
        else:
            reason = "it holds no whole image"
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        reason = f"it cannot be used ({error})"
    logger.info("starting over: what a stopped job left in %s is removed, %s", path, reason)
    if file is not None:
        file.close()
    path.unlink()
    return None


def _opened_for_writing(path: Path) -> h5py.File:
    """Open an unfinished store; wait while the job that it belonged to closes it."""
    deadline = time.monotonic() + STOPPING_S
    while True:
        try:
            return h5py.File(path, "r+", rdcc_nbytes=0)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _rows_there(file: h5py.File, names: Sequence[str]) -> int:
    """Count the images, from the first on, whose values are those of their digests."""
    total = len(file["id"])
    row_bytes = sum(file[name].nbytes for name in names) // total
    rows = max(1, BLOCK_BYTES // row_bytes)
    for start in range(0, total, rows):
        stop = min(start + rows, total)
        good = np.ones(stop - start, dtype=bool)
        for name in names:
            kept = file[f"{ROW_DIGESTS}/{name}"][start:stop]
            good &= (_row_digests(file[name][start:stop]) == kept).all(axis=1)
        if not good.all():
            return start + int(np.argmin(good))
    return total


def _join_dataset(file: h5py.File, name: str, parts: Sequence[Store], *, folder: Path) -> None:
    """Add one dataset made of the rows of several stores."""
    first = parts[0]._dataset(name)
    for part in parts:
        dataset = part._dataset(name)
        if (dataset.shape[1:], dataset.dtype) != (first.shape[1:], first.dtype):
            raise UserError(
                f"{part.path}: '{name}' has images of shape {dataset.shape[1:]} ({dataset.dtype}), "
                f"expected {first.shape[1:]} ({first.dtype}) as in {parts[0].path}. "
                f"{_remake(part.path)}"
            )
    digests = np.concatenate([part._file[f"{ROW_DIGESTS}/{name}"][:] for part in parts])
    file.create_dataset(f"{ROW_DIGESTS}/{name}", data=digests)
    if first.chunks is None:
        file.create_dataset(name, data=np.concatenate([part.read(name) for part in parts]))
        return
    total = sum(len(part) for part in parts)
    layout = h5py.VirtualLayout(shape=(total, *first.shape[1:]), dtype=first.dtype)
    start = 0
    for part in parts:
        source = _relative(part.path, folder)
        layout[start : start + len(part)] = h5py.VirtualSource(
            source, name, shape=part.shape(name), dtype=first.dtype
        )
        start += len(part)
    file.create_virtual_dataset(name, layout)


def _check_header(path: Path, file: h5py.File) -> None:
    """Raise UserError unless the file is a complete store of this schema that fits its sidecar."""
    if file.attrs.get("format") != FORMAT or "id" not in file:
        raise UserError(f"{path}: an HDF5 file, but not a latent store. {_remake(path)}")
    if file.attrs.get("schema") != SCHEMA:
        raise UserError(
            f"{path}: schema {file.attrs.get('schema')}, expected {SCHEMA}. {_remake(path)}"
        )
    if not file.attrs.get("complete", False):
        raise UserError(f"{path}: was not finished by the job that wrote it. {_remake(path)}")
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        return
    expected = read_sidecar(sidecar)["digest"]
    if file.attrs["digest"] != expected:
        raise UserError(
            f"{path}: digest {file.attrs['digest']}, expected {expected} as in {sidecar}. "
            f"{_remake(path)}"
        )


def _check_source(path: Path, source: Path, digest: str) -> None:
    """Raise UserError unless a file that a store is a view of is still the one it was.

    HDF5 itself reads a missing source as zeros, without a word.
    """
    try:
        with h5py.File(source, "r") as file:
            found = file.attrs.get("digest") if file.attrs.get("complete", False) else "unfinished"
    except OSError as error:
        raise UserError(
            f"{source}: cannot be read ({error}); {path} is a view of it. {_remake(source)}"
        ) from error
    if found != digest:
        raise UserError(
            f"{path}: is a view of {source} with digest {digest}, which now has {found}. "
            f"{_remake(path)}"
        )


def _dataset_names(file: h5py.File) -> tuple[str, ...]:
    """Give the names of the datasets that have row digests, in alphabetical order."""
    names: list[str] = []
    group = file[ROW_DIGESTS]
    group.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return tuple(sorted(names))


def _sources(file: h5py.File) -> list[tuple[str, str]]:
    """Give name and digest of every file that a joined store is a view of."""
    if "sources" not in file:
        return []
    return [(name, digest) for name, digest in file["sources"].asstr()[:].tolist()]


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def _remake(path: Path) -> str:
    return f"Delete {path} and {sidecar_path(path)}, then run snakemake again."


def _row_digests(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the SHA-256 of every row's little-endian bytes, (n, 32)."""
    rows = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
    digests = b"".join(hashlib.sha256(row.data).digest() for row in rows.reshape(len(rows), -1))
    return np.frombuffer(digests, dtype=np.uint8).reshape(len(rows), 32)


def _dataset_digest(file: h5py.File, name: str) -> str:
    dataset = file[name]
    header = f"{name} {dataset.dtype.newbyteorder('=').str[1:]} {list(dataset.shape)}\n"
    return hashlib.sha256(header.encode() + file[f"{ROW_DIGESTS}/{name}"][:].tobytes()).hexdigest()


def _content_digest(file: h5py.File, ids: Sequence[str], names: Sequence[str]) -> str:
    content = {
        "id": hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest(),
        **{name: _dataset_digest(file, name) for name in names},
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _summary(file: h5py.File, names: Sequence[str]) -> dict[str, Any]:
    """Say in a few numbers which operating points the images got."""
    summary: dict[str, Any] = {}
    if "model" in names:
        models, counts = np.unique(file["model"][:], return_counts=True)
        summary["model"] = {
            str(model): int(count) for model, count in zip(models, counts, strict=True)
        }
    if "beta" in names and len(file["beta"]):
        beta = file["beta"][:]
        summary["beta"] = {
            "luma": [int(beta[:, 0].min()), int(beta[:, 0].max())],
            "chroma": [int(beta[:, 1].min()), int(beta[:, 1].max())],
        }
    if "bpp" in names and len(file["bpp"]):
        bpp = file["bpp"][:]
        known = bool(np.isfinite(bpp).all())
        numbers = (float(bpp.mean()), float(bpp.min()), float(bpp.max()))
        summary["bpp"] = dict(
            zip(("mean", "min", "max"), numbers if known else (None,) * 3, strict=True)
        )
    if "found" in names:
        summary["found"] = int(file["found"][:].sum())
    return summary


def _encoded(value: Any) -> Any:
    """Turn a JSON value into an HDF5 attribute: numbers and plain text as they are, else JSON."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and not value.startswith(("{", "[", '"', "null")):
        return value
    return json.dumps(value, ensure_ascii=False)


def _decoded(value: Any) -> Any:
    """Undo `_encoded`."""
    if isinstance(value, str) and value.startswith(("{", "[", '"', "null")):
        return json.loads(value)
    return value.item() if isinstance(value, np.generic) else value
