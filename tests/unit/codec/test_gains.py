"""Numbers of the specification, section 13."""

import pytest
import torch

from latentprint.codec import colour, gains, rate
from latentprint.errors import UserError


def test_gain_values():
    index = torch.tensor([-3117, -1069, -443, -100, -1, 0, 1, 128, 259, 702, 2749])
    expected = [8, 192, 512, 876, 1022, 1024, 1026, 1251, 1536, 3073, 75708]
    assert (gains.gain(index) * 1024).int().tolist() == expected


def test_residual_bits():
    cases = {
        (0, 0): 0.0,
        (383, 1): 7.2982,
        (1411, 0): 1.3806,
        (1411, -3): 7.4185,
        (2000, 5): 5.1946,
        (3967, 200): 16.7034,
        (63, 2): 29.8974,
        (64, 2): 29.8974,
    }
    for (index, q), bits in cases.items():
        one = rate.residual_bits(torch.tensor([[q]]), torch.tensor([[index]]))
        assert one.item() == pytest.approx(bits, abs=2e-4)


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        ((255, 0, 0), (54.2130, 98.2841, 255.0)),
        ((12, 200, 99), (152.7390, 98.5396, 38.1306)),
        ((128, 128, 128), (128.0, 127.5, 127.5)),
    ],
)
def test_colour(rgb, yuv):
    planes = colour.rgb_to_yuv(torch.tensor(rgb, dtype=torch.uint8).reshape(1, 3, 1, 1))
    assert [plane.item() for plane in planes] == pytest.approx(yuv, abs=1e-4)


def test_colour_round_trip():
    generator = torch.Generator().manual_seed(0)
    rgb = torch.randint(0, 256, (2, 3, 9, 7), generator=generator).to(torch.uint8)
    y, u, v = colour.rgb_to_yuv(rgb)
    assert torch.equal(colour.yuv_to_rgb(y, torch.cat([u, v], dim=1)), rgb)


@pytest.mark.parametrize("columns", [(), (2, 5)])
def test_a_gain_table_needs_one_column(columns):
    table = torch.zeros(4, 18)
    for column in columns:
        table[:, column] = 1.0
    with pytest.raises(UserError, match=f"{len(columns)} populated columns"):
        gains.gain_log({"vr_vec.c": table}, beta=torch.tensor([0]))


def test_gain_of_every_image_and_channel():
    """Rounded table plus displacement; the floor stands before the displacement."""
    table = torch.zeros(5, 18)
    table[:, 6] = torch.tensor([1.0, -0.5, 0.01, -16.0, -40.0])
    beta = torch.tensor([0, -100, 5000, -5000])
    found = gains.gain_log({"vr_vec.c": table}, beta=beta)
    assert found.dtype == torch.int32
    base = [128, -64, 1, -2048, -2048]
    assert found.tolist() == [[g + b for g in base] for b in (0, -100, 702, -1069)]
    assert gains.gain(found).shape == (4, 5)


@pytest.mark.parametrize(
    ("index", "level"),
    [(-5000, 0), (0, 0), (63, 0), (64, 1), (191, 1), (192, 2), (3967, 31), (9000, 31)],
)
def test_sigma_of_an_index(index, level):
    """Half a level rounds up; both ends hold."""
    expected = 0.11 * (54.82 / 0.11) ** (level / 31)
    assert gains.sigma(torch.tensor([index]).int()).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("beta", [2**31 + 5, -(2**40)])
def test_a_displacement_beyond_32_bits_is_clipped_to_its_own_end(beta):
    table = torch.zeros(4, 18)
    table[:, 3] = 1.0
    end = 702 if beta > 0 else -1069
    ours = gains.gain_log({"vr_vec.c": table}, beta=torch.tensor([beta]))
    assert torch.equal(ours, gains.gain_log({"vr_vec.c": table}, beta=torch.tensor([end])))
