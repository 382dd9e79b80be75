"""Step of the rule gather_latents: y of images that differ in model id, in one store."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.level_stores import gather
from latentprint.stopping import stoppable

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the store of y of one shard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analysed", type=Path, nargs="+", required=True, help="stores of y")
    parser.add_argument("--matched", type=Path, required=True, help="which image has which model")
    parser.add_argument("--code", help="digest of the code; with it a stopped job can go on")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    gather(options.analysed, options.matched, options.output, code=options.code)
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(stoppable(main))
