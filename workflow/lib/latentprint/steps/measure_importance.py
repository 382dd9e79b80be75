"""Measure which channels and positions a detector uses, and which of them tell anything alone."""

import argparse
import logging
from pathlib import Path

from latentprint.classifiers import HISTOGRAM
from latentprint.collect import write_table
from latentprint.detectors.held_out import fit_images
from latentprint.detectors.importance import COLUMNS, alone, divide, drops, groups_of, rows_of
from latentprint.detectors.options import add_options, load
from latentprint.errors import run
from latentprint.features import load_matrix
from latentprint.learn import take_rows
from latentprint.predicting import predict_fake
from latentprint.search import image_folds
from latentprint.seeds import integer, rng

logger = logging.getLogger(__name__)

FOLDS = 3
LUMA = 160  # channels


def main() -> None:
    """Write one line per channel or position and repetition."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--repetitions", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    subject = load(options)
    matrix = subject.matrix
    plain = load_matrix(options.features, "train") if subject.engine == HISTOGRAM else matrix
    feature = matrix.attributes["feature"]
    groups = groups_of(plain.values.shape[1], matrix.grid, feature)
    rows = []
    for repetition in range(options.repetitions):
        name = str(repetition)
        generator = rng(options.seed, "importance", name)
        fitted, asked = divide(matrix.fake_images, generator)
        state = integer(options.seed, "importance", name)
        model = fit_images(
            matrix,
            fitted,
            subject.classifier,
            subject.parameters,
            engine=subject.engine,
            random_state=state,
            threads=options.threads,
        )
        per_image = plain.rows_per_image
        places = (asked[:, None] * per_image + range(per_image)).ravel()
        lost = drops(
            lambda values, model=model: predict_fake(model, values, threads=options.threads),
            take_rows(plain.values, places),
            matrix.fake_images[asked],
            groups,
            per_image=per_image,
            generator=generator,
        )
        folds = image_folds(matrix.fake_images, n_folds=FOLDS, seed=state)
        areas = alone(plain.values, matrix.fake_images, folds, groups, per_image=per_image)
        rows += [
            rows_of(group, luma=LUMA, repetition=repetition, drop=drop, area=area)
            for group, drop, area in zip(groups, lost, areas, strict=True)
        ]
        logger.info("repetition %d of %d", repetition + 1, options.repetitions)
    write_table(options.output, COLUMNS, rows)


if __name__ == "__main__":
    run(main)
