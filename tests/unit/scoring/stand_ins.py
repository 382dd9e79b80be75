"""A detector, a cue and a calibration that need no training, and what is said of them."""

from functools import cache
from typing import NamedTuple

import numpy as np

from latentprint.detectors.calibration import describe, fit_calibration
from latentprint.predictions import Predictions, vote
from latentprint.score_table import Score
from latentprint.scoring.about import About
from latentprint.scoring.interval import bootstrap
from latentprint.search import image_folds
from latentprint.trace import Trace
from tests.bad_pictures import SIZE


class Brightness:
    """The mean of a picture as its score; remembers how many it was asked at a time."""

    def __init__(self):
        self.asked = []

    def ask(self, pictures):
        self.asked.append(len(pictures))
        return np.array([picture.mean() / 255 for picture in pictures])


class Said(NamedTuple):
    values: dict
    probability: float | None
    low: float | None
    high: float | None
    note: str


class Red:
    """A cue that speaks of reddish pictures alone."""

    name, question, values = "red", "Is it <red>?", ("share", "other")
    about = "learnt from <nothing>"

    def ask(self, pictures, paths):
        assert len(pictures) == len(paths) and all(path.parent for path in paths)
        said = []
        for picture in pictures:
            share = float(picture[..., 0].mean() / picture.mean())
            silent = share < 1
            probability = (None, None, None) if silent else (0.75, 0.6, 0.9)
            note = "confounded:\tstored\nas <JPEG>" if silent else ""
            said.append(Said({"share": share, "other": 2.0}, *probability, note))
        return said


def held_out(n=200, seed=1, apart=1.0):
    """Scores of n images, half of them fakes, whose log odds differ by `apart` deviations."""
    generator = np.random.default_rng(seed)
    fake = np.arange(n) % 2 == 1
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + apart * (fake - 0.5))))
    score, votes, predicted = vote(score[:, None])
    ids = tuple(f"image-{k}" for k in range(n))
    return Predictions(ids, fake, score, votes, np.ones(n, dtype=int), predicted)


@cache
def calibrated(n=200, method="platt", seed=1, **options):
    images = held_out(n, **options)
    return bootstrap(fit_calibration(method, images.score, images.fake), images, seed=seed)


def cell(**changes):
    values = {
        "bpp": "0.25", "latent": "y", "component": "Y", "feature": "single", "classifier": "GB",
        "accuracy": 0.7, "accuracy_low": 0.6, "accuracy_high": 0.8, "n_test": 40, "n_train": 200,
        "n_rows": 40, "n_values": 160, "fake_fake": 14, "fake_real": 6, "real_fake": 6,
        "real_real": 14, "mcnemar_p_holm": None, "images": "folder faces", "weights": "official",
        "bpp_reached": None, "point": "model-3",
    }  # fmt: skip
    return Score(**(values | changes))


def about(*, size=SIZE, folder="some/folder", cells=None, n=200, weighed=1, **options):
    learnt, tested = held_out(n, **options), held_out(60, seed=2)
    folds = image_folds(learnt.fake, n_folds=5, seed=1)
    described = describe(learnt.score, learnt.fake, folds, tested.score, tested.fake)
    trace = Trace("run", "0123456789", "abcdef")
    return About(folder, size, cells or [cell()], described, trace, weighed)
