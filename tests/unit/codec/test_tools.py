"""RVS, GRFS and LSBS (specification, sections 6 and 13)."""

import numpy as np
import pytest
import torch

from latentprint.codec import residual, tools
from tests.block_means import spread_means

# Section 6.1: thresholds, and for raised and ordinary channels T, a, B of the four segments.
THRESHOLDS = [(1003, 1352, 1937), (1003, 1270, 1908), (1003, 1378, 1934), (1003, 1296, 1908)]
RAISED = [
    ((122, 132, 155, 170), (-31, 20, 122, 181), (68759, 63550, 54120, 49345)),
    ((122, 129, 132, 170), (-31, 5, 20, 181), (68759, 65028, 63550, 49345)),
    ((122, 138, 165, 186), (-31, 48, 162, 239), (68759, 60787, 50840, 45100)),
    ((122, 138, 165, 170), (-31, 48, 162, 181), (68759, 60787, 50840, 49345)),
]
ORDINARY = [
    ((113, 122, 143, 157), (-80, -31, 71, 130), (74235, 68759, 58662, 53431)),
    ((113, 120, 122, 157), (-80, -41, -31, 130), (74235, 69905, 68759, 53431)),
    ((113, 127, 153, 172), (-80, -5, 114, 189), (74235, 66052, 54828, 48771)),
    ((113, 127, 153, 157), (-80, -5, 114, 130), (74235, 66052, 54828, 53431)),
]
# Section 6.3: factors of mean and residual, segments 0 to 2.
LSBS = [
    ((23, 0, 46), (28, 0, 56)),
    ((17, 0, 34), (23, 0, 46)),
    ((12, 0, 23), (17, 0, 34)),
    ((9, 0, 28), (12, 0, 26)),
]
COUNTS = {"luma": (5, 24, 35, 64), "chroma": (10, 10, 10, 10)}
CHANNELS = {"luma": 160, "chroma": 96}
MODELS = range(4)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("raised", [False, True])
def test_every_constant_of_the_specification(model, raised):
    factors, offsets, inverses = (RAISED if raised else ORDINARY)[model]
    expected = list(zip(factors, offsets, inverses, strict=True))
    assert tools.scaling_table(model, raised=raised) == expected
    assert tuple(tools.thresholds(model)) == THRESHOLDS[model]


@pytest.mark.parametrize(
    ("index", "entry"),
    [
        (0, 14418),
        (1, 14441),
        (1003, 69306),
        (1296, 109637),
        (1378, 124653),
        (1411, 131262),
        (1908, 285767),
        (4351, 13086699),
    ],
)
def test_table_of_the_thresholds(index, entry):
    assert tools.threshold_entry(index) == entry


@pytest.mark.parametrize("model", MODELS)
def test_factors_of_each_segment_and_channel(model):
    """Also on both sides of every threshold: the lower segment holds the threshold itself."""
    t0, t1, t2 = THRESHOLDS[model]
    at = torch.tensor([0, t0, t0 + 1, t1, t1 + 1, t2, t2 + 1, 4351])
    segments = [0, 0, 1, 1, 2, 2, 3, 3]
    blocks = at.int().expand(2, 2, 1, -1).contiguous()
    raised = torch.tensor([[True, False], [False, True]])
    found = tools.residual_scaling(blocks, raised, model=model)
    for image, channel in np.ndindex(2, 2):
        factors, offsets, inverses = (RAISED if raised[image, channel] else ORDINARY)[model]
        forward, backward = found.forward[image, channel, 0], found.backward[image, channel, 0]
        assert (forward * 128).tolist() == [factors[s] for s in segments]
        assert (backward * 65536).tolist() == [inverses[s] for s in segments]
        assert found.offset[image, channel, 0].tolist() == [offsets[s] for s in segments]
    assert found.forward.dtype == found.backward.dtype == torch.float32


