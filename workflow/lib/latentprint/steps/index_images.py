"""Step of the rule index_images: check every image of a data set."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.image_folders import RUN_SPLITS, SPLITS, find
from latentprint.image_tables import Excluded, Indexed, write_table
from latentprint.images import check_exclusions, index_images

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the table of usable images and the table of excluded ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--image-size", type=int, required=True, help="width and height, pixels")
    parser.add_argument("--max-excluded", type=float, required=True, help="largest share, 0 to 1")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=RUN_SPLITS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--images", type=Path, required=True, help="output: images.tsv")
    parser.add_argument("--exclusions", type=Path, required=True, help="output: exclusions.tsv")
    options = parser.parse_args()

    listed = find(options.root, options.splits)
    images, excluded = index_images(
        options.root, listed, size=options.image_size, threads=options.threads
    )
    check_exclusions(
        excluded,
        len(listed),
        max_excluded=options.max_excluded,
        full_list=options.exclusions.with_suffix(".stopped.tsv"),
    )
    write_table(options.exclusions, Excluded._fields, rows=excluded)
    write_table(options.images, Indexed._fields, rows=images)
    logger.info(
        "wrote %s (%d images) and %s (%d)",
        options.images,
        len(images),
        options.exclusions,
        len(excluded),
    )


if __name__ == "__main__":
    run(main)
