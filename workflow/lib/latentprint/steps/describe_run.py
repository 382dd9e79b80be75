"""Step of the rule describe_run: the first page of the report."""

import argparse
import json
import logging
from pathlib import Path

import yaml

from latentprint.errors import run
from latentprint.evaluate import measure
from latentprint.files import write_text
from latentprint.landing import landing
from latentprint.predictions import read_predictions
from latentprint.score_table import read_scores
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the page from scores, audit and the cell chosen by cross-validation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv")
    parser.add_argument("--selected", type=Path, required=True, help="selected.yaml")
    parser.add_argument("--audit", type=Path, required=True, help="audit.json")
    parser.add_argument("--average", type=Path, nargs="*", default=[], help="yaml, predictions")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of the config")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    decided, average = None, None
    if options.average:
        decided = yaml.safe_load(options.average[0].read_text(encoding="utf-8"))
        average = measure(read_predictions(options.average[1]))
    text = landing(
        read_scores(options.scores),
        audit=json.loads(options.audit.read_text(encoding="utf-8")),
        selected=yaml.safe_load(options.selected.read_text(encoding="utf-8")),
        settings=options.settings,
        trace=Trace(options.run, options.config_digest, commit()),
        decided=decided,
        average=average,
    )
    write_text(options.output, text)
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
