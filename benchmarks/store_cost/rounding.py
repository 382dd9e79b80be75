"""Every cell of a run with values rounded to float16, beside the cell as it is."""

import dataclasses
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from benchtools.page import Table
from numpy.typing import NDArray

from latentprint.cell_fits import fit_cell, joined, predict_images, voting_rows
from latentprint.classifiers import HISTOGRAM, MAX_BINS
from latentprint.errors import UserError
from latentprint.evaluate import mcnemar
from latentprint.features import Matrix, load_matrix, matrix_blocks
from latentprint.predictions import Predictions, read_predictions
from latentprint.tuning import read_best
from store_cost.setting import Setting

logger = logging.getLogger("store")

WRITTEN = 1e-6  # to what scores are written in predictions.tsv

Rounding = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Cell(NamedTuple):
    """A fitted cell: where it lies, its features, and what ``fit.yaml`` says."""

    folder: Path
    features: Path
    fit: dict[str, Any]

    @property
    def name(self) -> str:
        """<point>/<latent>/<component>/<feature>/<classifier>."""
        return str(self.fit["cell"])


def described(setting: Setting) -> str:
    """Say what was fitted."""
    counts = []
    for run in setting.runs:
        (first, *_) = fitted_cells(run)
        counts.append(f"{first.fit['n_images']:,} training images of run {run.name}")
    return "; ".join(counts)


def tables(setting: Setting) -> list[Table]:
    """Fit every cell of the runs once more, with rounded values."""
    rows, changed, differences = [], [], []
    for run in setting.runs:
        cells = list(fitted_cells(run))
        check_repeatable(cells, setting.threads)
        for cell in cells:
            before = read_predictions(cell.folder / "predictions.tsv")
            after = fitted(cell, to_float16, threads=setting.threads)
            right = [each.predicted == each.fake for each in (before, after)]
            accuracies = [float(each.mean()) for each in right]
            lost, won, p = mcnemar(*right)
            called = int(np.count_nonzero(before.predicted != after.predicted))
            logger.info("%s: %.3f, rounded %.3f", cell.name, *accuracies)
            changed.append(called)
            differences.append(accuracies[1] - accuracies[0])
            rows.append(
                [
                    cell.name,
                    *(f"{100 * accuracy:.1f}" for accuracy in accuracies),
                    f"{100 * differences[-1]:+.1f}",
                    str(called),
                    f"{lost} / {won}",
                    f"{p:.3f}",
                ]
            )
    points = 100 * np.array(differences)
    note = (
        f"{len(rows)} cells: differences from {points.min():+.1f} to {points.max():+.1f} points, "
        f"mean {points.mean():+.2f}; {sum(1 for row in rows if float(row[-1]) < 0.05)} with "
        "p < 0.05 (exact McNemar test, not corrected for the number of cells). Equal seeds and "
        "hyperparameters; rounded are the training and the test values."
    )
    columns = (
        "cell",
        "float32, %",
        "float16, %",
        "difference",
        "images called otherwise",
        "right in one only",
        "p",
    )
    return [Table("Accuracy of every cell", columns, rows, note)]


def fitted_cells(run: Path) -> Iterator[Cell]:
    """Find the cells of a finished run where they were fitted, not their copies for each level.

    Raises
    ------
    UserError
        If there is none.
    """
    found = 0
    for path in sorted((run / "cells").glob("*/*/*/*/*/fit.yaml")):
        place = path.parent.relative_to(run / "cells")
        fit = yaml.safe_load(path.read_text(encoding="utf-8"))
        if fit["cell"] == place.as_posix() and (path.parent / "predictions.tsv").exists():
            found += 1
            yield Cell(path.parent, run / "features" / f"{place.parent}.h5", fit)
    if not found:
        raise UserError(f"{run}: no fitted cell, expected a finished run, such as results/demo")


def check_repeatable(cells: Sequence[Cell], threads: int) -> None:
    """Fit the narrowest cell as it was: only then does a difference come from the rounding."""
    cell = min(cells, key=lambda each: each.fit["n_values"] * each.fit["n_rows"])
    before = read_predictions(cell.folder / "predictions.tsv")
    after = fitted(cell, lambda values: values, threads=threads)
    if not np.allclose(before.score, after.score, rtol=0, atol=WRITTEN):
        raise UserError(
            f"{cell.folder}: a second fit gives other scores, so that nothing can be said about "
            "rounding. Run the workflow with the present code first"
        )


def to_float16(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to float16; a column after the other, as they lie in memory."""
    return values.T.astype(np.float16).astype(np.float32).T


def fitted(cell: Cell, rounding: Rounding, *, threads: int) -> Predictions:
    """Fit a cell with the same seed, and let it predict, all with changed values."""
    fit = cell.fit
    training = _changed(load_matrix(cell.features, "train"), rounding)
    if fit["engine"]["name"] == HISTOGRAM:
        from latentprint.histograms.bins import bin_matrix

        most = fit["engine"].get("max_bins", MAX_BINS)
        binned = bin_matrix(training.values, max_bins=most, seed=fit["seed"])
        training = dataclasses.replace(training, values=binned)
    model, _ = fit_cell(
        training,
        read_best(cell.folder / "best.yaml", classifier=fit["classifier"]),
        engine=fit["engine"],
        seed=fit["seed"],
        cell=cell.name,
        threads=threads,
        protocol=fit["protocol"],
    )
    parts = []
    for block in matrix_blocks(cell.features, "test"):
        matrix = _changed(block, rounding)
        voters = voting_rows(matrix, fit["classifier"], protocol=fit["protocol"])
        parts.append(predict_images(model, matrix, voters=voters, threads=threads))
    return joined(parts)


def _changed(matrix: Matrix, rounding: Rounding) -> Matrix:
    return dataclasses.replace(matrix, values=rounding(matrix.values))
