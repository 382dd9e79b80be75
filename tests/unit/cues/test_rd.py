"""The 17 rate-distortion values: order, identities, identical pictures, missing bits."""

import numpy as np
import pytest

from latentprint.cues import rd
from latentprint.errors import UserError

SHAPE = (16, 32, 3)
BITS = np.array([[10.0, 200, 5, 50], [11, 190, 6, 45], [9, 185, 4, 44]])


def picture(offset):
    return np.full(SHAPE, 100 + offset, np.uint8)


def test_identical_pictures_have_the_largest_psnr_and_not_infinity():
    found = dict(zip(rd.NAMES, rd.features([picture(0)] * 4, BITS), strict=True))
    for name in ("psnr_1", "psnr_2", "psnr_3", "psnr_total"):
        assert found[name] == pytest.approx(108.13, abs=0.005)
    assert found["dpsnr_12"] == found["dpsnr_23"] == 0


def test_seventeen_values_in_order():
    found = rd.features([picture(0), picture(4), picture(6), picture(7)], BITS)
    assert found.shape == (17,) and len(set(rd.NAMES)) == 17
    value = dict(zip(rd.NAMES, found, strict=True))
    pixels = SHAPE[0] * SHAPE[1]
    assert value["bpp_1"] == pytest.approx(265 / pixels)
    assert value["bpp_y_2"] == pytest.approx(235 / pixels)
    assert value["bpp_z_3"] == pytest.approx(13 / pixels)
    assert value["psnr_1"] == pytest.approx(10 * np.log10(255**2 / 16))
    assert value["psnr_total"] == pytest.approx(10 * np.log10(255**2 / 49))
    assert value["dpsnr_12"] == pytest.approx(value["psnr_2"] - value["psnr_1"])
    assert value["dbpp_23"] == pytest.approx(value["bpp_3"] - value["bpp_2"])
    for k in (1, 2, 3):
        assert value[f"bpp_{k}"] == pytest.approx(value[f"bpp_y_{k}"] + value[f"bpp_z_{k}"])


def test_headers_count_in_the_whole_rate_alone():
    pictures = [picture(0)] * 4
    plain = dict(zip(rd.NAMES, rd.features(pictures, BITS), strict=True))
    more = dict(zip(rd.NAMES, rd.features(pictures, BITS, header_bits=(64, 64, 64)), strict=True))
    assert more["bpp_1"] > plain["bpp_1"] == more["bpp_y_1"] + more["bpp_z_1"]
    assert more["bpp_y_1"] == plain["bpp_y_1"]


@pytest.mark.parametrize(
    ("pictures", "bits"),
    [
        ([picture(0)] * 3, BITS),
        ([picture(0)] * 4, BITS[:2]),
        ([picture(0)] * 4, np.where(BITS == 10, np.nan, BITS)),
        ([picture(0)] * 3 + [np.zeros((8, 8, 3), np.uint8)], BITS),
    ],
)
def test_what_is_missing_is_said_in_one_line(pictures, bits):
    with pytest.raises(UserError, match="expected") as caught:
        rd.features(pictures, bits)
    assert "\n" not in str(caught.value)


def test_feature_sets_divide_the_values():
    quality, rates = (rd.columns(rd.NAMES, name) for name in ("quality", "rates"))
    assert (quality ^ rates).all() and rates.sum() == 11
