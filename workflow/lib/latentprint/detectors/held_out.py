"""Scores of training images by models that did not see them: what calibration learns from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.classifiers import Parameters
from latentprint.features import Matrix
from latentprint.learn import fit_model, take_rows
from latentprint.predicting import predict_fake
from latentprint.predictions import Predictions, vote
from latentprint.progress import Progress


def held_out(
    matrix: Matrix,
    classifier: str,
    parameters: Parameters,
    *,
    engine: str,
    folds: Sequence[NDArray[np.bool_]],
    random_state: int,
    threads: int,
) -> Predictions:
    """Fit to the images outside each fold and predict those inside.

    Parameters
    ----------
    matrix : Matrix
        Training rows; all rows of an image stand on one side.
    classifier : str
    parameters : dict
        As `effective_parameters` gives them.
    engine : str
    folds : sequence of ndarray, bool, (N,)
        Together they cover every image once.
    random_state, threads : int

    Returns
    -------
    Predictions
        Of all training images, in their order.
    """
    probabilities = np.full((len(matrix.ids), matrix.rows_per_image), np.nan)
    progress = Progress(len(folds), "fits")
    for fold in folds:
        model = fit_images(
            matrix, ~fold, classifier, parameters,
            engine=engine, random_state=random_state, threads=threads,
        )  # fmt: skip
        asked = take_rows(matrix.values, fold[matrix.groups])
        found = predict_fake(model, asked, threads=threads)
        probabilities[fold] = found.reshape(-1, matrix.rows_per_image)
        progress.advance(1)
    score, votes, predicted = vote(probabilities)
    count = np.full(len(matrix.ids), matrix.rows_per_image)
    return Predictions(matrix.ids, matrix.fake_images, score, votes, count, predicted)


def fit_images(
    matrix: Matrix,
    images: NDArray[np.bool_],
    classifier: str,
    parameters: Parameters,
    *,
    engine: str,
    random_state: int,
    threads: int,
) -> Any:
    """Fit to the rows of some images, bool (N,)."""
    rows = images[matrix.groups]
    return fit_model(
        classifier,
        parameters,
        values=take_rows(matrix.values, rows),
        groups=matrix.groups[rows],
        fake=matrix.fake[rows],
        random_state=random_state,
        threads=threads,
        engine=engine,
        grid=matrix.grid,
    )
