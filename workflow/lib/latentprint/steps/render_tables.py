"""Step: scores, costs and contrasts -> the thesis' tables and ours as csv, md, tex and html."""

import argparse
import logging
from pathlib import Path

from latentprint.contrast_table import read_pairs
from latentprint.errors import run
from latentprint.glossary import LANGUAGES, words
from latentprint.score_table import read_costs, read_scores
from latentprint.table_formats import traced, write_table
from latentprint.tables import all_tables
from latentprint.thesis import read_published
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Build every table of the run and write each in four formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--costs", type=Path, required=True, help="costs.tsv")
    parser.add_argument("--contrasts", type=Path, required=True, help="contrasts.tsv")
    parser.add_argument("--published", type=Path, required=True, help="folder of published numbers")
    parser.add_argument("--labels", choices=LANGUAGES, default="en", help="language of the tables")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder of the tables")
    options = parser.parse_args()

    text = words(options.labels)
    tables = all_tables(
        read_scores(options.scores),
        read_costs(options.costs),
        pairs=read_pairs(options.contrasts),
        published=read_published(options.published),
        text=text,
    )
    trace = Trace(options.run, options.config_digest, commit())
    for table in tables:
        write_table(traced(table, trace, text=text), options.output)
    logger.info(
        "wrote %d tables (csv, md, tex, html) to %s: %s",
        len(tables),
        options.output,
        ", ".join(table.stem for table in tables),
    )


if __name__ == "__main__":
    run(main)
