"""Step: scores.tsv and costs.tsv -> figures 3.1 to 3.6 and two more, as svg and png with tsv."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.figures import draw_all
from latentprint.glossary import LANGUAGES, words
from latentprint.score_table import read_costs, read_scores
from latentprint.thesis import read_published

logger = logging.getLogger(__name__)


def main() -> None:
    """Draw every figure of the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--costs", type=Path, required=True, help="costs.tsv")
    parser.add_argument("--published", type=Path, required=True, help="folder of published numbers")
    parser.add_argument("--labels", choices=LANGUAGES, default="en", help="language of the figures")
    parser.add_argument("--output", type=Path, required=True, help="folder of the figures")
    options = parser.parse_args()

    stems = draw_all(
        read_scores(options.scores),
        read_costs(options.costs),
        published=read_published(options.published),
        text=words(options.labels),
        folder=options.output,
    )
    logger.info(
        "wrote %d figures (svg, png, tsv) to %s: %s",
        len(stems),
        options.output,
        ", ".join(stems),
    )


if __name__ == "__main__":
    run(main)
