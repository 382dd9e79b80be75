"""Fit the classifier of one cell and let it predict the test images."""

import argparse
import json
import logging
import time
from pathlib import Path

from latentprint import learn
from latentprint.classifiers import CLASSIFIERS
from latentprint.errors import run
from latentprint.features import load_matrix
from latentprint.files import write_json, write_yaml
from latentprint.model_files import save_model
from latentprint.predictions import write_predictions
from latentprint.tuning import read_best, search_seconds

logger = logging.getLogger(__name__)


def main() -> None:
    """Write model, description of the fit, predictions and costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("features", "best", "trials", "model", "fit", "predictions", "costs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), required=True)
    parser.add_argument("--engine", type=json.loads, required=True, help="JSON: name and settings")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cell", required=True, help="point/latent/component/feature/classifier")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    best = read_best(options.best, classifier=options.classifier)
    cell = {"engine": options.engine, "seed": options.seed, "cell": options.cell}
    matrix = load_matrix(options.features, "train")
    learn.load_engine()
    clock = [time.perf_counter()]
    model, description = learn.fit_cell(matrix, best, threads=options.threads, **cell)
    clock.append(time.perf_counter())
    matrix = load_matrix(options.features, "test")
    clock.append(time.perf_counter())
    predictions = learn.predict_images(model, matrix, threads=options.threads)
    clock.append(time.perf_counter())
    save_model(options.model, model)
    write_yaml(options.fit, description)
    write_predictions(options.predictions, predictions)
    costs = learn.cell_costs(
        search_s=search_seconds(options.trials) if best.source == "searched" else 0.0,
        fit_s=clock[1] - clock[0],
        predict_s=clock[3] - clock[2],
        cores=options.threads,
    )
    write_json(options.costs, costs)
    logger.info("wrote %s", options.predictions)


if __name__ == "__main__":
    run(main)
