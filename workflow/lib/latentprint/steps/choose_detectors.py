"""Choose the cells of a run that are looked into, by cross-validation."""

import argparse
import logging
from pathlib import Path

from latentprint.collect import write_table
from latentprint.detectors.choice import COLUMNS, cell_path, choose, members
from latentprint.detectors.names import read_rows
from latentprint.errors import UserError, run

logger = logging.getLogger(__name__)


def main() -> None:
    """Write a table of the chosen cells, best first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--count", type=int, required=True, help="cells to choose, at most")
    parser.add_argument("--members", type=int, required=True, help="of the average, at most")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--members-output", type=Path, required=True)
    options = parser.parse_args()

    rows = read_rows(options.scores)
    chosen = choose(rows, options.count)
    if not chosen:
        raise UserError(
            f"{options.scores}: no cell has an accuracy in cross-validation, so that no detector "
            "can be chosen. Take tuning: search, and let tuning_from name every feature itself"
        )
    write_table(options.output, COLUMNS, chosen)
    write_table(options.members_output, COLUMNS, members(rows, options.members))
    for row in chosen:
        logger.info("%d. %s, cross-validated %.4f", row["rank"], cell_path(row), row["cv_accuracy"])


if __name__ == "__main__":
    run(main)
