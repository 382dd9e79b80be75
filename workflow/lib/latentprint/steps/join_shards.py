"""Step of join_shards and join_matched: the shards of a split as one store of views."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.image_tables import read_images
from latentprint.level_stores import join_shards

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the store of one split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="selection.tsv")
    parser.add_argument("--split", required=True, choices=("train", "test", "valid"))
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="in order")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    chosen = [image for image in read_images(options.images) if image.split == options.split]
    join_shards(options.output, options.shards, chosen)
    logger.info(
        "wrote %s: %d images of %d shards", options.output, len(chosen), len(options.shards)
    )


if __name__ == "__main__":
    run(main)
