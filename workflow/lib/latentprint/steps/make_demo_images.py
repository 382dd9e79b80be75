"""Step of the rule make_demo_images: portraits, photographed or generated, in the Kaggle layout."""

import argparse
import logging
from pathlib import Path

from latentprint.demo.images import SPLITS, write_images
from latentprint.errors import run

logger = logging.getLogger(__name__)


def main() -> None:
    """Draw one split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--n-images", type=int, required=True, help="even, half of each class")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--image-size", type=int, required=True, help="pixels along an edge")
    options = parser.parse_args()

    table, n_bytes = write_images(
        options.output,
        options.split,
        n_images=options.n_images,
        seed=options.seed,
        size=options.image_size,
    )
    logger.info("wrote %s and its %d images, %.1f MB", table, options.n_images, n_bytes / 1e6)


if __name__ == "__main__":
    run(main)
