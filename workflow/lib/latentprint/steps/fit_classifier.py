"""Fit the classifier of one cell and let it predict the test images."""

import argparse
import json
import logging
import time
from pathlib import Path

from latentprint.cell_fits import fit_cell, predict_test
from latentprint.classifiers import CLASSIFIERS, HISTOGRAM
from latentprint.costs import cell_costs
from latentprint.errors import run
from latentprint.files import write_json, write_yaml
from latentprint.learn import load_engine, load_training
from latentprint.model_files import save_model
from latentprint.predictions import write_predictions
from latentprint.progress import waiting
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
    parser.add_argument("--expected-s", type=float, default=0.0, help="seconds, by the plan")
    options = parser.parse_args()

    best = read_best(options.best, classifier=options.classifier)
    cell = {key: vars(options)[key] for key in ("engine", "protocol", "seed", "cell", "threads")}
    load_engine(options.classifier, options.engine)
    loaded = time.perf_counter()
    matrix = load_training(
        options.features, **{key: cell[key] for key in ("engine", "seed", "threads")}
    )
    began = time.perf_counter()
    with waiting("fitting", options.expected_s):
        model, description = fit_cell(matrix, best, **cell)
    fit_s = time.perf_counter() - began
    if options.engine["name"] == HISTOGRAM:  # making the bins is part of the other engine's fits
        fit_s += began - loaded
    del matrix
    predictions, predict_s = predict_test(
        model,
        options.features,
        classifier=options.classifier,
        protocol=options.protocol,
        threads=options.threads,
    )
    save_model(options.model, model)
    write_yaml(options.fit, description)
    write_predictions(options.predictions, predictions)
    search_s = search_seconds(options.trials) if best.source == "searched" else 0.0
    seconds = {"search_s": search_s, "fit_s": fit_s, "predict_s": predict_s}
    write_json(options.costs, cell_costs(**seconds, cores=options.threads))
    logger.info("wrote %s", options.predictions)


if __name__ == "__main__":
    run(main)
