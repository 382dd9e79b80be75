"""Extraction from files: what is stored is what the codec gives, and changed images are noticed."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint import extraction, store
from latentprint.codec import JpegAI
from latentprint.errors import UserError
from latentprint.image_tables import Chosen
from latentprint.training import export
from latentprint.training.start import start

SETTINGS = {"level": "0.5", "tools": False}


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("weights")
    export.write(start(4), folder)
    return JpegAI.load(folder, "BOP")


@pytest.fixture
def chosen(tmp_path):
    rows = []
    for number in range(11):  # more than one block
        random = np.random.default_rng(number)
        pixels = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        name = f"image_{number}.png"
        Image.fromarray(pixels).save(tmp_path / name)
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        rows.append(Chosen(id=f"i{number}", label="real", split="train", path=name, sha256=digest))
    return rows


def test_the_store_holds_what_the_codec_gives(codec, chosen, tmp_path):
    extraction.analyse(codec, chosen, root=tmp_path, size=64, model=3, output=tmp_path / "y.h5")
    described = extraction.quantise(
        codec, tmp_path / "y.h5", beta=-400, output=tmp_path / "part.h5", settings=SETTINGS
    )
    views = {name: [tmp_path / "y.h5"] for name in ("luma/y", "chroma/y")}
    store.join(tmp_path / "all.h5", [tmp_path / "part.h5"], attributes=described, views=views)
    pixels = [np.asarray(Image.open(tmp_path / image.path)) for image in chosen]
    rgb = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
    coded = codec.encode(rgb, beta=(-400, -400))
    with store.open_store(tmp_path / "all.h5") as kept:
        assert kept.ids == tuple(image.id for image in chosen)
        for component in ("luma", "chroma"):
            for latent in ("y", "y_hat"):
                expected = getattr(getattr(coded, component), latent).numpy()
                assert np.array_equal(kept.read(f"{component}/{latent}"), expected)
        assert np.array_equal(kept.read("bits"), coded.bits.numpy())
        assert np.allclose(kept.read("bpp"), coded.bits.sum(dim=1).numpy() / 4096)
        assert (kept.read("beta") == -400).all()
        assert (kept.read("model") == 3).all()
        assert kept.attributes["weights"] == "other"
        assert kept.attributes["level"] == "0.5"


def test_without_quantisation_the_rate_is_unknown_not_zero(codec, chosen, tmp_path):
    extraction.analyse(codec, chosen, root=tmp_path, size=64, model=3, output=tmp_path / "y.h5")
    extraction.describe_level(
        codec, tmp_path / "y.h5", beta=0, output=tmp_path / "part.h5", settings=SETTINGS
    )
    with store.open_store(tmp_path / "part.h5") as kept:
        assert np.isnan(kept.read("bpp")).all()
        assert np.isnan(kept.read("bits")).all()


def test_a_changed_image_stops_the_extraction_and_leaves_nothing(codec, chosen, tmp_path):
    path = tmp_path / chosen[9].path
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(UserError, match=r"image_9\.png: has changed since it was indexed"):
        extraction.analyse(codec, chosen, root=tmp_path, size=64, model=3, output=tmp_path / "y.h5")
    assert not list(tmp_path.glob("*.h5")) and not list(tmp_path.glob(".*.h5"))


def test_y_of_other_weights_is_not_quantised(codec, chosen, tmp_path):
    extraction.analyse(codec, chosen, root=tmp_path, size=64, model=3, output=tmp_path / "y.h5")
    export.write(start(9), tmp_path / "other")
    other = JpegAI.load(tmp_path / "other", "BOP")
    with pytest.raises(UserError, match=r"y\.h5: weights_digest is"):
        extraction.quantise(
            other, tmp_path / "y.h5", beta=0, output=tmp_path / "part.h5", settings=SETTINGS
        )
