"""What must hold for every picture: round trips, batches, sizes, tiles, little memory."""

import dataclasses
import logging

import pytest
import torch

from latentprint.codec import JpegAI, analysis, context, hyper
from latentprint.codec import codec as codec_module
from latentprint.codec.coded import KEPT, Coded, joined, reordered
from latentprint.codec.tiles import Tiling, windows
from latentprint.errors import UserError
from tests.unit.codec.conftest import draw

COMPONENTS = {"luma": 160, "chroma": 96}
TARGETS = (1.2, 2.5, 12.0)


def assert_equal(ours: Coded, theirs: Coded, *, kept=KEPT) -> None:
    """Two results, every tensor to the last bit."""
    assert torch.equal(ours.model, theirs.model)
    assert torch.equal(ours.beta, theirs.beta)
    assert torch.equal(ours.bits, theirs.bits)
    assert (ours.size, ours.tools) == (theirs.size, theirs.tools)
    for component in COMPONENTS:
        for name in kept:
            mine, other = (getattr(getattr(one, component), name) for one in (ours, theirs))
            assert mine is not None
            assert mine.dtype == other.dtype and torch.equal(mine, other), (component, name)


@pytest.fixture(scope="module")
def matched(four_models, mixed) -> dict[float, Coded]:
    """The pictures at every target."""
    return {t: four_models.encode(mixed, target_bpp=t, latents=KEPT) for t in TARGETS}


def by_hand(codec: JpegAI, rgb: torch.Tensor, coded: Coded) -> Coded:
    """Code each picture alone at the operating point that was found for it."""
    alone = [
        codec.encode(
            rgb[at : at + 1],
            model=int(coded.model[at]),
            beta=coded.beta[at : at + 1],
            latents=KEPT,
        )
        for at in range(len(rgb))
    ]
    return joined(alone)


@pytest.mark.parametrize("target", TARGETS)
def test_matching_a_rate_is_coding_at_the_decision(four_models, mixed, matched, target):
    assert_equal(matched[target], by_hand(four_models, mixed, matched[target]))


def test_targets_lead_to_different_operating_points(matched):
    """Or the tests here would show little: several models in one batch, and all of them in all."""
    points = {
        target: set(zip(coded.model.tolist(), coded.beta[:, 0].tolist(), strict=True))
        for target, coded in matched.items()
    }
    assert len({model for model, _ in points[1.2]}) > 1
    assert len(points[2.5]) == 4
    assert {model for point in points.values() for model, _ in point} == {0, 1, 2, 3}
    assert points[12.0] == {(3, 702)}


@pytest.mark.parametrize("target", [1.2, 2.5])
def test_a_matched_rate_lies_within_the_tolerances(four_models, mixed, matched, target):
    bpp = matched[target].bits.sum(dim=1) / (67 * 75)
    reached = matched[target].beta.abs()[:, 0] < 702
    assert reached.any()
    assert ((bpp[reached] >= 0.9 * target - 1e-6) & (bpp[reached] <= 1.05 * target + 1e-6)).all()


def test_matching_stored_latents(four_models, mixed, matched):
    stored = [four_models.encode(mixed, model=m, latents=("y",)) for m in range(4)]
    luma = {m: coded.luma.y for m, coded in enumerate(stored)}
    chroma = {m: coded.chroma.y for m, coded in enumerate(stored)}
    for target, coded in matched.items():
        found = four_models.match(luma, chroma, target, size=(67, 75))
        assert [d.model for d in found] == coded.model.tolist()
        assert [[d.beta, d.beta] for d in found] == coded.beta.tolist()
        bpp = coded.bits.sum(dim=1) / (67 * 75)
        assert [d.bpp for d in found] == pytest.approx(bpp.tolist(), rel=1e-6)


