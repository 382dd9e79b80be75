"""Choose the cells of a run that are looked into, by cross-validation."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.collect import write_table
from latentprint.detectors.choice import COLUMNS, candidates, cell_path, choose
from latentprint.detectors.names import read_rows
from latentprint.errors import run

logger = logging.getLogger(__name__)


def main() -> None:
    """Write all fits, the chosen cells and the members of the average, best first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument(
        "--validated", type=Path, nargs="*", default=[], help="of cells without a search"
    )
    parser.add_argument("--count", type=int, required=True, help="cells to choose, at most")
    parser.add_argument("--members", type=int, required=True, help="of the average, at most")
    parser.add_argument("--candidates-output", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--members-output", type=Path, required=True)
    options = parser.parse_args()

    found = [json.loads(path.read_text(encoding="utf-8")) for path in options.validated]
    validated = {one["cell"]: one["cv_accuracy"] for one in found}
    ranked = candidates(read_rows(options.scores), validated)
    chosen = choose(ranked, options.count)
    write_table(options.candidates_output, COLUMNS, ranked)
    write_table(options.output, COLUMNS, chosen)
    write_table(options.members_output, COLUMNS, ranked[: options.members])
    for row in chosen:
        logger.info("%d. %s, cross-validated %.4f", row["rank"], cell_path(row), row["cv_accuracy"])


if __name__ == "__main__":
    run(main)
