"""Copies of images for measuring: distinct, of their split and class, the same when repeated."""

import numpy as np
import pytest
from PIL import Image

from latentprint.errors import UserError
from latentprint.image_files import decode
from latentprint.image_folders import find
from latentprint.repeated_images import NOTE, SHIFT, VARIANTS, copy_of, repeat

SIZE = 64


@pytest.fixture
def root(tmp_path):
    generator = np.random.default_rng(5)
    for split, count in (("train", 2), ("test", 1)):
        for label in ("real", "fake"):
            folder = tmp_path / "few" / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 256, (SIZE // 8, SIZE // 8, 3), np.uint8)
                Image.fromarray(pixels).resize((SIZE, SIZE)).save(
                    folder / f"{split}-{label}-{number}.png"
                )
    return tmp_path / "few"


def made(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_copies_differ_and_are_shifted_or_flipped(root, tmp_path):
    repeat(root, tmp_path / "many", counts={"train": 40, "test": 8}, size=SIZE, seed=1)
    files = made(tmp_path / "many")
    assert len(files) == 48 == len(set(files.values()))
    assert len([path for path in files if path.parts[:2] == ("test", "fake")]) == 4
    assert "means nothing" in (tmp_path / "many" / NOTE).read_text()
    source = decode(root / "train/real/train-real-0.png", SIZE).astype(float)
    inner = source[SHIFT:-SHIFT, SHIFT:-SHIFT]
    for number in range(0, 20, 2):  # of two sources every other one is this
        copy = decode(tmp_path / f"many/train/real/copy-train-real-{number:06d}.jpg", SIZE).astype(
            float
        )
        errors = [
            np.abs(flipped[top : top + len(inner), left : left + len(inner)] - inner).mean()
            for flipped in (copy, copy[:, ::-1])
            for top in range(2 * SHIFT + 1)
            for left in range(2 * SHIFT + 1)
        ]
        assert min(errors) < 6 < np.median(errors)


def test_a_stopped_run_goes_on_and_a_larger_one_adds(root, tmp_path):
    repeat(root, tmp_path / "whole", counts={"train": 20, "test": 4}, size=SIZE, seed=1)
    repeat(root, tmp_path / "grown", counts={"train": 12, "test": 4}, size=SIZE, seed=1)
    kept = tmp_path / "grown/train/real/copy-train-real-000000.jpg"
    before = kept.stat().st_mtime_ns
    (tmp_path / "grown/test/fake/copy-test-fake-000001.jpg").unlink()
    repeat(root, tmp_path / "grown", counts={"train": 20, "test": 4}, size=SIZE, seed=1)
    assert made(tmp_path / "grown") == made(tmp_path / "whole")
    assert kept.stat().st_mtime_ns == before


def test_no_copy_is_made_twice(root, tmp_path):
    source = next(image for image in find(root) if image.split == "test")
    made = {copy_of(root, source, turn, size=SIZE, seed=1).tobytes() for turn in range(VARIANTS)}
    assert len(made) == VARIANTS
    counts = {"train": 4, "test": 2 * VARIANTS + 2}
    with pytest.raises(UserError, match=f"have {VARIANTS} distinct copies"):
        repeat(root, tmp_path / "many", counts=counts, size=SIZE, seed=1)


def test_a_class_without_images_is_named(root, tmp_path):
    for path in (root / "test/fake").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no fake image of test"):
        repeat(root, tmp_path / "many", counts={"train": 4, "test": 4}, size=SIZE, seed=1)
