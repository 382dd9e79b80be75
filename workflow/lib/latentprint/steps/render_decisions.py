"""Step of the rule render_decisions: what the thesis reported, what its code did, what we do."""

import argparse
import logging
from pathlib import Path

from latentprint.decisions import page, read_decisions
from latentprint.errors import run
from latentprint.files import write_text

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the page of the 25 decisions, as docs/thesis.md has them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=Path, required=True, help="decisions.yaml")
    parser.add_argument("--output", type=Path, required=True, help="a page, html")
    options = parser.parse_args()
    write_text(options.output, page(read_decisions(options.decisions)))
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
