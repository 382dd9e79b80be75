"""Step of the rule render_times: where the time of a run went, as tables and a figure."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.figure_style import save, style
from latentprint.glossary import LANGUAGES, words
from latentprint.job_times import read_times
from latentprint.score_table import read_scores
from latentprint.table_formats import traced, write_table
from latentprint.times import STEM, draw_times, times_table
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the table in four formats and the figure with its data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of a run's times")
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--labels", choices=LANGUAGES, default="en", help="language")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()

    text = words(options.labels)
    rules, scores = read_times(options.benchmarks), read_scores(options.scores)
    trace = Trace(options.run, options.config_digest, commit())
    table = times_table(rules, scores, text=text)
    write_table(traced(table, trace, text=text), options.output)
    with style():
        save(*draw_times(rules, scores, text=text), options.output, STEM)
    jobs = sum(rule.jobs for rule in rules)
    logger.info("wrote times of %d jobs of %d rules to %s", jobs, len(rules), options.output)


if __name__ == "__main__":
    run(main)
