"""Tiles of large pictures: where they lie, cutting and putting together (specification, section 9).

Tiles overlap. Of each piece that a network makes of a tile, the assembling keeps the core: half of
the overlap is dropped on every side that is not the picture's border. A picture that is not above
the threshold is one tile, for which nothing here changes a value.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


@dataclass(frozen=True)
class Tiling:
    """When and how one kind of plane is cut.

    Attributes
    ----------
    samples : int
        Largest number of samples, height times width, that stays one tile.
    tile, overlap : int
        Side of a tile and what it shares with the next one, samples.
    """

    samples: int
    tile: int
    overlap: int

    @property
    def margin(self) -> int:
        """Samples to drop on a side that is not the picture's border."""
        return self.overlap // 2


LUMA = Tiling(1_048_576, 1024, 64)  # analysis of the luma plane
CHROMA = Tiling(262_144, 512, 32)  # analysis of the chroma planes, which have half the size
PICTURE = Tiling(1_048_576, 1024, 64)  # synthesis of both components, by the picture's size


class Window(NamedTuple):
    """One tile: its first row and column and its size, samples."""

    top: int
    left: int
    height: int
    width: int


def windows(height: int, width: int, tiling: Tiling) -> list[Window]:
    """Give the tiles of a plane, row by row.

    Parameters
    ----------
    height, width : int
        Size of the plane, samples.
    tiling : Tiling

    Returns
    -------
    list of Window
        The whole plane alone if it is not above the threshold. Tiles start every tile - overlap
        samples; the last one of a row or column ends at the border and is wider than the overlap,
        unless the plane itself is not.
    """
    if height * width <= tiling.samples:
        return [Window(0, 0, height, width)]
    return [
        Window(top, left, rows, columns)
        for top, rows in _spans(height, tiling)
        for left, columns in _spans(width, tiling)
    ]


def _spans(length: int, tiling: Tiling) -> Iterator[tuple[int, int]]:
    # A side that is not longer than the overlap has a first tile all the same.
    for start in range(0, max(1, length - tiling.overlap), tiling.tile - tiling.overlap):
        yield start, min(tiling.tile, length - start)


def cut(x: Tensor, window: Window, *, unit: int = 1) -> Tensor:
    """Give the part of a plane, or of its latents, that belongs to a tile.

    Parameters
    ----------
    x : Tensor, (..., ceil(height / unit), ceil(width / unit)) of the whole plane
    window : Window
    unit : int, default 1
        Samples on each side of an element of x: 1 for planes, 16 for latents of a picture.

    Returns
    -------
    Tensor, dtype of x, (..., ceil(window.height / unit), ceil(window.width / unit))
        A view.
    """
    top, left = window.top // unit, window.left // unit
    return x[
        ...,
        top : top + _ceil(window.height, unit),
        left : left + _ceil(window.width, unit),
    ]


def assemble(
    pieces: Iterable[Tensor],
    tiles: Sequence[Window],
    *,
    size: tuple[int, int],
    unit: int,
    drop: int,
) -> Tensor:
    """Put together what a network made of the tiles of a plane.

    Parameters
    ----------
    pieces : iterable of Tensor, (batch, channel, ceil(window.height / unit), ...)
        One for each tile, in the order of `tiles`; may be a generator, so that one piece at a time
        is in memory.
    tiles : sequence of Window
        All tiles of the plane (`windows`).
    size : (int, int)
        Height and width of the plane, samples.
    unit : int
        Samples on each side of an element: 1 for planes, 16 for y of luma, 8 for y of chroma,
        64 and 32 for z. The starts of the tiles must be multiples of it.
    drop : int
        Samples to leave out on the sides that are not the picture's border: `Tiling.margin`, or 0
        (z); what two pieces hold is then taken from the later one.

    Returns
    -------
    Tensor, dtype of the pieces, (batch, channel, ceil(size[0] / unit), ceil(size[1] / unit))
        The piece itself if there is one tile.

    Raises
    ------
    ValueError
        If the number of pieces is not that of the tiles, or a piece has another size than its tile.
    """
    whole = None
    for piece, tile in zip(pieces, tiles, strict=True):
        expected = (_ceil(tile.height, unit), _ceil(tile.width, unit))
        if tuple(piece.shape[-2:]) != expected:
            raise ValueError(
                f"piece of {tile} at {unit} samples an element is {tuple(piece.shape[-2:])}, "
                f"expected {expected}"
            )
        if len(tiles) == 1:
            whole = piece
            continue
        if whole is None:
            whole = piece.new_empty((*piece.shape[:-2], _ceil(size[0], unit), _ceil(size[1], unit)))
        rows = _kept(tile.top, tile.height, size[0], unit, drop)
        columns = _kept(tile.left, tile.width, size[1], unit, drop)
        top, left = tile.top // unit, tile.left // unit
        whole[..., rows, columns] = piece[
            ..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
    return whole


def _kept(start: int, length: int, size: int, unit: int, drop: int) -> slice:
    """Give the elements of the whole side that a tile fills."""
    end = start + length
    first = start + drop if start > 0 else 0
    last = end - drop if end < size else size
    return slice(first // unit, _ceil(last, unit))


def _ceil(samples: int, unit: int) -> int:
    return -(-samples // unit)
