"""Whether a PNG file holds all the rows that its header promises.

Pillow leaves the rest black without a word where the compressed data end early, but in good order.
"""

import struct
import zlib

FIRST_CHUNK = 8  # byte; the signature stands before it
HEADER = 16  # byte at which the fields of the header begin
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
WHOLE = ((0, 0, 1, 1),)
# First column, first row, step across, step down of each pass of an interlaced file.
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def has_all_rows(data: bytes) -> bool:
    """Compare the length of the data with the size in the header.

    Parameters
    ----------
    data : bytes
        A file that decodes.
    """
    needed = _bytes_of_rows(*struct.unpack_from(">IIBBBBB", data, HEADER))
    return len(zlib.decompressobj().decompress(_compressed(data), needed)) == needed


def _bytes_of_rows(
    width: int, height: int, bits: int, colour: int, _method: int, _filter: int, interlaced: int
) -> int:
    total = 0
    for column, row, across, down in ADAM7 if interlaced else WHOLE:
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * CHANNELS[colour] * bits // 8))  # 1: the filter
    return total


def _compressed(data: bytes) -> bytes:
    parts, place = [], FIRST_CHUNK
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IDAT":
            parts.append(data[place + 8 : place + 8 + length])
        place += length + 12
    return b"".join(parts)
