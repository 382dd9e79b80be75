"""Step of the rule extract_latents: y_hat of one split at one level, beside y in one store."""

import argparse
import logging
from pathlib import Path

from latentprint import store
from latentprint.errors import run
from latentprint.extraction import describe_level, open_codec, quantise

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the part that is new at this level, and the store that shows y with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analysed", type=Path, required=True, help="store of y")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    # Without tools, and with rates from the table, nothing is there to carry.
    parser.add_argument("--state", required=True, choices=("fresh", "carried"))
    parser.add_argument("--tools", required=True, choices=("False",))
    parser.add_argument("--rate", required=True, choices=("table",))
    parser.add_argument("--latents", nargs="+", required=True, choices=("y", "y_hat"))
    parser.add_argument("--bpp", required=True, help="the level's name, bits per pixel")
    parser.add_argument("--beta", type=int, required=True, help="displacement, luma and chroma")
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--part", type=Path, required=True, help="output: store of what is new")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    settings = {
        "level": options.bpp,
        "state": options.state,
        "tools": False,
        "rate": options.rate,
    }
    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )
    make = quantise if "y_hat" in options.latents else describe_level
    described = make(
        codec, options.analysed, beta=options.beta, output=options.part, settings=settings
    )
    views = {name: [options.analysed] for name in ("luma/y", "chroma/y")}
    store.join(options.output, [options.part], attributes=described, views=views)
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
