"""Measure the predictions of one cell."""

import argparse
import logging
from pathlib import Path

import yaml

from latentprint.errors import run
from latentprint.evaluate import cell_scores
from latentprint.files import write_json
from latentprint.predictions import read_predictions
from latentprint.sidecar import read_sidecar
from latentprint.tuning import read_best

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the scores of one cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("predictions", "best", "fit", "store-json", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument(
        "--valid", type=Path, nargs="*", default=[], help="of the second test split"
    )
    parser.add_argument("--seeds", type=Path, nargs="*", default=[], help="of fits once more")
    parser.add_argument("--cell", required=True, help="bpp/latent/component/feature/classifier")
    parser.add_argument("--run", required=True)
    parser.add_argument("--images-text", required=True)
    parser.add_argument("--weights-text", help="by default what the store says")
    options = parser.parse_args()

    scores = cell_scores(
        read_predictions(options.predictions),
        best=read_best(options.best),
        fit=yaml.safe_load(options.fit.read_text(encoding="utf-8")),
        sidecar=read_sidecar(options.store_json),
        cell=options.cell,
        run=options.run,
        images=options.images_text,
        weights=options.weights_text,
        valid=read_predictions(options.valid[0]) if options.valid else None,
        seeds=[read_predictions(path) for path in options.seeds],
    )
    write_json(options.output, scores)
    logger.info(
        "accuracy %.4f (%.4f to %.4f) on %d images, scored by %s",
        scores["accuracy"],
        scores["accuracy_low"],
        scores["accuracy_high"],
        scores["n_test"],
        scores["scored_by"],
    )
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
