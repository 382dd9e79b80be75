"""Decode and check one image file: the only decoder of the product.

Pixels are taken as stored. What can be written as 8-bit RGB without a decision is converted (grey,
palette, opaque alpha); what needs one (CMYK, transparency, 16 bits, several frames, an orientation
tag) is refused with the reason. Colour profiles are ignored, as codecs and classifiers ignore them.
An orientation tag is refused, although turning loses nothing: programs that follow the tag and
programs that do not would disagree about the pixels, and the JPEG block grid would be turned too.
"""

import hashlib
import io
import stat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError, features
from PIL.JpegImagePlugin import get_sampling

from latentprint.errors import UserError
from latentprint.png_rows import has_all_rows

# Never the formats that Pillow hands to another program (EPS goes to Ghostscript).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
LOSSLESS_MODES = frozenset({"RGB", "1", "L", "P", "LA", "PA", "RGBA"})
MODE_REASONS = {"CMYK": "is CMYK: the conversion to RGB depends on a colour profile"}
LARGEST_FILE_BYTES = 100_000_000
ORIENTATION_TAG = 0x0112
TIFF_BITS_TAG = 258
PNG_BITS_OFFSET = 24
SAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}

# ITU-T T.81, table K.1, row by row: what the IJG quality scale multiplies.
LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def ijg_luma_table(quality: int) -> tuple[int, ...]:
    """Return the luma quantisation table of the IJG encoder.

    Parameters
    ----------
    quality : int, 1 to 100

    Returns
    -------
    tuple of 64 int, 1 to 255
        Row by row.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(np.clip((LUMA_TABLE.ravel() * scale + 50) // 100, 1, 255).tolist())


QUALITY_OF_TABLE = {ijg_luma_table(quality): quality for quality in range(1, 101)}


class RefusedImage(Exception):
    """An image that is not used; its text is the reason, as in exclusions.tsv."""


class Checked(NamedTuple):
    """What an accepted file is."""

    sha256: str
    width: int
    height: int
    mode: str
    jpeg_quality: int | None
    jpeg_sampling: str
    pixels: bytes


def check(path: Path, size: int) -> Checked:
    """Decode one file and say what it is.

    Parameters
    ----------
    path : Path
        The file; a symbolic link is followed.
    size : int
        Width and height that are expected, in pixels.

    Returns
    -------
    Checked
        `sha256` of the file's bytes; `mode` as stored; `jpeg_quality` on the IJG scale and
        `jpeg_sampling`, None and "" where there is none or it is not known; `pixels`: digest of
        the decoded values, 16 bytes.

    Raises
    ------
    RefusedImage
        With the reason.
    """
    data = _read(path)
    image, mode = _decoded(data, size)
    quality, sampling = jpeg_settings(image)
    pixels = hashlib.blake2b(_rgb(image).tobytes(), digest_size=16).digest()
    sha256 = hashlib.sha256(data).hexdigest()
    return Checked(sha256, *image.size, mode, quality, sampling, pixels)


def decode(
    path: Path,
    size: int | None = None,
    *,
    advice: str = "Restore the file, or make the index again.",
) -> np.ndarray:
    """Decode one image to RGB, exactly as the index does; nothing is resized or turned.

    Parameters
    ----------
    path : Path
        The file; a symbolic link is followed.
    size : int, optional
        Width and height that are expected, in pixels. Without it any size is taken.
    advice : str
        What the error says to do.

    Returns
    -------
    ndarray, uint8, (height, width, 3)

    Raises
    ------
    UserError
        If the index would exclude the file.
    """
    try:
        image, _ = _decoded(_read(path), size)
        return np.array(_rgb(image))
    except RefusedImage as reason:
        raise UserError(f"{path}: {reason}. {advice}") from None


def jpeg_settings(image: Image.Image) -> tuple[int | None, str]:
    """Return quality and chroma sampling of an opened JPEG file.

    Parameters
    ----------
    image : Image
        As opened, of any format.

    Returns
    -------
    quality : int or None
        1 to 100 if the luma table is one of the IJG encoder's.
    sampling : str
        "4:4:4", "4:2:2", "4:2:0", or "" (grey, another sampling, or no JPEG).
    """
    if image.format != "JPEG":
        return None, ""
    table = tuple(image.quantization.get(0, ()))
    return QUALITY_OF_TABLE.get(table), SAMPLINGS.get(get_sampling(image), "")


def decoder_version() -> str:
    """Name what decodes: Pillow and the JPEG library that it was built with."""
    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {features.version('pil')}, JPEG {jpeg}"


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise RefusedImage(f"is {what}, expected a file")
        if found.st_size == 0:
            raise RefusedImage("is empty (0 bytes)")
        if found.st_size > LARGEST_FILE_BYTES:
            raise RefusedImage(f"is {found.st_size} bytes, expected at most {LARGEST_FILE_BYTES}")
        return path.read_bytes()
    except FileNotFoundError:
        link = path.is_symlink()
        raise RefusedImage(
            "is a link to a file that does not exist" if link else "does not exist"
        ) from None
    except OSError as error:
        raise RefusedImage(f"cannot be read ({error.strerror})") from None


def _decoded(data: bytes, size: int | None) -> tuple[Image.Image, str]:
    """Open and decode; return the image and its mode as stored.

    On damaged files Pillow's plugins raise almost any type (OSError, SyntaxError, ValueError,
    struct.error, KeyError ...), so everything but a lack of memory counts as "does not decode".
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        mode = image.mode
        _refuse_by_header(image, data, size)
        image.load()
        whole = image.format != "PNG" or has_all_rows(data)
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except (RefusedImage, MemoryError):
        raise
    except UnidentifiedImageError:
        raise RefusedImage("is not a readable JPEG, PNG, WebP, BMP or TIFF image") from None
    except Image.DecompressionBombError:
        raise RefusedImage("has more pixels than the decoder allows") from None
    except Exception as error:
        text = " ".join(str(error).split())
        raise RefusedImage(f"does not decode ({text or type(error).__name__})") from None
    if not whole:
        raise RefusedImage("does not decode (the PNG data end before the last row)")
    # libjpeg fills the rest with grey without a word when a cut file was padded with zeros (a
    # broken download). The markers cannot occur in scan data, and a thumbnail comes before it.
    # A cut file to which somebody gave a new end marker cannot be told from a grey picture.
    if image.format == "JPEG" and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise RefusedImage("does not decode (the end of the JPEG data is missing)")
    if orientation in range(2, 9):
        raise RefusedImage(f"has EXIF orientation {orientation}, expected 1 (stored upright)")
    return image, mode


