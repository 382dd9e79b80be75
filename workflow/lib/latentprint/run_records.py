"""What made every file of a run: kept in the run's own folder, so that it goes where the run goes.

Snakemake remembers in `.snakemake/` by which rule, settings, code and inputs a file was made, and
decides by that what has to be made again. A run that is copied without that folder would pass for
up to date whatever its configuration says. So at the end of every run its records are copied to
`records.jsonl`, each with size and digest of the file that it speaks of, and put back where
Snakemake looks for them before the next run, if they are missing there and the file is the same.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latentprint.errors import UserError
from latentprint.files import write_text

NAME = "records.jsonl"
# Of Snakemake's records; one of another form says nothing to this Snakemake.
FORMAT = 6
STATE = Path(".snakemake/metadata")
# Stores have digests of their own (`store.reading.verify`); to read them here again took minutes.
STORE_FOLDER = "latents"
FOLDER_TIME = ".snakemake_timestamp"
NAME_PART = 254  # bytes of a file name, less one for the mark of a part that is not the last


@dataclass(frozen=True)
class Made:
    """One file of a run, or one folder that a rule writes as a whole.

    Attributes
    ----------
    path : str
        As Snakemake names it, relative to the working directory.
    size : int
        Bytes; of a folder, of all files in it.
    changed : int
        Time of the last change, nanoseconds: what is of known size and time is not read again.
    sha256 : str
        Hexadecimal; of a folder, of the names and contents in it; empty for latent stores.
    record : dict
        Snakemake's: rule, command, params (with the digest of the code), inputs and their digests.
    """

    path: str
    size: int
    changed: int
    sha256: str
    record: dict[str, Any]


def keep(run: Path, state: Path = STATE) -> int:
    """Write what Snakemake knows of the files of a run to its `records.jsonl`.

    Parameters
    ----------
    run : Path
        `results/<run>`, relative to the working directory.
    state : Path
        Where Snakemake keeps its records.

    Returns
    -------
    int
        Number of files.
    """
    known = {made.path: made for made in read(run)}
    found = {}
    for name, record in _records(state, f"{run.as_posix()}/"):
        path = Path(name)
        if record.get("incomplete") or not path.exists():
            continue
        status = _size_and_time(path)
        old = known.get(name)
        if old and (old.size, old.changed) == status:
            digest = old.sha256
        else:
            digest = _digest(run, path)
        found[name] = Made(name, *status, digest, record)
    lines = (json.dumps(asdict(found[name]), ensure_ascii=False) for name in sorted(found))
    write_text(run / NAME, "".join(f"{line}\n" for line in lines))
    return len(found)


def read(run: Path) -> list[Made]:
    """Read the records of a run; none where it never ended.

    Raises
    ------
    UserError
        If the file is not what `keep` writes.
    """
    path = run / NAME
    if not path.is_file():
        return []
    try:
        return [Made(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected the records of a run. Get it again from "
            f"where {run} came from, or delete {run}"
        ) from error


def restore(run: Path, state: Path = STATE) -> int:
    """Give Snakemake the records of a run that came without them.

    Parameters
    ----------
    run, state : Path
        As for `keep`.

    Returns
    -------
    int
        Number of records put back; 0 where nothing was missing.

    Raises
    ------
    UserError
        If a file without a record is not the one that was made.
    """
    count = 0
    for made in read(run):
        place = _place(state, made.path)
        if place.exists() or not Path(made.path).exists():
            continue
        if made.record.get("record_format_version") != FORMAT:
            continue
        fault = difference(run, made)
        if fault:
            raise UserError(f"{made.path}: {fault}. {mending(made.path)}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(made.record), encoding="utf-8")
        count += 1
    return count


def difference(run: Path, made: Made) -> str:
    """Say in what a file is not the one that was made; empty where nothing shows."""
    path = Path(made.path)
    size, _ = _size_and_time(path)
    if size != made.size:
        return f"holds {size:,} bytes, expected {made.size:,} as in {run / NAME}"
    if made.sha256 and _digest(run, path) != made.sha256:
        kind = "folder" if path.is_dir() else "file"
        return f"is not the {kind} that the run made (another SHA-256 than in {run / NAME})"
    return ""


def mending(path: str) -> str:
    """Say how a file is made again: by name, so that it is missed even if nobody reads it."""
    return f"Delete it, then run the same command again with -- {path} at the end"


def is_store(run: Path, path: Path) -> bool:
    """Whether a file is a latent store, or the description of one."""
    return path.is_relative_to(run / STORE_FOLDER)


def _files(folder: Path) -> list[Path]:
    """List the files of a folder, without the mark by which Snakemake keeps its time."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FOLDER_TIME)


def _size_and_time(path: Path) -> tuple[int, int]:
    """Give bytes and time of the last change of a file, or of all files of a folder."""
    states = [one.stat() for one in (_files(path) if path.is_dir() else [path])]
    return sum(one.st_size for one in states), max((one.st_mtime_ns for one in states), default=0)


def _digest(run: Path, path: Path) -> str:
    if path.is_dir():
        lines = [f"{one.relative_to(path)} {_digest(run, one)}" for one in _files(path)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    if is_store(run, path) and path.suffix == ".h5":
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _records(state: Path, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read Snakemake's records of files whose name begins so."""
    for folder, _, names in os.walk(state):
        above = "".join(part[1:] for part in Path(folder).relative_to(state).parts)
        for name in names:
            subject = base64.urlsafe_b64decode(above + name).decode()
            if subject.startswith(prefix):
                text = Path(folder, name).read_text(encoding="utf-8")
                # Cut off where Snakemake was killed as it wrote: it takes that for no record, too.
                try:
                    yield subject, json.loads(text)
                except ValueError:
                    continue


def _place(state: Path, subject: str) -> Path:
    """Give the file in which Snakemake keeps its record of a file: its name in base 64."""
    name = base64.urlsafe_b64encode(subject.encode()).decode()
    parts = [name[start : start + NAME_PART] for start in range(0, len(name), NAME_PART)]
    return state.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
