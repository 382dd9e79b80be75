"""Measure a detector with a part of its training images."""

import argparse
import json
import logging
from pathlib import Path

import numpy as np

from latentprint.cell_fits import predict_test
from latentprint.detectors.held_out import fit_images
from latentprint.detectors.learning_curve import SHARES, extrapolate, mean_interval, subsets
from latentprint.detectors.options import add_options, load
from latentprint.errors import run
from latentprint.files import write_json
from latentprint.progress import Progress
from latentprint.protocol import CORRECTED
from latentprint.seeds import integer

logger = logging.getLogger(__name__)


def main() -> None:
    """Write accuracies by number of training images, and what a power law makes of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--shares", type=json.loads, default=list(SHARES), help="JSON: a list")
    parser.add_argument("--repetitions", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    subject = load(options)
    right: dict[int, list[np.ndarray]] = {}
    progress = Progress(options.repetitions * len(options.shares), "fits")
    for repetition in range(options.repetitions):
        chosen = subsets(
            subject.matrix.fake_images, options.shares, seed=options.seed, repetition=repetition
        )
        for images in chosen:
            model = fit_images(
                subject.matrix,
                images,
                subject.classifier,
                subject.parameters,
                engine=subject.engine,
                random_state=integer(options.seed, "learning curve", str(repetition)),
                threads=options.threads,
            )
            found, _ = predict_test(
                model,
                options.features,
                classifier=subject.classifier,
                protocol=CORRECTED,
                threads=options.threads,
            )
            right.setdefault(int(images.sum()), []).append(found.predicted == found.fake)
            progress.advance(1)
    points = {count: np.array(rows) for count, rows in right.items()}
    measured = []
    for count, rows in points.items():
        mean, low, high = mean_interval(rows, seed=options.seed)
        each = [float(row.mean()) for row in rows]
        measured.append(
            {
                "n_train": count, "accuracy": mean, "accuracy_low": low, "accuracy_high": high,
                "repetitions": each,
            }
        )  # fmt: skip
        logger.info("%d images: %.4f (%.4f-%.4f)", count, mean, low, high)
    content = {"measured": measured, "extrapolated": [], "n_test": int(rows.shape[1])}
    if len(points) > 2:
        content["extrapolated"] = extrapolate(points, seed=options.seed)
    write_json(options.output, content)


if __name__ == "__main__":
    run(main)
