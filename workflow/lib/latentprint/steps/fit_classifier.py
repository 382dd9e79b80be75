"""Fit the classifier of one cell and let it predict the test images."""

import argparse
import itertools
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
from latentprint.protocol import PROTOCOLS
from latentprint.tuning import read_best, search_seconds

logger = logging.getLogger(__name__)


def main() -> None:
    """Write model, description of the fit, predictions and costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("features", "best", "trials", "model", "fit", "predictions", "costs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), required=True)
    parser.add_argument("--engine", type=json.loads, required=True, help="JSON: name and settings")
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cell", required=True, help="point/latent/component/feature/classifier")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    best = read_best(options.best, classifier=options.classifier)
    cell = {key: vars(options)[key] for key in ("engine", "protocol", "seed", "cell", "threads")}
    matrix = load_matrix(options.features, "train")
    learn.load_engine()
    clock = [time.perf_counter()]
    model, description = learn.fit_cell(matrix, best, **cell)
    clock.append(time.perf_counter())
    matrix = load_matrix(options.features, "test")
    clock.append(time.perf_counter())
    voters = learn.voting_rows(matrix, options.classifier, protocol=options.protocol)
    predictions = learn.predict_images(model, matrix, voters=voters, threads=options.threads)
    clock.append(time.perf_counter())
    save_model(options.model, model)
    write_yaml(options.fit, description)
    write_predictions(options.predictions, predictions)
    search_s = search_seconds(options.trials) if best.source == "searched" else 0.0
    fit_s, _, predict_s = (end - start for start, end in itertools.pairwise(clock))
    seconds = {"search_s": search_s, "fit_s": fit_s, "predict_s": predict_s}
    write_json(options.costs, learn.cell_costs(**seconds, cores=options.threads))
    logger.info("wrote %s", options.predictions)


if __name__ == "__main__":
    run(main)
