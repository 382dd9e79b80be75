"""Near duplicates: pictures that are almost the same, as a test set must not share with training.

Equal pixels are found by the index. Here a 64-bit hash of each picture's coarse structure finds
candidates, and the correlation of small grey copies confirms them. Aligned faces look alike, so
that the hash alone would accuse hundreds of pairs; the limits below were measured.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentprint.image_tables import Chosen
from latentprint.progress import Progress

EDGE = 32
"""Edge of the grey copies, pixels."""
MAX_DISTANCE = 14
"""Bits in which candidates may differ.

Measured on all 1,279,200 pairs of 1,600 aligned faces: half of the pairs differ in 30 bits or more,
0.11 % in 14 or fewer. The five near duplicates among them (the same generated face, slightly
changed) differ in 8 to 12 bits, copies that were recompressed at quality 30 or resized to one half
and back in 4 at most, copies cropped by 4 of 256 pixels on each side in 12 at most.
"""
MIN_CORRELATION = 0.92
"""Correlation from which a candidate counts as a near duplicate.

Measured on the same pairs: the five have 0.938 to 0.991, the next pair, two persons with the same
pose and dark surroundings, 0.910, and 99.9 % of all pairs less than 0.78. Copies that were
recompressed or resized have more than 0.999, copies cropped by 4 of 256 pixels on each side more
than 0.92. A mirrored copy is not found.
"""
ROWS, COLUMNS = 64, 4096
"""Pairs compared at once: 2 MB. Measured on one core: 600 million pairs a second, that is 16
seconds for the 9.8 billion pairs of 140,000 images."""
CONFIRMED = 2048
"""Candidates confirmed at once: 17 MB. Measured on one core: 9 microseconds each, that is 100
seconds for 140,000 faces at the share of candidates above."""


class NearDuplicate(NamedTuple):
    """One pair, as in near_duplicates.tsv; `kind` is one of `KINDS`.

    "across_splits": one image of each split. "across_classes": of one split, one of each class.
    "within_class": of one split and class.
    """

    kind: str
    first: str
    first_split: str
    first_label: str
    second: str
    second_split: str
    second_label: str
    distance: int
    correlation: float


KINDS = ("across_splits", "across_classes", "within_class")


def thumbnail(luma: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Make the small grey copy of a picture, the mean of each area.

    Parameters
    ----------
    luma : ndarray, float32, (height, width), 0 to 255

    Returns
    -------
    ndarray, uint8, (32, 32)
    """
    grey = Image.fromarray(np.clip(np.rint(luma), 0, 255).astype(np.uint8))
    return np.asarray(grey.resize((EDGE, EDGE), Image.Resampling.BOX))


def hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Give the hash of each copy: which of 64 slow cosine waves are stronger than the median one.

    Parameters
    ----------
    thumbnails : ndarray, uint8, (N, 32, 32)

    Returns
    -------
    ndarray, uint64, (N,)
        Waves with 1 to 8 half periods in each direction. Those that do not change along one
        direction are left out: head and shoulders make them alike in all portraits.
    """
    frequency = np.arange(1, 9)[:, None]
    waves = np.cos(np.pi * frequency * (2 * np.arange(EDGE) + 1) / (2 * EDGE))
    found = np.empty(len(thumbnails), np.uint64)
    for start in range(0, len(thumbnails), COLUMNS):
        block = thumbnails[start : start + COLUMNS].astype(np.float64)
        strength = (waves @ block @ waves.T).reshape(len(block), 64)
        bits = strength > np.median(strength, axis=1, keepdims=True)
        found[start : start + COLUMNS] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return found


def near_duplicates(chosen: Sequence[Chosen], thumbnails: NDArray[np.uint8]) -> list[NearDuplicate]:
    """Find all near duplicates among the images of a run.

    Parameters
    ----------
    chosen : sequence of Chosen
    thumbnails : ndarray, uint8, (N, 32, 32)
        Their small copies, in the same order.

    Returns
    -------
    list of NearDuplicate
        Pairs across splits first, the most alike first.
    """
    codes = hashes(thumbnails)
    pairs = []
    for first, second in _candidates(codes):
        for start in range(0, len(first), CONFIRMED):
            one, other = first[start : start + CONFIRMED], second[start : start + CONFIRMED]
            alike = _correlation(thumbnails[one], thumbnails[other])
            for k in np.flatnonzero(alike >= MIN_CORRELATION):
                distance = int(np.bitwise_count(codes[one[k]] ^ codes[other[k]]))
                pairs.append(_pair(chosen[one[k]], chosen[other[k]], distance, float(alike[k])))
    return sorted(
        pairs,
        key=lambda pair: (KINDS.index(pair.kind), -pair.correlation, pair.first, pair.second),
    )


def _candidates(
    codes: NDArray[np.uint64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Give positions of pairs with close hashes, tile by tile, each pair once."""
    count = len(codes)
    progress = Progress(count, "images compared with all others")
    for top in range(0, count, ROWS):
        rows = codes[top : top + ROWS, None]
        for left in range(top, count, COLUMNS):
            beside = codes[None, left : left + COLUMNS]
            close = np.bitwise_count(rows ^ beside) <= MAX_DISTANCE
            # Flat: many times faster than np.nonzero of a plane.
            first, second = np.divmod(np.flatnonzero(close), beside.shape[1])
            first, second = first + top, second + left
            once = first < second
            if once.any():
                yield first[once], second[once]
        progress.advance(len(rows))


def _correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the correlation of copies pair by pair, 0 where one is flat; sums are exact."""
    a, b = (copies.reshape(len(copies), -1).astype(np.int32) for copies in (one, other))

    def product(left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int64]:
        sums = (values.sum(axis=1, dtype=np.int64) for values in (left, right))
        return left.shape[1] * np.einsum("ij,ij->i", left, right).astype(np.int64) - np.prod(
            list(sums), axis=0
        )

    scale = np.sqrt(product(a, a).astype(np.float64) * product(b, b))
    return np.divide(product(a, b), scale, out=np.zeros_like(scale), where=scale > 0)


def _pair(one: Chosen, other: Chosen, distance: int, correlation: float) -> NearDuplicate:
    if one.split != other.split:
        kind = "across_splits"
    else:
        kind = "within_class" if one.label == other.label else "across_classes"
    first, second = ((image.id, image.split, image.label) for image in (one, other))
    return NearDuplicate(kind, *first, *second, distance, round(correlation, 4))
