"""Tiles of large pictures: where they lie, and that cutting and assembling loses nothing."""

import math

import pytest
import torch

from latentprint.codec import analysis, synthesis
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.tiles import (
    CHROMA,
    LUMA,
    PICTURE,
    Tiling,
    Window,
    assemble,
    cut,
    windows,
)

SMALL = Tiling(samples=64 * 64, tile=64, overlap=16)
# Sides around each length at which a tile is added to SMALL, and odd ones.
SIDES = (63, 64, 65, 79, 80, 81, 97, 111, 112, 113, 127, 128, 129, 160, 161, 201)
SIZES = [(height, width) for height in SIDES for width in SIDES if height * width > SMALL.samples]
UNITS = {"luma": (LUMA, 16, 64), "chroma": (CHROMA, 8, 32)}  # tiling, unit of y, unit of z


def grid(height: int, width: int) -> torch.Tensor:
    """A plane in which every sample has its own value."""
    return torch.arange(height * width).reshape(1, 1, height, width)


def random_weights(kind: str, operating_point: str, component: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(11)
    return {
        key: torch.randn(entry.shape, generator=generator) / math.sqrt(math.prod(entry.shape[1:]))
        for key, entry in LAYOUTS[kind, operating_point, component].items()
    }


@pytest.mark.parametrize("tiling", [LUMA, PICTURE])
def test_a_megapixel_is_one_tile_and_one_row_more_is_not(tiling):
    assert windows(1024, 1024, tiling) == [Window(0, 0, 1024, 1024)]
    assert windows(512, 2048, tiling) == [Window(0, 0, 512, 2048)]
    assert windows(1025, 1024, tiling) == [Window(0, 0, 1024, 1024), Window(960, 0, 65, 1024)]
    assert windows(1024, 1025, tiling) == [Window(0, 0, 1024, 1024), Window(0, 960, 1024, 65)]


def test_chroma_has_a_quarter_of_it():
    assert windows(512, 512, CHROMA) == [Window(0, 0, 512, 512)]
    assert windows(513, 512, CHROMA) == [Window(0, 0, 512, 512), Window(480, 0, 33, 512)]
    # 1023 x 1025 pixels: one tile of luma, but the chroma planes of 512 x 513 are above theirs.
    assert len(windows(1023, 1025, LUMA)) == 1
    assert len(windows(512, 513, CHROMA)) == 2


def test_rows_come_first():
    assert windows(1040, 1100, PICTURE) == [
        Window(0, 0, 1024, 1024),
        Window(0, 960, 1024, 140),
        Window(960, 0, 80, 1024),
        Window(960, 960, 80, 140),
    ]


def test_a_side_within_one_tile_is_not_cut():
    """Nor one that is not longer than the overlap, below which no tile would start."""
    for narrow in (30, 64, 65, 1024):
        tiles = windows(30_000_000 // narrow, narrow, LUMA)
        assert {(tile.left, tile.width) for tile in tiles} == {(0, narrow)}
    assert [tile.left for tile in windows(1, 3_000_000, LUMA)][:3] == [0, 960, 1920]


@pytest.mark.parametrize("tiling", [LUMA, CHROMA, SMALL])
def test_tiles_share_the_overlap_and_end_at_the_border(tiling):
    step = tiling.tile - tiling.overlap
    for length in range(tiling.tile + 1, tiling.tile + 3 * step):
        spans = [(tile.left, tile.width) for tile in windows(tiling.tile, length, tiling)]
        assert [start for start, _ in spans] == [step * at for at in range(len(spans))]
        assert all(width == tiling.tile for _, width in spans[:-1])
        assert tiling.overlap < spans[-1][1] <= tiling.tile
        assert sum(spans[-1]) == length


def kept(tile: Window, size: tuple[int, int], margin: int) -> tuple[slice, slice]:
    """The core as the specification words it."""
    sides = ((tile.top, tile.height, size[0]), (tile.left, tile.width, size[1]))
    return tuple(
        slice(start + margin * (start != 0), start + length - margin * (start + length != full))
        for start, length, full in sides
    )


def test_cores_partition_the_picture():
    for size in SIZES:
        tiles = windows(*size, SMALL)
        assert len(tiles) > 1
        owners = torch.zeros((1, 1, *size), dtype=torch.int64)
        for tile in tiles:
            owners[..., *kept(tile, size, 8)] += 1
        assert (owners == 1).all()
        pieces = [torch.full((1, 1, tile.height, tile.width), at) for at, tile in enumerate(tiles)]
        whole = assemble(pieces, tiles, size=size, unit=1, drop=SMALL.margin)
        for at, tile in enumerate(tiles):
            core = whole[..., *kept(tile, size, 8)]
            assert core.numel() > 0 and (core == at).all()
        # Cores do not overlap: the order of the tiles changes nothing.
        backwards = assemble(pieces[::-1], tiles[::-1], size=size, unit=1, drop=SMALL.margin)
        assert torch.equal(whole, backwards)


@pytest.mark.parametrize("unit", [1, 4, 8])
@pytest.mark.parametrize("drop", [0, SMALL.margin])
def test_a_copy_by_tiles_is_the_copy_of_the_whole(unit, drop):
    """A network that takes every unit-th sample; odd sizes round up."""
    for size in SIZES:
        x = grid(*size)
        tiles = windows(*size, SMALL)
        pieces = (cut(x, tile)[..., ::unit, ::unit] for tile in tiles)
        whole = assemble(pieces, tiles, size=size, unit=unit, drop=drop)
        assert whole.shape[-2:] == (-(-size[0] // unit), -(-size[1] // unit))
        assert torch.equal(whole, x[..., ::unit, ::unit])


@pytest.mark.parametrize("component", UNITS)
@pytest.mark.parametrize("size", [(1025, 1024), (1040, 1100), (2017, 1985), (3000, 650)])
def test_the_tilings_of_the_codec(component, size):
    """Tiles start at whole latents and hyper latents, and their margin is whole latents."""
    tiling, latent, hyper = UNITS[component]
    if component == "chroma":
        size = (-(-size[0] // 2), -(-size[1] // 2))
    x = grid(*size)
    tiles = windows(*size, tiling)
    assert len(tiles) > 1 and tiling.margin == 2 * latent
    for unit, drop in ((latent, tiling.margin), (hyper, 0)):
        assert all(tile.top % unit == 0 and tile.left % unit == 0 for tile in tiles)
        pieces = [cut(x, tile)[..., ::unit, ::unit] for tile in tiles]
        whole = assemble(pieces, tiles, size=size, unit=unit, drop=drop)
        assert torch.equal(whole, x[..., ::unit, ::unit])
        coarse = x[..., ::unit, ::unit]
        for tile, piece in zip(tiles, pieces, strict=True):
            assert torch.equal(cut(coarse, tile, unit=unit), piece)


def test_later_hyper_latents_overwrite_earlier_ones():
    """Tiles share one element of z; nothing is dropped."""
    size = (1090, 1100)
    tiles = windows(*size, LUMA)
    pieces = [
        torch.full((1, 3, -(-tile.height // 64), -(-tile.width // 64)), at)
        for at, tile in enumerate(tiles)
    ]
    assert [tuple(piece.shape[-2:]) for piece in pieces] == [(16, 16), (16, 3), (3, 16), (3, 3)]
    z = assemble(pieces, tiles, size=size, unit=64, drop=0)
    expected = torch.zeros((18, 18), dtype=torch.int64)
    expected[:15, 15:] = 1
    expected[15:, :15] = 2
    expected[15:, 15:] = 3
    assert torch.equal(z, expected.expand(1, 3, 18, 18))


def test_latents_lose_two_positions_at_a_seam():
    tiles = windows(1024, 1100, LUMA)
    pieces = [torch.full((1, 1, 64, -(-tile.width // 16)), at) for at, tile in enumerate(tiles)]
    y = assemble(pieces, tiles, size=(1024, 1100), unit=16, drop=LUMA.margin)
    assert y.shape == (1, 1, 64, 69)
    assert (y[..., :62] == 0).all() and (y[..., 62:] == 1).all()  # 62 = (1024 - 32) / 16


def test_one_tile_is_handed_on_as_it_is():
    x = torch.rand(2, 3, 7, 5)
    (tile,) = windows(97, 75, LUMA)
    assert assemble([x], [tile], size=(97, 75), unit=16, drop=LUMA.margin) is x


def test_wrong_pieces_are_refused():
    tiles = windows(1025, 1024, LUMA)
    pieces = [torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 5, 64)]
    assemble(pieces, tiles, size=(1025, 1024), unit=16, drop=32)
    with pytest.raises(ValueError, match=r"is \(1, 64\), expected \(5, 64\)"):
        assemble([pieces[0], pieces[1][..., :1, :]], tiles, size=(1025, 1024), unit=16, drop=32)
    with pytest.raises(ValueError, match="longer"):
        assemble(pieces[:1], tiles, size=(1025, 1024), unit=16, drop=32)


def distance_to_seams(size: tuple[int, int], tiling: Tiling) -> torch.Tensor:
    """Samples between each sample and the nearest border of a core inside the picture."""
    nearest = torch.full(size, 10**6)
    for tile in windows(*size, tiling):
        for at, axis, full in ((tile.top, 0, size[0]), (tile.left, 1, size[1])):
            if at > 0:
                away = (torch.arange(full) - (at + tiling.margin)).abs()
                nearest = torch.minimum(nearest, away[:, None] if axis == 0 else away[None])
    return nearest


def random_latents(size: tuple[int, int]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [
        torch.randn((1, channels, -(-size[0] // 16), -(-size[1] // 16)), generator=generator)
        for channels in (160, 96)
    ]


def synthesised(
    component: str,
    operating_point: str,
    size: tuple[int, int],
    latents: list[torch.Tensor] | None = None,
) -> torch.Tensor:
    latents = random_latents(size) if latents is None else latents
    weights = random_weights("decoder", operating_point, component)
    weights["conv4.weight"] /= 8  # within 0..255 for the most part
    make = {"luma": synthesis.synthesise_luma, "chroma": synthesis.synthesise_chroma}[component]
    given = latents[:1] if component == "luma" else latents
    return make(*given, size=size, operating_point=operating_point, weights=weights)


@pytest.mark.parametrize("component", ["luma", "chroma"])
@pytest.mark.parametrize("operating_point", ["BOP", "SOP"])
def test_synthesis_by_tiles_differs_at_the_seams_alone(monkeypatch, operating_point, component):
    """What a sample depends on reaches further than the margin, but not twice as far."""
    size = (203, 331)
    tiling = Tiling(samples=128 * 128, tile=160, overlap=64)
    whole = synthesised(component, operating_point, size)
    monkeypatch.setattr(synthesis, "PICTURE", tiling)
    tiled = synthesised(component, operating_point, size)
    assert tiled.shape == whole.shape == (1, {"luma": 1, "chroma": 2}[component], *size)
    assert ((whole > 0) & (whole < 255)).float().mean() > 0.5  # not all clipped
    difference = (whole - tiled).abs()
    far = distance_to_seams(size, tiling) > 32
    assert 0.2 < far.float().mean() < 0.9
    assert difference[..., far].max() < 5e-3
    assert difference.max() > 1


@pytest.mark.parametrize("component", ["luma", "chroma"])
@pytest.mark.parametrize("operating_point", ["BOP", "SOP"])
def test_synthesis_keeps_the_core_of_every_tile(monkeypatch, operating_point, component):
    """Each tile is a picture of its own; the last ones have odd sides."""
    size = (203, 331)
    tiling = Tiling(samples=160 * 160, tile=160, overlap=64)
    monkeypatch.setattr(synthesis, "PICTURE", tiling)
    tiled = synthesised(component, operating_point, size)
    for tile in windows(*size, tiling):
        latents = [cut(x, tile, unit=16) for x in random_latents(size)]
        alone = synthesised(component, operating_point, (tile.height, tile.width), latents)
        core = kept(tile, size, 32)
        inside = tuple(
            slice(side.start - start, side.stop - start)
            for side, start in zip(core, (tile.top, tile.left), strict=True)
        )
        assert torch.equal(tiled[..., *core], alone[..., *inside])


def test_synthesis_of_a_large_picture(monkeypatch):
    """With the tilings of the codec; a picture at the threshold stays whole."""
    size = (1040, 1100)
    tiled = synthesised("luma", "SOP", size)
    monkeypatch.setattr(synthesis, "PICTURE", Tiling(size[0] * size[1], 1024, 64))
    whole = synthesised("luma", "SOP", size)
    difference = (whole - tiled).abs()
    far = distance_to_seams(size, PICTURE) > 32
    assert difference[..., far].max() < 5e-3
    assert difference.max() > 1


def test_analysis_by_tiles():
    """BOP luma depends on 29 samples around, fewer than the margin: tiles change nothing."""
    size = (203, 331)
    tiling = Tiling(samples=128 * 128, tile=160, overlap=64)
    tiles = windows(*size, tiling)
    x = torch.rand((1, 1, *size), generator=torch.Generator().manual_seed(5)) * 255
    weights = random_weights("encoder", "BOP", "luma")

    def run(part: torch.Tensor) -> torch.Tensor:
        return analysis.analyse(part, component="luma", operating_point="BOP", weights=weights)

    whole = run(x)
    tiled = assemble(
        (run(cut(x, tile)) for tile in tiles), tiles, size=size, unit=16, drop=tiling.margin
    )
    assert (whole - tiled).abs().max() < 1e-5 * whole.square().mean().sqrt()
    careless = assemble((run(cut(x, tile)) for tile in tiles), tiles, size=size, unit=16, drop=0)
    assert (whole - careless).abs().max() > 1e-2 * whole.square().mean().sqrt()
