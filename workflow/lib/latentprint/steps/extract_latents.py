"""Step of the rule extract_latents: y_hat of one shard at one point."""

import argparse
import logging
from pathlib import Path

import numpy as np

from latentprint import store
from latentprint.errors import run
from latentprint.extraction import EXTRAS, Y_HAT, open_codec, quantise
from latentprint.stopping import stoppable

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the store of y_hat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analysed", type=Path, nargs="+", required=True, help="stores of y")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--model", type=int, help="model id of all images, with --beta")
    where.add_argument("--matched", type=Path, help="store of every image's own")
    parser.add_argument("--beta", type=int, help="displacement, luma and chroma")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    parser.add_argument("--tools", required=True, choices=("True", "False"))
    parser.add_argument("--state", required=True, choices=("fresh", "carried"))
    parser.add_argument("--y-hat", required=True, choices=tuple(Y_HAT))
    parser.add_argument("--extras", nargs="*", default=[], choices=tuple(EXTRAS))
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--code", help="digest of the code; with it a stopped job can go on")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    with store.open_store(options.matched or options.analysed[0]) as source:
        if options.matched:
            models, betas = source.read("model"), source.read("beta")
        else:
            models = np.full(len(source), options.model)
            betas = np.full((len(source), 2), options.beta)
    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )
    quantise(
        codec,
        options.analysed,
        models=models,
        betas=betas,
        output=options.output,
        code=options.code,
        tools=options.tools == "True",
        state=options.state,
        y_hat=options.y_hat,
        extras=options.extras,
    )
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(stoppable(main))
