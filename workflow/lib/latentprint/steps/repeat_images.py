"""Step of `make scale`: a data set of shifted and flipped copies, to measure time and memory on."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.repeated_images import repeat

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the folders of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--n-train", type=int, required=True, help="images, half of each class")
    parser.add_argument("--n-test", type=int, required=True, help="images, half of each class")
    parser.add_argument("--image-size", type=int, default=256, help="pixels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="output: folder")
    options = parser.parse_args()

    counts = {"train": options.n_train, "test": options.n_test}
    repeat(options.root, options.output, counts=counts, size=options.image_size, seed=options.seed)
    logger.info("wrote %s: %d and %d images", options.output, *counts.values())


if __name__ == "__main__":
    run(main)
