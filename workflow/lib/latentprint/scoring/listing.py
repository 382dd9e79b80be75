"""The files of a folder that is to be scored.

Standard library only: the rules ask at every start of a scoring run.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from latentprint.errors import UserError
from latentprint.image_folders import SUFFIXES

# Those that cannot be decoded get a row that says so: they are pictures to whoever put them there.
PICTURES = SUFFIXES | {".jpe", ".jfif", ".gif", ".avif", ".heic", ".heif", ".jp2", ".jxl"}
LONGEST_NAME = 80


class Listing(NamedTuple):
    """What a folder holds.

    Attributes
    ----------
    paths : tuple of str
        Pictures by their suffix, relative to the folder, in the order of the paths.
    others : int
        Other files, hidden ones and links to folders among them.
    closed : tuple of str
        Folders that cannot be listed.
    """

    paths: tuple[str, ...]
    others: int
    closed: tuple[str, ...]


def list_folder(folder: Path) -> Listing:
    """List the pictures of a folder and its subfolders, without opening any.

    Links to folders are not followed, since they may lead in circles; links to files are.

    Raises
    ------
    UserError
        If the folder is not there, cannot be listed or holds no picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(
            f"config: images is {folder}, which is no folder. Name the folder of the images to "
            "score: --config images=FOLDER"
        )
    closed: list[str] = []
    found: list[str] = []
    others = 0
    for path in _files(folder, closed):
        name = os.path.basename(path)
        if os.path.splitext(name)[1].lower() in PICTURES and not name.startswith("."):
            found.append(path)
        else:
            others += 1
    if not found:
        reason = f"cannot be listed in {len(closed)} folders, and " if closed else ""
        raise UserError(
            f"{folder}: {reason}holds no images to score ({others} other files), expected some "
            f"that end in {' '.join(sorted(SUFFIXES))}, also in subfolders. Name another folder: "
            "--config images=FOLDER"
        )
    return Listing(tuple(sorted(found)), others, tuple(sorted(closed)))


def _files(folder: Path, closed: list[str]) -> Iterator[str]:
    """Give all that is no folder, relative to the folder with "/"; note what cannot be listed."""

    def note(error: OSError) -> None:
        closed.append(os.path.relpath(error.filename, folder))

    for where, names, files in os.walk(folder, onerror=note):
        relative = os.path.relpath(where, folder)
        links = [name for name in names if os.path.islink(os.path.join(where, name))]
        for name in [*files, *links]:
            # A link to a folder ends in no suffix of its own: one that does is refused by its row.
            yield name if relative == "." else f"{relative}/{name}".replace(os.sep, "/")


def folder_state(folder: Path) -> str:
    """Digest names, sizes and times of the pictures: another digest is another request.

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    UserError
        As `list_folder`.
    """
    digest = hashlib.sha256()
    for path in list_folder(folder).paths:
        try:
            state = os.stat(Path(folder, path))
            line = f"{path}\t{state.st_size}\t{state.st_mtime_ns}\n"
        except OSError:  # its row says why it cannot be read
            line = f"{path}\t-\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def scores_name(folder: Path) -> str:
    """Name the folder of the scores after that of the images, in letters that any path may hold."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(folder).resolve().name).strip("._")
    return name[:LONGEST_NAME] or "folder"


def shown_path(path: str) -> str:
    r"""Write a path on one line of utf-8: ``\`` doubled, what is not printable as ``\x09``."""
    return "".join(
        character if character.isprintable() and character != "\\" else _escaped(character)
        for character in path
    )


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
