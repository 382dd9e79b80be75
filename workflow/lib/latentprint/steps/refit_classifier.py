"""Fit the classifier of one cell once more with other random numbers."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.cell_fits import fit_cell, predict_test
from latentprint.classifiers import CLASSIFIERS
from latentprint.errors import run
from latentprint.learn import load_engine, load_training
from latentprint.predictions import write_predictions
from latentprint.protocol import CORRECTED
from latentprint.tuning import read_best

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the predictions of the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--best", type=Path, required=True)
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), required=True)
    parser.add_argument("--engine", type=json.loads, required=True, help="JSON: name and settings")
    parser.add_argument("--seed", type=int, required=True, help="of the run")
    parser.add_argument("--cell", required=True, help="point/latent/component/feature/classifier")
    parser.add_argument("--repeat", type=int, required=True, help="from 2: the first is the cell's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--predictions", type=Path, required=True)
    options = parser.parse_args()

    best = read_best(options.best, classifier=options.classifier)
    given = {key: vars(options)[key] for key in ("engine", "seed", "threads")}
    load_engine(options.classifier, options.engine)
    matrix = load_training(options.features, **given)
    # Chance goes by the name of the cell, so another name is another seed.
    model, _ = fit_cell(matrix, best, cell=f"{options.cell}/{options.repeat}", **given)
    del matrix
    found, _ = predict_test(
        model,
        options.features,
        classifier=options.classifier,
        protocol=CORRECTED,
        threads=options.threads,
    )
    write_predictions(options.predictions, found)
    logger.info("wrote %s", options.predictions)


if __name__ == "__main__":
    run(main)
