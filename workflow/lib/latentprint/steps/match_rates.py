"""Step of the rule match_rates: model id and displacement of every image of one shard."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.extraction import open_codec
from latentprint.rate_matching import match_rates
from latentprint.stopping import stoppable

logger = logging.getLogger(__name__)


def main() -> None:
    """Write what was found for the images of one shard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analysed", type=Path, nargs=4, required=True, help="stores of y")
    parser.add_argument("--bpp", type=float, required=True, help="target, bits per pixel")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    parser.add_argument("--tools", required=True, choices=("True", "False"))
    parser.add_argument("--state", required=True, choices=("fresh", "carried"))
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--code", help="digest of the code; with it a stopped job can go on")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )
    match_rates(
        codec,
        options.analysed,
        bpp=options.bpp,
        output=options.output,
        code=options.code,
        tools=options.tools == "True",
        state=options.state,
    )
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(stoppable(main))
