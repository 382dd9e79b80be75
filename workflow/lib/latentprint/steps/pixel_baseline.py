"""Fit a small network to the pixels of the run's images: what latents are compared with."""

import argparse
import logging
import time
from pathlib import Path

import numpy as np

from latentprint.detectors.pixels import read_pixels, write_outcome
from latentprint.errors import run
from latentprint.estimators.pixels import ask_networks, fit_networks
from latentprint.image_tables import read_images
from latentprint.learn import validation_rows
from latentprint.progress import Progress
from latentprint.search import image_folds
from latentprint.seeds import integer

logger = logging.getLogger(__name__)


def main() -> None:
    """Write predictions of the test images and what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="selection.tsv")
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--image-size", type=int, required=True, help="pixels")
    for name in ("width", "epochs", "members", "folds", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True)
    options = parser.parse_args()

    chosen = read_images(options.images)
    train, test = ([one for one in chosen if one.split == split] for split in ("train", "test"))
    seen = read_pixels(train, options.root, options.image_size)
    fake = np.array([image.label == "fake" for image in train])
    seed = integer(options.seed, "pixels")
    network = {key: vars(options)[key] for key in ("width", "threads", "device")}
    fitting = network | {key: vars(options)[key] for key in ("epochs", "members")}

    def fit(images: np.ndarray) -> list:
        numbers = np.flatnonzero(images).astype(np.int32)
        kept = validation_rows(numbers, fake[images], seed)
        return fit_networks(seen[images], fake[images], kept, random_state=seed, **fitting)

    right = []
    progress = Progress(options.folds + 1, "fits")
    for fold in image_folds(fake, n_folds=options.folds, seed=options.seed):
        score = ask_networks(fit(~fold), seen[fold], **network)
        right.append(float(np.mean((score >= 0.5) == fake[fold])))
        progress.advance(1)
    began = time.perf_counter()
    networks = fit(np.ones(len(fake), dtype=bool))
    fit_s = time.perf_counter() - began
    progress.advance(1)
    asked = read_pixels(test, options.root, options.image_size)
    began = time.perf_counter()
    probability = ask_networks(networks, asked, **network)
    predict_s = time.perf_counter() - began
    about = {
        "classifier": "CNN",
        "values": f"{options.image_size} x {options.image_size}",
        "cv_accuracy": float(np.mean(right)),
        "n_train": len(train),
        "fit_s": fit_s,
        "predict_s": predict_s,
        "cores": options.threads,
    }
    write_outcome(test, probability, about, predictions=options.predictions, scores=options.scores)
    logger.info("cross-validated %.4f", about["cv_accuracy"])


if __name__ == "__main__":
    run(main)
