"""The pictures that the cues are tried on: one region of each, its class, and what it went through.

Classes: `uncompressed` (photographs; their JPEG AI versions are made from them), `synthetic`
(of generators), `decoded` (by another JPEG AI decoder: asked about, never learnt from).
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from latentprint.cues.history import Traces, confounded, traces
from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.image_files import RefusedImage, check, decode
from latentprint.image_tables import write_table
from latentprint.progress import Progress

CLASSES = ("uncompressed", "synthetic", "decoded")
DRAWN = "drawn"
BATCH = 8  # pictures that are worked on together
GRID = 16  # pixels of a latent: regions start at multiples of it
SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
MANIFEST = ("path", "image_id", "class", "source", "generator")


class Found(NamedTuple):
    """A picture before it was opened.

    Attributes
    ----------
    path : Path
    image_id : str
        Pictures with one id are never divided between training and test.
    kind : str
        Of `CLASSES`.
    source : str
        Folder or generator in one word.
    """

    path: Path
    image_id: str
    kind: str
    source: str


class Source(NamedTuple):
    """One row of sources.tsv: a region of a picture.

    Attributes
    ----------
    id : str
        Also the name of its file, without suffix, in every version.
    image_id, kind, source : str
        As `Found`.
    path : str
        The picture's file.
    width, height : int
        Of the picture, pixels.
    left, top : int
        Where the region starts, pixels.
    jpeg_quality : str
    jpeg_sampling : str
        Both "" for other files.
    centred, cosited, jpeg : float
        Traces of an earlier history (`history`).
    confounded : str
        Why the colour cue has nothing to say of it; "" where it has.
    sha256 : str
        Of the file.
    """

    id: str
    image_id: str
    kind: str
    source: str
    path: str
    width: int
    height: int
    left: int
    top: int
    jpeg_quality: str
    jpeg_sampling: str
    centred: float
    cosited: float
    jpeg: float
    confounded: str
    sha256: str


def find(folders: Mapping[str, Mapping[str, str]]) -> list[Found]:
    """List the pictures of named folders and their subfolders.

    Parameters
    ----------
    folders : mapping
        Of each class: name to folder. A folder's own subfolders are sources of their own.

    Raises
    ------
    UserError
        If a folder does not exist or holds no picture.
    """
    found = []
    for kind, named in folders.items():
        for name, folder in named.items():
            root = Path(folder)
            paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not paths:
                what = "holds no picture" if root.is_dir() else "is no folder"
                raise UserError(
                    f"config: cues.{kind}.{name}: {folder} {what} ({', '.join(SUFFIXES)}). Name a "
                    "folder with pictures, or leave it out"
                )
            for path in paths:
                parts = path.relative_to(root).parts
                source = f"{name}/{parts[0]}" if len(parts) > 1 else name
                # Generators that were given the same prompts often name their files alike.
                group = path.stem.partition("-")[0] if kind == "synthetic" else path.stem
                found.append(Found(path, f"{kind}/{name}/{group}", kind, source))
    return found


def read_manifest(path: Path) -> list[Found]:
    """Read a list of pictures in place of folders.

    Parameters
    ----------
    path : Path
        Tab-separated: path (relative to the list), image_id, class, source, generator.

    Raises
    ------
    UserError
        If the list is missing or wrong; with its line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check cues.manifest") from None
    missing = [name for name in MANIFEST if rows and name not in rows[0]]
    if missing or not rows:
        raise UserError(
            f"{path}: {f'column {missing[0]} is missing' if missing else 'is empty'}, expected "
            f"{' '.join(MANIFEST)}"
        )
    found = []
    for number, row in enumerate(rows, 2):
        if row["class"] not in CLASSES or not row["path"] or not row["image_id"]:
            raise UserError(
                f"{path}, line {number}: path, image_id or class is missing or unknown "
                f"({row['class']!r}), classes are {', '.join(CLASSES)}"
            )
        source = row["generator"] or row["source"] or row["class"]
        found.append(Found(path.parent / row["path"], row["image_id"], row["class"], source))
    return found


def first_of(found: Sequence[Found], most: int) -> list[Found]:
    """Keep at most so many pictures of every source, spread evenly over its list; 0 = all."""
    kept = []
    for source in dict.fromkeys((one.kind, one.source) for one in found):
        of_source = [one for one in found if (one.kind, one.source) == source]
        if most and len(of_source) > most:
            places = np.linspace(0, len(of_source) - 1, most).round().astype(int)
            of_source = [of_source[place] for place in places]
        kept += of_source
    return kept


