"""The forest that scores pictures by a cue: its file, what it learnt from, its calibration."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.cues.forest import Answers, images_of, measures
from latentprint.detectors.calibration import Calibration, fit_calibration
from latentprint.errors import UserError
from latentprint.files import write_json

MODEL, FACTS = "model.skops", "detector.json"
MAP = "platt"


def fit_map(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> Calibration:
    """Fit Platt's map to scores, (N,), and classes, (N,), with a doubt of each class added.

    A doubt is a made-up answer: one class with the other's median score. Without them the map of
    answers that are all right would be a step, and every probability 0 or 1.
    """
    doubts = [np.median(score[~positive]), np.median(score[positive])]
    return fit_calibration(MAP, np.append(score, doubts), np.append(positive, [True, False]))


def describe(
    answers: Answers,
    *,
    cue: str,
    names: Sequence[str],
    settings: Mapping[str, Any],
    trained_on: str,
    weights: str,
    seed: int,
) -> dict[str, Any]:
    """Say everything that scoring needs to know of a cue's forest.

    Parameters
    ----------
    answers : Answers
        Of its own training pictures, by forests of the other folds.
    cue : str
    names : sequence of str
        Values that it is given, in order.
    settings : mapping
        With which they were measured.
    trained_on, weights : str
        In a few words.
    seed : int

    Returns
    -------
    dict
        With Platt's map of the scores, and the scores themselves with the number of the image that
        each is of, from which intervals are drawn.
    """
    calibration = fit_map(answers.score, answers.positive)
    return {
        "cue": cue,
        "names": list(names),
        "settings": dict(settings),
        "trained_on": trained_on,
        "weights": weights,
        "held_out": measures(answers, seed=seed),
        "calibration": asdict(calibration),
        "scores": np.round(answers.score, 6).tolist(),
        "positive": answers.positive.tolist(),
        "images": images_of(answers).tolist(),
    }


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write what `describe` gives."""
    write_json(path, facts)


def read_facts(path: Path) -> dict[str, Any]:
    """Read it; `UserError` if the file is missing or is none."""
    keys = {"cue", "names", "settings", "calibration", "scores", "positive", "images"}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not keys <= set(facts):
            raise ValueError("keys are missing")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as a cue's detector ({error}). Delete it and run snakemake "
            "again"
        ) from error
    return facts
