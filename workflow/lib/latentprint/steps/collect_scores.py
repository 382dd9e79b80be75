"""Gather all cells of a run in tidy tables of scores, costs and contrasts."""

import argparse
import logging
from pathlib import Path

from latentprint.collect import (
    COST_COLUMNS,
    SCORE_COLUMNS,
    cost_rows,
    read_cell,
    score_rows,
    selected_cell,
    write_table,
)
from latentprint.contrasts import COLUMNS, contrast_rows
from latentprint.errors import run
from latentprint.files import write_yaml

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the tables of scores, costs and contrasts, and the selected cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=Path, nargs="+", required=True, help="in grid order")
    for name in ("scores", "costs", "selected", "contrasts"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()

    cells = [read_cell(folder) for folder in options.cells]
    write_table(options.scores, SCORE_COLUMNS, score_rows(cells))
    write_table(options.costs, COST_COLUMNS, cost_rows(cells))
    write_yaml(options.selected, selected_cell(cells))
    write_table(options.contrasts, COLUMNS, contrast_rows(cells))
    logger.info("wrote %d cells to %s", len(cells), options.scores)


if __name__ == "__main__":
    run(main)