def region(width: int, height: int, size: int) -> tuple[int, int]:
    """Give left and top of the central region, multiples of 16; rounded down."""
    return (width - size) // 2 // GRID * GRID, (height - size) // 2 // GRID * GRID


def write_sources(
    found: Sequence[Found], *, size: int, pictures: Path
) -> tuple[list[Source], list[tuple[str, str]]]:
    """Cut the central region out of every picture and write it as PNG.

    Parameters
    ----------
    found : sequence of Found
    size : int
        Side of a region, pixels.
    pictures : Path
        Folder; created.

    Returns
    -------
    sources : list of Source
    refused : list of (path, reason)
        Pictures that are damaged, too small or need a decision (`image_files`).
    """
    pictures.mkdir(parents=True, exist_ok=True)
    rows: list[Source] = []
    refused: list[tuple[str, str]] = []
    progress = Progress(len(found), "pictures")
    for one in found:
        progress.advance(1)
        try:
            checked = check(one.path, None)
            if min(checked.width, checked.height) < size:
                raise RefusedImage(
                    f"is {checked.width}x{checked.height}, expected at least {size}x{size}"
                )
        except RefusedImage as reason:
            refused.append((str(one.path), str(reason)))
            continue
        left, top = region(checked.width, checked.height, size)
        pixels = decode(one.path)[top : top + size, left : left + size]
        rows.append(
            _row(
                len(rows), one, pixels, left=left, top=top, width=checked.width,
                height=checked.height, jpeg_quality=checked.jpeg_quality,
                jpeg_sampling=checked.jpeg_sampling, sha256=checked.sha256,
            )
        )  # fmt: skip
        write_picture(pictures / f"{rows[-1].id}.png", pixels)
    return rows, refused


def drawn_sources(n_images: int, *, seed: int, size: int, pictures: Path) -> list[Source]:
    """Draw pictures as the demo does, photographed and generated, and keep them without loss."""
    from latentprint.demo.images import draw

    pictures.mkdir(parents=True, exist_ok=True)
    rows: list[Source] = []
    progress = Progress(2 * n_images, "pictures")
    for kind, label in (("uncompressed", "real"), ("synthetic", "fake")):
        for index in range(n_images):
            pixels = draw(index, label, split="train", seed=seed, size=size)
            one = Found(Path(f"drawn {label} {index}"), f"{label}-{index}", kind, DRAWN)
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            rows.append(
                _row(
                    len(rows), one, pixels, left=0, top=0, width=size, height=size,
                    jpeg_quality=None, jpeg_sampling="", sha256=digest,
                )
            )  # fmt: skip
            write_picture(pictures / f"{rows[-1].id}.png", pixels)
            progress.advance(1)
    return rows


def _row(
    number: int,
    one: Found,
    pixels: np.ndarray,
    *,
    left: int,
    top: int,
    width: int,
    height: int,
    jpeg_quality: int | None,
    jpeg_sampling: str,
    sha256: str,
) -> Source:
    found: Traces = traces(pixels)
    # What JPEG AI decodes shows halved chroma planes; there they are what is looked for.
    declared = one.kind != "decoded"
    return Source(
        f"{number:06d}", one.image_id, one.kind, one.source, str(one.path), width, height, left,
        top, "" if jpeg_quality is None else str(jpeg_quality), jpeg_sampling,
        *(round(value, 4) for value in found),
        confounded(found, jpeg_sampling=jpeg_sampling, declared=declared), sha256,
    )  # fmt: skip


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write a picture as PNG, complete or not at all."""
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, "PNG", compress_level=1)


def write_list(path: Path, rows: Sequence[Source]) -> None:
    """Write sources.tsv."""
    write_table(path, Source._fields, rows=rows)


def read_list(path: Path) -> list[Source]:
    """Read sources.tsv; `UserError` if it is missing."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Run snakemake again") from None
    numbers = {"width": int, "height": int, "left": int, "top": int}
    numbers |= dict.fromkeys(("centred", "cosited", "jpeg"), float)
    return [
        Source(**{name: numbers.get(name, str)(row[name]) for name in Source._fields})
        for row in rows
    ]


def batches(
    rows: Sequence[Source], folder: Path, size: int
) -> Iterator[tuple[list[Source], np.ndarray]]:
    """Read pictures of a version, so many together.

    Yields
    ------
    rows : list of Source
    pictures : ndarray, uint8, (batch, height, width, 3)
    """
    for start in range(0, len(rows), size):
        some = list(rows[start : start + size])
        advice = "Delete the folder and run snakemake again."
        yield some, np.stack([decode(folder / f"{row.id}.png", advice=advice) for row in some])
