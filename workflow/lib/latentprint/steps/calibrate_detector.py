"""Calibrate a detector on training images that its models did not see."""

import argparse
import logging
from pathlib import Path

from latentprint.detectors.calibration import describe, write_calibration
from latentprint.detectors.held_out import held_out
from latentprint.detectors.options import add_options, load
from latentprint.errors import run
from latentprint.predictions import read_predictions, write_predictions
from latentprint.search import image_folds
from latentprint.seeds import integer

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the scores of the held-out images and the calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--folds", type=int, required=True)
    parser.add_argument("--predictions", type=Path, required=True, help="of the test images")
    parser.add_argument("--held-out", type=Path, required=True, help="output: predictions")
    parser.add_argument("--calibration", type=Path, required=True, help="output: JSON")
    options = parser.parse_args()

    subject = load(options)
    seed = integer(options.seed, "calibration")
    folds = image_folds(subject.matrix.fake_images, n_folds=options.folds, seed=seed)
    found = held_out(
        subject.matrix,
        subject.classifier,
        subject.parameters,
        engine=subject.engine,
        folds=folds,
        random_state=seed,
        threads=options.threads,
    )
    test = read_predictions(options.predictions)
    described = describe(found.score, found.fake, folds, test.score, test.fake)
    write_predictions(options.held_out, found)
    write_calibration(options.calibration, described)
    measured = described["test"]
    logger.info(
        "%s: expected calibration error on the test %.3f before, %.3f after",
        described["calibration"]["method"],
        measured["ece_before"],
        measured["ece_after"],
    )


if __name__ == "__main__":
    run(main)
