"""Step of the rule measure_cue: one cue, measured on the pictures of one version."""

import argparse
import logging
from pathlib import Path

import numpy as np

from latentprint.cues.measured import Measured, write_measured
from latentprint.cues.options import add_codec, open_compressor
from latentprint.cues.registry import CUES
from latentprint.cues.sources import BATCH, batches, read_list
from latentprint.cues.trials import Asked
from latentprint.errors import run
from latentprint.progress import Progress

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the values of all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cue", choices=tuple(CUES), required=True)
    parser.add_argument("--list", type=Path, required=True, help="sources.tsv")
    parser.add_argument("--kinds", nargs="+", required=True, help="classes of sources")
    parser.add_argument("--version", required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the version")
    add_codec(parser)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    cue = CUES[options.cue]
    module = cue.load()
    compressor = open_compressor(options) if cue.coded else None
    asked = Asked(compressor, options.version, options.settings)
    names = module.names(options.settings)
    rows = [row for row in read_list(options.list) if row.kind in options.kinds]
    progress = Progress(len(rows), "pictures")
    blocks = [np.empty((0, len(names)))]
    for some, pictures in batches(rows, options.pictures, BATCH):
        blocks.append(module.measure(pictures, asked))
        progress.advance(len(some))
    found = Measured(tuple(row.id for row in rows), names, np.concatenate(blocks))
    write_measured(options.output, found)
    logger.info("wrote %s (%d pictures, %d values each)", options.output, len(rows), len(names))


if __name__ == "__main__":
    run(main)
