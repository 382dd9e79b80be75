"""Ask a detector about latents that it was not trained for."""

import argparse
import json
import logging
from pathlib import Path

import h5py

from latentprint.detectors.cross import predict_store
from latentprint.errors import run
from latentprint.image_tables import read_images
from latentprint.model_files import load_model
from latentprint.predictions import write_predictions
from latentprint.store import open_store

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the predictions for all images of a store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.skops of the cell")
    parser.add_argument("--features", type=Path, required=True, help="that it was trained on")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--latent", choices=("y", "y_hat"), required=True, help="to be read")
    parser.add_argument("--list", type=Path, required=True, help="table of the store's images")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="predictions")
    options = parser.parse_args()

    with h5py.File(options.features, "r") as file:
        trained = json.loads(file.attrs["attributes"])
    labels = {image.id: image.label for image in read_images(options.list)}
    with open_store(options.store) as store:
        found = predict_store(
            load_model(options.model),
            store,
            labels,
            threads=options.threads,
            feature=trained["feature"],
            component=trained["component"],
            latent=options.latent,
            positions=trained["test_positions"],
        )
    write_predictions(options.output, found)
    logger.info("%s: %d of %d called fake", options.output, found.predicted.sum(), len(found.ids))


if __name__ == "__main__":
    run(main)
