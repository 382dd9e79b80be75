"""Traces of an earlier history: JPEG, halved chroma planes, both ways of doubling them."""

import io

import numpy as np
import pytest
from PIL import Image

from latentprint.cues import history
from latentprint.cues.alterations import altered
from latentprint.cues.versions import Step
from latentprint.demo.images import draw


@pytest.fixture(scope="module")
def pictures():
    """Photographs that the product draws, never compressed."""
    return [draw(k, "real", split="train", seed=5, size=256) for k in range(6)]


def jpeg(picture, quality, sampling):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=sampling)
    return np.array(Image.open(file).convert("RGB"))


def cosited(picture):
    """Every second chroma sample kept, the others averages of their neighbours."""
    luma, *chroma = np.moveaxis(picture.astype(float) @ history.YCBCR.T, 2, 0)
    planes = [luma]
    for plane in chroma:
        for axis in (0, 1):
            plane = np.moveaxis(plane, axis, 0).copy()
            plane[1:-1:2] = (plane[0:-2:2] + plane[2::2]) / 2
            plane = np.moveaxis(plane, 0, axis)
        planes.append(plane)
    rgb = np.stack(planes, axis=2) @ np.linalg.inv(history.YCBCR).T
    return rgb.round().clip(0, 255).astype(np.uint8)


def test_untouched_pictures_show_nothing(pictures):
    for picture in pictures:
        assert history.confounded(history.traces(picture), declared=True) == ""


def test_halved_chroma_is_noticed_in_what_is_declared_as_uncompressed(pictures):
    for picture in pictures:
        found = history.traces(altered(picture, Step("half", "420")))
        assert "halved" in history.confounded(found, declared=True)
        # Alone it does not tell JPEG AI from other steps: a user's picture is scored.
        assert history.confounded(found) == ""


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_an_earlier_jpeg_is_noticed_in_a_lossless_copy(pictures, quality):
    found = [history.traces(jpeg(picture, quality, "4:2:0")) for picture in pictures]
    assert sum(bool(history.confounded(one)) for one in found) >= len(pictures) - 1


def test_averages_between_kept_samples_are_noticed(pictures):
    for picture in pictures:
        assert "kept samples" in history.confounded(history.traces(cosited(picture)))


def test_a_jpeg_is_found_on_another_block_grid(pictures):
    luma = jpeg(pictures[0], 75, "4:4:4").astype(float) @ history.YCBCR[0]
    assert history.jpeg_trace(luma) >= history.JPEG_FROM
    assert history.jpeg_trace(luma[3:, 5:]) >= history.JPEG_FROM
    assert history.jpeg_trace(pictures[0].astype(float) @ history.YCBCR[0]) < history.JPEG_FROM


@pytest.mark.parametrize(("sampling", "said"), [("4:2:0", True), ("4:2:2", True), ("4:4:4", False)])
def test_a_files_header_is_enough(pictures, sampling, said):
    found = history.traces(pictures[0])
    assert bool(history.confounded(found, jpeg_sampling=sampling)) == said


def test_a_flat_picture_has_no_traces():
    found = history.traces(np.full((64, 64, 3), 128, np.uint8))
    assert found.centred == found.cosited == found.jpeg == 0
