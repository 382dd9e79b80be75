"""Colour correlations: noise through 4:2:0, flat pictures, order of the values, bad input."""

import numpy as np
import pytest

from latentprint.cues import colour
from latentprint.cues.alterations import altered
from latentprint.cues.versions import Step
from latentprint.errors import UserError

HALF, FULL = Step("half", "420"), Step("full", "444")


@pytest.fixture(scope="module")
def noise():
    """Independent uniform noise in every channel."""
    return np.random.default_rng(7).integers(0, 256, (256, 256, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "least"), [("kv3", 0.98), ("lap4", 0.93), ("hh", 0.93), ("gauss", 0.85)]
)
def test_noise_correlates_after_halved_chroma_only(noise, name, least):
    assert np.abs(colour.features(noise, name)[:3]).max() < 0.02
    assert colour.features(altered(noise, HALF), name)[:3].min() > least
    assert np.abs(colour.features(altered(noise, FULL), name)[:3]).max() < 0.02


def test_a_flat_picture_gives_zeros():
    flat = np.full((64, 80, 3), 90, np.uint8)
    assert (colour.features(flat) == 0).all()
    flat[..., 0] = np.random.default_rng(1).integers(0, 256, (64, 80))
    found = dict(zip(colour.NAMES, colour.features(flat), strict=True))
    assert found["c_rg"] == 0 and found["c_gb"] == 0 and found["c_rr_01"] != 0


def test_equal_channels_correlate_wholly_and_shifts_are_named_by_what_they_move():
    random = np.random.default_rng(2)
    plane = random.integers(0, 256, (70, 70), dtype=np.uint8)
    moved = np.roll(plane, 1, axis=1)  # what stands at x in one stands at x + 1 in the other
    found = dict(zip(colour.NAMES, colour.features(np.dstack([plane, moved, plane])), strict=True))
    assert found["c_rb"] == pytest.approx(1)
    assert found["c_rg_01"] == pytest.approx(1)
    assert abs(found["c_gr_01"]) < 0.5


def test_values_are_those_of_numpy(noise):
    """Against correlation coefficients and a filter written out by index."""
    red, green = (noise[..., k].astype(float) for k in (0, 1))

    def filtered(p):
        return (
            -p[:-2, :-2] + 2 * p[:-2, 1:-1] - p[:-2, 2:]
            + 2 * p[1:-1, :-2] - 4 * p[1:-1, 1:-1] + 2 * p[1:-1, 2:]
            - p[2:, :-2] + 2 * p[2:, 1:-1] - p[2:, 2:]
        )  # fmt: skip

    expected = np.corrcoef(filtered(red).ravel(), filtered(green).ravel())[0, 1]
    assert colour.features(noise)[0] == pytest.approx(expected, abs=1e-12)


def test_thirty_names_and_sets():
    assert len(colour.NAMES) == len(set(colour.NAMES)) == 30
    assert colour.columns(colour.NAMES, "core3").sum() == 3
    assert colour.columns(colour.NAMES, "full30").all()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((63, 64, 3), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 3), np.float32),
    ],
)
def test_other_pictures_are_refused_in_one_line(picture):
    with pytest.raises(UserError, match="expected") as caught:
        colour.features(picture)
    assert "\n" not in str(caught.value)
