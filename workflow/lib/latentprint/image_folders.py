"""Find the images of a data set: csv lists in the Kaggle layout, or folders alone.

Standard library only: the Snakefile calls `list_files` and `folder_digest` at every start, where
neither Pillow nor NumPy need be installed.
"""

import csv
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from latentprint.errors import UserError

logger = logging.getLogger(__name__)

SPLITS = ("train", "valid", "test")
LABELS = ("real", "fake")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
RUN_SPLITS = ("train", "test")

# Where the Kaggle archive keeps the files that the `path` column names.
ARCHIVE_FOLDER = "real_vs_fake/real-vs-fake"
LIST_COLUMNS = ("id", "label", "label_str", "path")
LABEL_OF_NUMBER = {"1": "real", "0": "fake"}


class Listed(NamedTuple):
    """One image that the data set names; nothing about the file itself is known yet."""

    id: str
    path: str
    label: str
    split: str


def list_files(root: Path, splits: Sequence[str] = RUN_SPLITS) -> list[Path]:
    """Return the csv lists that `root` holds for these splits (none: folders alone).

    Parameters
    ----------
    root : Path
        Folder of the data set.
    splits : sequence of str
        Splits of the run.
    """
    lists = (Path(root) / f"{split}.csv" for split in splits)
    return [path for path in lists if path.is_file()]


def folder_digest(root: Path, splits: Sequence[str] = RUN_SPLITS) -> str:
    """Digest names and sizes of the images in the class folders, without opening any of them.

    Parameters
    ----------
    root : Path
        Folder of the data set. Class folders that do not exist count as empty.
    splits : sequence of str
        Splits of the run.

    Returns
    -------
    str
        SHA-256 in hexadecimal. Equal for equal names and sizes, in whatever order the file system
        lists them.
    """
    digest = hashlib.sha256()
    for folder in class_folders(Path(root), splits):
        if not folder.is_dir():
            continue
        entries, _ = _image_entries(folder)
        for entry in entries:
            line = f"{folder.parent.name}/{folder.name}/{entry.name}\t{_size(entry)}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@cache
def class_counts(root: Path, split: str) -> dict[str, int]:
    """Count the images that lists or folders name, per class, without checking any of them.

    Parameters
    ----------
    root : Path
        Folder of the data set. What does not exist counts as 0.
    split : str
        One of `SPLITS`.
    """
    counts = dict.fromkeys(LABELS, 0)
    source = root / f"{split}.csv"
    if source.is_file():
        with source.open(encoding="utf-8-sig", newline="", errors="replace") as file:
            try:
                for row in csv.DictReader(file):
                    label = LABEL_OF_NUMBER.get(row.get("label"))
                    if label:
                        counts[label] += 1
            except csv.Error:
                pass  # the index says what is wrong and where
    else:
        for folder in class_folders(root, (split,)):
            if folder.is_dir():
                counts[folder.name] = len(_image_entries(folder)[0])
    return counts


def class_folders(root: Path, splits: Sequence[str] = RUN_SPLITS) -> Iterator[Path]:
    """Yield the folder of each split and class, whether it exists or not."""
    base = root / _base(root)
    for split in splits:
        for label in LABELS:
            yield base / split / label


def check_layout(root: Path, splits: Sequence[str] = RUN_SPLITS) -> None:
    """Refuse a data set that has neither all its lists nor all its class folders.

    Parameters
    ----------
    root : Path
        Folder of the data set.
    splits : sequence of str
        Splits of the run, each one of `SPLITS`.

    Raises
    ------
    UserError
        That says which list or folder is missing, or what to put where if there is none at all.
    """
    root = Path(root)
    for split in splits:
        if split not in SPLITS:
            raise UserError(f"splits: expected one of {', '.join(SPLITS)}, got '{split}'.")
    lists = list_files(root, splits)
    expected = [root / f"{split}.csv" for split in splits]
    if not lists:
        expected = list(class_folders(root, splits))
        lists = [folder for folder in expected if folder.is_dir()]
    if not lists:
        names = " and ".join(f"{split}.csv" for split in splits)
        folders = ", ".join(f"{split}/{label}" for split in splits for label in LABELS)
        raise UserError(
            f"{root}: no image set found. Put there either {names} (columns "
            f"{', '.join(LIST_COLUMNS)}) with the files below {ARCHIVE_FOLDER}/, or the folders "
            f"{folders} with the images in them."
        )
    for path in lists:
        if path.is_file():
            _check_header(path, _header(path))
        elif not os.access(path, os.R_OK | os.X_OK):
            raise UserError(f"{path}: cannot be listed. Check its permissions.")
    missing = [path for path in expected if path not in lists]
    if missing:
        raise UserError(
            f"{missing[0]}: missing, although {lists[0].relative_to(root)} is there. "
            "Every split of the run needs its list, or both its class folders."
        )


