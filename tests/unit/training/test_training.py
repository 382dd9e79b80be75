"""The start, the integer export and the resumable loop."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint.codec import JpegAI, hyper
from latentprint.codec.weights import Part, read
from latentprint.errors import UserError
from latentprint.training import export, loop, network
from latentprint.training.pictures import Pictures, drawn
from latentprint.training.start import cosine_basis, start


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
    steps=4, batch=1, crop=64, seed=3, learning_rate=1e-4, distortion_weight=0.03
)


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


def test_a_resumed_training_equals_an_uninterrupted_one(photographs, tmp_path, monkeypatch):
    pictures = Pictures(photographs, crop=64, batch=1, seed=3)
    whole = loop.train(pictures, settings=SETTINGS, checkpoint=tmp_path / "whole.pt")

    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 2)
    step = loop._step
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(loop, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.train(pictures, settings=SETTINGS, checkpoint=tmp_path / "cut.pt")
    monkeypatch.setattr(loop, "_step", step)
    resumed = loop.train(pictures, settings=SETTINGS, checkpoint=tmp_path / "cut.pt")
    for component, tensors in whole.items():
        for key, value in tensors.items():
            assert torch.equal(value, resumed[component][key]), key


def test_a_checkpoint_of_other_settings_is_refused(photographs, tmp_path):
    pictures = Pictures(photographs, crop=64, batch=1, seed=3)
    checkpoint = tmp_path / "checkpoint.pt"
    torch.save({"settings": {"steps": 9}, "step": 1}, checkpoint)
    with pytest.raises(UserError, match=r"checkpoint\.pt: made with \{'steps': 9\}"):
        loop.train(pictures, settings=SETTINGS, checkpoint=checkpoint)
    torch.save({"settings": asdict(SETTINGS), "photographs": "0", "step": 1}, checkpoint)
    with pytest.raises(UserError, match=r"checkpoint\.pt: made with other photographs"):
        loop.train(pictures, settings=SETTINGS, checkpoint=checkpoint)