def test_rates_are_counted_for_the_size_that_is_given(four_models, mixed):
    """Latents of 5 x 5 positions belong to 65 to 80 pixels."""
    stored = [four_models.encode(mixed[:1], model=m, latents=("y",)) for m in range(4)]
    luma = {m: coded.luma.y for m, coded in enumerate(stored)}
    chroma = {m: coded.chroma.y for m, coded in enumerate(stored)}
    (small,), (large,) = (
        four_models.match(luma, chroma, 1.0, size=size) for size in ((67, 75), (80, 80))
    )
    assert small.trials[0].bpp == pytest.approx(large.trials[0].bpp * 6400 / (67 * 75), rel=1e-6)


class OneByOne:
    """Make networks run picture by picture, so that a batch cannot move last bits."""

    def __init__(self, monkeypatch) -> None:
        for module, name in (
            (analysis, "analyse"),
            (hyper, "hyper_encode"),
            (hyper, "decode_hyper"),
            (context, "predict"),
        ):
            monkeypatch.setattr(module, name, self.looped(getattr(module, name)))

    @staticmethod
    def looped(network):
        def run(x, *others, **options):
            pieces = []
            for at in range(len(x)):
                row = slice(at, at + 1)
                given = [[part[row] for part in other] for other in others]
                pieces.append(network(x[row], *given, **options))
            return torch.cat(pieces)

        return run


def test_pictures_of_several_decisions_in_one_batch(four_models, mixed, matched, monkeypatch):
    """As on a GPU, where a batch is split by the models found and put back in order."""
    OneByOne(monkeypatch)
    codec = dataclasses.replace(four_models)
    monkeypatch.setattr(codec, "batch", lambda pixels: 3)
    for target in (1.2, 2.5):
        assert_equal(codec.encode(mixed, target_bpp=target, latents=KEPT), matched[target])
    betas = torch.tensor([[-400, 0], [0, 1], [700, -9], [-1069, 702]])
    given = {"model": 2, "beta": betas, "latents": KEPT}
    assert_equal(codec.encode(mixed, **given), four_models.encode(mixed, **given))


def symbols(coded: Coded) -> Coded:
    """What a store keeps: symbols, hyper latents and flags."""
    return dataclasses.replace(
        coded,
        luma=dataclasses.replace(
            codec_module.Latents(), **{n: getattr(coded.luma, n) for n in ("q", "z_hat", "grfs")}
        ),
        chroma=dataclasses.replace(
            codec_module.Latents(), **{n: getattr(coded.chroma, n) for n in ("q", "z_hat", "grfs")}
        ),
    )


@pytest.mark.parametrize("target", TARGETS)
def test_symbols_of_several_models_give_the_latents_back(four_models, matched, target):
    given = symbols(matched[target])
    again = four_models.rebuild(given)
    rebuilt = ("y_hat", "y_hat_before_lsbs", "mu", "q", "z_hat", "grfs")
    assert_equal(again, matched[target], kept=rebuilt)
    assert given.luma.y_hat is None and given.chroma.mu is None  # what was given is unchanged


@pytest.mark.parametrize("tools", [True, False])
@pytest.mark.parametrize(
    ("size", "model", "beta"),
    [
        ((64, 64), 0, (0, 0)),
        ((81, 64), 1, (-1069, 702)),
        ((64, 97), 2, (5000, -5000)),
        ((107, 75), 3, (-300, 200)),
    ],
)
def test_symbols_give_the_latents_back(four_models, size, model, beta, tools):
    rgb = draw(size, 255, 60)
    options = {"model": model, "beta": beta, "tools": tools}
    coded = four_models.encode(rgb, latents=KEPT, **options)
    given = symbols(coded)
    if not tools:
        given.luma.grfs = given.chroma.grfs = None
    again = four_models.rebuild(given)
    assert_equal(again, coded, kept=("y_hat", "y_hat_before_lsbs", "mu"))
    decoded = four_models.decode(again)
    assert torch.equal(decoded, four_models.decode(coded))
    assert decoded.shape == rgb.shape and decoded.dtype == torch.uint8
    # A second time, from what came out.
    assert_equal(four_models.rebuild(again), again, kept=("y_hat", "mu"))


