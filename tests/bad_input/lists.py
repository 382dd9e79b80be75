"""Bad lists and folders of images, and the line that stops the index."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from latentprint.image_folders import ARCHIVE_FOLDER
from tests.bad_input.desk import Cases, Desk, See
from tests.bad_pictures import SIZE
from tests.image_sets import make_folders, make_lists, write_list


def index(desk: Desk, *, size: int = SIZE, max_excluded: float = 0.5) -> str:
    """Index the set in the user's folder, which must be refused."""
    options = ("--root", desk.folder, "--image-size", size, "--max-excluded", max_excluded)
    tables = ("--images", desk.folder / "images.tsv", "--exclusions", desk.folder / "excluded.tsv")
    return desk.step("index_images", *options, *tables)


def row(*values: object) -> See:
    """Add a row to train.csv, as its line 6."""

    def see(desk: Desk) -> str:
        return index_with(desk, lambda root: make_lists(root, train=[values]))

    return see


def lists(spoil: Callable[[Path], object]) -> See:
    """Spoil good lists."""
    return lambda desk: index_with(desk, lambda root: spoil(make_lists(root)))


def folders(spoil: Callable[[Path], object]) -> See:
    """Spoil good class folders."""
    return lambda desk: index_with(desk, lambda root: spoil(make_folders(root)))


def index_with(desk: Desk, make: Callable[[Path], object]) -> str:
    make(desk.folder)
    return index(desk)


def changed(name: str, old: bytes, new: bytes) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        content = (root / name).read_bytes()
        assert old in content
        (root / name).write_bytes(content.replace(old, new))

    return change


def emptied(root: Path) -> None:
    for split in ("train", "test"):
        write_list(root, split, [])


