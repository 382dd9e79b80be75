"""Pictures of any kind: read, cut or refused with the reason, never an error."""

import io

import numpy as np
import pytest
from PIL import Image

from latentprint.image_files import decode
from latentprint.scoring.pictures import read_picture, region_offsets
from tests.bad_pictures import PLACED, REFUSED, SIZE, encoded, picture


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_with_its_reason(tmp_path, name):
    content, reason = REFUSED[name]
    (tmp_path / "bad. .jpg").write_bytes(content)
    found = read_picture(tmp_path, "bad. .jpg", SIZE)
    assert not found.whole and found.kind
    if reason.endswith(f"expected {SIZE}x{SIZE}") and found.width:
        # Of another size, which is decoded and shown all the same.
        assert found.refusal == f"is {found.width} x {found.height} pixels, expected 32 x 32"
        assert found.thumbnail
    elif name == "size_from_header":
        assert found.refusal.startswith("does not decode")
    else:
        assert found.refusal == found.cue_refusal == reason
        assert found.region is None and found.thumbnail == b""


@pytest.mark.parametrize("name", PLACED)
def test_what_is_no_file_is_refused_with_its_reason(tmp_path, name):
    place, reason = PLACED[name]
    place(tmp_path / "bad.jpg")
    found = read_picture(tmp_path, "bad.jpg", SIZE)
    assert (found.refusal, found.region) == (reason, None)


def test_an_error_of_a_decoder_is_a_reason(tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise KeyError("a\ntag")

    monkeypatch.setattr("latentprint.scoring.pictures.decode", broken)
    assert read_picture(tmp_path, "a.png", SIZE).refusal == "does not decode ('a\\ntag')"

    def large(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("latentprint.scoring.pictures.decode", large)
    assert read_picture(tmp_path, "a.png", SIZE).refusal == "needs more memory than there is"


def test_a_picture_of_the_right_size_is_what_the_index_decodes(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(picture(), "JPEG"))
    found = read_picture(tmp_path, "a.jpg", SIZE)
    assert found.whole and (found.refusal, found.cue_refusal) == ("", "")
    assert np.array_equal(found.region, decode(tmp_path / "a.jpg", SIZE))
    assert Image.open(io.BytesIO(found.thumbnail)).size == (32, 32)


def test_of_a_larger_picture_the_cues_get_the_region_at_its_centre(tmp_path):
    pixels = picture(size=100)[:70]
    (tmp_path / "a.png").write_bytes(encoded(pixels, "PNG"))
    found = read_picture(tmp_path, "a.png", SIZE)
    assert not found.whole and found.cue_refusal == ""
    assert found.refusal == "is 100 x 70 pixels, expected 32 x 32"
    assert np.array_equal(found.region, pixels[16:48, 32:64])
    assert found.region.base is None  # the rest is not kept
    assert max(Image.open(io.BytesIO(found.thumbnail)).size) == 80


def test_a_smaller_picture_is_refused_by_both(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(picture(size=64)[:31], "PNG"))
    found = read_picture(tmp_path, "a.png", SIZE)
    assert found.region is None and found.thumbnail
    assert found.cue_refusal == "is 64 x 31 pixels, expected 32 x 32 at least"


def test_regions_begin_at_multiples_of_16():
    assert region_offsets(256, 256, 256) == (0, 0)
    assert region_offsets(287, 288, 256) == (0, 16)
    assert region_offsets(1000, 3000, 256) == (368, 1360)
    assert region_offsets(255, 3000, 256) is None
