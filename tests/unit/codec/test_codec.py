"""The public face of the codec: shapes, independence of the batch, what y_hat is made of."""

import pytest
import torch

from latentprint.codec import JpegAI, gains, hyper, rate, residual, tools
from latentprint.codec.weights import Part, read
from latentprint.errors import UserError
from tests.block_means import spread_means

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
    """Sixteen images together against one at a time: bit for bit."""
    pictures = torch.cat([pictures, pictures[:7].flip(-1)])
    assert len(pictures) == 16
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
    kept = (*EVERYTHING, "gain", "y_hat_before_lsbs")
    coded = codec.encode(pictures[:2], beta=(-300, -300), tools=False, latents=kept)
    beta = torch.tensor([-300, -300])
    for component in COMPONENTS:
        part = getattr(coded, component)
        log_gain = gains.gain_log(read(codec.folder, Part("entropy", "", component, 3)), beta=beta)
        assert torch.equal(part.gain, gains.gain(log_gain))
        scales = residual.Scales(part.gain[:, :, None, None])
        assert torch.equal(part.y_hat, part.mu + residual.dequantise(part.q, scales))
        assert torch.equal(part.y_hat, part.y_hat_before_lsbs)


@pytest.mark.parametrize("model", range(4))
def test_y_hat_with_tools(four_models, mixed, model):
    """Step by step from what is kept: RVS and GRFS around the rounding, LSBS at the end."""
    kept = (*EVERYTHING, "gain", "y_hat_before_lsbs", "grfs")
    coded = four_models.encode(mixed[:2], model=model, beta=(-100, 60), latents=kept)
    for column, component in enumerate(COMPONENTS):
        part = getattr(coded, component)
        weights = read(four_models.folder, Part("entropy", "", component, model))
        log_gain = gains.gain_log(weights, beta=coded.beta[:, column])
        index = hyper.decode_scales(part.z_hat, latent_size=part.y.shape[-2:], weights=weights)
        skip = index + log_gain[:, :, None, None]
        blocks = spread_means(skip)
        scaling = tools.residual_scaling(blocks, part.grfs, model=model)
        scales = residual.Scales(part.gain[:, :, None, None], scaling.forward, scaling.backward)
        r_hat = residual.dequantise(part.q, scales)
        assert torch.equal(part.y_hat_before_lsbs, part.mu + r_hat)
        scaled = tools.scale_latents(part.y_hat_before_lsbs, r_hat, blocks, model=model)
        assert torch.equal(part.y_hat, scaled)
        bits = rate.residual_bits(part.q, skip + scaling.offset)
        assert torch.equal(coded.bits[:, 2 * column + 1], bits)
        assert torch.equal(coded.bits[:, 2 * column], rate.hyper_bits(part.z_hat, weights=weights))


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
