"""Step of the rule write_model_card: what the embedded weights are and how good."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.files import write_text
from latentprint.glossary import words
from latentprint.rate_distortion import curve
from latentprint.rate_distortion.tables import differences, points_of_codec
from latentprint.table_formats import to_markdown
from latentprint.training import card

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="training.json")
    parser.add_argument("--points", type=Path, required=True, help="tsv, with .json beside it")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    text = words("en")
    points = curve.read(options.points)
    facts = json.loads(options.points.with_suffix(".json").read_text(encoding="utf-8"))
    tables = [
        to_markdown(table)
        for table in (
            differences(points, facts, text=text),
            points_of_codec(points, facts, text=text),
        )
    ]
    record = json.loads(options.settings.read_text(encoding="utf-8"))
    write_text(options.output, card.text(record, facts=facts, tables=tables))
    logger.info("wrote %s", options.output)


if __name__ == "__main__":
    run(main)
