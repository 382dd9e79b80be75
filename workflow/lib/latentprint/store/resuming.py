"""What a stopped job left of a store, and whether a store is already what is asked for."""

import hashlib
import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike

from latentprint.errors import UserError
from latentprint.sidecar import sidecar_path
from latentprint.store.checks import check_header, check_sources, is_newer_than_sidecar
from latentprint.store.digests import row_digests
from latentprint.store.layout import CLOSED, REQUEST, ROW_DIGESTS, SCHEMA, block_rows
from latentprint.store.reading import verify

logger = logging.getLogger(__name__)

MACHINE = "machine"  # of a request; it matters to unfinished stores alone
STOPPING_S = 10.0  # time that a job which is being stopped has to close its file


def is_current(
    path: Path,
    *,
    ids: Sequence[str],
    datasets: Mapping[str, tuple[Sequence[int], DTypeLike]],
    attributes: Mapping[str, Any],
    compressed: Collection[str] = (),
    resume: Mapping[str, Any] | None,
) -> bool:
    """Tell whether a complete store was made for exactly this request, on whatever machine.

    Values are read where the file is newer than its sidecar: then they may have been changed.

    Parameters
    ----------
    path : Path
        The store.
    ids, datasets, attributes, compressed, resume
        As for `create`.

    Returns
    -------
    bool
        False where the file or its sidecar is missing, damaged or unfinished, where anything of
        the request differs, and without `resume`: it is then unknown what the values depend on.
    """
    path = Path(path)
    if resume is None or not path.is_file() or not sidecar_path(path).is_file():
        return False
    try:
        with h5py.File(path, "r") as file:
            check_header(path, file)
            check_sources(path, file)
            made = json.loads(file.attrs[REQUEST])
            made.pop(MACHINE, None)
            closed = bool(file.attrs[CLOSED])
        if is_newer_than_sidecar(path):
            verify(path, behind=False)
    except (OSError, KeyError, RuntimeError, ValueError, UserError) as error:
        logger.info("%s is made again: it cannot be used (%s)", path, error)
        return False
    return closed and made == request_of(ids, datasets, attributes, compressed, resume)


def request_of(
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


def taken_over(
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
    rows = block_rows(sum(file[name].nbytes for name in names) // max(total, 1))
    for start in range(0, total, rows):
        stop = min(start + rows, total)
        good = np.ones(stop - start, dtype=bool)
        for name in names:
            kept = file[f"{ROW_DIGESTS}/{name}"][start:stop]
            good &= (row_digests(file[name][start:stop]) == kept).all(axis=1)
        if not good.all():
            return start + int(np.argmin(good))
    return total
