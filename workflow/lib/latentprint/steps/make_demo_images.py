"""Rule make_demo_images: draw portraits, photographed or generated, in the Kaggle layout."""

import argparse
import logging
from pathlib import Path

from latentprint.demo.images import SPLITS, write_images
from latentprint.errors import run


def main() -> None:
    """Draw one split, or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--n-train", type=int, required=True, help="images for training, even")
    parser.add_argument("--n-test", type=int, required=True, help="images for testing, even")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--image-size", type=int, required=True, help="pixels along an edge")
    parser.add_argument("--split", choices=SPLITS, help="draw this one only; default: both")
    options = parser.parse_args()
    n_images = {"train": options.n_train, "test": options.n_test}
    for split in SPLITS if options.split is None else [options.split]:
        table, n_bytes = write_images(
            options.output,
            split,
            n_images=n_images[split],
            seed=options.seed,
            size=options.image_size,
        )
        logging.info("wrote %s and its %d images, %.1f MB", table, n_images[split], n_bytes / 1e6)


if __name__ == "__main__":
    run(main)
