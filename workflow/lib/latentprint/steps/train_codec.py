"""Step `train_codec`: train the embedded weights, write them in the official layout."""

import argparse
import json
import logging
from pathlib import Path

import torch

from latentprint.codec import heap
from latentprint.errors import run
from latentprint.files import write_text
from latentprint.training import export, loop, record
from latentprint.training.pictures import Pictures

logger = logging.getLogger(__name__)


def main() -> None:
    """Read the options, train, write weights and how they were made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="photographs to train on")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of loop.Settings")
    parser.add_argument("--start", type=Path, help="folder of weights to go on from")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder in the official layout")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the loop has threads of its own
    heap.keep()
    settings = loop.Settings.of(options.settings)
    pictures = Pictures(
        options.photos, crop=settings.crop, batch=settings.batch, seed=settings.seed
    )
    logger.info("training on %d photographs and drawn pictures", len(pictures.files))
    parameters = loop.train(
        pictures,
        settings=settings,
        checkpoint=options.checkpoint,
        start_folder=options.start,
        threads=options.threads,
    )
    written = export.write(parameters, options.output)
    write_text(options.output / record.TRAINING, record.written(settings, pictures))
    logger.info("wrote %d files and %s to %s", len(written), record.TRAINING, options.output)


if __name__ == "__main__":
    run(main)
