"""The fit of one cell: its protocol's decisions, and what is said about it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.classifiers import check_memory, effective_parameters
from latentprint.costs import versions
from latentprint.features import Matrix, matrix_blocks
from latentprint.learn import fit_model, iterations, oob_accuracy, take_rows
from latentprint.predicting import predict_fake
from latentprint.predictions import Predictions, vote
from latentprint.protocol import (
    CORRECTED,
    FAITHFUL,
    N_VOTES,
    SEED,
    scored_by,
    voting_positions,
)
from latentprint.seeds import integer
from latentprint.tuning import Best

IMAGES_ASKED = 256  # at a time and thread: 64 MiB of flat float32 values


def fit_cell(
    matrix: Matrix,
    best: Best,
    *,
    engine: Mapping[str, Any],
    seed: int,
    cell: str,
    threads: int,
    protocol: str = CORRECTED,
) -> tuple[Any, dict[str, Any]]:
    """Fit the classifier of one cell with its chosen hyperparameters on all training rows.

    Parameters
    ----------
    matrix : Matrix
        Training rows, as the engine wants them; `faithful` changes their order in place, since a
        copy of 30,000 flat images would need 8 GB more.
    best : Best
    engine : mapping
        As for `effective_parameters`.
    seed : int
        The run's seed.
    cell : str
        "<point>/<latent>/<component>/<feature>/<classifier>".
    threads : int
    protocol : {"corrected", "faithful"}
        `faithful`: seed 42 for every cell, shuffled rows, early stopping on rows.

    Returns
    -------
    model : estimator
    description : dict
        What ``fit.yaml`` says: effective parameters, sizes, protocol, seed, versions, digests of
        the latents; `oob_accuracy` of a forest whose rows are images, else None.
    """
    parameters = effective_parameters(best.classifier, best.parameters, engine)
    check_memory(best.classifier, engine, *matrix.values.shape, parameters)
    faithful = protocol == FAITHFUL
    random_state = SEED if faithful else integer(seed, "fit", cell)
    if faithful:
        shuffle_rows(matrix)
    model = fit_model(
        best.classifier,
        parameters,
        values=matrix.values,
        groups=None if faithful else matrix.groups,
        fake=matrix.fake,
        random_state=random_state,
        threads=threads,
        engine=engine["name"],
        grid=matrix.grid,
    )
    # Thesis: computed, never reported. Rows of one image would leak, so that patches have none, and
    # so would screening, which chose values with the labels of all rows.
    asked = best.classifier == "RF" and matrix.rows_per_image == 1 and not faithful
    asked = asked and not matrix.screens
    return model, {
        "cell": cell,
        "protocol": protocol,
        "classifier": best.classifier,
        "engine": dict(engine),
        "parameters": parameters,
        "n_images": len(matrix.ids),
        "n_rows": matrix.values.shape[0],
        "n_values": matrix.values.shape[1],
        "seed": seed,
        "random_state": random_state,
        "n_iterations": iterations(model),
        "oob_accuracy": oob_accuracy(model, matrix.values, fake=matrix.fake) if asked else None,
        "versions": versions(engine),
        "latents": matrix.attributes["train_digests"],
    }


def shuffle_rows(matrix: Matrix) -> None:
    """Shuffle the rows of a matrix in place, as the thesis did before every fit."""
    from sklearn.utils import shuffle

    order = shuffle(np.arange(len(matrix.groups)), random_state=SEED)
    for column in (*matrix.values.T, matrix.groups, matrix.fake):
        column[:] = column[order]


def voting_rows(matrix: Matrix, classifier: str, *, protocol: str) -> NDArray[np.int64] | None:
    """Tell which rows of a test image are asked.

    Parameters
    ----------
    matrix : Matrix
        Test rows; those of `multiple` are all positions of the grid, row by row.
    classifier : str
    protocol : {"corrected", "faithful"}

    Returns
    -------
    ndarray, int64, (voters,), or None
        Place of each voter among the rows of its image; a place may repeat. None for all rows.
    """
    feature = matrix.attributes["feature"]
    if protocol != FAITHFUL or feature != "multiple":
        return None
    positions = [tuple(position) for position in matrix.attributes["test_positions"]]
    if scored_by(protocol, feature=feature, classifier=classifier) == "patch":
        voters = [tuple(position) for position in matrix.attributes["train_positions"]]
    else:
        height, width = (last + 1 for last in positions[-1])
        voters = voting_positions(height, width, latent=matrix.attributes["latent"])[:N_VOTES]
    return np.array([positions.index(position) for position in voters])


def predict_test(
    model: Any, features: Path, *, classifier: str, protocol: str, threads: int
) -> tuple[Predictions, float]:
    """Let a model predict the test images of a features file, read block by block.

    Parameters
    ----------
    model : estimator
    features : Path
    classifier : str
    protocol : {"corrected", "faithful"}
    threads : int

    Returns
    -------
    predictions : Predictions
    seconds : float
        Without the reading.
    """
    parts, seconds = [], 0.0
    for matrix in matrix_blocks(features, "test", images=IMAGES_ASKED * threads):
        began = time.perf_counter()
        voters = voting_rows(matrix, classifier, protocol=protocol)
        parts.append(predict_images(model, matrix, voters=voters, threads=threads))
        seconds += time.perf_counter() - began
    return joined(parts), seconds


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Put the predictions of consecutive images together."""
    columns = {
        field.name: [getattr(part, field.name) for part in parts] for field in fields(Predictions)
    }
    ids = tuple(image for part in columns.pop("ids") for image in part)
    return Predictions(ids, **{name: np.concatenate(arrays) for name, arrays in columns.items()})


def predict_images(
    model: Any,
    matrix: Matrix,
    *,
    threads: int,
    voters: NDArray[np.int64] | None = None,
) -> Predictions:
    """Let a model predict the images of a matrix, by vote where an image has several rows.

    Parameters
    ----------
    model : estimator
    matrix : Matrix
    threads : int
    voters : ndarray, int64, (voters,), optional
        As `voting_rows` gives them.

    Returns
    -------
    Predictions
    """
    if voters is None:
        probabilities = predict_fake(model, matrix.values, threads=threads)
        probabilities = probabilities.reshape(-1, matrix.rows_per_image)
    else:  # no row is asked twice, and none in vain
        asked, places = np.unique(voters, return_inverse=True)
        kept = np.isin(np.arange(matrix.rows_per_image), asked)
        values = take_rows(matrix.values, np.tile(kept, len(matrix.ids)))
        probabilities = predict_fake(model, values, threads=threads)
        probabilities = probabilities.reshape(-1, len(asked)).take(places, axis=1)
    score, votes, predicted = vote(probabilities)
    return Predictions(
        ids=matrix.ids,
        fake=matrix.fake_images,
        score=score,
        votes=votes,
        n_patches=np.full(len(matrix.ids), probabilities.shape[1]),
        predicted=predicted,
    )
