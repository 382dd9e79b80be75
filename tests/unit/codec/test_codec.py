"""The public face of the codec: shapes, independence of the batch, refusals."""

import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.errors import UserError

EVERYTHING = ("y", "y_hat", "q", "z_hat", "mu")
COMPONENTS = {"luma": 160, "chroma": 96}


def test_shapes_and_dtypes(codec, pictures):
    coded = codec.encode(pictures, beta=(-100, 50), latents=EVERYTHING)
    for component, channels in COMPONENTS.items():
        part = getattr(coded, component)
        for name in ("y", "y_hat", "q", "mu"):
            assert getattr(part, name).shape == (9, channels, 4, 4)
        assert part.z_hat.shape == (9, channels, 1, 1)
        assert part.q.dtype == torch.int16
        assert part.z_hat.dtype == torch.int8
        assert part.y.dtype == part.y_hat.dtype == torch.float32
    assert coded.model.tolist() == [3] * 9
    assert coded.beta.tolist() == [[-100, 50]] * 9
    assert coded.bits.shape == (9, 4)
    assert coded.bits.dtype == torch.float64
    assert (coded.bits > 0).all()


def test_only_what_was_asked_for_is_kept(codec, pictures):
    coded = codec.encode(pictures[:1], latents=("q",))
    assert coded.luma.q is not None
    assert coded.luma.y is None and coded.luma.y_hat is None and coded.chroma.mu is None


def test_batch_equals_single_images(codec, pictures):
    """Nine images together, more than one inner batch, against one at a time: bit for bit."""
    together = codec.encode(pictures, latents=EVERYTHING)
    for row in range(len(pictures)):
        alone = codec.encode(pictures[row : row + 1], latents=EVERYTHING)
        for component in COMPONENTS:
            for name in EVERYTHING:
                batched = getattr(getattr(together, component), name)[row]
                assert torch.equal(batched, getattr(getattr(alone, component), name)[0])
        assert torch.equal(together.bits[row], alone.bits[0])


def test_order_does_not_matter(codec, pictures):
    forward = codec.encode(pictures[:3])
    backward = codec.encode(pictures[:3].flip(0))
    assert torch.equal(forward.luma.y_hat, backward.luma.y_hat.flip(0))


def test_y_hat_is_prediction_plus_dequantised_residual(codec, pictures):
    from latentprint.codec import gains, residual
    from latentprint.codec.weights import Part, read

    coded = codec.encode(pictures[:2], beta=(-300, -300), latents=EVERYTHING)
    for component in COMPONENTS:
        part = getattr(coded, component)
        log_gain = gains.gain_log(read(codec.folder, Part("entropy", "", component, 3)), beta=-300)
        step = gains.gain(log_gain)[:, None, None]
        assert torch.equal(part.y_hat, part.mu + residual.dequantise(part.q, step))


def test_quantising_stored_latents_equals_encoding(codec, pictures):
    whole = codec.encode(pictures, beta=(-200, -200))
    later = codec.quantise(whole.luma.y, whole.chroma.y, beta=(-200, -200))
    assert torch.equal(whole.luma.y_hat, later.luma.y_hat)
    assert torch.equal(whole.chroma.y_hat, later.chroma.y_hat)
    assert torch.equal(whole.bits, later.bits)


