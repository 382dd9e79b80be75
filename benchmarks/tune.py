"""What tuning costs and gives: the thesis' search beside successive halving, on single patches.

    PYTHONPATH=workflow/lib python benchmarks/tune.py [--features FILE] [--n 1200] [--n-test 1000]
        [--values 256] [--classifiers RF,GB] [--engine histogram] [--max-bins 63] [--seeds 3]
        [--threads 1] [--draws 100] [--grid 1] [--candidates 81] [--least 60] [--small]
        [--markdown docs/tuning.md]

Both ways draw from the thesis' space and are judged on the same folds; what each chooses is fitted
to all training images and asked about the test images. Rows come from a features file with one row
an image (`single` of a finished run), else they are drawn and have a weak signal. Seeds
change draws, folds and subsets, and the rows where they are drawn. Prints Markdown tables; with
`--markdown` they replace what stands in that page between the markers of the same classifier.
Seconds are CPU seconds of all threads, without start and compilation.
"""

import argparse
import datetime
import logging
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchtools.page import Table, facts, number, write
from benchtools.processes import machine
from training_cost.setting import Setting, mean_interval

from latentprint.cell_fits import fit_cell, predict_images
from latentprint.classifiers import CLASSIFIERS, HISTOGRAM
from latentprint.costs import versions
from latentprint.errors import UserError, run
from latentprint.evaluate import wilson_interval
from latentprint.features import Matrix, load_matrix
from latentprint.halving import chosen_parameters
from latentprint.learn import load_engine
from latentprint.study import WAYS
from latentprint.tuning import Best, best_trial, cost_of

logger = logging.getLogger("tune")

FOLDS = 3
SMALL = {"n_estimators": {"integers": [5, 20]}, "max_iter": {"integers": [5, 20]}}


class Found(NamedTuple):
    """What one way found with one seed."""

    seconds: float
    trials: int
    full_fits: float
    cv_accuracy: float
    test_accuracy: float
    parameters: dict[str, Any]


