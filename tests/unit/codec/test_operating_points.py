"""HOP and SOP beside BOP: the same promises, other networks."""

import math

import pytest
import torch

from latentprint.codec import JpegAI, analysis, blocks, synthesis
from latentprint.codec.codec import GPU_BATCH_MAX
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.weights import Part, parts, read
from latentprint.errors import UserError
from latentprint.weight_files import relative_path, transform_files

EVERYTHING = ("y", "y_hat", "q", "z_hat", "mu")
COMPONENTS = {"luma": 160, "chroma": 96}


@pytest.fixture(params=["BOP", "HOP"])
def either(request, codec, hop) -> JpegAI:
    return {"BOP": codec, "HOP": hop}[request.param]


def test_batch_equals_single_images(hop, pictures):
    together = hop.encode(pictures[:3], latents=EVERYTHING)
    decoded = hop.decode(together)
    for row in range(3):
        alone = hop.encode(pictures[row : row + 1], latents=EVERYTHING)
        for component in COMPONENTS:
            for name in EVERYTHING:
                batched = getattr(getattr(together, component), name)[row]
                assert torch.equal(batched, getattr(getattr(alone, component), name)[0])
        assert torch.equal(together.bits[row], alone.bits[0])
        assert torch.equal(decoded[row], hop.decode(alone)[0])


