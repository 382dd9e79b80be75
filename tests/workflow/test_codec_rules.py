"""The rules behind the embedded weights: trained, measured on photographs, described."""

import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from latentprint.codec import JpegAI
from latentprint.rate_distortion import curve
from latentprint.training.pictures import drawn
from tests.checkout import Checkout, copy_project

TRAINING = {
    "start": "",
    "batch": 2,
    "crop": 64,
    "pool": 2,
    "stages": [
        {"networks": ["entropy"], "steps": 2, "learning_rate": 1e-4},
        {"networks": ["entropy", "decoder", "encoder_end"], "steps": 1, "learning_rate": 1e-4},
    ],
}


def photographs(folder, seeds):
    folder.mkdir()
    for seed in seeds:
        pixels = drawn(np.random.default_rng(seed), 96)
        Image.fromarray(pixels).save(folder / f"drawn_{seed}.png")
    return folder


class CodecRules(Checkout):
    """A copy of the project in which the rules of the embedded weights run."""

    @property
    def results(self):
        return self.folder / "results/codec"

    def ask(self, target, *options, check=True, **config):
        """Run Snakemake for one rule or file with a configuration of its own."""
        configuration = self.folder / "codec.yaml"
        configuration.write_text(yaml.safe_dump({"run": "codec"} | config))
        return self.snakemake(*options, "--", target, check=check, configuration=str(configuration))


@pytest.fixture(scope="module")
def copy(root, tmp_path_factory):
    return CodecRules(copy_project(root, tmp_path_factory.mktemp("codec")).folder)


@pytest.fixture(scope="module")
def trained(copy):
    """Weights of three steps, in a folder of their own."""
    folder = photographs(copy.folder / "photographs", range(3))
    copy.ask("train_codec", training=TRAINING | {"photos": str(folder)})
    weights = copy.results / "codec"
    (weights / "model_card.md").write_text("not yet written")
    return weights


@pytest.fixture(scope="module")
def measured(copy, trained):
    folder = photographs(copy.folder / "others", range(5, 7))
    copy.ask(
        "write_model_card",
        weights=str(trained),
        rd_curve={"photos": str(folder), "transforms": str(trained)},
    )
    return copy.results / "rd_curve"


def test_the_rule_makes_weights_that_the_codec_takes(trained):
    codec = JpegAI.load(trained, "BOP")
    rgb = torch_picture(9)
    coded = codec.encode(rgb)
    error = (codec.decode(coded).double() - rgb.double()).square().mean()
    assert 10 * np.log10(255**2 / float(error)) > 20


def torch_picture(seed):
    pixels = drawn(np.random.default_rng(seed), 96)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def test_the_curve_has_every_codec_and_photograph(measured):
    points = curve.read(measured / "measured.tsv")
    assert {point.codec for point in points} == set(curve.CODECS)
    assert curve.photographs(points) == ["drawn_5.png", "drawn_6.png"]
    facts = json.loads((measured / "measured.json").read_text())
    assert facts["n"] == 2
    assert facts["tools"] is True


def test_the_card_tells_training_and_quality(measured, trained):
    card = (measured / "model_card.md").read_text()
    assert "3 photographs (3 drawn)" in card
    assert "Stage 2: 1 steps of entropy, decoder, encoder_end" in card
    assert "2 photographs of `others`" in card
    assert "| JPEG AI BOP" in card
    assert (measured / "rd_curve.svg").is_file()


def test_another_photograph_is_another_measurement(copy, trained, measured):
    asked = {
        "weights": str(trained),
        "rd_curve": {"photos": str(copy.folder / "others"), "transforms": str(trained)},
    }
    target = "results/codec/rd_curve/measured.tsv"
    assert "Nothing to be done" in copy.ask(target, "--dry-run", **asked).stdout
    Image.fromarray(drawn(np.random.default_rng(8), 96)).save(copy.folder / "others/new.png")
    assert "codec_rd_curve" in copy.ask(target, "--dry-run", **asked).stdout


def test_photographs_trained_on_stop_the_measurement(copy, trained):
    ended = copy.ask(
        "codec_rd_curve",
        check=False,
        weights=str(trained),
        rd_curve={"photos": str(copy.folder / "photographs")},
    )
    assert ended.returncode != 0
    assert "drawn_0.png: is the same file as drawn_0.png" in ended.stdout + ended.stderr


def test_without_photographs_the_rule_says_what_to_name(copy):
    ended = copy.ask("codec_rd_curve", check=False)
    assert ended.returncode != 0
    assert "rd_curve.photos is empty. Name a folder of photographs" in ended.stdout + ended.stderr
