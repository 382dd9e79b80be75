"""Rules that the stored vectors do not show: cube flags, padding, clips, the skip mask."""

import math

import numpy as np
import pytest
import torch

from latentprint.codec import context, entropy, hyper, rate, residual
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.residual import Scales

SIZE = (5, 6)  # odd height: the phases carry a padded row
SIZES = [(4, 4), (5, 6), (6, 5), (7, 7), (17, 16), (19, 35)]
CHANNELS = {"luma": 160, "chroma": 96}
ABOVE_THREE = float(np.nextafter(np.float32(3), np.float32(4)))


def test_phases_merge_back():
    x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    assert torch.equal(context.merge_phases(context.split_phases(x)), x)


def test_phase_order():
    x = torch.tensor([[0, 2], [3, 1]]).reshape(1, 1, 2, 2)
    assert [int(phase) for phase in context.split_phases(x)] == [0, 1, 2, 3]


def ones(channels: int) -> Scales:
    return Scales(torch.ones(1, channels, 1, 1))


def luma_weights(spread: float = 0.0) -> dict[str, torch.Tensor]:
    """The context model; its last layers are zero without a spread, and so are all means."""
    generator = torch.Generator().manual_seed(2)
    drawn = {
        key: torch.randn(entry.shape, generator=generator) / math.sqrt(math.prod(entry.shape[1:]))
        for key, entry in LAYOUTS["entropy", "", "luma"].items()
        if key.startswith("context.MCM")
    }
    for key, value in drawn.items():
        if key.endswith("conv3.weight"):
            value *= spread
    return drawn


