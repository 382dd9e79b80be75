"""Quantisation values: the Gaussian table, a stand-in codec, constant channels, cut vectors."""

import numpy as np
import pytest

from latentprint.cues import quantisation
from latentprint.errors import UserError

# Standard deviation: correlation with the rounded value, with the cut one, share of zeros; from
# the moments of a rounded Gaussian.
GAUSSIAN = {
    2: (0.9897, 0.8632, 0.197),
    1: (0.9608, 0.8964, 0.383),
    0.5: (0.8639, 0.8591, 0.683),
    0.25: (0.5062, 0.5062, 0.954),
}


def of(u, kind):
    return quantisation.features(u, (kind,))


@pytest.mark.parametrize("spread", GAUSSIAN)
def test_gaussian_values_follow_the_table(spread):
    u = np.random.default_rng(3).normal(0, spread, (1, 1000, 1000))
    full, trunc, zero, _ = quantisation.features(u)
    for found, expected in zip((full, trunc, zero), GAUSSIAN[spread], strict=True):
        assert found == pytest.approx(expected, abs=0.003)


def test_rms_of_even_fractions_and_of_rounded_values():
    u = np.random.default_rng(4).uniform(-50, 50, (2, 200, 200))
    assert of(u, "rms") == pytest.approx(12**-0.5, abs=0.002)
    assert (of(np.rint(u), "rms") == 0).all()


def test_a_block_transform_whose_values_were_rounded_is_seen_wholly():
    random = np.random.default_rng(5)
    transform, _ = np.linalg.qr(random.normal(size=(256, 256)))
    blocks = random.normal(0, 3, (256, 64))  # 64 blocks of 16x16
    latents = transform @ blocks
    decoded = transform.T @ np.rint(latents)
    again = (transform @ decoded).reshape(256, 8, 8)
    varied = np.rint(again).reshape(256, -1).std(axis=1) > 0
    assert of(again, "full")[varied] == pytest.approx(1, abs=1e-9)
    assert of(latents.reshape(256, 8, 8), "full")[varied].max() < 1


def test_constant_channels_give_zero_and_never_nan():
    u = np.zeros((3, 4, 4))
    u[1] = 0.2 * np.random.default_rng(6).uniform(-1, 1, (4, 4))  # all round to 0
    u[2] = 5
    found = quantisation.features(u)
    assert np.isfinite(found).all()
    assert (found[:6] == 0).all()
    assert found[6:9].tolist() == [1, 1, 0]


def test_the_cut_vector_differs_where_values_exceed_one_alone():
    random = np.random.default_rng(8)
    u = np.concatenate([random.uniform(-1.4, 1.4, (2, 9, 9)), random.normal(0, 4, (2, 9, 9))])
    assert (np.abs(np.rint(u[:2])) <= 1).all()
    full, trunc = of(u, "full"), of(u, "trunc")
    assert (full[:2] == trunc[:2]).all() and (full[2:] != trunc[2:]).all()


def test_names_stand_for_levels_of_other_settings_of_the_codec():
    settings = {
        "rates": ["0.1", "0.5", "1.0"],
        "operating_points": {"0.1": [3, -100], "0.5": [3, 0], "1.0": [3, 0]},
        "quantisation": {"analysis_bpp": "all", "components": "Y"},
    }
    assert quantisation.analysis_levels(settings) == ["0.1", "0.5"]
    names = quantisation.names(settings)
    assert len(names) == 2 * 4 * 160 == len(set(names))
    assert quantisation.columns(names, "extra").sum() == 2 * 2 * 160


def test_borders_and_bad_input():
    u = np.arange(2 * 6 * 8, dtype=float).reshape(2, 6, 8)
    assert quantisation.inner(u, 2).shape == (2, 2, 4)
    assert quantisation.inner(u, 0).shape == u.shape
    with pytest.raises(UserError, match="border is 3"):
        quantisation.inner(u, 3)
    with pytest.raises(UserError, match="expected"):
        quantisation.features(u[0])
    with pytest.raises(UserError, match="expected some of full"):
        quantisation.features(u, ("half",))
