"""Average what several detectors say of the same images."""

import argparse
import logging
from pathlib import Path

from latentprint.detectors.averaging import average
from latentprint.errors import run
from latentprint.predictions import read_predictions, write_predictions

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the predictions of the average."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", type=Path, nargs="+", required=True, help="of each member")
    parser.add_argument("--asked", type=Path, nargs="+", required=True, help="the same order")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    held_out = [read_predictions(path) for path in options.held_out]
    found = average(held_out, [read_predictions(path) for path in options.asked])
    write_predictions(options.output, found)
    logger.info("averaged %d members on %d images", len(held_out), len(found.ids))


if __name__ == "__main__":
    run(main)
