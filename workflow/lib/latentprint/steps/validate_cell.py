"""Cross-validate a cell whose hyperparameters were given, not searched on its own values."""

import argparse
import logging
import statistics
from pathlib import Path

from latentprint.detectors.options import add_options, load
from latentprint.errors import run
from latentprint.files import write_json
from latentprint.search import cross_validate, image_folds
from latentprint.seeds import integer

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the accuracy of every fold and their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--folds", type=int, required=True, help="as many as in a search")
    parser.add_argument("--cell", required=True, help="point/latent/component/feature/classifier")
    parser.add_argument("--output", type=Path, required=True, help="JSON")
    options = parser.parse_args()

    subject = load(options)
    # Folds and random numbers of a search's trials, so that its accuracies compare with these.
    found = cross_validate(
        subject.matrix,
        subject.classifier,
        subject.parameters,
        folds=image_folds(subject.matrix.fake_images, n_folds=options.folds, seed=options.seed),
        random_state=integer(options.seed, "tune", options.cell),
        threads=options.threads,
        engine=subject.engine,
    )
    mean = statistics.fmean(found.scores)
    write_json(
        options.output, {"cell": options.cell, "folds": list(found.scores), "cv_accuracy": mean}
    )
    logger.info("%s: cross-validated %.4f", options.cell, mean)


if __name__ == "__main__":
    run(main)
