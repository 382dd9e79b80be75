"""Output files that are complete or absent: written beside the target, then renamed."""

import glob
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from latentprint.errors import UserError


@contextmanager
def replacing(path: Path, *, keep: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends without error.

    Parameters
    ----------
    path : Path
        The final name. Its folder is created.
    keep : bool, default False
        What an earlier block left unfinished is there again, under the name that is yielded, and
        stays if the block fails: whoever can go on with it says so. The block itself removes what
        nobody can use.

    Yields
    ------
    Path
        A name in the same folder and with the same suffix, removed again if the block fails and
        `keep` is not set. What else killed processes left of the same file is removed at the start.
        The number of the process stands in the name, so that a job whose Snakemake was killed and
        its successor never write into one file; the older one fails at its end.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    if keep:
        with suppress(FileNotFoundError):  # there is none, or its job is just removing it
            newest = max(_partial_files(path), key=os.path.getmtime, default=temporary)
            os.replace(newest, temporary)
    for leftover in _partial_files(path):
        if not keep or leftover != temporary:
            leftover.unlink(missing_ok=True)
    try:
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    finally:
        if not keep:
            temporary.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise UserError unless files can be made in a folder, which is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}). Results go there: make it a folder "
            "that you may write to, or start in another working directory (snakemake --directory)"
        ) from error


def _partial_files(path: Path) -> Iterator[Path]:
    """Find the temporary files of a target, of any process."""
    start, end = f".{path.stem}.", f".partial{path.suffix}"
    for found in path.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}"):
        if found.name.removeprefix(start).removesuffix(end).isdigit():
            yield found


def write_text(path: Path, text: str) -> None:
    """Write utf-8 text with Unix line ends, complete or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON, indented, keys in the given order, complete or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_yaml(path: Path, value: Any) -> None:
    """Write block-style YAML, keys in the given order, complete or not at all."""
    import yaml

    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
