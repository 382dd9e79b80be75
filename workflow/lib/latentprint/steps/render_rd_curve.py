"""Step of the rule render_rd_curve: figure and tables of a rate-distortion curve."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.figure_style import save, style
from latentprint.glossary import LANGUAGES, words
from latentprint.rate_distortion import curve
from latentprint.rate_distortion.figure import draw
from latentprint.rate_distortion.tables import differences, points_of_codec
from latentprint.table_formats import traced, write_table
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Write two tables in four formats and the figure with its data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=Path, required=True, help="tsv, with .json beside it")
    parser.add_argument("--labels", choices=LANGUAGES, default="en", help="language")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()

    text = words(options.labels)
    points = curve.read(options.points)
    facts = json.loads(options.points.with_suffix(".json").read_text(encoding="utf-8"))
    trace = Trace(options.run, options.config_digest, commit())
    for table in (
        differences(points, facts, text=text),
        points_of_codec(points, facts, text=text),
    ):
        write_table(traced(table, trace, text=text), options.output)
    with style():
        save(*draw(points, facts, text=text), options.output, "rd_curve")
    logger.info("wrote tables and a figure of %d points to %s", len(points), options.output)


if __name__ == "__main__":
    run(main)
