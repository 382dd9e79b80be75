"""Choose the hyperparameters of one cell: search, take the published ones, or reuse a study."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.classifiers import CLASSIFIERS
from latentprint.errors import run
from latentprint.tuning import keep_published, reuse_study

logger = logging.getLogger(__name__)

DESCRIBED = ("engine", "seed", "cell", "code")


def main() -> None:
    """Write the trials and the choice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), required=True)
    parser.add_argument("--trials", type=Path, required=True)
    parser.add_argument("--best", type=Path, required=True)
    parser.add_argument("--study", type=Path, help="folder of the cell whose choice is reused")
    parser.add_argument("--tuning", choices=("search", "halving", "published"), default="search")
    parser.add_argument("--features", type=Path, help="this and the following: for a search")
    parser.add_argument("--search", type=json.loads, help="JSON: folds, space, and more")
    parser.add_argument("--engine", type=json.loads, help="JSON: name and settings")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cell", help="point/latent/component/feature/classifier")
    parser.add_argument("--code", help="digest of the code: a search goes on with trials of this")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    outputs = {"trials": options.trials, "best": options.best}
    if options.study:
        best = reuse_study(options.study, classifier=options.classifier, **outputs)
    elif options.tuning == "published":
        published = CLASSIFIERS[options.classifier].published
        best = keep_published(options.classifier, published, **outputs)
    elif None in (vars(options)[name] for name in ("features", "search", *DESCRIBED)):
        parser.error("a search needs --features, --search, --engine, --seed, --cell and --code")
    else:
        from latentprint.learn import load_engine, load_training
        from latentprint.study import search_cell

        load_engine(options.classifier, options.engine)
        best = search_cell(
            load_training(
                options.features,
                engine=options.engine,
                seed=options.seed,
                threads=options.threads,
            ),
            options.classifier,
            tuning=options.tuning,
            settings=options.search,
            threads=options.threads,
            **{name: vars(options)[name] for name in DESCRIBED},
            **outputs,
        )
    logger.info("%s parameters: %s", best.source, best.parameters)
    logger.info("wrote %s", options.best)


if __name__ == "__main__":
    run(main)
