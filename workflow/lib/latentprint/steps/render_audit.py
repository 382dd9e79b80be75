"""Step of the rule render_audit: tables of the audit as csv, md, tex and html, and its figure."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.audit.figure import draw_sizes
from latentprint.audit.summary import baselines, summary
from latentprint.audit.trait_table import read_traits
from latentprint.errors import run
from latentprint.figure_style import save, style
from latentprint.glossary import LANGUAGES, words
from latentprint.table_formats import traced, write_table
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Write both tables in four formats and the figure with its data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traits", type=Path, required=True, help="traits.tsv")
    parser.add_argument("--audit", type=Path, required=True, help="audit.json")
    parser.add_argument("--images-text", required=True, help="source of the images")
    parser.add_argument("--labels", choices=LANGUAGES, default="en", help="language of the tables")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()

    text = words(options.labels)
    rows = read_traits(options.traits)
    audit = json.loads(options.audit.read_text(encoding="utf-8"))
    trace = Trace(options.run, options.config_digest, commit())
    for table in (summary(rows, audit, text=text), baselines(audit, text=text)):
        write_table(traced(table, trace, text=text), options.output)
    with style():
        save(*draw_sizes(rows, images=options.images_text, text=text), options.output, "file_sizes")
    logger.info(
        "wrote tables (csv, md, tex, html) and a figure (svg, png, tsv) to %s: summary, "
        "baselines, file_sizes",
        options.output,
    )


if __name__ == "__main__":
    run(main)