def find(root: Path, splits: Sequence[str] = RUN_SPLITS) -> list[Listed]:
    """List the images of a data set, without opening them.

    Parameters
    ----------
    root : Path
        Folder with train.csv, test.csv, valid.csv in the Kaggle layout, or with the folders
        train/, test/, valid/, each holding real/ and fake/. The files and folders may also lie
        below real_vs_fake/real-vs-fake/, as in the Kaggle archive.
    splits : sequence of str
        Splits of the run, in the order of the result.

    Returns
    -------
    list of Listed
        Paths relative to `root`. In the order of the csv rows; with folders alone real before
        fake, each by name, and the id is the file name without suffix.

    Raises
    ------
    UserError
        If the layout is incomplete, a csv row is wrong, two images have one id, or there are none.
    """
    root = Path(root)
    check_layout(root, splits)
    by_lists = bool(list_files(root, splits))
    images: list[Listed] = []
    for split in splits:
        images += _from_list(root, split) if by_lists else _from_folders(root, split)
    if not images:
        where = (
            "the lists have no row below their header"
            if by_lists
            else f"no file has one of the suffixes {' '.join(sorted(SUFFIXES))}"
        )
        raise UserError(f"{root}: no images for {', '.join(splits)}: {where}. Add images.")
    seen: dict[str, str] = {}
    for image in images:
        if image.id in seen:
            raise UserError(
                f"{root}: {seen[image.id]} and {image.path} have one id, '{image.id}'; ids must "
                "be unique in a run. Rename a file, or give csv lists with ids of your own."
            )
        seen[image.id] = image.path
    return images


def _base(root: Path) -> str:
    return ARCHIVE_FOLDER if (root / ARCHIVE_FOLDER).is_dir() else ""


def _from_folders(root: Path, split: str) -> list[Listed]:
    images = []
    for folder in class_folders(root, (split,)):
        entries, others = _image_entries(folder)
        relative = folder.relative_to(root).as_posix()
        for entry in entries:
            path = f"{relative}/{entry.name}"
            _refuse_unwritable(path, str(root))
            images.append(Listed(Path(entry.name).stem, path, folder.name, split))
        note = f", {others} other entries ignored" if others else ""
        logger.info("%s: %d images%s", relative, len(entries), note)
    return images


def _image_entries(folder: Path) -> tuple[list[os.DirEntry], int]:
    """Return the image files of a folder by name, and the count of everything else in it.

    Hidden files are never images: macOS leaves "._00001.jpg" beside every copied file.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    images = [
        entry
        for entry in entries
        if os.path.splitext(entry.name)[1].lower() in SUFFIXES
        and not entry.name.startswith(".")
        and not _is_folder(entry)
    ]
    return images, len(entries) - len(images)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself: the index will exclude it with this reason
        return False


def _size(entry: os.DirEntry) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # a link that leads nowhere: the same
        return -1


def _from_list(root: Path, split: str) -> list[Listed]:
    source = root / f"{split}.csv"
    base = PurePosixPath(_base(root))
    images = []
    try:
        # utf-8-sig: spreadsheet programs put a byte order mark before the first column's name.
        with source.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_header(source, reader.fieldnames or [])
            for row in reader:
                image = _from_row(row, split, f"{source}, line {reader.line_num}")
                images.append(image._replace(path=str(base / image.path)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_csv_file(source, error) from None
    logger.info("%s: %d rows", source.name, len(images))
    return images


def _header(source: Path) -> Sequence[str]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_csv_file(source, error) from None
    except OSError as error:
        raise UserError(
            f"{source}: cannot be read ({error.strerror}). Check its permissions and the disk."
        ) from None


def _no_csv_file(source: Path, error: Exception) -> UserError:
    if isinstance(error, csv.Error):
        return UserError(f"{source}: not a csv file ({error}). Is there a quote that has no end?")
    return UserError(
        f"{source}: not a utf-8 csv file ({error}). Save it as csv with the encoding utf-8."
    )


def _check_header(source: Path, header: Sequence[str]) -> None:
    missing = [name for name in LIST_COLUMNS if name not in header]
    if missing:
        raise UserError(
            f"{source}, line 1: column '{missing[0]}' is missing; expected "
            f"{', '.join(LIST_COLUMNS)}, got {', '.join(header) or 'an empty file'}."
        )
    twice = [name for name in LIST_COLUMNS if header.count(name) > 1]
    if twice:
        raise UserError(
            f"{source}, line 1: column '{twice[0]}' is there {header.count(twice[0])} times, "
            "expected once. Remove or rename the others."
        )


def _from_row(row: dict, split: str, where: str) -> Listed:
    """Check one csv row; `where` is file and line for the message."""
    extra = row.pop(None, [])
    given = sum(value is not None for value in row.values()) + len(extra)
    if given != len(row):
        raise UserError(
            f"{where}: expected {len(row)} values, as many as the header has, got {given}. "
            "A value that holds a comma needs quotes."
        )
    label = LABEL_OF_NUMBER.get(row["label"])
    if label is None:
        raise UserError(f"{where}: label: expected 1 (real) or 0 (fake), got '{row['label']}'.")
    if row["label_str"] != label:
        raise UserError(
            f"{where}: label_str: expected '{label}' since label is {row['label']}, "
            f"got '{row['label_str']}'."
        )
    path = PurePosixPath(row["path"])
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise UserError(
            f"{where}: path: expected a file below the image folder, got '{row['path']}'. "
            "Absolute paths and '..' are refused."
        )
    for words, expected in ((LABELS, label), (SPLITS, split)):
        for folder in path.parts[:-1]:
            if folder in words and folder != expected:
                raise UserError(
                    f"{where}: path: expected a folder '{expected}', got '{folder}' "
                    f"in '{row['path']}'."
                )
    if not row["id"]:
        raise UserError(f"{where}: id: expected a name, unique in a run, got nothing.")
    for value in (row["id"], row["path"]):
        _refuse_unwritable(value, where)
    return Listed(row["id"], str(path), label, split)


def _refuse_unwritable(name: str, where: str) -> None:
    """Refuse what a tab-separated utf-8 table of one line per image cannot hold."""
    if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise UserError(
            f"{where}: the name {name!r} holds a control character or is not utf-8. Rename it."
        )