def test_rebuilding_in_larger_batches(four_models, matched, monkeypatch):
    OneByOne(monkeypatch)
    codec = dataclasses.replace(four_models)
    monkeypatch.setattr(codec, "batch", lambda pixels: 3)
    again = codec.rebuild(symbols(matched[1.2]))
    assert_equal(again, matched[1.2], kept=("y_hat", "mu"))


def test_decoding_pictures_of_several_models(four_models, matched):
    coded = matched[1.2]
    decoded = four_models.decode(coded)
    for at in range(4):
        alone = four_models.decode(reordered(coded, torch.tensor([at])))
        assert torch.equal(decoded[at], alone[0])


@pytest.mark.parametrize("model", range(4))
def test_bits_fall_with_the_displacement_over_its_whole_range(four_models, mixed, model):
    y = four_models.encode(mixed[:2], model=model, latents=("y",))
    totals, steps = [], []
    for beta in (-5000, -1069, -1068, -700, -300, 0, 350, 701, 702, 5000):
        coded = four_models.quantise(
            y.luma.y,
            y.chroma.y,
            model=model,
            beta=(beta, beta),
            size=(67, 75),
            latents=("y_hat", "q", "gain", "z_hat"),
        )
        assert coded.luma.y_hat.isfinite().all() and coded.chroma.y_hat.isfinite().all()
        totals.append(coded.bits)
        steps.append(coded.luma.gain)
    bits = torch.stack(totals)
    for end, next_one in ((0, 1), (-1, -2)):
        assert torch.equal(bits[end], bits[next_one])
        assert torch.equal(steps[end], steps[next_one])
    assert (bits[..., [0, 2]] == bits[0][..., [0, 2]]).all()  # z does not depend on it
    rates = bits.sum(dim=2)
    assert (rates[[1, 3, 4, 5, 6, 8]].diff(dim=0) > 0).all()
    assert (rates[2] / rates[1] - 1).abs().max() < 0.02  # one step is a small change
    gains = torch.stack(steps)
    assert torch.allclose(gains[8] / gains[5], torch.tensor(3.0), atol=0.02)


def test_the_same_twice(four_models, mixed, matched):
    assert_equal(four_models.encode(mixed, target_bpp=2.5, latents=KEPT), matched[2.5])
    anew = JpegAI.load(four_models.folder, "BOP")
    assert_equal(anew.encode(mixed[:2], latents=KEPT), four_models.encode(mixed[:2], latents=KEPT))


def test_memory_layout_of_the_pictures_does_not_matter(four_models, mixed):
    channels_last = mixed.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert not channels_last.is_contiguous()
    assert_equal(
        four_models.encode(channels_last, latents=KEPT), four_models.encode(mixed, latents=KEPT)
    )


def test_what_is_kept_changes_nothing_else(four_models, mixed, matched):
    expected = four_models.encode(mixed[:1], model=1, latents=KEPT)
    for name in KEPT:
        coded = four_models.encode(mixed[:1], model=1, latents=(name,))
        for component in COMPONENTS:
            for other in KEPT:
                value = getattr(getattr(coded, component), other)
                assert (value is not None) == (other == name)
            ours, other = (getattr(getattr(one, component), name) for one in (coded, expected))
            assert torch.equal(ours, other)
    only = four_models.encode(mixed[:1], target_bpp=1.2, latents=("y",))
    assert torch.equal(only.luma.y, matched[1.2].luma.y[:1])
    assert torch.equal(only.bits, matched[1.2].bits[:1])


SIZES = [
    (64, 64),
    (65, 127),
    (67, 71),
    (64, 1500),
    (1499, 64),
    (97, 193),
    (128, 129),
    (211, 199),
    (240, 321),
    (509, 66),
]
# The largest picture that is one tile, and one of four.
LARGE = [(1024, 1024), (1100, 1500)]


