"""What a file tells before any pixel is decoded: size, format, JPEG settings, what else it holds.

Everything here is read from the bytes of the file and from its header. Nothing depends on what the
picture shows, but for the number of bytes, which grows with the detail in it.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from latentprint.image_files import FORMATS, QUALITY_OF_TABLE, jpeg_settings

START_OF_SCAN = 0xDA
PROGRESSIVE = frozenset({"C2", "C6", "CA", "CE"})  # frame markers, ITU-T T.81, table B.1
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length, the same table
PNG_TEXT = frozenset({"tEXt", "zTXt", "iTXt"})
_QUALITIES = np.array([QUALITY_OF_TABLE[table] for table in QUALITY_OF_TABLE])
_TABLES = np.array(list(QUALITY_OF_TABLE))


class FileTraits(NamedTuple):
    """Traits of one file; those of JPEG are None, or "" for text, where there is none.

    Attributes
    ----------
    format, mode : str
        As Pillow names them: "JPEG", "RGB".
    width, height : int, pixels
    n_bytes : int
    bytes_per_pixel : float
    header_bytes : int or None
        Bytes before the coded pixels, JPEG and PNG. Tables made for one image (an optimised
        Huffman code) and further segments show in it.
    segments : str
        JPEG: markers up to the first scan, hexadecimal; PNG: names of the chunks, those that
        follow each other once. Programs that write files differ in it. "" for other formats.
    jpeg_quality : int or None, 1 to 100
        IJG quality with the nearest luma table (least sum of absolute differences): exact where
        the table is one of the IJG encoder's, an estimate otherwise.
    jpeg_tables : str
        Digest of all quantisation tables, 8 hexadecimal digits.
    jpeg_sampling : str
        "4:4:4", "4:2:2", "4:2:0"; other samplings as factors of each component, "1x2 1x1 1x1".
    jpeg_progressive : int or None
        1 if progressive, else 0.
    exif, icc, comment : int
        1 if the file holds EXIF data, a colour profile, a comment (PNG: any text), else 0.
    """

    format: str
    mode: str
    width: int
    height: int
    n_bytes: int
    bytes_per_pixel: float
    header_bytes: int | None
    segments: str
    jpeg_quality: int | None
    jpeg_tables: str
    jpeg_sampling: str
    jpeg_progressive: int | None
    exif: int
    icc: int
    comment: int


def file_traits(data: bytes) -> FileTraits:
    """Read the traits of one file that the index has accepted.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    FileTraits
    """
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    parts = list({"JPEG": _jpeg_markers, "PNG": _png_chunks}.get(image.format, _none)(data))
    names = [name for name, _ in parts]
    start = {"JPEG": "DA", "PNG": "IDAT"}.get(image.format)
    jpeg = image.format == "JPEG"
    return FileTraits(
        format=image.format,
        mode=image.mode,
        width=image.width,
        height=image.height,
        n_bytes=len(data),
        bytes_per_pixel=round(len(data) / (image.width * image.height), 6),
        header_bytes=next((place for name, place in parts if name == start), None),
        segments=" ".join(_once(names)) if not jpeg else " ".join(names),
        jpeg_quality=_quality(image.quantization) if jpeg else None,
        jpeg_tables=_digest(image.quantization) if jpeg else "",
        jpeg_sampling=_sampling(image) if jpeg else "",
        jpeg_progressive=int(not PROGRESSIVE.isdisjoint(names)) if jpeg else None,
        exif=int("exif" in image.info or "eXIf" in names),
        icc=int("icc_profile" in image.info),
        comment=int("comment" in image.info or not PNG_TEXT.isdisjoint(names)),
    )


def _jpeg_markers(data: bytes) -> Iterator[tuple[str, int]]:
    """Give the markers of a JPEG file and their places, up to the first scan."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # any marker may be preceded by such bytes
            place += 1
            continue
        yield f"{marker:02X}", place
        if marker == START_OF_SCAN:
            return
        alone = marker in ALONE
        place += 2 if alone else 2 + int.from_bytes(data[place + 2 : place + 4])


def _png_chunks(data: bytes) -> Iterator[tuple[str, int]]:
    """Give the chunks of a PNG file and their places."""
    place = 8
    while place + 8 <= len(data):
        yield data[place + 4 : place + 8].decode("latin-1"), place
        place += 12 + int.from_bytes(data[place : place + 4])


def _none(data: bytes) -> Iterator[tuple[str, int]]:
    return iter(())


def _once(names: list[str]) -> list[str]:
    """Drop names that follow themselves: the number of data chunks depends on the size."""
    return [name for k, name in enumerate(names) if k == 0 or names[k - 1] != name]


def _quality(tables: dict[int, list[int]]) -> int:
    luma = np.array(tables[min(tables)])
    return int(_QUALITIES[np.abs(_TABLES - luma).sum(axis=1).argmin()])


def _digest(tables: dict[int, list[int]]) -> str:
    text = json.dumps([[number, list(tables[number])] for number in sorted(tables)])
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _sampling(image: Image.Image) -> str:
    """Name the chroma sampling; a grey image has none."""
    known = jpeg_settings(image)[1]
    if known or len(image.layer) == 1:
        return known
    return " ".join(f"{layer[1]}x{layer[2]}" for layer in image.layer)