@pytest.mark.parametrize("size", [(65, 64), (83, 101), (66, 98), (72, 100)])
def test_odd_sizes(hop, size):
    """Odd at the picture's level and at each level that a network halves."""
    generator = torch.Generator().manual_seed(2)
    rgb = torch.randint(0, 256, (1, 3, *size), generator=generator, dtype=torch.uint8)
    coded = hop.encode(rgb, latents=("y", "y_hat"))
    grid = (-(-size[0] // 16), -(-size[1] // 16))
    for component, channels in COMPONENTS.items():
        assert getattr(coded, component).y.shape == (1, channels, *grid)
        assert getattr(coded, component).y.isfinite().all()
    assert hop.decode(coded).shape == rgb.shape


def test_an_odd_picture_is_its_even_one_with_the_border_repeated(either, pictures):
    odd = pictures[:1].repeat(1, 1, 2, 2)[..., :97, :75]
    even = torch.nn.functional.pad(odd.float(), (0, 1, 0, 1), mode="replicate").to(torch.uint8)
    for component in COMPONENTS:
        of_odd, of_even = (
            getattr(either.encode(rgb, latents=("y",)), component).y for rgb in (odd, even)
        )
        assert torch.equal(of_odd, of_even)


class Watched(dict):
    """Weights that remember which keys were asked for."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__(weights)
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> torch.Tensor:
        self.asked.append(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(("block", "side"), [("TAM", 66), ("cab", 68)])
def test_transformer_and_mask_see_the_added_border(hop, component, block, side):
    """Section 4.2; no vector has a luma plane that is odd at the level of the transformer."""
    weights = Watched(read(hop.folder, Part("encoder", "HOP", component, 3)))
    x = torch.rand((1, {"luma": 1, "chroma": 12}[component], side, side)) * 255
    entered = []
    for step in analysis.STEPS["HOP"][component]:
        weights.asked.clear()
        shape = x.shape[-2:]
        x = step(x, weights, (side, side))
        if any(key.startswith(block) for key in weights.asked):
            entered.append(tuple(shape))
    assert entered == [{"TAM": (34, 34), "cab": (18, 18)}[block]]  # of 33 and 17


def test_hop_attends_to_all_pixels(codec, hop, pictures):
    """A change in one corner reaches the other one in HOP alone."""
    rgb = pictures[:1].repeat(1, 1, 2, 2)
    changed = rgb.clone()
    changed[..., :8, :8] = 255 - changed[..., :8, :8]
    for of, reaches in ((codec, False), (hop, True)):
        before, after = (of.encode(picture, latents=("y",)) for picture in (rgb, changed))
        for component in COMPONENTS:
            corners = (getattr(coded, component).y[..., -1, -1] for coded in (before, after))
            assert torch.equal(*corners) is not reaches


def test_one_decoder_is_enough_to_load(hop_weights, tmp_path, pictures):
    """As in a folder with the one HOP file that is published: each request names what it lacks."""
    name = "VM_hop/decoder_UV_0.5.pth"
    (tmp_path / "VM_hop").mkdir()
    (tmp_path / name).symlink_to(hop_weights / name)
    codec = JpegAI.load(tmp_path)
    assert codec.operating_point == "HOP"
    with pytest.raises(UserError, match=r"missing VM_hop/encoder_Y_0\.5\.pth"):
        codec.encode(pictures[:1], latents=("y",))
    with pytest.raises(UserError, match=r"missing VM_hop/decoder_Y_0\.5\.pth"):
        codec.synthesise(torch.zeros(1, 160, 4, 4), torch.zeros(1, 96, 4, 4), (64, 64))


def test_entropy_files_alone_quantise(hop_weights, hop, tmp_path, pictures):
    (tmp_path / "VM_common_int").symlink_to(hop_weights / "VM_common_int")
    whole = hop.encode(pictures[:1])
    y = hop.encode(pictures[:1], latents=("y",))
    later = JpegAI.load(tmp_path).quantise(y.luma.y, y.chroma.y)
    assert torch.equal(whole.luma.y_hat, later.luma.y_hat)


def test_gpu_batch_follows_the_memory(monkeypatch, weights, hop_weights):
    """HOP takes more than BOP; what other programs hold now changes no batch, and so no bits."""
    gigabyte = 2**30
    memory = {"free": 6 * gigabyte, "total": 8 * gigabyte}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: tuple(memory.values()))
    place = torch.device("cuda")
    base = JpegAI(weights, "BOP", place).batch(256 * 256)
    high = JpegAI(hop_weights, "HOP", place).batch(256 * 256)
    assert 1 < high < base < GPU_BATCH_MAX
    memory["free"] = gigabyte
    assert JpegAI(hop_weights, "HOP", place).batch(256 * 256) == high
    memory["total"] = 16 * gigabyte
    assert JpegAI(hop_weights, "HOP", place).batch(256 * 256) > high


def test_sop_is_the_analysis_of_bop_with_decoders_of_its_own():
    assert parts("SOP", models=[3]) == [
        Part("encoder", "BOP", "luma", 3),
        Part("encoder", "BOP", "chroma", 3),
        Part("decoder", "SOP", "luma", 3),
        Part("decoder", "SOP", "chroma", 3),
        Part("entropy", "", "luma", 3),
        Part("entropy", "", "chroma", 3),
    ]
    assert relative_path("decoder", "SOP", "luma", 0) == "VM_sop/decoder_Y_0.002.pth"
    assert "SOP" not in analysis.STEPS
    for part in [*parts("SOP"), *parts("HOP"), *parts("BOP")]:
        assert (part.kind, part.operating_point, part.component) in LAYOUTS


def test_files_of_sop_are_the_encoders_of_bop(weights, tmp_path):
    assert transform_files(weights, "SOP", 3) == transform_files(weights, "BOP", 3)
    with pytest.raises(UserError, match=r"VM_bop/encoder_Y_0\.5\.pth is missing.*SOP"):
        transform_files(tmp_path, "SOP", 3)


@pytest.mark.parametrize(("component", "count"), [("luma", 461_504), ("chroma", 208_976)])
def test_parameters_of_sop(component, count):
    """The counts of the specification, section 2.2."""
    layout = LAYOUTS["decoder", "SOP", component]
    assert sum(math.prod(entry.shape) for entry in layout.values()) == count


def test_up_shuffle_looks_right_and_down():
    """U2 in plain words: each position makes 2 x 2 samples from itself and the three after it."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(-8, 9, (2, 3, 4, 5), generator=generator).float()
    kernel = torch.randint(-8, 9, (8, 3, 2, 2), generator=generator).float()
    ours = blocks.up_shuffle("up")(x, {"up.weight": kernel}, (8, 10))
    assert ours.shape == (2, 2, 8, 10)
    wide = torch.zeros(2, 3, 5, 6)
    wide[..., :4, :5] = x
    for row in range(8):
        for column in range(10):
            seen = wide[:, :, row // 2 : row // 2 + 2, column // 2 : column // 2 + 2]
            for channel in range(2):
                made = (seen * kernel[4 * channel + 2 * (row % 2) + column % 2]).sum((1, 2, 3))
                assert torch.equal(ours[:, channel, row, column], made)


@pytest.mark.parametrize("size", [(64, 64), (65, 64), (83, 101), (66, 98), (72, 100)])
def test_planes_of_sop_have_the_size_of_the_picture(size):
    generator = torch.Generator().manual_seed(2)
    luma, chroma = (
        torch.randn((2, channels, -(-size[0] // 16), -(-size[1] // 16)), generator=generator)
        for channels in COMPONENTS.values()
    )
    y, uv = (
        make(
            *given,
            size=size,
            operating_point="SOP",
            weights={
                key: torch.randn(entry.shape, generator=generator) / 50
                for key, entry in LAYOUTS["decoder", "SOP", component].items()
            },
        )
        for component, make, given in (
            ("luma", synthesis.synthesise_luma, [luma]),
            ("chroma", synthesis.synthesise_chroma, [luma, chroma]),
        )
    )
    assert y.shape == (2, 1, *size)
    assert uv.shape == (2, 2, *size)
    assert y.std() > 0.01 and uv.std() > 0.01