def test_bits_and_quality_fall_with_displacement(codec, pictures):
    bits, errors = [], []
    for beta in (-900, -500, 0, 500):
        coded = codec.encode(pictures, beta=(beta, beta))
        bits.append(float(coded.bits.sum()))
        decoded = codec.decode(coded)
        errors.append(float((decoded.float() - pictures.float()).square().mean()))
    assert bits == sorted(bits)
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("size", [(64, 64), (65, 64), (64, 79), (83, 101), (96, 130)])
def test_any_size_decodes_to_its_size(codec, size):
    generator = torch.Generator().manual_seed(1)
    flat = torch.full((1, 3, *size), 120) + torch.randint(0, 9, (1, 3, *size), generator=generator)
    rgb = flat.to(torch.uint8)
    coded = codec.encode(rgb, beta=(300, 300))
    assert coded.luma.y_hat.shape == (1, 160, -(-size[0] // 16), -(-size[1] // 16))
    decoded = codec.decode(coded)
    assert decoded.shape == rgb.shape
    assert (decoded.float() - rgb.float()).abs().mean() < 8


def test_displacement_is_clipped_and_recorded(codec, pictures):
    coded = codec.encode(pictures[:1], beta=(-5000, 5000))
    assert coded.beta.tolist() == [[-1069, 702]]


def test_y_needs_the_encoder_files_alone(weights, tmp_path, pictures):
    (tmp_path / "VM_bop").mkdir()
    for component in ("Y", "UV"):
        name = f"encoder_{component}_0.5.pth"
        (tmp_path / "VM_bop" / name).symlink_to(weights / "VM_bop" / name)
    codec = JpegAI.load(tmp_path, "BOP")
    coded = codec.encode(pictures[:2], latents=("y",))
    assert coded.luma.y.shape == (2, 160, 4, 4)
    assert coded.bits.isnan().all()
    with pytest.raises(UserError, match=r"VM_common_int/Y_0\.5\.pth, VM_common_int/UV_0\.5\.pth"):
        codec.encode(pictures[:2])
    with pytest.raises(UserError, match=r"decoder_Y_0\.5\.pth"):
        codec.synthesise(coded.luma.y, coded.chroma.y, (64, 64))


GOOD = torch.zeros((1, 3, 64, 64), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rgb": GOOD.float()}, "expected uint8"),
        ({"rgb": GOOD[0]}, "expected uint8"),
        ({"rgb": GOOD.permute(0, 2, 3, 1)}, "expected uint8"),
        ({"rgb": GOOD[..., :63]}, "at least 64 x 64"),
        ({"rgb": GOOD.numpy()}, "torch tensor"),
        ({"rgb": GOOD[:0]}, "expected uint8"),
        ({"model": 4}, "model id 4"),
        ({"model": 1}, r"encoder_Y_0\.012\.pth"),
        ({"tools": True}, "tools=True"),
        ({"latents": ("y", "x")}, "latents"),
        ({"latents": "y"}, "latents"),
        ({"latents": ()}, "latents"),
        ({"model": 3.0}, "model id 3.0"),
        ({"model": -1}, "model id -1"),
        ({"beta": 3}, "beta 3, expected two integers"),
        ({"beta": (1, 2, 3)}, "expected two integers"),
        ({"beta": (0.5, 0.5)}, "expected two integers"),
        ({"target_bpp": 0.5}, "target_bpp"),
    ],
)
def test_refusals(codec, change, message):
    with pytest.raises(UserError, match=message):
        codec.encode(**({"rgb": GOOD} | change))


LUMA, CHROMA = torch.zeros(2, 160, 4, 5), torch.zeros(2, 96, 4, 5)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ((CHROMA, LUMA), r"luma latents: expected float \(batch, 160, h, w\)"),
        ((LUMA, CHROMA[:1]), "expected the same batch"),
        ((LUMA, CHROMA[..., :3]), "expected the same batch"),
        ((LUMA.int(), CHROMA), "luma latents: expected float"),
    ],
)
def test_latents_that_do_not_fit_are_refused(codec, latents, message):
    with pytest.raises(UserError, match=message):
        codec.quantise(*latents)
    with pytest.raises(UserError, match=message):
        codec.synthesise(*latents, size=(64, 80))


@pytest.mark.parametrize("size", [(80, 64), (65, 80), (48, 80)])
def test_a_size_that_does_not_fit_the_latents_is_refused(codec, size):
    with pytest.raises(UserError, match="expected latents of"):
        codec.synthesise(LUMA, CHROMA, size)
    with pytest.raises(UserError, match="model id -1"):
        codec.synthesise(LUMA, CHROMA, (64, 80), model=-1)


def test_decode_without_y_hat_is_refused(codec):
    with pytest.raises(UserError, match="y_hat"):
        codec.decode(codec.encode(GOOD, latents=("y",)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operating_point": "SOP"}, "'SOP' is not available, expected one of BOP, HOP"),
        (
            {},
            r"VM_hop/encoder_Y_0\.002\.pth: file is missing.*has files of BOP: set operating_point",
        ),
        ({"operating_point": "BOP", "device": "cuda"}, "CUDA"),
        ({"operating_point": "BOP", "device": "gpu"}, "device 'gpu' is unknown"),
    ],
)
def test_load_refusals(weights, options, message):
    if options.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match=message):
        JpegAI.load(weights, **options)
