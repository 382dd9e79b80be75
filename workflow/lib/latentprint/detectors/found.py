"""All that a run found of its detectors, read from its files for tables and figures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from latentprint.compare.differences import paired_interval
from latentprint.detectors.names import read_rows
from latentprint.evaluate import FACTORS, measure, wilson_interval
from latentprint.predictions import Predictions, read_predictions


@dataclass(frozen=True)
class Asked:
    """What came of asking a detector about some images.

    Attributes
    ----------
    test : str
        "own", or as the file is named: "altered-jpeg-75", "folders-others/dalle".
    n : int
    right, low, high : float
        Share called right, with its Wilson interval.
    difference, difference_low, difference_high : float or None
        To the own test images, paired; None where the images are others.
    real_called_fake, fake_called_fake : float or None
        None where there is none of the class.
    """

    test: str
    n: int
    right: float
    low: float
    high: float
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    real_called_fake: float | None = None
    fake_called_fake: float | None = None


@dataclass(frozen=True)
class Detector:
    """One of the chosen cells and what was found of it.

    Attributes
    ----------
    cell : dict
        Row of ``chosen.tsv``.
    calibration, curve : dict
        Content of ``calibration.json`` and ``learning_curve.json``; an average has no curve.
    importance : list of dict
        Rows of ``importance.tsv``; an average has none.
    asked : list of Asked
        Its own test first.
    """

    cell: dict[str, str]
    calibration: dict[str, Any]
    curve: dict[str, Any]
    importance: list[dict[str, str]]
    asked: list[Asked]

    @property
    def name(self) -> str:
        """Name it for readers: "SVM, flatten YUV, y, 0.12 bpp", "average of 6"."""
        cell = self.cell
        if "members" in cell:
            return f"average of {cell['members']}"
        return (
            f"{cell['classifier']}, {cell['feature']} {cell['component']}, {cell['latent']}, "
            f"{cell['bpp']} bpp"
        )


def read_detectors(chosen: Path, tests: Sequence[Path], cross: Sequence[Path]) -> list[Detector]:
    """Read all files of the chosen cells.

    Parameters
    ----------
    chosen : Path
        ``chosen.tsv``; the files of a cell lie below its folder, by the cell's name.
    tests : sequence of Path
        Predictions of the test images, of each chosen cell in this order.
    cross : sequence of Path
        Predictions of all cross tests of all chosen cells.

    Returns
    -------
    list of Detector
    """
    found = []
    for cell, test in zip(read_rows(chosen), tests, strict=True):
        folder = chosen.parent / ("bpp-" + "/".join(cell[name] for name in FACTORS))
        own = read_predictions(test)
        asked = [asked_about("own", own)]
        for path in cross:
            if path.parent == folder / "cross":
                asked += _cross(path, own)
        found.append(
            Detector(
                cell,
                json.loads((folder / "calibration.json").read_text(encoding="utf-8")),
                json.loads((folder / "learning_curve.json").read_text(encoding="utf-8")),
                read_rows(folder / "importance.tsv"),
                asked,
            )
        )
    return found


def read_average(folder: Path, cross: Sequence[Path]) -> tuple[Detector, dict[str, Any]]:
    """Read the average of the best cells, and the row that stands for it in the ranking.

    Parameters
    ----------
    folder : Path
        ``detectors`` of a run.
    cross : sequence of Path
        Predictions of its cross tests.
    """
    decided = yaml.safe_load((folder / "detector.yaml").read_text(encoding="utf-8"))
    own = read_predictions(folder / "ensemble/predictions.tsv")
    calibration = json.loads((folder / "ensemble/calibration.json").read_text(encoding="utf-8"))
    cell = dict.fromkeys(FACTORS, "") | {"classifier": "average"}
    cell |= {"members": str(len(decided["members"]))}
    asked = [asked_about("own", own), *(one for path in cross for one in _cross(path, own))]
    row: dict[str, Any] = {
        "held_out": decided["held_out"]["accuracy"],
        "held_out_low": decided["held_out"]["accuracy_low"],
        "held_out_high": decided["held_out"]["accuracy_high"],
        "best_member": max(decided["members"].values()),
        "chosen": decided["detector"] == "ensemble",
        "members": list(decided["members"]),
    } | measure(own)
    second = folder / "ensemble/valid.tsv"
    if second.is_file():
        found = read_predictions(second)
        n, right = len(found.ids), int((found.predicted == found.fake).sum())
        row["valid"] = (right / n, *wilson_interval(right, n))
    return Detector(cell, calibration, {}, [], asked), row


def _cross(path: Path, own: Predictions) -> list[Asked]:
    """Read one cross test; of a folder with subfolders, one for each of these."""
    predictions = read_predictions(path)
    if not path.stem.startswith("folders-"):
        return [asked_about(path.stem, predictions, own)]
    groups = [name.rpartition("/")[0] for name in predictions.ids]
    inside = {group: [g == group for g in groups] for group in dict.fromkeys(groups)}
    found = [asked_about(path.stem, predictions)]
    if len(inside) > 1:
        found += [
            asked_about(f"{path.stem}/{group}", some_of(predictions, np.array(chosen)))
            for group, chosen in inside.items()
        ]
    return found


def some_of(predictions: Predictions, chosen: np.ndarray) -> Predictions:
    """Choose images of predictions, bool (N,)."""
    ids = tuple(name for name, kept in zip(predictions.ids, chosen, strict=True) if kept)
    columns = {
        name: getattr(predictions, name)[chosen]
        for name in ("fake", "score", "votes", "n_patches", "predicted")
    }
    return Predictions(ids, **columns)


def asked_about(test: str, predictions: Predictions, own: Predictions | None = None) -> Asked:
    """Count what a detector says, and compare with its own test images where those are given."""
    right = predictions.predicted == predictions.fake
    n = len(right)
    low, high = wilson_interval(int(right.sum()), n)
    shares = [
        float(predictions.predicted[images].mean()) if images.any() else None
        for images in (~predictions.fake, predictions.fake)
    ]
    difference: tuple[float | None, ...] = (None, None, None)
    if own is not None and own.ids == predictions.ids:
        before = own.predicted == own.fake
        lost, won = int((before & ~right).sum()), int((right & ~before).sum())
        difference = ((won - lost) / n, *paired_interval(lost, won, n=n))
    return Asked(test, n, float(right.mean()), low, high, *difference, *shares)
