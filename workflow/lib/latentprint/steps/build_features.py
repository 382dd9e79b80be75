"""Select the latent values a classifier sees: one row per image or per patch."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.feature_files import build_features
from latentprint.feature_kinds import COMPONENTS, FEATURES
from latentprint.protocol import PROTOCOLS

logger = logging.getLogger(__name__)


def main() -> None:
    """Make one features file from the latent stores of both splits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train-store", type=Path, required=True)
    parser.add_argument("--test-store", type=Path, required=True)
    parser.add_argument("--selection", type=Path, required=True)
    parser.add_argument("--latent", choices=("y", "y_hat"), required=True)
    parser.add_argument("--component", choices=tuple(COMPONENTS), required=True)
    parser.add_argument("--feature", choices=tuple(FEATURES), required=True)
    parser.add_argument("--n-patches", type=int, default=1, help="of `multiple`")
    parser.add_argument("--seed", type=int, default=0, help="of `multiple`")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="corrected")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    shapes = build_features(
        options.output,
        stores={"train": options.train_store, "test": options.test_store},
        selection=options.selection,
        feature=options.feature,
        component=options.component,
        latent=options.latent,
        n_patches=options.n_patches,
        seed=options.seed,
        protocol=options.protocol,
    )
    for split, (rows, width) in shapes.items():
        logger.info("%s: %d rows of %d values", split, rows, width)
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