def unreadable(path: Path) -> None:
    """Put a file there that exists and that nobody can read from its start, root included."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs /proc")
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")


LISTS: Cases = {
    "a column is missing": (
        lists(changed("test.csv", b"label_str", b"kind")),
        "FOLDER/test.csv, line 1: column 'label_str' is missing; expected id, label, label_str, "
        "path, got , original_path, id, label, kind, path.",
    ),
    "a column is there twice": (
        lists(changed("test.csv", b"original_path", b"label")),
        "FOLDER/test.csv, line 1: column 'label' is there 2 times, expected once. Remove or rename "
        "the others.",
    ),
    "semicolons": (
        lists(changed("train.csv", b",", b";")),
        "FOLDER/train.csv, line 1: column 'id' is missing; expected id, label, label_str, path, "
        "got ;original_path;id;label;label_str;path.",
    ),
    "empty file": (
        lists(lambda root: (root / "train.csv").write_bytes(b"")),
        "FOLDER/train.csv, line 1: column 'id' is missing; expected id, label, label_str, path, "
        "got an empty file.",
    ),
    "no rows": (
        lists(emptied),
        "FOLDER: no images for train, test: the lists have no row below their header. Add images.",
    ),
    "not utf-8": (
        lists(changed("test.csv", b"source", "Göttingen".encode("latin-1"))),
        "FOLDER/test.csv: not a utf-8 csv file ('utf-8' codec can't decode byte 0xf6 in position "
        "42: invalid start byte). Save it as csv with the encoding utf-8.",
    ),
    "a quote without an end": (
        lists(changed("train.csv", b",train/real/00001", b',"' + 20_000 * b"a,b,c,d\n")),
        "FOLDER/train.csv: not a csv file (field larger than field limit (131072)). Is there a "
        "quote that has no end?",
    ),
    "cannot be read": (
        lists(lambda root: unreadable(root / "test.csv")),
        "FOLDER/test.csv: cannot be read (Input/output error). Check its permissions and the disk.",
    ),
    "one list alone": (
        lists(lambda root: (root / "test.csv").unlink()),
        "FOLDER/test.csv: missing, although train.csv is there. Every split of the run needs its "
        "list, or both its class folders.",
    ),
    "list of the other split": (
        lists(lambda root: shutil.copy(root / "test.csv", root / "train.csv")),
        "FOLDER/train.csv, line 2: path: expected a folder 'train', got 'test' in "
        "'test/fake/00007.png'.",
    ),
    "label 2": (
        row("a", 2, "real", "train/real/a.png"),
        "FOLDER/train.csv, line 6: label: expected 1 (real) or 0 (fake), got '2'.",
    ),
    "no label": (
        row("a", "", "real", "train/real/a.png"),
        "FOLDER/train.csv, line 6: label: expected 1 (real) or 0 (fake), got ''.",
    ),
    "labels that differ": (
        row("a", 1, "fake", "train/fake/a.png"),
        "FOLDER/train.csv, line 6: label_str: expected 'real' since label is 1, got 'fake'.",
    ),
    "folder of the other class": (
        row("a", 1, "real", "train/fake/a.png"),
        "FOLDER/train.csv, line 6: path: expected a folder 'real', got 'fake' in "
        "'train/fake/a.png'.",
    ),
    "folder of the other split": (
        row("a", 1, "real", "test/real/a.png"),
        "FOLDER/train.csv, line 6: path: expected a folder 'train', got 'test' in "
        "'test/real/a.png'.",
    ),
    "absolute path": (
        row("a", 1, "real", "/etc/a.png"),
        "FOLDER/train.csv, line 6: path: expected a file below the image folder, got '/etc/a.png'. "
        "Absolute paths and '..' are refused.",
    ),
    "path out of the folder": (
        row("a", 1, "real", "train/../../../../a.png"),
        "FOLDER/train.csv, line 6: path: expected a file below the image folder, got "
        "'train/../../../../a.png'. Absolute paths and '..' are refused.",
    ),
    "no path": (
        row("a", 1, "real", ""),
        "FOLDER/train.csv, line 6: path: expected a file below the image folder, got ''. Absolute "
        "paths and '..' are refused.",
    ),
    "no id": (
        row("", 1, "real", "train/real/a.png"),
        "FOLDER/train.csv, line 6: id: expected a name, unique in a run, got nothing.",
    ),
    "control character": (
        row("a\tb", 1, "real", "train/real/a.png"),
        "FOLDER/train.csv, line 6: the name 'a\\tb' holds a control character or is not utf-8. "
        "Rename it.",
    ),
    "too few values": (
        row("a", 1, "real"),
        "FOLDER/train.csv, line 6: expected 6 values, as many as the header has, got 5. A value "
        "that holds a comma needs quotes.",
    ),
    "too many values": (
        row("a", 1, "real", "train/real/a.png", "more"),
        "FOLDER/train.csv, line 6: expected 6 values, as many as the header has, got 7. A value "
        "that holds a comma needs quotes.",
    ),
    "one id twice": (
        row("00000", 1, "real", "train/real/a.png"),
        f"FOLDER: {ARCHIVE_FOLDER}/train/real/00000.png and {ARCHIVE_FOLDER}/train/real/a.png have "
        "one id, '00000'; ids must be unique in a run. Rename a file, or give csv lists with ids "
        "of your own.",
    ),
    "a class is missing": (
        folders(lambda root: shutil.rmtree(root / "test/real")),
        "FOLDER/test/real: missing, although train/real is there. Every split of the run needs its "
        "list, or both its class folders.",
    ),
    "folders without images": (
        lambda desk: index_with(desk, lambda root: make_folders(root, n=0)),
        "FOLDER: no images for train, test: no file has one of the suffixes .bmp .jpeg .jpg .png "
        ".tif .tiff .webp. Add images.",
    ),
    "nothing at all": (
        index,
        "FOLDER: no image set found. Put there either train.csv and test.csv (columns id, label, "
        "label_str, path) with the files below real_vs_fake/real-vs-fake/, or the folders "
        "train/real, train/fake, test/real, test/fake with the images in them.",
    ),
}
