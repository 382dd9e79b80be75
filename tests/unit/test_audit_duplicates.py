"""Near duplicates: what is found, what is not, which kind, in tiles of any size."""

import numpy as np
import pytest
from PIL import ImageEnhance

from latentprint.audit import duplicates
from latentprint.audit.duplicates import (
    MAX_DISTANCE,
    MIN_CORRELATION,
    hashes,
    near_duplicates,
    thumbnail,
)
from latentprint.image_tables import Chosen
from tests.unit.audit_pictures import luma, picture, recompressed

ORIGINAL = picture(0)
COPIES = [
    recompressed(ORIGINAL, 30),
    ORIGINAL.resize((200, 200)).resize((256, 256)),
    ImageEnhance.Brightness(ORIGINAL).enhance(1.1),
]


def images(*groups):
    """Rows of a selection from (split, label) pairs."""
    return [Chosen(f"{k}", label, split, f"{k}", "x") for k, (split, label) in enumerate(groups)]


def small(*pictures):
    return np.stack([thumbnail(luma(image)) for image in pictures])


def test_a_thumbnail_is_the_mean_of_each_area():
    rows = np.repeat(np.arange(32, dtype=np.float32) * 8, 8)
    copy = thumbnail(np.tile(rows, (256, 1)))
    assert copy.shape == (32, 32) and copy.dtype == np.uint8
    np.testing.assert_array_equal(copy, np.tile(np.arange(32) * 8, (32, 1)))


def test_copies_are_found_and_other_pictures_are_not():
    pictures = [*COPIES, *(picture(seed) for seed in range(1, 30)), ORIGINAL]
    chosen = images(*[("train", "real")] * len(pictures))
    pairs = near_duplicates(chosen, small(*pictures))
    copies = {"0", "1", "2", str(len(pictures) - 1)}
    assert {frozenset((pair.first, pair.second)) for pair in pairs} == {
        frozenset((a, b)) for a in copies for b in copies if a != b
    }
    assert len(pairs) == 6
    assert all(pair.correlation >= MIN_CORRELATION for pair in pairs)
    assert all(pair.distance <= MAX_DISTANCE for pair in pairs)


def test_kinds_and_order():
    chosen = images(("train", "real"), ("train", "real"), ("train", "fake"), ("test", "real"))
    pairs = near_duplicates(chosen, small(ORIGINAL, *COPIES))
    assert [pair.kind for pair in pairs] == (
        ["across_splits"] * 3 + ["across_classes"] * 2 + ["within_class"]
    )
    first = [pair.correlation for pair in pairs[:3]]
    assert first == sorted(first, reverse=True)
    assert pairs[-1][1:7] == ("0", "train", "real", "1", "train", "real")


@pytest.mark.parametrize(("rows", "columns", "confirmed"), [(1, 1, 1), (3, 5, 2), (64, 64, 64)])
def test_tiles_change_nothing(monkeypatch, rows, columns, confirmed):
    pictures = small(*(picture(seed) for seed in range(9)), ORIGINAL, *COPIES)
    chosen = images(*[("train", "real"), ("test", "fake")] * 6, ("train", "real"))
    whole = near_duplicates(chosen, pictures)
    assert len(whole) == 10
    for name, value in (("ROWS", rows), ("COLUMNS", columns), ("CONFIRMED", confirmed)):
        monkeypatch.setattr(duplicates, name, value)
    assert near_duplicates(chosen, pictures) == whole


def test_candidates_are_all_pairs_with_close_hashes(monkeypatch):
    monkeypatch.setattr(duplicates, "ROWS", 7)
    monkeypatch.setattr(duplicates, "COLUMNS", 10)
    codes = np.random.default_rng(1).integers(0, 2**12, 60).astype(np.uint64)
    codes[1::2] ^= np.uint64(0xFFFFF00000)
    found = {
        (int(a), int(b))
        for first, second in duplicates._candidates(codes)
        for a, b in zip(first, second, strict=True)
    }
    expected = {
        (a, b)
        for b in range(60)
        for a in range(b)
        if (int(codes[a]) ^ int(codes[b])).bit_count() <= MAX_DISTANCE
    }
    assert found == expected and 0 < len(found) < 60 * 59 / 2


def test_correlation_is_that_of_numpy_and_zero_for_flat_pictures():
    copies = small(*(picture(seed) for seed in range(6)))
    expected = [np.corrcoef(copies[k].ravel(), copies[k + 3].ravel())[0, 1] for k in range(3)]
    np.testing.assert_allclose(
        duplicates._correlation(copies[:3], copies[3:]), expected, atol=1e-12
    )
    flat = np.full((3, 32, 32), 255, np.uint8)
    np.testing.assert_array_equal(duplicates._correlation(copies[:3], flat), 0)


def test_hash_is_blind_to_brightness_and_contrast():
    copy = small(ORIGINAL)
    dark = (copy // 2 + 20).astype(np.uint8)
    assert np.bitwise_count(hashes(copy) ^ hashes(dark))[0] <= 4
    assert np.bitwise_count(hashes(copy) ^ hashes(255 - copy))[0] >= 60
