"""Step of the rule select_images: the balanced choice of training and test images."""

import argparse
import logging
from collections import Counter
from pathlib import Path

from latentprint.errors import run
from latentprint.image_tables import Chosen, read_images, write_table
from latentprint.images import SAMPLINGS, choose

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the chosen images, in the order of encoding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="images.tsv")
    parser.add_argument("--sampling", choices=SAMPLINGS, required=True)
    parser.add_argument("--n-train", required=True, help="an even number, or all")
    parser.add_argument("--n-test", required=True, help="an even number, or all")
    parser.add_argument("--n-valid", default=0, help="of the second test split")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="output: selection.tsv")
    options = parser.parse_args()

    chosen = choose(
        read_images(options.images),
        sampling=options.sampling,
        n_train=options.n_train,
        n_test=options.n_test,
        n_valid=options.n_valid,
        seed=options.seed,
    )
    write_table(options.output, Chosen._fields, rows=chosen)
    counts = Counter(image.split for image in chosen)
    logger.info(
        "wrote %s (%s images, half of each class)",
        options.output,
        ", ".join(f"{count} {split}" for split, count in counts.items()),
    )


if __name__ == "__main__":
    run(main)
