"""Is a file a complete store, and are the files that it is a view of still what they were."""

import os
from pathlib import Path

import h5py

from latentprint.errors import UserError
from latentprint.sidecar import FORMAT, read_sidecar, sidecar_path
from latentprint.store.layout import SCHEMA, sources


def remake(path: Path) -> str:
    """Say how a store is made again."""
    return f"Delete {path} and {sidecar_path(path)}, then run snakemake again."


def remake_by_name(path: Path) -> str:
    """Say how a store is made again that others are views of: Snakemake misses none of it."""
    return (
        f"Delete {path} and {sidecar_path(path)}, then run snakemake again with -- {path} "
        "at the end"
    )


def check_header(path: Path, file: h5py.File) -> None:
    """Raise UserError unless the file is a complete store of this schema that fits its sidecar."""
    if file.attrs.get("format") != FORMAT or "id" not in file:
        raise UserError(f"{path}: an HDF5 file, but not a latent store. {remake(path)}")
    if file.attrs.get("schema") != SCHEMA:
        raise UserError(
            f"{path}: schema {file.attrs.get('schema')}, expected {SCHEMA}. {remake(path)}"
        )
    if not file.attrs.get("complete", False):
        raise UserError(f"{path}: was not finished by the job that wrote it. {remake(path)}")
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        return
    expected = read_sidecar(sidecar)["digest"]
    if file.attrs["digest"] != expected:
        raise UserError(
            f"{path}: digest {file.attrs['digest']}, expected {expected} as in {sidecar}. "
            f"{remake(path)}"
        )


def check_sources(path: Path, file: h5py.File, checked: set[Path] | None = None) -> None:
    """Raise UserError unless all files that a store is a view of are still what they were.

    HDF5 itself reads a missing source as zeros, without a word; so that of a view of views all
    levels are looked at, every file once.
    """
    checked = set() if checked is None else checked
    for name, digest in sources(file):
        source = path.parent / name
        if source.resolve() in checked:
            continue
        checked.add(source.resolve())
        try:
            with h5py.File(source, "r") as opened:
                complete = opened.attrs.get("complete", False)
                found = opened.attrs.get("digest") if complete else "unfinished"
                if found == digest:
                    check_sources(source, opened, checked)
        except OSError as error:
            raise UserError(
                f"{source}: cannot be read ({error}); {path} is a view of it. "
                f"{remake_by_name(source)}"
            ) from error
        if found != digest:
            raise UserError(
                f"{path}: is a view of {source} with digest {digest}, which now has {found}. "
                f"{remake(path)}"
            )


def changed_since_described(path: Path, file: h5py.File) -> list[Path]:
    """List the files behind a store, itself included, that are newer than their sidecars.

    A sidecar is written last. What changed a file after that, were it a single byte, made the file
    newer: a reader then compares its values with their digests. Of files that are only older or
    equal nothing is read: to read all of them in every job would take longer than the jobs.
    """
    found = [path, *_files_behind(path, file)]
    return [one for one in dict.fromkeys(found) if is_newer_than_sidecar(one)]


def is_newer_than_sidecar(path: Path) -> bool:
    """Whether a store was written to, copied or touched after its sidecar."""
    sidecar = sidecar_path(path)
    return sidecar.is_file() and path.stat().st_mtime_ns > sidecar.stat().st_mtime_ns


def _files_behind(path: Path, file: h5py.File) -> list[Path]:
    found = []
    for name, _ in sources(file):
        source = Path(os.path.normpath(path.parent / name))
        with h5py.File(source, "r") as opened:
            found += [source, *_files_behind(source, opened)]
    return found