def coded(component: str, y: torch.Tensor, mask: torch.Tensor, psi=None, spread: float = 0.0):
    channels = y.shape[1]
    if psi is None:
        half = (-(-y.shape[-2] // 2), -(-y.shape[-1] // 2))
        psi = torch.zeros(len(y), 4 * channels, *half)
    if component == "luma":
        weights = luma_weights(spread)
        return context.code_luma(y, psi=psi, mask=mask, scales=ones(channels), weights=weights)
    return context.code_chroma(y, psi=psi, mask=mask, scales=ones(channels))


def nothing(y: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(y, dtype=torch.bool)


@pytest.mark.parametrize("component", CHANNELS)
@pytest.mark.parametrize("sign", [1, -1])
def test_an_error_of_exactly_three_may_be_skipped(component, sign):
    y = torch.full((1, CHANNELS[component], *SIZE), 3.0 * sign)
    found = coded(component, y, nothing(y))
    assert found.flags.all()
    assert not found.mask.any()
    assert (found.q == 0).all()


@pytest.mark.parametrize("component", CHANNELS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_next_larger_error_may_not(component, sign):
    y = torch.full((1, CHANNELS[component], *SIZE), 3.0 * sign)
    y[0, 7, 4, 5] = ABOVE_THREE * sign  # last row: even, last column: odd
    found = coded(component, y, nothing(y))
    # Flags stand in raster order of the parities: (0,0), (0,1), (1,0), (1,1).
    assert found.flags.flatten().tolist() == [True, False, True, True]
    expected = torch.zeros(SIZE, dtype=torch.bool)
    expected[0::2, 1::2] = True
    assert (found.mask == expected).all()
    assert (found.q == 3 * sign * expected).all()


@pytest.mark.parametrize("component", CHANNELS)
@pytest.mark.parametrize(
    ("place", "flags"),
    [
        ((0, 0), [False, True, True, True]),
        ((0, 3), [True, False, True, True]),
        ((3, 4), [True, True, False, True]),
        ((1, 1), [True, True, True, False]),
    ],
)
def test_one_large_error_makes_its_phase_coded_in_every_channel(component, place, flags):
    y = torch.full((1, CHANNELS[component], *SIZE), 2.0)
    y[0, 1][place] = 3.5
    found = coded(component, y, nothing(y))
    assert found.flags.flatten().tolist() == flags
    expected = torch.zeros(SIZE, dtype=torch.bool)
    expected[place[0] % 2 :: 2, place[1] % 2 :: 2] = True
    assert (found.mask == expected).all()
    assert found.q[0, 1][place] == 4  # half rounds to even
    assert found.q[0, 0].sum() == 2 * expected.sum()


@pytest.mark.parametrize("component", CHANNELS)
@pytest.mark.parametrize("size", SIZES)
def test_cube_flags_cube_by_cube(component, size):
    """Flags, mask and symbols of random latents, place by place from section 5.8."""
    channels = CHANNELS[component]
    generator = torch.Generator().manual_seed(size[0] * size[1])
    y = (torch.randn((2, channels, *size), generator=generator) * 0.7).clamp(-2.9, 2.9)
    mask = torch.rand(y.shape, generator=generator) < 0.2
    loud = torch.rand((2, *size), generator=generator) < 0.03
    loud[:, -1, -1] = True
    y[:, 11][loud] = 40.0
    mask[:, 11] = False
    found = coded(component, y, mask)
    expected = mask.clone()
    cubes = [math.ceil(math.ceil(side / 2) / 8) for side in size]
    assert found.flags.shape == (2, 4, *cubes)
    for image, parity, i, j in np.ndindex(2, 4, *cubes):
        rows = slice(16 * i + parity // 2, 16 * i + 16, 2)
        columns = slice(16 * j + parity % 2, 16 * j + 16, 2)
        flag = not loud[image, rows, columns].any()
        assert bool(found.flags[image, parity, i, j]) == flag
        if not flag:
            expected[image, :, rows, columns] = True
    assert not found.flags.all()
    assert torch.equal(found.mask, expected)
    assert torch.equal(found.q, torch.where(expected, y.round(), 0.0))


@pytest.mark.parametrize("beyond", [True, False])
def test_the_error_of_chroma_is_that_of_the_sum(beyond):
    """|(r + mu) - y|, not |r - (y - mu)|: their last bits may lie on either side of 3."""
    step = torch.full((1, 96, 1, 1), 8 / 1024)
    r = residual.dequantise(torch.ones(1), Scales(step[0, 0, 0]))
    generator = torch.Generator().manual_seed(0)
    means = torch.rand(100_000, generator=generator) * 200 - 120
    values = means + r + 3 + torch.randn(100_000, generator=generator) * 1e-6
    by_sum = (r + means - values).abs() > 3
    by_difference = (r - (values - means)).abs() > 3
    place = torch.nonzero((by_sum != by_difference) & (by_sum == beyond)).flatten()[0]
    psi = torch.zeros(1, 384, 2, 2)
    psi[0, 5, 0, 0] = means[place]
    y = torch.zeros(1, 96, 4, 4)
    y[0, 5, 0, 0] = values[place]
    found = context.code_chroma(y, psi=psi, mask=~nothing(y), scales=Scales(step))
    assert found.q[0, 5, 0, 0] == 1
    assert bool(found.flags.all()) is not beyond


def test_cubes_are_eight_positions_wide():
    error = torch.zeros(1, 1, 9, 17)
    error[0, 0, 8, 16] = 4.0
    flags = residual.cube_flags(error)
    assert flags.shape == (1, 1, 2, 3)
    assert (~flags).nonzero().tolist() == [[0, 0, 1, 2]]
    assert torch.equal(residual.spread_flags(flags, (9, 17)), error < 1)


@pytest.mark.parametrize("size", [(5, 5), (5, 6), (6, 5), (3, 17)])
@pytest.mark.parametrize("loud", [False, True])
def test_an_odd_luma_is_the_even_one_whose_added_places_are_predicted_exactly(size, loud):
    """They are never coded, also under a False flag, and their predictions enter the context."""
    generator = torch.Generator().manual_seed(1)
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    psi = torch.randn((1, 640, even[0] // 2, even[1] // 2), generator=generator) * 9
    odd = torch.randn((1, 160, *size), generator=generator)
    if loud:
        odd *= 50
    found = coded("luma", odd, nothing(odd), psi, spread=3.0)
    assert bool(found.flags.all()) is False  # errors against predictions this large
    wide = torch.zeros(1, 160, *even)
    wide[..., : size[0], : size[1]] = odd
    added = torch.ones(even, dtype=torch.bool)
    added[: size[0], : size[1]] = False
    for _ in range(4):  # each phase's predictions follow from those before it
        whole = coded("luma", wide, nothing(wide), psi, spread=3.0)
        wide[..., added] = whole.mu[..., added]
    whole = coded("luma", wide, nothing(wide), psi, spread=3.0)
    assert whole.mu[..., added].abs().max() > 1
    for name in ("q", "mu", "residual", "rebuilt", "mask"):
        cropped = getattr(whole, name)[..., : size[0], : size[1]]
        assert torch.equal(getattr(found, name), cropped)
    assert torch.equal(found.flags, whole.flags)
    again = context.rebuild_luma(
        found.q.to(torch.int16), psi=psi, scales=ones(160), weights=luma_weights(3.0)
    )
    for name in ("mu", "residual", "rebuilt"):
        assert torch.equal(getattr(again, name), getattr(found, name))


@pytest.mark.parametrize("size", [(5, 5), (4, 7)])
def test_chroma_is_rebuilt_from_its_symbols(size):
    generator = torch.Generator().manual_seed(1)
    y = torch.randn((2, 96, *size), generator=generator) * 9
    psi = torch.randn((2, 384, -(-size[0] // 2), -(-size[1] // 2)), generator=generator)
    found = coded("chroma", y, y > 3, psi)
    again = context.rebuild_chroma(found.q.to(torch.int16), psi=psi, scales=ones(96))
    for name in ("mu", "residual", "rebuilt"):
        assert torch.equal(getattr(again, name), getattr(found, name))
    expected = torch.empty(2, 96, *size)
    for chunk, (row, column) in enumerate([(0, 0), (1, 1), (0, 1), (1, 0)]):
        place = expected[..., row::2, column::2]
        part = psi[:, 96 * chunk : 96 * chunk + 96]
        place.copy_(part[..., : place.shape[-2], : place.shape[-1]])
    assert torch.equal(found.mu, expected)


def test_symbols_are_clipped_to_sixteen_bit():
    values = torch.tensor([1e9, -1e9, 40000, -40000, 2.5, 3.5]).reshape(1, 6, 1, 1)
    q = residual.symbols(values, ones(6))
    assert q.flatten().tolist() == [32767, -32768, 32767, -32768, 2, 4]


def test_the_divisor_is_a_billionth_larger_than_the_gain():
    """It shows in the last bit of small gains alone."""
    gains = torch.tensor([8, 24, 192, 1024, 3073]).reshape(1, 5, 1, 1) / 1024
    q = torch.arange(-500, 501).reshape(1, 1, -1, 1).expand(1, 5, -1, 1)
    found = residual.dequantise(q, Scales(gains)).numpy()
    numbers, steps = q.numpy().astype(np.float32), gains.numpy()
    assert np.array_equal(found, numbers / (steps + np.float32(1e-9)))
    plain = numbers / steps
    shows = [bool((found[:, channel] != plain[:, channel]).any()) for channel in range(5)]
    assert shows == [True, True, False, False, False]
    reciprocal = numbers * (np.float32(1) / (steps + np.float32(1e-9)))
    assert (found != reciprocal).any()


@pytest.mark.parametrize(
    ("z", "symbol"),
    [
        (30.5, 30),
        (30.51, 31),
        (31.4, 31),
        (31.6, 31),
        (400.0, 31),
        (-31.5, -31),
        (-9e9, -31),
        (0.5, 0),
        (1.5, 2),
        (-0.5, 0),
        (-1.5, -2),
        (math.inf, 31),
        (-math.inf, -31),
    ],
)
def test_hyper_latents_are_clipped_and_rounded(z, symbol):
    found = hyper.round_z(torch.tensor([z]))
    assert found.dtype == torch.int8
    assert found.item() == symbol


@pytest.mark.parametrize(("index", "is_coded"), [(-9, False), (382, False), (383, True)])
def test_skip_threshold(index, is_coded):
    assert residual.skip_mask(torch.tensor([index])).item() is is_coded


def one_gain(channels: int) -> dict[str, torch.Tensor]:
    """A gain of one sigma level, 128, in every channel."""
    table = torch.zeros(channels, 18)
    table[:, 13] = 1.0
    return {"vr_vec.c": table}


@pytest.mark.parametrize(("index", "is_coded"), [(383, True), (382, False)])
def test_the_mask_goes_by_the_index_before_scaling(index, is_coded):
    """RVS lowers 383 by 31 or 80, below the threshold: it is coded all the same."""
    weights = one_gain(96)
    before = torch.full((1, 96, 8, 8), index - 128, dtype=torch.int32)
    found = entropy.levels(
        before,
        component="chroma",
        model=3,
        beta=torch.tensor([0]),
        with_tools=True,
        weights=weights,
    )
    assert (found.skip_index == index).all()
    raised = found.raised[0]
    assert torch.nonzero(raised).flatten().tolist() == list(range(86, 96))
    assert (found.code_index[:, raised] == index - 31).all()
    assert (found.code_index[:, ~raised] == index - 80).all()
    y = torch.full((1, 96, 8, 8), 0.9)  # far below what makes a cube flag False
    side = entropy.Side(
        z_hat=torch.zeros(1, 96, 2, 2, dtype=torch.int8),
        index=before,
        psi=torch.zeros(1, 384, 4, 4),
        bits=torch.zeros(1, dtype=torch.float64),
    )
    quantised = entropy.quantise(y, side, found, component="chroma", weights=weights)
    assert quantised.coded.flags.all()
    assert (quantised.coded.q != 0).all() if is_coded else (quantised.coded.q == 0).all()
    # The rate goes by the other index.
    q, code = quantised.coded.q, found.code_index
    assert torch.equal(quantised.bits, rate.residual_bits(q, code))
    other = rate.residual_bits(q, found.skip_index)
    assert (quantised.bits / other - 1).abs() > 0.01


def test_an_index_above_the_threshold_after_scaling_alone_is_skipped():
    """The other way round: 380 would become 619 in a block of large indices."""
    before = torch.full((1, 96, 8, 8), 4000 - 128, dtype=torch.int32)
    before[0, :, 2, 3] = 380 - 128
    found = entropy.levels(
        before,
        component="chroma",
        model=2,
        beta=torch.tensor([0]),
        with_tools=True,
        weights=one_gain(96),
    )
    assert found.code_index[0, 95, 2, 3] == 380 + 239
    assert not residual.skip_mask(found.skip_index)[0, :, 2, 3].any()


def test_without_tools_both_indices_are_the_same():
    before = torch.arange(96 * 64, dtype=torch.int32).reshape(1, 96, 8, 8)
    found = entropy.levels(
        before,
        component="chroma",
        model=1,
        beta=torch.tensor([-40]),
        with_tools=False,
        weights=one_gain(96),
    )
    assert torch.equal(found.skip_index, before + 128 - 40)
    assert torch.equal(found.code_index, found.skip_index)
    assert found.raised is None and found.scales.forward is None


def test_displacements_of_a_batch_are_its_images_own():
    before = torch.randint(0, 3000, (3, 96, 5, 4)).int()
    beta = torch.tensor([-1069, 0, 702])
    common = {"component": "chroma", "model": 0, "with_tools": True, "weights": one_gain(96)}
    together = entropy.levels(before, beta=beta, **common)
    for row in range(3):
        alone = entropy.levels(before[row : row + 1], beta=beta[row : row + 1], **common)
        for name in ("skip_index", "code_index", "blocks", "raised"):
            assert torch.equal(getattr(together, name)[row], getattr(alone, name)[0])
        assert torch.equal(together.scales.gain[row], alone.scales.gain[0])
        assert torch.equal(together.scales.forward[row], alone.scales.forward[0])
