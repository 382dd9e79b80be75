"""The index: layouts, csv rows, a zoo of bad files, duplicates, the limit on exclusions."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentprint.errors import UserError
from latentprint.image_files import RefusedImage, check, decode, ijg_luma_table
from latentprint.image_folders import (
    ARCHIVE_FOLDER,
    class_counts,
    find,
    folder_digest,
    list_files,
)
from latentprint.image_tables import Excluded, read_images, write_table
from latentprint.images import check_exclusions, index_images
from tests.bad_pictures import (
    GREY,
    INTERLACED_BYTES,
    JPEG,
    PNG,
    REFUSED,
    SIZE,
    encoded,
    oriented,
    palette,
    picture,
    png_bytes,
    transparent,
)
from tests.image_sets import make_folders, make_lists

ACCEPTED = {
    "png": (PNG, "RGB", picture()),
    "bmp": (encoded(picture(), "BMP"), "RGB", picture()),
    "tiff": (encoded(picture(), "TIFF"), "RGB", picture()),
    "webp_lossless": (encoded(picture(), "WEBP", lossless=True), "RGB", picture()),
    "grey": (encoded(GREY, "PNG"), "L", np.dstack([GREY] * 3)),
    "grey_alpha": (
        encoded(Image.fromarray(GREY).convert("LA"), "PNG"),
        "LA",
        np.dstack([GREY] * 3),
    ),
    "bilevel": (
        encoded(Image.fromarray(GREY > 100), "PNG"),
        "1",
        np.dstack([(GREY > 100) * np.uint8(255)] * 3),
    ),
    "interlaced": (png_bytes(rows=bytes(INTERLACED_BYTES), interlaced=1), "RGB", None),
    "palette": (encoded(palette(), "PNG"), "P", np.array(palette().convert("RGB"))),
    "opaque_rgba": (encoded(transparent(255), "PNG"), "RGBA", picture()),
    "unused_colour_key": (encoded(picture(), "PNG", transparency=(255, 255, 255)), "RGB", None),
    "upright": (oriented(1), "RGB", None),
    "trailing_bytes": (JPEG + b"camera maker's notes", "RGB", None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_index_excludes_is_not_decoded_later(tmp_path, name):
    """The reasons as a user sees them: tests/rules/test_bad_input.py."""
    data, reason = REFUSED[name]
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        decode(path, SIZE)
    assert str(caught.value) == f"{path}: {reason}. Restore the file, or make the index again."


@pytest.mark.parametrize("name", ACCEPTED)
def test_lossless_conversions(tmp_path, name):
    data, mode, pixels = ACCEPTED[name]
    path = tmp_path / "x.png"
    path.write_bytes(data)
    facts = check(path, SIZE)
    assert (facts.mode, facts.width, facts.height) == (mode, SIZE, SIZE)
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    rgb = decode(path)
    assert rgb.dtype == np.uint8 and rgb.shape == (SIZE, SIZE, 3)
    if pixels is not None:
        np.testing.assert_array_equal(rgb, pixels)


def test_link_to_an_image_is_followed(tmp_path):
    (tmp_path / "x.png").write_bytes(PNG)
    (tmp_path / "link.png").symlink_to(tmp_path / "x.png")
    np.testing.assert_array_equal(decode(tmp_path / "link.png"), picture())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    """Whatever is overwritten in a file, it is either decoded or refused."""
    rng = random.Random(5)
    path = tmp_path / "x"
    refused = 0
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF"):
        data = encoded(picture(), kind)
        for _ in range(60):
            damaged = bytearray(data)
            for _ in range(rng.randint(1, 12)):
                damaged[rng.randrange(min(len(data), 400))] = rng.randrange(256)
            path.write_bytes(damaged)
            try:
                assert check(path, SIZE).width == SIZE
            except RefusedImage as reason:
                refused += 1
                assert "\n" not in str(reason)
    assert refused > 100


@pytest.mark.parametrize("quality", [1, 5, 30, 49, 50, 75, 90, 95, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_jpeg_settings_are_read_back(tmp_path, quality, subsampling):
    path = tmp_path / "x.jpg"
    path.write_bytes(encoded(picture(), "JPEG", quality=quality, subsampling=subsampling))
    facts = check(path, SIZE)
    assert (facts.jpeg_quality, facts.jpeg_sampling) == (quality, subsampling)


def test_unknown_jpeg_settings_stay_empty(tmp_path):
    path = tmp_path / "x.jpg"
    tables = [list(range(1, 65)), list(range(1, 65))]
    path.write_bytes(encoded(picture(), "JPEG", qtables=tables))
    assert check(path, SIZE).jpeg_quality is None
    path.write_bytes(encoded(GREY, "JPEG", quality=80))
    assert check(path, SIZE)[4:6] == (80, "")
    path.write_bytes(PNG)
    assert check(path, SIZE)[4:6] == (None, "")


def test_every_quality_has_its_own_table():
    assert len({ijg_luma_table(quality) for quality in range(1, 101)}) == 100


def test_folders_alone(tmp_path):
    root = make_folders(tmp_path)
    (root / "train/real/notes.txt").write_text("no image")
    (root / "train/real/._00000.png").write_bytes(b"left by macOS")
    (root / "train/real/more.png").mkdir()
    listed = find(root, ("train", "test"))
    assert [image.path for image in listed[:4]] == [
        "train/real/00000.png",
        "train/real/00001.png",
        "train/fake/00002.png",
        "train/fake/00003.png",
    ]
    assert listed[0].id == "00000"
    assert Counter((image.split, image.label) for image in listed) == {
        (split, label): 2 for split in ("train", "test") for label in ("real", "fake")
    }
    assert list_files(root) == []


def test_suffix_case_does_not_matter(tmp_path):
    root = make_folders(tmp_path)
    (root / "train/real/A.JPG").write_bytes(JPEG)
    assert "train/real/A.JPG" in [image.path for image in find(root)]


def test_folders_below_the_archive_folder(tmp_path):
    make_folders(tmp_path / ARCHIVE_FOLDER)
    assert find(tmp_path)[0].path == f"{ARCHIVE_FOLDER}/train/real/00000.png"


def test_lists_keep_the_order_and_the_zeros_of_the_csv_file(tmp_path):
    root = make_lists(tmp_path)
    listed = find(root)
    assert list_files(root) == [root / "train.csv", root / "test.csv"]
    assert [image.id for image in listed[:4]] == ["00003", "00002", "00001", "00000"]
    assert listed[0] == (
        "00003",
        f"{ARCHIVE_FOLDER}/train/fake/00003.png",
        "fake",
        "train",
    )
    assert all((root / image.path).is_file() for image in listed)


def test_lists_without_the_archive_folder_and_with_a_byte_order_mark(tmp_path):
    make_folders(tmp_path)
    for split in ("train", "test"):
        text = f"id,label,label_str,path\n{split},1,real,{split}/real/a.png\n"
        (tmp_path / f"{split}.csv").write_text(text, encoding="utf-8-sig")
    assert [image.path for image in find(tmp_path)] == ["train/real/a.png", "test/real/a.png"]


def test_a_list_that_cannot_be_read_to_its_end_is_counted_as_far_as_it_can(tmp_path):
    """At every start of a run with `all` images; the index refuses the list."""
    root = make_lists(tmp_path)
    with (root / "train.csv").open("a") as file:
        file.write('7,"' + 200_000 * "a")
    assert class_counts(root, "train") == {"real": 2, "fake": 2}


def test_unknown_split(tmp_path):
    with pytest.raises(UserError, match="expected one of train, valid, test, got 'dev'"):
        find(tmp_path, ("dev",))


def test_equal_ids_name_both_files(tmp_path):
    root = make_folders(tmp_path)
    (root / "test/fake/00000.jpg").write_bytes(JPEG)
    with pytest.raises(
        UserError, match=r"train/real/00000\.png and test/fake/00000\.jpg .*'00000'"
    ):
        find(root)


def test_folder_digest_notices_names_and_sizes_only(tmp_path):
    root = make_folders(tmp_path)
    before = folder_digest(root)
    (root / "train/real/notes.txt").write_text("no image")
    (root / "valid/real").mkdir(parents=True)
    (root / "valid/real/x.png").write_bytes(PNG)
    os.utime(root / "train/real/00000.png", (0, 0))
    assert folder_digest(root) == before
    assert folder_digest(root, ("train", "valid", "test")) != before
    (root / "train/real/00009.png").write_bytes(PNG)
    added = folder_digest(root)
    assert added != before
    (root / "train/real/00009.png").write_bytes(PNG + b"1")
    assert folder_digest(root) not in (added, before)
    (root / "train/real/00009.png").unlink()
    assert folder_digest(root) == before
    (root / "train/real/loop.png").symlink_to("loop.png")
    assert folder_digest(root) != before
    assert folder_digest(tmp_path / "absent") == folder_digest(tmp_path / "absent too")


def test_every_bad_file_is_excluded_and_the_rest_indexed(tmp_path):
    root = make_folders(tmp_path)
    for name, (data, _) in REFUSED.items():
        (root / f"test/fake/{name}.jpg").write_bytes(data)
    images, excluded = index_images(root, find(root), size=SIZE)
    assert [image.id for image in images] == [f"{k:05d}" for k in range(8)]
    reasons = {Path(image.path).stem: image.reason for image in excluded}
    assert reasons == {name: reason for name, (_, reason) in REFUSED.items()}


def test_threads_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("latentprint.images.BLOCK", 3)
    root = make_folders(tmp_path, n=4)
    (root / "train/fake/bad.png").write_bytes(b"bad")
    listed = find(root)
    one = index_images(root, listed, size=SIZE, threads=1)
    assert one == index_images(root, listed, size=SIZE, threads=4)
    assert [image.id for image in one[0]] == [image.id for image in listed if image.id != "bad"]


def test_duplicates(tmp_path):
    """Equal pixels in another file format count; the training copy stays; two labels: none."""
    root = make_folders(tmp_path, n=3, splits=("train", "valid", "test"))
    (root / "test/real/copy.bmp").write_bytes(encoded(picture(0), "BMP"))
    (root / "valid/real/copy_valid.png").write_bytes(encoded(picture(0), "PNG"))
    (root / "train/real/twin.png").write_bytes(encoded(picture(1), "PNG"))
    (root / "test/fake/doubt.png").write_bytes(encoded(picture(2), "PNG"))
    listed = find(root, ("test", "valid", "train"))
    images, excluded = index_images(root, listed, size=SIZE)
    assert {Path(image.path).stem: image.reason for image in excluded} == {
        "copy": "same pixels as 00000 in train",
        "copy_valid": "same pixels as 00000 in train",
        "twin": "same pixels as 00001 in train",
        "doubt": "same pixels as 00002 in train, labelled real",
        "00002": "same pixels as doubt in test, labelled fake",
    }
    assert len(images) == 18 - 1


def test_limit_on_exclusions(tmp_path, caplog):
    caplog.set_level("INFO")
    excluded = [Excluded(f"train/real/{k}.png", "is empty (0 bytes)") for k in range(12)]
    full_list = tmp_path / "exclusions.stopped.tsv"
    with pytest.raises(UserError) as caught:
        check_exclusions(excluded, 100, max_excluded=0.1, full_list=full_list)
    message = str(caught.value)
    assert "12 of 100 images" in message and "12.00%" in message and "10.00%" in message
    assert "train/real/0.png is empty" in message and str(full_list) in message
    assert len(full_list.read_text().splitlines()) == 13
    assert len(caplog.records) == 11
    check_exclusions(excluded, 100, max_excluded=0.12, full_list=full_list)
    assert not full_list.exists()
    with pytest.raises(UserError, match="expected a share from 0 to 1, got 12"):
        check_exclusions(excluded, 100, max_excluded=12, full_list=full_list)


def test_table_round_trip(tmp_path):
    path = tmp_path / "images.tsv"
    row = ("0'0\"1", "real", "train", "train/real/ü, x.png", "ab")
    write_table(path, ("id", "label", "split", "path", "sha256"), rows=[row])
    assert read_images(path) == [row]
    write_table(path, ("id", "label"), rows=[])
    with pytest.raises(UserError, match="column 'split' is missing"):
        read_images(path)
    with pytest.raises(UserError, match="is missing"):
        read_images(tmp_path / "absent.tsv")


def run_step(root, name, *options):
    return subprocess.run(
        [sys.executable, "-m", f"latentprint.steps.{name}", *map(str, options)],
        env={**os.environ, "PYTHONPATH": str(root / "workflow/lib")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_step_stops_before_it_writes(root, tmp_path):
    images = make_folders(tmp_path / "images")
    (images / "test/real/bad.jpg").write_bytes(b"bad")
    outputs = tmp_path / "images.tsv", tmp_path / "exclusions.tsv"
    options = ["--root", images, "--image-size", SIZE, "--images", outputs[0]]
    options += ["--exclusions", outputs[1], "--max-excluded"]
    stopped = run_step(root, "index_images", *options, 0.1)
    assert stopped.returncode == 2
    assert stopped.stderr.splitlines()[-1].startswith("error: 1 of 9 images cannot be used")
    assert not outputs[0].exists() and not outputs[1].exists()
    done = run_step(root, "index_images", *options, 0.2)
    assert done.returncode == 0, done.stderr
    assert outputs[0].read_text().splitlines()[0].split("\t") == (
        "id path label split sha256 width height mode jpeg_quality jpeg_sampling".split()
    )
    assert outputs[1].read_text() == (
        "path\treason\ntest/real/bad.jpg\tis not a readable JPEG, PNG, WebP, BMP or TIFF image\n"
    )


def test_faces(shared):
    """The facts that the README of the face set states."""
    root = shared / "data" / "faces"
    listed = find(root, ("train", "test", "valid"))
    assert Counter((image.split, image.label) for image in listed) == {
        (split, label): n
        for split, n in (("train", 600), ("test", 200), ("valid", 100))
        for label in ("real", "fake")
    }
    images, excluded = index_images(root, listed, size=256)
    assert (len(images), excluded) == (1800, [])
    assert {image[5:] for image in images} == {(256, 256, "RGB", 75, "4:2:0")}
    assert images[0].id == "00359"
    rgb = decode(root / images[0].path, 256)
    np.testing.assert_array_equal(rgb, np.asarray(Image.open(root / images[0].path)))
