"""Small pictures as files: what makes them, and a zoo of bad ones, each with its exact reason."""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

from latentprint.image_files import LARGEST_FILE_BYTES

SIZE = 32


def picture(seed=0, size=SIZE):
    """Smooth colour ramps with a little noise: (size, size, 3) uint8."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:size, :size] * (200 // size)
    pixels = np.stack([row, column, (row + column) // 2], axis=-1) + rng.integers(0, 40, 3)
    return (pixels + rng.integers(0, 8, pixels.shape)).astype(np.uint8)


def encoded(image, kind, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_bytes(*, width=SIZE, height=SIZE, bits=8, colour=2, rows=b"", before=b"", interlaced=0):
    """A PNG written by hand: Pillow cannot write 16-bit RGB, nor a header that lies."""

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + before
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def png_16_bit(colour, channels):
    row = b"\0" + bytes(range(SIZE)) * 2 * channels
    return png_bytes(bits=16, colour=colour, rows=row * SIZE)


def tiff_16_bit_rgb():
    pixels = (picture().astype("<u2") * 257).tobytes()
    tags = {256: SIZE, 257: SIZE, 258: None, 259: 1, 262: 2, 273: None, 277: 3, 278: SIZE, 279: 0}
    bits_at = 8 + 2 + 12 * len(tags) + 4
    tags[258], tags[273], tags[279] = bits_at, bits_at + 6, len(pixels)
    entries = b"".join(
        struct.pack("<HHII", tag, 3 if tag == 258 else 4, 3 if tag == 258 else 1, value)
        for tag, value in tags.items()
    )
    return (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", 0)
        + struct.pack("<HHH", 16, 16, 16)
        + pixels
    )


def two_frames(kind):
    other = Image.fromarray(picture(1))
    return encoded(picture(), kind, save_all=True, append_images=[other])


def transparent(alpha):
    return np.dstack([picture(), np.full((SIZE, SIZE), alpha, np.uint8)])


def oriented(value, kind="JPEG"):
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded(picture(), kind, exif=exif)


def palette():
    return Image.fromarray(picture()).quantize(16)


JPEG = encoded(picture(), "JPEG")
# Noise fills the scan, so that a cut falls well inside it (about 3 KB).
NOISE = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
LONG_JPEG = encoded(NOISE, "JPEG", quality=95)
PNG = encoded(picture(), "PNG")
GREY = picture()[..., 0]

INTERLACED_BYTES = 4 * 13 + 4 * 13 + 4 * 25 + 8 * 25 + 8 * 49 + 16 * 49 + 16 * 97  # RGB, 32 x 32

REFUSED = {
    "empty": (b"", "is empty (0 bytes)"),
    "web_page": (
        b"<!DOCTYPE html><html><body>404</body></html>",
        "is not a readable JPEG, PNG, WebP, BMP or TIFF image",
    ),
    "text": (b"not an image", "is not a readable JPEG, PNG, WebP, BMP or TIFF image"),
    "other_format": (
        encoded(palette(), "GIF"),
        "is not a readable JPEG, PNG, WebP, BMP or TIFF image",
    ),
    "header_only": (JPEG[:20], "is not a readable JPEG, PNG, WebP, BMP or TIFF image"),
    "truncated_jpeg": (
        LONG_JPEG[:-1000],
        "does not decode (image file is truncated (212 bytes not processed))",
    ),
    "truncated_progressive": (
        encoded(NOISE, "JPEG", quality=95, progressive=True)[:-1000],
        "does not decode (image file is truncated (5 bytes not processed))",
    ),
    "zero_padded_jpeg": (
        LONG_JPEG[:-1000] + bytes(1000),
        "does not decode (the end of the JPEG data is missing)",
    ),
    "truncated_png": (PNG[: len(PNG) // 2], "does not decode (image file is truncated)"),
    "truncated_webp": (
        encoded(picture(), "WEBP")[:-60],
        "does not decode (could not create decoder object)",
    ),
    "truncated_bmp": (
        encoded(picture(), "BMP")[:1000],
        "does not decode (image file is truncated (82 bytes not processed))",
    ),
    "too_large": (encoded(picture(size=64), "JPEG"), "is 64x64, expected 32x32"),
    "not_square": (encoded(picture()[:16], "PNG"), "is 32x16, expected 32x32"),
    # No pixel data at all: only a check before decoding can give this reason.
    "size_from_header": (png_bytes(width=5000, height=5000), "is 5000x5000, expected 32x32"),
    "half_the_rows": (
        png_bytes(rows=bytes(SIZE * 3 + 1) * (SIZE // 2)),
        "does not decode (the PNG data end before the last row)",
    ),
    "without_the_last_pass": (
        png_bytes(rows=bytes(INTERLACED_BYTES - 16 * 97), interlaced=1),
        "does not decode (the PNG data end before the last row)",
    ),
    "damaged_png": (
        PNG.replace(b"IDAT", b"IDAT!", 1),
        "does not decode (broken data stream when reading image file)",
    ),
    "text_bomb": (
        png_bytes(
            rows=bytes(SIZE * 3 + 1) * SIZE,
            before=png_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2_000_000))),
        ),
        "does not decode (Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK)",
    ),
    "bomb": (png_bytes(width=60_000, height=60_000), "has more pixels than the decoder allows"),
    "cmyk": (
        encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
        "is CMYK: the conversion to RGB depends on a colour profile",
    ),
    "transparent_rgba": (encoded(transparent(200), "PNG"), "has transparent pixels"),
    "transparent_webp": (
        encoded(transparent(200), "WEBP", lossless=True),
        "has transparent pixels",
    ),
    "transparent_palette": (encoded(palette(), "PNG", transparency=3), "has transparent pixels"),
    "transparent_colour": (
        encoded(picture(), "PNG", transparency=tuple(picture()[0, 0].tolist())),
        "has transparent pixels",
    ),
    "grey_png_16_bit": (png_16_bit(0, 1), "has 16 bits per value, expected 8"),
    "rgb_png_16_bit": (png_16_bit(2, 3), "has 16 bits per value, expected 8"),
    "rgba_png_16_bit": (png_16_bit(6, 4), "has 16 bits per value, expected 8"),
    "rgb_tiff_16_bit": (tiff_16_bit_rgb(), "has 16 bits per value, expected 8"),
    "grey_tiff_16_bit": (
        encoded(GREY.astype(np.uint16), "TIFF"),
        "has 16 bits per value, expected 8",
    ),
    "tiff_float": (encoded(GREY.astype(np.float32), "TIFF"), "has 32 bits per value, expected 8"),
    "tiff_lab": (
        encoded(Image.merge("LAB", [Image.fromarray(GREY)] * 3), "TIFF"),
        "has mode LAB, expected grey, palette or RGB",
    ),
    "animated_png": (two_frames("PNG"), "holds 2 frames, expected 1"),
    "animated_webp": (two_frames("WEBP"), "holds 2 frames, expected 1"),
    "tiff_pages": (two_frames("TIFF"), "holds 2 frames, expected 1"),
    "turned": (oriented(6), "has EXIF orientation 6, expected 1 (stored upright)"),
    "turned_png": (oriented(3, "PNG"), "has EXIF orientation 3, expected 1 (stored upright)"),
}

# What is no file with bytes of its own: how to put it there, and the reason.
PLACED = {
    "absent": (lambda path: None, "does not exist"),
    "link_to_nothing": (
        lambda path: path.symlink_to("nowhere.jpg"),
        "is a link to a file that does not exist",
    ),
    "link_to_itself": (
        lambda path: path.symlink_to(path.name),
        "cannot be read (Too many levels of symbolic links)",
    ),
    "folder": (lambda path: path.mkdir(), "is a folder, expected a file"),
    "pipe": (os.mkfifo, "is a device or a pipe, expected a file"),
    "device": (
        lambda path: path.symlink_to("/dev/zero"),
        "is a device or a pipe, expected a file",
    ),
    "too_many_bytes": (
        lambda path: (path.touch(), os.truncate(path, LARGEST_FILE_BYTES + 1)),
        "is 100000001 bytes, expected at most 100000000",
    ),
}
if os.geteuid() != 0:  # root may read every file
    PLACED["forbidden"] = (lambda path: path.touch(0), "cannot be read (Permission denied)")
