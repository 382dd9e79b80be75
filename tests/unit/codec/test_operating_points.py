"""HOP beside BOP: the same promises, with networks that look further."""

import pytest
import torch

from latentprint.codec import JpegAI, analysis
from latentprint.codec.codec import GPU_BATCH_MAX
from latentprint.codec.weights import Part, read
from latentprint.errors import UserError

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
    """Reserved memory that nothing uses is free; HOP takes more than BOP."""
    gigabyte = 2**30
    taken = {"reserved": 0}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * gigabyte, 8 * gigabyte))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: taken["reserved"])
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: gigabyte // 2)
    taken["reserved"] = gigabyte // 2
    place = torch.device("cuda")
    base = JpegAI(weights, "BOP", place).batch(256 * 256)
    high = JpegAI(hop_weights, "HOP", place).batch(256 * 256)
    assert 1 < high < base < GPU_BATCH_MAX
    taken["reserved"] = 3 * gigabyte
    assert JpegAI(hop_weights, "HOP", place).batch(256 * 256) > high
