"""Bad pictures, and the reason in the table of excluded images or the line that stops a run."""

from pathlib import Path

from latentprint.image_folders import ARCHIVE_FOLDER
from tests.bad_input.desk import Cases, Desk, See
from tests.bad_input.lists import index
from tests.bad_pictures import PLACED, REFUSED, SIZE, encoded, picture
from tests.front_door import FrontDoor
from tests.image_sets import make_folders, make_lists

LONG = 300 * "x"


def index_all(door: FrontDoor, folder: Path, library: Path) -> dict[str, dict[str, str]]:
    """Index all bad pictures at once, in either layout, and read why each was excluded.

    Parameters
    ----------
    door : FrontDoor
    folder : Path
        Empty.
    library : Path
        The product's package folder.

    Returns
    -------
    dict of str to dict of str
        Reasons by layout, "lists" or "folders", and by name of the file without its suffix.
    """
    by_lists, by_folders = folder / "lists", folder / "folders"
    _write_lists(by_lists)
    make_folders(by_folders)
    for name, (place, _) in PLACED.items():
        place(by_folders / f"test/real/{name}.jpg")
    found = {}
    for root in (by_lists, by_folders):
        table = root / "exclusions.tsv"
        options = ("--root", root, "--image-size", SIZE, "--max-excluded", 1)
        outputs = ("--images", root / "images.tsv", "--exclusions", table)
        command = ("latentprint.steps.index_images", *options, *outputs)
        ended = door.run(*command, folder=folder, path=library)
        assert ended.status == 0, ended
        rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
        found[root.name] = {Path(path).stem: reason for path, reason in rows}
    return found


def _write_lists(root: Path) -> None:
    rows = [(name, 1, "real", f"test/real/{name}.jpg") for name in (*REFUSED, *PLACED, "copy")]
    rows += [
        ("doubt", 0, "fake", "test/fake/doubt.png"),
        ("long", 1, "real", f"test/real/{LONG}.jpg"),
        ("below", 1, "real", "test/real/empty.jpg/below.jpg"),
    ]
    make_lists(root, test=rows)
    base = root / ARCHIVE_FOLDER / "test"
    for name, (content, _) in REFUSED.items():
        (base / f"real/{name}.jpg").write_bytes(content)
    for name, (place, _) in PLACED.items():
        place(base / f"real/{name}.jpg")
    (base / "real/copy.jpg").write_bytes(encoded(picture(0), "BMP"))
    (base / "fake/doubt.png").write_bytes(encoded(picture(1), "PNG"))


def excluded(kind: str, name: str) -> See:
    """Look up why a file of one of the two sets was excluded."""
    return lambda desk: desk.reasons[kind][name]


def of_another_size(desk: Desk) -> str:
    make_folders(desk.folder)
    return index(desk, size=2 * SIZE)


def too_many_bad_ones(desk: Desk) -> str:
    make_folders(desk.folder)
    for name in ("a", "b", "c"):
        (desk.folder / f"test/real/{name}.jpg").write_bytes(b"no picture")
    return index(desk, max_excluded=0.1)


PICTURES: Cases = {
    **{name: (excluded("lists", name), reason) for name, (_, reason) in REFUSED.items()},
    **{name: (excluded("lists", name), reason) for name, (_, reason) in PLACED.items()},
    "copy of another": (excluded("lists", "copy"), "same pixels as 00000 in train"),
    "copy with another label": (
        excluded("lists", "doubt"),
        "same pixels as 00001 in train, labelled real",
    ),
    "name too long": (excluded("lists", LONG), "cannot be read (File name too long)"),
    "path through a file": (excluded("lists", "below"), "cannot be read (Not a directory)"),
    **{
        f"{name}, found in a folder": (excluded("folders", name), PLACED[name][1])
        for name in ("link_to_itself", "link_to_nothing", "pipe")
    },
    "more than max_excluded": (
        too_many_bad_ones,
        "3 of 11 images cannot be used (27.27%), max_excluded allows 10.00%: test/real/a.jpg is "
        "not a readable JPEG, PNG, WebP, BMP or TIFF image; test/real/b.jpg is not a readable "
        "JPEG, PNG, WebP, BMP or TIFF image; .... All reasons: FOLDER/excluded.stopped.tsv. "
        "Repair the files, correct image_size, or raise max_excluded.",
    ),
    "all of another size": (
        of_another_size,
        "8 of 8 images cannot be used (100.00%), max_excluded allows 50.00%: "
        "train/real/00000.png is 32x32, expected 64x64; train/real/00001.png is 32x32, expected "
        "64x64; .... All reasons: FOLDER/excluded.stopped.tsv. Repair the files, correct "
        "image_size, or raise max_excluded.",
    ),
}
