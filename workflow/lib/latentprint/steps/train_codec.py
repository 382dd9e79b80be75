"""Step `train_codec`: train the embedded weights, write them in the official layout with a card."""

import argparse
import json
import logging
from pathlib import Path

import torch

from latentprint.errors import run
from latentprint.files import write_text
from latentprint.training import card, export, loop
from latentprint.training.pictures import Pictures, check_apart

logger = logging.getLogger(__name__)


def main() -> None:
    """Read the options, train, write weights and model card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="photographs to train on")
    parser.add_argument("--evaluation", help="photographs to report on, never trained on")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of loop.Settings")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder in the official layout")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = loop.Settings(**options.settings)
    pictures = Pictures(
        options.photos, crop=settings.crop, batch=settings.batch, seed=settings.seed
    )
    logger.info("training on %d photographs and drawn pictures", len(pictures.names))
    evaluation = Path(options.evaluation) if options.evaluation else None
    if evaluation is not None:
        check_apart(options.photos, evaluation)
    parameters = loop.train(pictures, settings=settings, checkpoint=options.checkpoint)
    written = export.write(parameters, options.output)
    text = card.text(
        options.output,
        settings=settings,
        names=pictures.names,
        evaluation=evaluation,
    )
    write_text(options.output / card.NAME, text)
    logger.info("wrote %d files and %s to %s", len(written), card.NAME, options.output)


if __name__ == "__main__":
    run(main)
