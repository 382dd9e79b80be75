"""The codec behind the cues: same as by hand, levels, fixed settings over passes, values."""

import numpy as np
import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.cues import quantisation, rd
from latentprint.cues.compressor import Compressor
from latentprint.cues.trials import Asked
from latentprint.demo.images import draw
from latentprint.errors import UserError

POINTS = {"0.12": (3, -1069), "1.0": (3, 300), "same": (3, 300)}


@pytest.fixture(scope="module")
def compressor(root):
    torch.set_num_threads(1)
    return Compressor(JpegAI.load(root / "resources/codec", "BOP"), POINTS)


@pytest.fixture(scope="module")
def pictures():
    return np.stack([draw(k, "real", split="train", seed=2, size=128) for k in range(3)])


@pytest.fixture(scope="module")
def passes(compressor, pictures):
    """Pictures at 1.0, and three more passes of each: I0 to I3 of once and of twice coded."""
    found = [pictures]
    for _ in range(5):
        found.append(compressor.compress(found[-1], "1.0").pictures)
    return found


def test_pictures_and_bits_are_those_of_the_codec(compressor, pictures):
    made = compressor.compress(pictures, "0.12")
    rgb = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    coded = compressor.codec.encode(rgb, 3, (-1069, -1069), tools=False)
    expected = compressor.codec.decode(coded).permute(0, 2, 3, 1).numpy()
    assert (made.pictures == expected).all() and made.pictures.dtype == np.uint8
    assert made.bits == pytest.approx(coded.bits.numpy())
    assert made.settings == [(3, -1069)] * 3


def test_settings_of_an_earlier_pass_are_taken_over_picture_by_picture(compressor, pictures):
    mixed = compressor.compress(pictures, "1.0", [(3, 300), (3, -1069), (3, 300)])
    low, high = (compressor.compress(pictures, level) for level in ("0.12", "1.0"))
    assert (mixed.pictures[1] == low.pictures[1]).all()
    assert (mixed.pictures[[0, 2]] == high.pictures[[0, 2]]).all()
    assert mixed.bits[1] == pytest.approx(low.bits[1])


def test_an_unknown_level_names_the_known_ones(compressor, pictures):
    with pytest.raises(UserError, match=r"no level 0\.3, it has 0\.12, 1\.0, same"):
        compressor.compress(pictures, "0.3")


def test_rounding_values_round_to_the_symbols_of_the_codec(compressor, pictures):
    found = compressor.rounding(pictures, ["0.12", "1.0", "same"])
    assert list(found) == ["0.12", "1.0"]  # two names of one setting count once
    rgb = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    coded = compressor.codec.encode(
        rgb, 3, (300, 300), tools=False, latents=("y", "mu", "gain", "q")
    )
    q = torch.cat([coded.luma.q, coded.chroma.q], dim=1).numpy()
    rounded = np.rint(found["1.0"])
    kept = q != 0  # the codec skips some positions: there q is 0 whatever u is
    assert kept.any() and (rounded[kept] == q[kept]).all()
    latent = compressor.rounding(pictures, ["1.0"], "latent")["1.0"]
    y = torch.cat([coded.luma.y, coded.chroma.y], dim=1).numpy()
    gain = torch.cat([coded.luma.gain, coded.chroma.gain], dim=1).numpy()
    assert latent == pytest.approx(y * gain[:, :, None, None], rel=1e-6)


def test_each_pass_loses_less_and_passes_go_on_from_each_other(compressor, passes):
    """Deterministic: psnr_k of a picture coded twice is psnr_(k+1) of the one coded once."""
    asked = Asked(compressor, "ai-1.0", {"rd": {"analysis_bpp": "1.0"}})
    once, twice = (
        [dict(zip(rd.NAMES, row, strict=True)) for row in rd.measure(passes[k], asked)]
        for k in (1, 2)
    )
    for first, second in zip(once, twice, strict=True):
        assert second["psnr_1"] == pytest.approx(first["psnr_2"])
        assert second["psnr_2"] == pytest.approx(first["psnr_3"])
        assert first["bpp_1"] >= first["bpp_y_1"] + first["bpp_z_1"] - 1e-12
    mean = [np.mean([row[f"psnr_{k}"] for row in once]) for k in (1, 2, 3)]
    assert mean[0] < mean[1] < mean[2]


def test_a_picture_that_went_through_the_codec_lies_closer_to_rounded_values(
    compressor, pictures, passes
):
    settings = {
        "rates": ["1.0"],
        "operating_points": POINTS,
        "quantisation": {
            "space": "residual", "analysis_bpp": "all", "components": "YUV", "border": 0
        },
    }  # fmt: skip
    asked = Asked(compressor, "source", settings)
    rms = quantisation.columns(quantisation.names(settings), "extra")
    rms &= np.char.startswith(quantisation.names(settings), "rms")
    before, after = (quantisation.measure(p, asked)[:, rms].mean() for p in (pictures, passes[1]))
    assert after < 0.9 * before
