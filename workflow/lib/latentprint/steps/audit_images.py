"""Step of the rule audit_images: what could betray the label without a look at the content."""

import argparse
import logging
import time
from pathlib import Path

from latentprint.audit.baseline import run_baselines
from latentprint.audit.duplicates import NearDuplicate, near_duplicates
from latentprint.audit.findings import findings
from latentprint.audit.trait_table import write_traits
from latentprint.audit.traits import measure
from latentprint.errors import run
from latentprint.files import write_json
from latentprint.image_tables import read_images, write_table

logger = logging.getLogger(__name__)


def main() -> None:
    """Measure every file, look for near duplicates, ask classifiers that see no picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="selection.tsv")
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--image-size", type=int, required=True, help="pixels")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--traits", type=Path, required=True, help="output: traits.tsv")
    parser.add_argument("--duplicates", type=Path, required=True, help="output: a row per pair")
    parser.add_argument("--audit", type=Path, required=True, help="output: audit.json")
    options = parser.parse_args()

    began = time.monotonic()
    chosen = read_images(options.images)
    rows, thumbnails = measure(
        chosen, root=options.root, size=options.image_size, threads=options.threads
    )
    pairs = near_duplicates(chosen, thumbnails)
    found = findings(rows, pairs, run_baselines(rows, seed=options.seed, threads=options.threads))
    write_traits(options.traits, rows)
    write_table(options.duplicates, NearDuplicate._fields, rows=pairs)
    write_json(options.audit, found)
    for sentence in found["sentences"]:
        logger.info("%s", sentence)
    logger.info(
        "wrote %s, %s and %s (%d images, %.0f s)",
        options.traits,
        options.duplicates,
        options.audit,
        len(rows),
        time.monotonic() - began,
    )


if __name__ == "__main__":
    run(main)
