"""Step of the rule render_detectors: tables and figures of the best detectors of a run."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.detectors import figures, tables
from latentprint.detectors.found import read_average, read_detectors
from latentprint.detectors.names import read_rows
from latentprint.detectors.words import words
from latentprint.errors import run
from latentprint.figure_style import save, style
from latentprint.glossary import LANGUAGES, source
from latentprint.score_table import read_scores
from latentprint.table_formats import traced, write_table
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Write tables in four formats and figures with their data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--costs", type=Path, required=True, help="costs.tsv")
    parser.add_argument("--candidates", type=Path, required=True, help="candidates.tsv")
    parser.add_argument("--chosen", type=Path, required=True, help="chosen.tsv")
    parser.add_argument("--tests", type=Path, nargs="+", required=True, help="predictions")
    parser.add_argument("--cross", type=Path, nargs="*", default=[], help="predictions")
    parser.add_argument("--pixels", type=Path, nargs="*", default=[], help="of fits to pixels")
    parser.add_argument("--ensemble", type=Path, nargs="*", default=[], help="of the average")
    parser.add_argument("--coded-with", required=True, help="weights of jpegai alterations")
    parser.add_argument("--labels", choices=LANGUAGES, default="en", help="language")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()

    text = words(options.labels)
    origin = source(read_scores(options.scores), text)
    detectors = read_detectors(options.chosen, options.tests, options.cross)
    trace = Trace(options.run, options.config_digest, commit())
    every, average = list(detectors), None
    if options.ensemble:
        cross = [path for path in options.ensemble if path.parent.name == "cross"]
        together, average = read_average(options.chosen.parent, cross)
        every = [together, *detectors]
    pixels = [json.loads(path.read_text(encoding="utf-8")) for path in options.pixels]
    ranking = tables.ranking(
        read_rows(options.scores),
        read_rows(options.costs),
        read_rows(options.candidates),
        pixels=pixels,
        average=average,
        source=origin,
        text=text,
    )
    for table in (
        ranking,
        tables.calibration_table(every, source=origin, text=text),
        tables.cross_table(every, source=origin, coded_with=options.coded_with, text=text),
    ):
        write_table(traced(table, trace, text=text), options.output)
    given = {"source": origin, "text": text}
    with style():
        save(*figures.draw_costs(ranking.data, **given), options.output, "costs")
        save(*figures.draw_curves(detectors, **given), options.output, "learning_curves")
        save(*figures.draw_reliability(every, **given), options.output, "reliability")
        save(*figures.draw_importance(detectors[0], **given), options.output, "importance")
        save(*figures.draw_cross(every, **given), options.output, "cross_tests")
    logger.info("wrote tables and figures of %d detectors to %s", len(detectors), options.output)


if __name__ == "__main__":
    run(main)
