"""Step of the rule join_level: y, y_hat and rates of one level as one store, mostly of views."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.level_stores import join_level

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the store of one level and split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bpp", required=True, help="the level's name, bits per pixel")
    parser.add_argument("--rate", required=True, choices=("match", "table"))
    parser.add_argument("--y", type=Path, required=True, help="store of y")
    parser.add_argument("--y-hat", type=Path, help="store of y_hat, where there is one")
    parser.add_argument("--found", type=Path, help="what was matched, with --rate match")
    parser.add_argument("--beta", type=int, help="the table's displacement, without --y-hat")
    parser.add_argument("--same-as", nargs="*", default=[], help="equal levels before this one")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    join_level(
        options.output,
        y=options.y,
        y_hat=options.y_hat,
        found=options.found,
        level=options.bpp,
        rate=options.rate,
        beta=options.beta,
        same_as=options.same_as,
    )
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