def main() -> None:
    """Compare both ways for every classifier."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--features", type=Path, help="features file, one row an image")
    parser.add_argument("--n", type=int, default=1200, help="training rows that are drawn")
    parser.add_argument("--n-test", type=int, default=1000)
    parser.add_argument("--values", type=int, default=256, help="of rows that are drawn")
    parser.add_argument("--classifiers", default="RF,GB")
    parser.add_argument("--engine", choices=("sklearn", HISTOGRAM), default=HISTOGRAM)
    parser.add_argument("--max-bins", type=int, default=63, help="of engines that bin")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--draws", type=int, default=100, help="of the thesis' search")
    parser.add_argument("--grid", type=int, default=1, help="1: a grid after the draws; 0: none")
    parser.add_argument("--candidates", type=int, default=81, help="of halving")
    parser.add_argument("--least", type=int, default=60, help="images of a rung")
    parser.add_argument("--small", action="store_true", help="few trees: to try the script")
    parser.add_argument("--markdown", type=Path, help="page to write the tables to")
    options = parser.parse_args()
    names = options.classifiers.split(",")
    if unknown := set(names) - set(CLASSIFIERS):
        raise UserError(
            f"--classifiers {options.classifiers}: {', '.join(sorted(unknown))} is none, expected "
            f"some of {','.join(CLASSIFIERS)}"
        )
    if min(options.seeds, options.draws, options.candidates - 1, options.threads) < 1:
        raise UserError("--seeds, --draws, --threads: expected 1 or more, --candidates 2 or more")
    blocks = {}
    for name in names:
        began = time.monotonic()
        found = compared(name, options)
        about = conditions(name, options, time.monotonic() - began)
        blocks[name] = "\n".join([about, *(table.markdown() for table in tables(found, options))])
        print(f"\n{name}. {blocks[name]}", flush=True)
    if options.markdown:
        write(options.markdown, "tune.py", blocks)


def compared(classifier: str, options: argparse.Namespace) -> dict[str, list[Found]]:
    """Search both ways, seed by seed."""
    engine: dict[str, Any] = {"name": options.engine}
    if options.engine == HISTOGRAM or CLASSIFIERS[classifier].boosts:
        engine["max_bins"] = options.max_bins
    load_engine(classifier, engine)
    found: dict[str, list[Found]] = {way: [] for way in WAYS}
    for seed in range(options.seeds):
        plain, test = matrices(options, seed)
        for way in WAYS:
            found[way].append(tuned(classifier, way, engine, plain, test, seed, options))
            logger.info("%s, %s, seed %d: %s", classifier, way, seed, found[way][-1])
    return found


def matrices(options: argparse.Namespace, seed: int) -> tuple[Matrix, Matrix]:
    """Give training and test rows as float32."""
    if options.features:
        parts = load_matrix(options.features, "train"), load_matrix(options.features, "test")
        if any(part.rows_per_image > 1 for part in parts):
            raise UserError(f"{options.features}: several rows an image, expected one (single)")
        return parts
    data = Setting(n=options.n, n_test=options.n_test, values=options.values).data(seed)
    return _matrix(data.values, data.fake), _matrix(data.test_values, data.test_fake)


def _matrix(values: np.ndarray, fake: np.ndarray) -> Matrix:
    rows = np.arange(len(fake), dtype=np.int32)
    attributes = {"feature": "single", "train_digests": {}}
    return Matrix(values, rows, fake, tuple(map(str, rows)), attributes)


def tuned(
    classifier: str,
    way: str,
    engine: dict[str, Any],
    plain: Matrix,
    test: Matrix,
    seed: int,
    options: argparse.Namespace,
) -> Found:
    """Search one way, fit what was chosen, ask the test rows."""
    space = CLASSIFIERS[classifier].space
    if options.small:
        space = space | {name: entry for name, entry in SMALL.items() if name in space}
    drawn = [name for name, entry in space.items() if isinstance(entry, dict)]
    settings = {
        "folds": FOLDS,
        "draws": options.draws,
        "grid": gridded(classifier, drawn) if options.grid else [],
        "halving": {"candidates": options.candidates, "factor": 3, "least": options.least},
        "space": space,
    }
    described = {"engine": engine, "seed": seed, "cell": f"bench/{classifier}"}
    began = time.process_time()
    values = plain.values
    if engine["name"] == HISTOGRAM:
        from latentprint.histograms.bins import bin_matrix

        values = bin_matrix(values, max_bins=engine["max_bins"], seed=seed)
    matrix = Matrix(values, plain.groups, plain.fake, plain.ids, plain.attributes)
    trials = WAYS[way](matrix, classifier, settings=settings, threads=options.threads, **described)
    seconds = time.process_time() - began
    last = trials if way == "search" else [t for t in trials if t.stage == trials[-1].stage]
    best = best_trial(last)
    parameters = chosen_parameters(classifier, best)
    choice = Best(classifier, parameters, best.mean, "searched", None)
    model, _ = fit_cell(matrix, choice, threads=options.threads, **described)
    asked = predict_images(model, test, threads=options.threads)
    accuracy = float(np.mean(asked.predicted == asked.fake))
    return Found(seconds, len(trials), cost_of(trials), best.mean, accuracy, parameters)


def gridded(classifier: str, drawn: Sequence[str]) -> list[str]:
    """Name what the grid is made of: of a forest all, of boosting two, whose fits cost more."""
    if CLASSIFIERS[classifier].boosts:
        return ["learning_rate", "max_leaf_nodes"]
    return list(drawn)


def tables(found: dict[str, list[Found]], options: argparse.Namespace) -> list[Table]:
    """Write the two ways side by side, and how far apart they are."""
    plain, halving = found["search"], found["halving"]
    names = ("seconds", "trials", "full_fits", "cv_accuracy", "test_accuracy")
    titles = ("CPU s", "trials", "full fits", "cross-validated accuracy", "test accuracy")
    rows = [
        [way, *(spread([getattr(one, name) for one in ones], name) for name in names)]
        for way, ones in found.items()
    ]
    ratio = [
        number(
            sum(getattr(one, name) for one in halving) / sum(getattr(one, name) for one in plain)
        )
        for name in names[:3]
    ]
    differences = [
        difference(
            [
                getattr(two, name) - getattr(one, name)
                for one, two in zip(plain, halving, strict=True)
            ]
        )
        for name in names[3:]
    ]
    rows.append(["halving to search", *ratio, *differences])
    n_test = options.n_test
    if options.features:
        n_test = len(load_matrix(options.features, "test").ids)
    mean = float(np.mean([one.test_accuracy for one in plain]))
    low, high = wilson_interval(mean * n_test, n_test)
    note = (
        f"Means over {options.seeds} seeds with the least and the largest. Last line: ratio of the "
        "costs; difference of the accuracies with its 95 % interval over the seeds (Student's t). "
        f"An accuracy of {mean:.3f} on {n_test} test images has itself the interval {low:.3f} to "
        f"{high:.3f}."
    )
    chosen = [
        [
            f"{way}, seed {seed}",
            ", ".join(f"{key} {_short(value)}" for key, value in one.parameters.items()),
        ]
        for way, ones in found.items()
        for seed, one in enumerate(ones)
    ]
    return [
        Table("Cost and outcome", ("", *titles), rows, note),
        Table("What was chosen", ("", "hyperparameters"), chosen),
    ]


def spread(values: Sequence[float], name: str) -> str:
    """Write a mean with the least and the largest value."""
    write_one = (lambda value: f"{value:.3f}") if name.endswith("accuracy") else number
    text = write_one(float(np.mean(values)))
    if len(set(values)) > 1:
        text += f" ({write_one(min(values))} to {write_one(max(values))})"
    return text


def difference(values: Sequence[float]) -> str:
    """Write a mean difference with its interval, which one value does not have."""
    mean, low, high = mean_interval(values)
    return f"{mean:+.3f}" + (f" ({low:+.3f} to {high:+.3f})" if len(values) > 1 else "")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def conditions(classifier: str, options: argparse.Namespace, seconds: float) -> str:
    """Say on what, with what and when the tables were made."""
    rows = f"synthetic, {options.n} to fit and {options.n_test} to ask, of {options.values} values"
    if options.features:
        parts = [load_matrix(options.features, split) for split in ("train", "test")]
        rows = (
            f"features file, {parts[0].attributes.get('latent')} "
            f"{parts[0].attributes.get('component')} {parts[0].attributes.get('feature')}: "
            f"{len(parts[0].ids)} to fit and {len(parts[1].ids)} to ask, of "
            f"{parts[0].values.shape[1]} values"
        )
    flags = {
        "features": "FILE" if options.features else None,
        "n": None if options.features else options.n,
        "n-test": None if options.features else options.n_test,
        "values": None if options.features else options.values,
        "classifiers": classifier,
        "engine": options.engine,
        "max-bins": options.max_bins,
        "seeds": options.seeds,
        "threads": options.threads,
        "draws": options.draws,
        "grid": options.grid,
        "candidates": options.candidates,
        "least": options.least,
    }
    given = " ".join(f"--{name} {value}" for name, value in flags.items() if value is not None)
    used = ", ".join(f"{name} {text}" for name, text in versions({"name": options.engine}).items())
    return facts(
        {
            "date": f"{datetime.date.today().isoformat()}, {seconds:.0f} s",
            "machine": machine(),
            "versions": f"{used} on {platform.system()}",
            "rows": rows,
            "command": f"`python benchmarks/tune.py {given}{' --small' * options.small}`",
        }
    )


if __name__ == "__main__":
    run(main)
