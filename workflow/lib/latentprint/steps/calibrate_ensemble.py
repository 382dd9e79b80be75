"""Calibrate the average of several detectors, and decide whether it is better than the best."""

import argparse
import logging
from pathlib import Path

from latentprint.detectors.averaging import average_held_out, compared
from latentprint.detectors.calibration import describe, write_calibration
from latentprint.detectors.choice import cell_path
from latentprint.detectors.names import read_rows
from latentprint.errors import run
from latentprint.files import write_yaml
from latentprint.predictions import read_predictions, write_predictions
from latentprint.search import image_folds
from latentprint.seeds import integer

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the average on held-out images, its calibration, and which detector the run has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=Path, required=True, help="members.tsv")
    parser.add_argument("--held-out", type=Path, nargs="+", required=True, help="of each member")
    parser.add_argument("--predictions", type=Path, required=True, help="average, test images")
    parser.add_argument("--folds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--together", type=Path, required=True, help="output: predictions")
    parser.add_argument("--calibration", type=Path, required=True, help="output: JSON")
    parser.add_argument("--detector", type=Path, required=True, help="output: YAML")
    options = parser.parse_args()

    held_out = [read_predictions(path) for path in options.held_out]
    seed = integer(options.seed, "calibration")  # the folds of the members' own calibration
    folds = image_folds(held_out[0].fake, n_folds=options.folds, seed=seed)
    together = average_held_out(held_out, folds)
    test = read_predictions(options.predictions)
    found = compared(together, held_out, folds)
    cells = [cell_path(row) for row in read_rows(options.members)]
    better = found["difference"] > 0
    best = cells[max(range(len(cells)), key=lambda index: found["members"][index])]
    write_predictions(options.together, together)
    write_calibration(
        options.calibration, describe(together.score, together.fake, folds, test.score, test.fake)
    )
    write_yaml(
        options.detector,
        {
            "detector": "ensemble" if better else best,
            "members": dict(zip(cells, found.pop("members"), strict=True)),
            "held_out": found,
        },
    )
    logger.info(
        "held-out accuracy %.4f, best member %+.4f", found["accuracy"], -found["difference"]
    )


if __name__ == "__main__":
    run(main)
