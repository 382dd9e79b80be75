"""Step: scores.tsv -> a page on the terminal with all accuracies and where the results are."""

import argparse
from pathlib import Path

from latentprint.errors import run
from latentprint.score_table import read_scores
from latentprint.summary import summary


def main() -> None:
    """Print the summary of a run to standard output; nothing is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    options = parser.parse_args()

    print(summary(read_scores(options.scores), options.results), end="")


if __name__ == "__main__":
    run(main)
