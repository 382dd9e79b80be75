"""Fit a support vector machine to pixels made smaller: the best learner on latents, elsewhere."""

import argparse
import itertools
import logging
import time
from pathlib import Path

import numpy as np

from latentprint.detectors.pixels import read_pixels, smaller, write_outcome
from latentprint.errors import UserError, run
from latentprint.estimators.kernel_machine import KernelMachine
from latentprint.image_tables import read_images
from latentprint.predicting import fake_column
from latentprint.progress import Progress
from latentprint.search import image_folds

logger = logging.getLogger(__name__)

GRID = tuple(itertools.product((3.0, 10.0, 30.0), (0.5, 1.0)))  # C, gamma


def main() -> None:
    """Choose C and gamma by cross-validation, write predictions and what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="selection.tsv")
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    for name in ("image-size", "side", "folds", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True)
    options = parser.parse_args()

    size, side = options.image_size, options.side
    if size % side:
        raise UserError(
            f"config: detectors.pixels.side is {side}, expected a divisor of image_size, {size}"
        )
    chosen = read_images(options.images)
    train, test = ([one for one in chosen if one.split == split] for split in ("train", "test"))
    values = smaller(read_pixels(train, options.root, size), side)
    labels = np.array([image.label for image in train])
    folds = image_folds(labels == "fake", n_folds=options.folds, seed=options.seed)
    accuracy = {}
    progress = Progress(len(GRID), "settings")
    for C, gamma in GRID:
        right = []
        for fold in folds:
            model = KernelMachine(C, gamma).fit(values[~fold], labels[~fold])
            right.append(float((_fake(model, values[fold]) == (labels[fold] == "fake")).mean()))
        accuracy[C, gamma] = float(np.mean(right))
        progress.advance(1)
    best = max(accuracy, key=lambda setting: accuracy[setting])  # the first of equals
    began = time.perf_counter()
    model = KernelMachine(*best).fit(values, labels)
    fit_s = time.perf_counter() - began
    asked = smaller(read_pixels(test, options.root, size), side)
    began = time.perf_counter()
    probability = model.predict_proba(asked)[:, fake_column(model)]
    about = {
        "classifier": "SVM",
        "values": f"{side} x {side}",
        "cv_accuracy": accuracy[best],
        "n_train": len(train),
        "parameters": dict(zip(("C", "gamma"), best, strict=True)),
        "fit_s": fit_s,
        "predict_s": time.perf_counter() - began,
        "cores": 1,
    }
    write_outcome(test, probability, about, predictions=options.predictions, scores=options.scores)
    logger.info("cross-validated %.4f with C %g, gamma %g", accuracy[best], *best)


def _fake(model: KernelMachine, values: np.ndarray) -> np.ndarray:
    return model.predict_proba(values)[:, fake_column(model)] >= 0.5


if __name__ == "__main__":
    run(main)
