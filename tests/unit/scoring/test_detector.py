"""Detectors asked about pictures in memory: latents and rows as in the run, batch by batch."""

import numpy as np
import pytest
import torch
import yaml
from sklearn.ensemble import RandomForestClassifier

from latentprint.codec import JpegAI
from latentprint.detectors.averaging import average
from latentprint.detectors.rows import at_positions
from latentprint.errors import UserError
from latentprint.predictions import Predictions
from latentprint.scoring.detector import Detector, Member, decided
from latentprint.scoring.latents import BatchLatents, Coding
from tests.bad_pictures import picture
from tests.unit.scoring.stand_ins import held_out
from tests.weights import write_four_models

PICTURES = [picture(k, size=64) for k in range(5)]
RGB = torch.from_numpy(np.stack(PICTURES)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def codec(root):
    torch.set_num_threads(1)
    return JpegAI.load(root / "resources/codec", "BOP")


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    torch.set_num_threads(1)
    return JpegAI.load(write_four_models(tmp_path_factory.mktemp("weights")), "BOP")


def equal(found, coded, name):
    return all(
        np.array_equal(found[part], getattr(getattr(coded, part), name).numpy())
        for part in ("luma", "chroma")
    )


@pytest.mark.parametrize("kind", ["after_lsbs", "before_lsbs"])
def test_latents_at_a_point_of_the_table_are_those_of_the_codec(codec, kind):
    name = {"after_lsbs": "y_hat", "before_lsbs": "y_hat_before_lsbs"}[kind]
    latents = BatchLatents.of(Coding(codec, y_hat=kind), PICTURES)
    coded = codec.encode(RGB, model=3, beta=(-350, -350), latents=("y", name))
    assert equal(latents.at("model-3", "0.25", "y"), coded, "y")
    assert equal(latents.at("model-3_beta--350", "0.25", "y_hat"), coded, name)
    other = codec.encode(RGB, model=3, beta=(545, 545), latents=("y_hat",))
    assert not equal(latents.at("model-3_beta--350", "0.25", "y_hat"), other, "y_hat")


def test_matched_latents_are_those_of_each_picture_at_its_own_rate(four):
    latents = BatchLatents.of(Coding(four), PICTURES[:3])
    coded = four.encode(RGB[:3], target_bpp=7.0, latents=("y", "y_hat"))
    assert len(coded.model.unique()) > 1
    assert equal(latents.at("matched-0123abcd", "7", "y_hat"), coded, "y_hat")
    assert equal(latents.at("models-0123abcd", "7", "y"), coded, "y")
    # One model id in training: that of the detector, whatever the matcher would take here.
    one = four.encode(RGB[:3], model=1, latents=("y",))
    assert equal(latents.at("model-1", "7", "y"), one, "y")


def test_what_depends_on_images_coded_before_is_refused(codec):
    carried = Coding(codec, state="carried")
    carried.check("model-3")
    for point in ("model-3_beta-545", "matched-0123abcd", "models-0123abcd"):
        Coding(codec).check(point)
        with pytest.raises(UserError, match="state is carried"):
            carried.check(point)


def member(codec, cell, feature, component, latent, point, positions=()):
    """A forest fitted to noise, so that every picture has a score of its own."""
    parts = BatchLatents.of(Coding(codec), PICTURES).at(point, "1", latent)
    used = [parts[part] for part in {"Y": ("luma",), "YUV": ("luma", "chroma")}[component]]
    if feature == "flatten":
        rows = np.concatenate([part.reshape(len(PICTURES), -1) for part in used], axis=1)
    else:
        rows = np.concatenate([at_positions(part, positions) for part in used], axis=2)
        rows = rows.reshape(-1, rows.shape[2])
    truth = np.where(np.random.default_rng(1).random(len(rows)) < 0.5, "fake", "real")
    truth[:2] = "fake", "real"
    model = RandomForestClassifier(20, random_state=1, bootstrap=False).fit(rows, truth)
    trained = {"feature": feature, "component": component, "latent": latent}
    trained["test_positions"] = [list(position) for position in positions]
    return Member(cell, point, model, trained, held_out(40, seed=len(cell))), rows


EVERYWHERE = [(row, column) for row in range(4) for column in range(4)]


@pytest.fixture(scope="module")
def members(codec):
    return [
        member(codec, "bpp-1/y/YUV/flatten/RF", "flatten", "YUV", "y", "model-3"),
        member(codec, "bpp-1/y_hat/Y/multiple/RF", "multiple", "Y", "y_hat", "model-3_beta-545",
               EVERYWHERE),
        member(codec, "bpp-1/y/YUV/single/RF", "single", "YUV", "y", "model-3", [(2, 2)]),
    ]  # fmt: skip


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_member_is_asked_about_the_rows_of_its_own_feature(codec, members, place):
    one, rows = members[place]
    found = Detector([one], Coding(codec)).ask(PICTURES)
    column = list(one.model.classes_).index("fake")
    expected = one.model.predict_proba(rows)[:, column].reshape(len(PICTURES), -1).mean(axis=1)
    assert np.allclose(found, expected, rtol=1e-12)
    assert len(set(found.tolist())) > 1


def test_batches_are_equal_to_one_by_one(codec, members):
    detector = Detector([one for one, _ in members], Coding(codec))
    together = detector.ask(PICTURES)
    alone = np.concatenate([detector.ask([one]) for one in PICTURES])
    assert np.array_equal(together, alone) and len(set(together.tolist())) > 1


def test_the_average_is_that_of_the_run(codec, members):
    ours = [one for one, _ in members]
    said = []
    for one in ours:
        score = Detector([one], Coding(codec)).ask(PICTURES)
        none = np.zeros(len(PICTURES), dtype=bool)
        said.append(Predictions(tuple("abcde"), none, score, none, none, none))
    expected = average([one.held_out for one in ours], said).score
    assert np.allclose(Detector(ours, Coding(codec)).ask(PICTURES), expected, rtol=1e-12)


def test_the_decision_of_the_run_is_followed(tmp_path):
    path = tmp_path / "detector.yaml"
    for named, places in (("ensemble", [0, 1]), ("b", [1])):
        path.write_text(yaml.safe_dump({"detector": named}))
        assert list(decided(path, ["a", "b"])) == places
    path.write_text(yaml.safe_dump({"detector": "c"}))
    with pytest.raises(UserError, match="names c, expected ensemble or one of a, b"):
        decided(path, ["a", "b"])
