"""How sure a calibrated probability is: the map fitted again to other draws of held-out images."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentprint.detectors.calibration import Calibration, fit_calibration
from latentprint.predictions import Predictions
from latentprint.seeds import rng

DRAWS = 200
PERCENTILES = (2.5, 97.5)

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Calibrated:
    """A calibration map and what it might have been.

    Attributes
    ----------
    calibration : Calibration
        The map of the detector.
    draws : tuple of Calibration
        Maps of the same kind, each fitted to held-out images that were drawn with replacement.
    """

    calibration: Calibration
    draws: tuple[Calibration, ...]

    def probabilities(self, score: Scores) -> tuple[Scores, Scores, Scores]:
        """Give probability of fake and the ends of its 95 % interval, float64 (N,) each.

        The interval always holds the probability: where percentiles of the draws would leave it
        out, as with steps of isotonic regression, it is widened.
        """
        score = np.asarray(score, dtype=np.float64)
        probability = self.calibration(score)
        found = np.stack([draw(score) for draw in self.draws])
        low, high = np.percentile(found, PERCENTILES, axis=0)
        return probability, np.minimum(low, probability), np.maximum(high, probability)


def bootstrap(
    calibration: Calibration, held_out: Predictions, *, seed: int, draws: int = DRAWS
) -> Calibrated:
    """Fit the map of a calibration again to draws of its images.

    Parameters
    ----------
    calibration : Calibration
    held_out : Predictions
        Training images by models that did not see them: what the map was fitted to.
    seed : int
        The run's seed.
    draws : int

    Returns
    -------
    Calibrated
        Each class is drawn by itself, since the run chose equally many images of both.
    """
    generator = rng(seed, "scoring", "interval")
    classes = [np.flatnonzero(held_out.fake == fake) for fake in (False, True)]
    maps = []
    with warnings.catch_warnings():
        # Few images may be told apart without an error; the slope is then large, not unknown.
        warnings.simplefilter("ignore")
        for _ in range(draws):
            rows = np.concatenate([generator.choice(one, len(one)) for one in classes])
            maps.append(
                fit_calibration(calibration.method, held_out.score[rows], held_out.fake[rows])
            )
    return Calibrated(calibration, tuple(maps))
