"""Small sets of images in both layouts: folders alone, and the lists of the Kaggle archive."""

import csv

from latentprint.image_folders import ARCHIVE_FOLDER
from tests.bad_pictures import encoded, picture

HEADER = ",original_path,id,label,label_str,path"


def make_folders(root, *, n=2, splits=("train", "test")):
    """Write n images per split and class; return the root."""
    for k, split in enumerate(splits):
        for m, label in enumerate(("real", "fake")):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(n):
                number = (2 * k + m) * n + i
                (folder / f"{number:05d}.png").write_bytes(encoded(picture(number), "PNG"))
    return root


def write_list(root, split, rows):
    """Write `<split>.csv` from rows (id, label, label_str, path)."""
    with (root / f"{split}.csv").open("w", newline="") as file:
        file.write(HEADER + "\n")
        csv.writer(file).writerows((k, "source", *row) for k, row in enumerate(rows))


def make_lists(root, **more_rows):
    """Write the csv layout: fake rows before real ones, ids that are not sorted."""
    base = make_folders(root / ARCHIVE_FOLDER)
    for split in ("train", "test"):
        rows = []
        for label, number in (("fake", 0), ("real", 1)):
            names = sorted((base / split / label).iterdir(), reverse=True)
            rows += [(p.stem, number, label, f"{split}/{label}/{p.name}") for p in names]
        write_list(root, split, rows + more_rows.get(split, []))
    return root
