"""The start, the integer export and the resumable loop."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint.codec import JpegAI, gains, hyper
from latentprint.codec.weights import Part, read
from latentprint.errors import UserError
from latentprint.training import export, hyper_start, loop, network
from latentprint.training.pictures import Pictures, drawn
from latentprint.training.start import BETA_AT_STEP, SCALE_UNIT, cosine_basis, start


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(2):
        pixels = drawn(np.random.default_rng(number), 96)
        Image.fromarray(pixels).save(folder / f"picture_{number}.png")
    return folder


SETTINGS = loop.Settings(
    start="",
    batch=2,
    crop=64,
    seed=3,
    pool=2,
    distortion_weight=0.03,
    stages=(
        loop.Stage(("entropy",), 2, 1e-4),
        loop.Stage(("entropy", "decoder", "encoder_end"), 3, 1e-4),
        loop.Stage(("entropy", "decoder", "encoder_begin", "encoder_end"), 2, 1e-4),
    ),
)


@pytest.fixture(scope="module")
def pictures(photographs):
    return Pictures(photographs, crop=64, batch=2, seed=3)


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """A training without interruption."""
    folder = tmp_path_factory.mktemp("trained")
    return loop.train(pictures, settings=SETTINGS, checkpoint=folder / "checkpoint.pt")


@pytest.fixture(scope="module")
def scenes():
    """Latents of drawn pictures, flat and busy, and the tensors that begin with them."""
    parameters = start(1)
    pictures = np.stack([drawn(np.random.default_rng(seed), 128) for seed in range(40)])
    rgb = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        y = network.latents(rgb, parameters)
        hyper_start.fit(parameters, y)
    return parameters, y


def test_cosine_basis_is_orthonormal():
    basis = cosine_basis(16, 256).reshape(256, 256)
    assert np.allclose(basis @ basis.T, np.eye(256), atol=1e-12)
    assert np.allclose(basis[0], 1 / 16)


def test_the_start_is_a_working_codec(tmp_path):
    """Fine quantisation: what is lost is what 160 of 256 coefficients leave out."""
    export.write(start(1), tmp_path)
    codec = JpegAI.load(tmp_path, "BOP")
    rows, columns = np.mgrid[:128, :128]
    smooth = 128 + 60 * np.sin(rows / 9) + 50 * np.cos(columns / 7)
    rgb = np.stack([smooth, 255 - smooth, np.roll(smooth, 9)]).clip(0, 255).round()
    picture = torch.from_numpy(rgb.astype(np.uint8))[None]
    decoded = codec.decode(codec.encode(picture, beta=(702, 702)))
    error = (decoded.double() - picture.double()).square().mean()
    assert 10 * torch.log10(255**2 / error) > 38


def test_integer_scale_decoder_follows_the_float_one(tmp_path):
    parameters = start(2)
    generator = torch.Generator().manual_seed(0)
    tensors = parameters["luma"]
    for key in [key for key in tensors if "hyper_scale_decoder" in key]:
        tensors[key] += 0.05 * torch.randn(tensors[key].shape, generator=generator)
    export.write(parameters, tmp_path)
    weights = read(tmp_path, Part("entropy", "", "luma", 3))
    z_hat = torch.randint(-6, 7, (1, 160, 4, 4), generator=generator)
    exact = network.decode_scales(z_hat.float(), network.view(tensors, "entropy"))
    integer = hyper.decode_scales(z_hat.to(torch.int8), latent_size=(16, 16), weights=weights)
    difference = (exact - integer).abs()
    assert exact.std() > 50  # indices really vary
    assert difference.mean() < 32  # a quarter of a level, with int8 weights
    assert np.corrcoef(exact.flatten(), integer.flatten())[0, 1] > 0.99


def test_pictures_depend_on_seed_and_step_alone(photographs):
    first = Pictures(photographs, crop=64, batch=3, seed=1)
    again = Pictures(photographs, crop=64, batch=3, seed=1)
    first.at(0)
    assert torch.equal(first.at(7), again.at(7))
    assert not torch.equal(first.at(7), first.at(8))
    assert first.at(7).shape == (3, 3, 64, 64)


def test_no_photographs(tmp_path):
    with pytest.raises(UserError, match="no photograph of at least 64 x 64"):
        Pictures(tmp_path, crop=64, batch=1, seed=1)


def test_every_displacement_of_a_user_has_a_gain_of_its_own():
    """The start places the gain so that nothing that a user can ask for is clipped."""
    weights = network.view(start(1)["luma"], "entropy")
    ends = torch.tensor([gains.BETA_MIN, gains.BETA_MIN + 1, gains.BETA_MAX - 1, gains.BETA_MAX])
    table = gains.gain_log(weights, beta=ends)
    assert (table[:, 0].diff() > 0).all()
    step = gains.gain_log(weights, beta=torch.tensor([BETA_AT_STEP]))
    assert (step == gains.LEVEL_UNITS).all()


def assert_equal(first, second):
    for component, tensors in first.items():
        for key, value in tensors.items():
            assert torch.equal(value, second[component][key]), key


@pytest.mark.parametrize("last", [2, 4, 6])  # in the first stage, the second, the third
def test_a_resumed_training_equals_an_uninterrupted_one(
    pictures, trained, tmp_path, monkeypatch, last
):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 1)
    step = loop._step
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == last:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(loop, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.train(pictures, settings=SETTINGS, checkpoint=tmp_path / "cut.pt")
    monkeypatch.setattr(loop, "_step", step)
    assert_equal(trained, loop.train(pictures, settings=SETTINGS, checkpoint=tmp_path / "cut.pt"))


def test_threads_do_not_change_the_outcome(pictures, trained, tmp_path):
    again = loop.train(
        pictures, settings=SETTINGS, checkpoint=tmp_path / "checkpoint.pt", threads=2
    )
    assert_equal(trained, again)


def test_a_stage_trains_its_networks_alone(pictures, trained, tmp_path):
    settings = replace(SETTINGS, stages=SETTINGS.stages[:1])
    after_first = loop.train(pictures, settings=settings, checkpoint=tmp_path / "checkpoint.pt")
    begun = start(SETTINGS.seed)
    for component, tensors in after_first.items():
        for key, value in tensors.items():
            if not key.startswith("entropy/"):
                assert torch.equal(value, begun[component][key]), key
    # And a training that has ended can be lengthened.
    whole = loop.train(pictures, settings=SETTINGS, checkpoint=tmp_path / "checkpoint.pt")
    assert_equal(trained, whole)
    for component in ("luma", "chroma"):
        for key in ("encoder/conv1.weight", "decoder/conv3.weight", "encoder/conv5.weight"):
            assert not torch.equal(whole[component][key], begun[component][key]), key


def test_a_checkpoint_of_other_settings_is_refused(pictures, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    other = asdict(replace(SETTINGS, seed=4))
    torch.save({"settings": other, "photographs": pictures.digest, "step": 1}, checkpoint)
    with pytest.raises(UserError, match=r"checkpoint\.pt: made with \{.*'seed': 4"):
        loop.train(pictures, settings=SETTINGS, checkpoint=checkpoint)
    torch.save({"settings": asdict(SETTINGS), "photographs": "0", "step": 1}, checkpoint)
    with pytest.raises(UserError, match=r"checkpoint\.pt: made with other photographs"):
        loop.train(pictures, settings=SETTINGS, checkpoint=checkpoint)


def test_training_goes_on_from_weights(pictures, trained, tmp_path):
    """Transforms and context model are those of the files, z is designed anew and not worse."""
    export.write(trained, tmp_path)
    settings = replace(SETTINGS, start="named", stages=(loop.Stage(("entropy",), 1, 1e-9),))
    again = loop.train(
        pictures,
        settings=settings,
        checkpoint=tmp_path / "checkpoint.pt",
        start_folder=tmp_path,
    )
    for component, key in (
        ("luma", "encoder/conv4.weight"),
        ("chroma", "decoder/conv2_t.weight"),
        ("luma", "entropy/context.MCM.1.conv.0.weight"),
    ):
        expected = trained[component][key].half().float()
        assert torch.allclose(again[component][key], expected, atol=1e-6), key
    rgb = pictures.at(50)
    bits = []
    for parameters in (trained, again):
        with torch.no_grad():
            y = network.latents(rgb, parameters)
            bits.append(float(network.code(y, parameters, beta=0)[1]))
    assert bits[1] < 1.1 * bits[0]


def test_the_hyper_networks_start_by_telling_flat_from_busy(scenes):
    """What the scale decoder says of a coefficient goes with its magnitude, place by place."""
    parameters, y = scenes
    for component, values in y.items():
        weights = network.view(parameters[component], "entropy")
        with torch.no_grad():
            z_hat = hyper.hyper_encode(values, weights=weights).round()
            index = network.decode_scales(z_hat, weights)
        assert z_hat.abs().max() < hyper.Z_LIMIT
        middle = slice(10, 30)  # neither mean colours nor the least of the coefficients
        magnitude = torch.nn.functional.avg_pool2d(values[:, middle].abs(), 4)
        told = torch.nn.functional.avg_pool2d(index[:, middle], 4)
        log = (magnitude + 0.1).log().flatten()
        assert np.corrcoef(log, told.flatten())[0, 1] > 0.8


def test_the_hyper_networks_start_better_than_constant_scales(scenes):
    parameters, y = scenes
    told = network.code(y, parameters, beta=0)[1]
    constant = {part: dict(tensors) for part, tensors in parameters.items()}
    for part, tensors in constant.items():
        # The scale of every channel at its best constant: the spread of its latents.
        level = (y[part].abs().mean(dim=(0, 2, 3)) * 1.25 / gains.SIGMA_MIN).log() / gains.LOG_K
        key = "entropy/hyper_scale_decoder.pointwise."
        tensors[f"{key}weight"] = torch.zeros_like(tensors[f"{key}weight"])
        tensors[f"{key}bias"] = (level.clamp(min=0) / SCALE_UNIT).repeat_interleave(16)
    without = network.code(y, constant, beta=0)[1]
    assert told < 0.9 * without  # although z costs bits in both