@pytest.mark.parametrize("size", [*SIZES, *LARGE])
def test_every_size(four_models, size):
    rgb = draw(size, 120)
    kept = ("y", "y_hat", "z_hat", "cube")
    coded = four_models.encode(rgb, model=3, beta=(300, 300), latents=kept)
    grid = [-(-side // 16) for side in size]
    for component, channels in COMPONENTS.items():
        part = getattr(coded, component)
        assert part.y.shape == part.y_hat.shape == (1, channels, *grid)
        assert part.z_hat.shape == (1, channels, *(-(-side // 4) for side in grid))
        assert part.cube.shape == (1, 4, *(-(-side // 16) for side in grid))
        assert part.y_hat.isfinite().all()
    decoded = four_models.decode(coded)
    assert decoded.shape == rgb.shape
    # The smooth part of the picture is there: far from what a constant would give.
    assert (decoded.float() - rgb.float()).square().mean() < rgb.float().var() / 2


@pytest.mark.parametrize("size", [(1025, 1024), (1023, 1025)])
def test_pictures_just_above_a_threshold(four_models, size):
    """One row above; and one whose chroma planes alone are cut, 512 x 513 of 512 x 512 samples."""
    coded = four_models.encode(draw(size, 120), latents=("y", "q", "z_hat", "grfs", "y_hat"))
    again = four_models.rebuild(coded)
    for component in COMPONENTS:
        ours, other = (getattr(one, component) for one in (again, coded))
        assert torch.equal(ours.y_hat, other.y_hat)
    with pytest.raises(UserError, match=f"latents of {size[0]} x {size[1]} pixels: .*in tiles"):
        four_models.quantise(coded.luma.y, coded.chroma.y, size=size)


def blurred(codec: JpegAI) -> JpegAI:
    """A codec whose analysis looks beyond a latent's own 16 x 16 pixels, as trained ones do."""
    own = dataclasses.replace(codec, _cache={})
    generator = torch.Generator().manual_seed(8)
    for component in COMPONENTS:
        weights = own._weights("encoder", component, 3)
        for layer in ("conv1", "conv2", "conv3"):
            kernel = weights[f"{layer}.weight"]
            kernel += 0.02 * torch.randn(kernel.shape, generator=generator)
    return own


def test_a_tiled_picture_is_made_of_its_tiles(four_models, monkeypatch):
    """Each tile alone gives the same y, to the last bit, but for the borders it does not keep."""
    codec = blurred(four_models)
    size = (335, 290)
    small = {"luma": Tiling(192 * 192, 192, 64), "chroma": Tiling(96 * 96, 96, 32)}
    monkeypatch.setattr(codec_module, "ANALYSIS_TILING", small)
    rgb = draw(size, 160)
    whole = codec.encode(rgb, latents=("y", "z_hat"))
    z_hat = {name: torch.empty_like(getattr(whole, name).z_hat) for name in COMPONENTS}
    tiles = windows(*size, small["luma"])
    assert len(tiles) == 6
    seen = torch.zeros(whole.luma.y.shape[-2:], dtype=torch.bool)
    for tile in tiles:
        rows = slice(tile.top, tile.top + tile.height)
        columns = slice(tile.left, tile.left + tile.width)
        alone = codec.encode(rgb[..., rows, columns], latents=("y", "z_hat"))
        grid = alone.luma.y.shape[-2:]
        # Two latents, half of the overlap, are dropped on the sides inside the picture.
        inside = [
            slice(2 if start else 0, length - (2 if start + pixels < side else 0))
            for start, pixels, side, length in zip(tile[:2], tile[2:], size, grid, strict=True)
        ]
        place = [
            slice(start // 16 + kept.start, start // 16 + kept.stop)
            for start, kept in zip(tile[:2], inside, strict=True)
        ]
        seen[place[0], place[1]] = True
        for component in COMPONENTS:
            ours = getattr(whole, component).y[..., place[0], place[1]]
            own = getattr(alone, component).y[..., inside[0], inside[1]]
            assert torch.equal(ours, own)
            z = getattr(alone, component).z_hat  # nothing is dropped: the later tile stays
            top, left = tile.top // 64, tile.left // 64
            z_hat[component][..., top : top + z.shape[-2], left : left + z.shape[-1]] = z
    assert seen.all()
    for component in COMPONENTS:
        assert torch.equal(getattr(whole, component).z_hat, z_hat[component])


@pytest.mark.parametrize("beside", [(64, 0), (0, 64), (64, 64)])
def test_a_picture_moved_by_64_pixels_has_moved_latents(four_models, beside):
    """BOP, away from borders; last bits may follow the place in a row: 1e-5 of the RMS."""
    codec = blurred(four_models)
    large = draw((384, 320), 200)
    down, right = beside
    here = codec.encode(large[..., :320, :256], latents=("y",))
    there = codec.encode(large[..., down : 320 + down, right : 256 + right], latents=("y",))
    rows, columns = down // 16, right // 16
    for component in COMPONENTS:
        y, moved = (getattr(coded, component).y for coded in (here, there))
        same = y[..., rows + 2 : 18, columns + 2 : 14] - moved[..., 2 : 18 - rows, 2 : 14 - columns]
        rms = y.square().mean().sqrt()
        assert same.abs().max() <= 1e-5 * rms
        assert (y - moved).abs().max() > rms


class Memory:
    """A stage that fits a number of pictures and no more."""

    def __init__(self, monkeypatch, fits: int) -> None:
        self.asked: list[int] = []
        stage = analysis.analyse

        def limited(x, **options):
            if options["component"] == "luma":
                self.asked.append(len(x))
            if len(x) > fits:
                raise torch.OutOfMemoryError("out of memory")
            return stage(x, **options)

        monkeypatch.setattr(analysis, "analyse", limited)


def told(caplog) -> list[str]:
    """What the log says of batches; files that are not the release's are another matter."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "latentprint.codec.batches"
    ]


def small_batches(codec: JpegAI, monkeypatch) -> JpegAI:
    """A codec of its own that begins with eight pictures, as a GPU with memory for them."""
    own = dataclasses.replace(codec, _batch_limit=8)
    monkeypatch.setattr(own, "batch", lambda pixels: min(8, own._batch_limit))
    return own


@pytest.mark.parametrize(
    ("fits", "batches"), [(3, [8, 4, 2, 2, 2, 2, 1]), (1, [8, 4, 2, *[1] * 9]), (4, [8, 4, 4, 1])]
)
def test_little_memory_makes_batches_smaller(
    four_models, pictures, monkeypatch, caplog, fits, batches
):
    expected = four_models.encode(pictures, model=2, latents=KEPT)
    OneByOne(monkeypatch)
    memory = Memory(monkeypatch, fits)
    codec = small_batches(four_models, monkeypatch)
    with caplog.at_level(logging.WARNING, logger="latentprint.codec.batches"):
        assert_equal(codec.encode(pictures, model=2, latents=KEPT), expected)
    assert memory.asked == batches
    warnings = told(caplog)
    assert len(warnings) == batches.count(8) + (fits < 4) + (fits < 2)
    assert all("out of memory, going on with batches of" in text for text in warnings)
    # What was learnt is kept for the next call.
    memory.asked.clear()
    codec.encode(pictures[:4], model=2, latents=("y",))
    assert max(memory.asked) <= fits


def test_little_memory_while_matching_rates(four_models, mixed, matched, monkeypatch, caplog):
    OneByOne(monkeypatch)
    Memory(monkeypatch, 2)
    codec = small_batches(four_models, monkeypatch)
    with caplog.at_level(logging.WARNING, logger="latentprint.codec.batches"):
        assert_equal(codec.encode(mixed, target_bpp=1.2, latents=KEPT), matched[1.2])
    assert told(caplog) == [
        "device cpu, images of 67 x 75 pixels: out of memory, going on with batches of 2"
    ]


def test_no_memory_for_one_picture_is_said(four_models, mixed, monkeypatch):
    Memory(monkeypatch, 0)
    with pytest.raises(
        UserError, match=r"images of 67 x 75 pixels: no memory for one image\. Free"
    ):
        small_batches(four_models, monkeypatch).encode(mixed, latents=("y",))
