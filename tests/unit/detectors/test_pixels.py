"""Fits to pixels: squares are averaged in their place; the file says what came of it."""

import json

import numpy as np
import pytest

from latentprint.detectors.pixels import smaller, write_outcome
from latentprint.image_tables import Chosen
from latentprint.predictions import read_predictions


def test_squares_are_averaged_channel_by_channel():
    pixels = np.random.default_rng(1).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    found = smaller(pixels, 4).reshape(2, 3, 4, 4)
    assert found[1, 2, 3, 0] == pytest.approx(pixels[1, 2, 6:8, 0:2].mean())
    assert (smaller(pixels, 8).reshape(pixels.shape) == pixels).all()


def test_the_outcome_holds_measures_and_what_it_is(tmp_path):
    test = [Chosen(f"{k}", ("real", "fake")[k % 2], "test", "", "0") for k in range(6)]
    probability = np.array([0.1, 0.9, 0.2, 0.4, 0.3, 0.8])
    paths = {"predictions": tmp_path / "p.tsv", "scores": tmp_path / "s.json"}
    write_outcome(test, probability, {"classifier": "SVM"}, **paths)
    scores = json.loads(paths["scores"].read_text())
    assert scores["accuracy"] == pytest.approx(5 / 6) and scores["classifier"] == "SVM"
    assert read_predictions(paths["predictions"]).score == pytest.approx(probability)