def _refuse_by_header(image: Image.Image, data: bytes, size: int | None) -> None:
    """Refuse what the header already rules out, before any pixel is decoded."""
    if size is not None and image.size != (size, size):
        raise RefusedImage(f"is {image.width}x{image.height}, expected {size}x{size}")
    frames = getattr(image, "n_frames", 1)
    if frames != 1:
        raise RefusedImage(f"holds {frames} frames, expected 1")
    bits = _bits_per_value(image, data)
    if bits > 8:
        raise RefusedImage(f"has {bits} bits per value, expected 8")
    if image.mode not in LOSSLESS_MODES:
        reason = MODE_REASONS.get(image.mode)
        raise RefusedImage(reason or f"has mode {image.mode}, expected grey, palette or RGB")


def _bits_per_value(image: Image.Image, data: bytes) -> int:
    """Return the stored depth; Pillow opens 16-bit RGB as mode RGB and drops the low byte."""
    if image.format == "PNG":
        return data[PNG_BITS_OFFSET]
    if image.format == "TIFF":
        return max(image.tag_v2.get(TIFF_BITS_TAG, (1,)))
    return 8


def _rgb(image: Image.Image) -> Image.Image:
    """Convert a decoded image to RGB where that loses nothing."""
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            raise RefusedImage("has transparent pixels")
    return image.convert("RGB")
