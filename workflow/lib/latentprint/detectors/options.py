"""What the steps of a detector have in common: the cell's features, hyperparameters and chance."""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

from latentprint.classifiers import CLASSIFIERS, Parameters, effective_parameters
from latentprint.features import Matrix
from latentprint.learn import load_engine, load_training
from latentprint.tuning import read_best


class Subject(NamedTuple):
    """The detector that a step looks into."""

    matrix: Matrix
    classifier: str
    parameters: Parameters
    engine: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a detector."""
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--best", type=Path, required=True, help="best.yaml of the cell")
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), required=True)
    parser.add_argument("--engine", type=json.loads, required=True, help="JSON: name and settings")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)


def load(options: Any) -> Subject:
    """Read the training rows and the hyperparameters that were chosen."""
    best = read_best(options.best, classifier=options.classifier)
    parameters = effective_parameters(options.classifier, best.parameters, options.engine)
    load_engine(options.classifier, options.engine)
    matrix = load_training(
        options.features, engine=options.engine, seed=options.seed, threads=options.threads
    )
    return Subject(matrix, options.classifier, parameters, options.engine["name"])