def block_mean(index: np.ndarray) -> np.ndarray:
    """The statistic of one channel, place by place, in Python's whole numbers."""
    height, width = index.shape
    result = np.empty_like(index)
    for row, column in np.ndindex(height, width):
        top, left = 8 * (row // 8), 8 * (column // 8)
        total = sum(
            int(index[i, j]) if i < height and j < width else 1411
            for i in range(top, top + 8)
            for j in range(left, left + 8)
        )
        result[row, column] = min(max((total + 32) >> 6, 0), 4351)
    return result


def test_block_means_of_the_specification():
    for value, expected in ((-5, 0), (383, 383)):
        index = torch.full((1, 1, 8, 8), value, dtype=torch.int32)
        assert (spread_means(index) == expected).all()
    found = spread_means(torch.full((1, 1, 3, 9), 100, dtype=torch.int32))
    assert (found[..., :8] == 919).all()
    assert (found[..., 8] == 1350).all()


@pytest.mark.parametrize("size", [(8, 8), (4, 4), (7, 13), (17, 16), (9, 25)])
@pytest.mark.parametrize("span", [(-6000, 6000), (-900, -10), (3000, 9000), (300, 2400)])
def test_block_means(size, span):
    index = np.random.default_rng(4).integers(*span, (2, 3, *size), dtype=np.int32)
    found = spread_means(torch.from_numpy(index))
    for image, channel in np.ndindex(2, 3):
        assert np.array_equal(found[image, channel].numpy(), block_mean(index[image, channel]))


@pytest.mark.parametrize(
    ("total", "expected"),
    [(-33, 0), (-32, 0), (31, 0), (32, 1), (95, 1), (96, 2), (4351 * 64, 4351), (4360 * 64, 4351)],
)
def test_rounding_and_clips_of_a_block(total, expected):
    """Half rounds up; sums below zero end at 0, not at an index that wraps."""
    index = torch.zeros((1, 1, 8, 8), dtype=torch.int32)
    index[0, 0, 3, 5] = total
    assert (spread_means(index) == expected).all()


def test_blocks_do_not_mix_images_or_channels():
    index = torch.zeros((2, 2, 8, 8), dtype=torch.int32)
    index[1, 0] = 640
    assert spread_means(index)[:, :, 0, 0].tolist() == [[0, 0], [640, 0]]


@pytest.mark.parametrize("component", CHANNELS)
@pytest.mark.parametrize("model", MODELS)
def test_raised_are_the_channels_of_the_largest_mean(component, model):
    generator = torch.Generator().manual_seed(model)
    channels, count = CHANNELS[component], COUNTS[component][model]
    index = torch.randint(-2000, 4000, (3, channels, 5, 7), generator=generator).int()
    found = tools.raised_channels(index, component=component, model=model)
    assert found.dtype == torch.bool
    assert found.sum(dim=1).tolist() == [count] * 3
    sums = index.long().sum(dim=(2, 3))
    for row in range(3):
        assert sums[row][found[row]].min() > sums[row][~found[row]].max()
    for beta in (-1069, -1, 702):
        moved = tools.raised_channels(index + beta, component=component, model=model)
        assert torch.equal(moved, found)


@pytest.mark.parametrize("component", CHANNELS)
@pytest.mark.parametrize("model", MODELS)
def test_the_higher_of_two_equal_channels_is_raised(component, model):
    channels, count = CHANNELS[component], COUNTS[component][model]
    flat = torch.full((1, channels, 2, 2), -7, dtype=torch.int32)
    found = tools.raised_channels(flat, component=component, model=model)
    assert torch.nonzero(found[0]).flatten().tolist() == list(range(channels - count, channels))
    # One channel short of the number, then a tie of three: 80 and not 8, as in the vectors.
    index = torch.arange(channels).flip(0)[None, :, None, None].int().expand(1, -1, 2, 2) - 5000
    index = index.contiguous()
    index[0, -(count - 1) :] = 3000
    index[0, [2, 8, 80]] = 2000
    found = tools.raised_channels(index, component=component, model=model)[0]
    expected = set(range(channels - count + 1, channels)) | {80}
    assert set(torch.nonzero(found).flatten().tolist()) == expected


def test_equal_sums_of_unequal_maps_are_equal_means():
    index = torch.zeros((1, 96, 3, 3), dtype=torch.int32)
    index[0, :9] = 50
    index[0, 20, 0, 0], index[0, 33, 2, 1], index[0, 33, 1, 1] = 9, 5, 4
    found = tools.raised_channels(index, component="chroma", model=0)
    assert torch.nonzero(found[0]).flatten().tolist() == [*range(9), 33]


@pytest.mark.parametrize(
    ("value", "gain", "entry", "symbol", "rebuilt"),
    [
        (2.37, 1.5, (122, 68759), 3, 2.098358),
        (100.3, 3.0009765625, (170, 49345), 400, 100.3600),
    ],
)
def test_quantiser_of_the_specification(value, gain, entry, symbol, rebuilt):
    one = torch.ones(1, 1, 1, 1)
    scales = residual.Scales(one * gain, one * entry[0] / 128, one * entry[1] / 65536)
    q = residual.symbols(one * value, scales)
    assert q.item() == symbol
    assert residual.dequantise(q, scales).item() == pytest.approx(rebuilt, rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_lsbs(model):
    """Segments meet at 1378 and 1411; the middle one changes nothing; order as specified."""
    at = torch.tensor([0, 1378, 1379, 1411, 1412, 4351]).int()
    segments = [0, 0, 1, 1, 2, 2]
    generator = torch.Generator().manual_seed(model)
    mean = torch.randn((50, 1, 1, 6), generator=generator) * 30
    coded = torch.randn((50, 1, 1, 6), generator=generator) * 9
    rebuilt = mean + coded
    blocks = at.expand(50, 1, 1, -1).contiguous()
    found = tools.scale_latents(rebuilt, coded, blocks, model=model)
    of_mean, of_residual = (np.float32([row[s] for s in segments]) for row in LSBS[model])
    y, r = rebuilt.numpy(), coded.numpy()
    expected = y + (of_mean * (y - r) + of_residual * r) / np.float32(8192)
    assert expected.dtype == np.float32
    assert np.array_equal(found.numpy(), expected)
    assert torch.equal(found[..., 2:4], rebuilt[..., 2:4])
    assert not torch.equal(found[..., 1], rebuilt[..., 1])
    assert not torch.equal(found[..., 4], rebuilt[..., 4])
    # 56 of 8192, of what mean and residual are alone: they may cancel in their sum.
    assert ((found - rebuilt).abs() <= 0.007 * (mean.abs() + coded.abs())).all()


def test_lsbs_takes_the_mean_by_subtraction():
    """In float32 (mean + residual) - residual is not the mean: the reference has the former."""
    generator = torch.Generator().manual_seed(0)
    mean, coded = (
        torch.randn((1, 1, 100, 1000), generator=generator) * spread for spread in (0.3, 30)
    )
    rebuilt = mean + coded
    blocks = torch.full(mean.shape, 4000).int()
    found = tools.scale_latents(rebuilt, coded, blocks, model=0).numpy()
    y, r = rebuilt.numpy(), coded.numpy()
    by_subtraction, by_mean = (
        y + (np.float32(46) * m + np.float32(56) * r) / np.float32(8192)
        for m in (y - r, mean.numpy())
    )
    assert (by_subtraction != by_mean).sum() > 10
    assert np.array_equal(found, by_subtraction)


def test_tools_off_change_nothing(four_models, mixed):
    kept = ("y_hat", "y_hat_before_lsbs", "mu", "grfs")
    off = four_models.encode(mixed[:2], tools=False, latents=kept)
    on = four_models.encode(mixed[:2], latents=kept)
    for component, channels in CHANNELS.items():
        without, having = getattr(off, component), getattr(on, component)
        assert torch.equal(without.y_hat, without.y_hat_before_lsbs)
        assert without.grfs.shape == (2, channels) and not without.grfs.any()
        assert having.grfs.sum(dim=1).tolist() == [COUNTS[component][3]] * 2
        change = (having.y_hat - having.y_hat_before_lsbs).abs()
        assert change.max() > 0
        coded = having.y_hat_before_lsbs - having.mu
        assert (change <= 0.007 * (having.mu.abs() + coded.abs())).all()
