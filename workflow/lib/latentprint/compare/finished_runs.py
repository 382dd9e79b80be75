"""A finished run as a comparison reads it: its scores, its images and its predictions."""

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.evaluate import FACTORS
from latentprint.image_tables import Chosen, read_images
from latentprint.predictions import read_predictions
from latentprint.score_table import Key, Score, read_scores


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes
    ----------
    name : str
    folder : Path
    scores : list of Score
    recorded : dict
        Cell to its row of scores.tsv, all columns as text.
    images : list of Chosen
        The images of the run, with the sha256 of each file.
    origin : str
        Configuration and commit as the run's tables name them; empty where they do not.
    """

    name: str
    folder: Path
    scores: list[Score]
    recorded: dict[Key, dict[str, str]]
    images: list[Chosen]
    origin: str

    def split(self, split: str) -> dict[str, Chosen]:
        """Give the images of one split by their id."""
        return {image.id: image for image in self.images if image.split == split}

    @cached_property
    def test_images(self) -> dict[str, Chosen]:
        """The test images by their id."""
        return self.split("test")


def find_runs(text: str, results: Path) -> list[Run]:
    """Read the two runs that a user names.

    Parameters
    ----------
    text : str
        "demo,faces": names of folders below `results`, or paths of the folders of two runs.
    results : Path

    Returns
    -------
    list of Run
        Two.

    Raises
    ------
    UserError
        If there are not two names, a run is not found or not finished, or both are one run.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise UserError(
            f"RUNS: expected two runs, got {text!r}. Write make compare RUNS=ONE,OTHER; "
            f"{_finished(results)}."
        )
    folders = [_folder(name, results) for name in names]
    if folders[0].resolve() == folders[1].resolve():
        raise UserError(
            f"RUNS: {text} names the run {folders[0]} twice, expected two runs; "
            f"{_finished(results)}."
        )
    names = [folder.resolve().name for folder in folders]
    if names[0] == names[1]:  # two folders of one name: a full stop is in no name of a run
        names = [f"{names[0]}.1", f"{names[1]}.2"]
    return [read_run(folder, name) for folder, name in zip(folders, names, strict=True)]


def _folder(name: str, results: Path) -> Path:
    folder = Path(name) if "/" in name else results / name
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run; {_finished(results)}.")
    if not (folder / "scores.tsv").is_file():
        raise UserError(
            f"{folder}/scores.tsv: no such file, so the run is not finished. Run snakemake with "
            f"its configuration; {_finished(results)}."
        )
    return folder


def _finished(results: Path) -> str:
    names = sorted(path.parent.name for path in results.glob("*/scores.tsv"))
    return f"finished runs in {results}: {', '.join(names) or 'none'}"


def read_run(folder: Path, name: str) -> Run:
    """Read what a comparison needs of a finished run, save the predictions.

    Parameters
    ----------
    folder : Path
        It holds scores.tsv and selection.tsv.
    name : str

    Raises
    ------
    UserError
        If a table is missing or unreadable.
    """
    path = folder / "scores.tsv"
    scores = read_scores(path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    recorded = {tuple(row[factor] for factor in FACTORS): row for row in rows}
    selection = folder / "selection.tsv"
    if not selection.is_file():
        raise UserError(
            f"{selection}: no such file, expected the sha256 of the run's images: an equal id "
            "alone does not make an equal image. Copy it beside scores.tsv, or run snakemake again."
        )
    return Run(name, folder, scores, recorded, read_images(selection), _origin(folder))


def _origin(folder: Path) -> str:
    table = folder / "tables" / "table_2_2.csv"
    if not table.is_file():
        return ""
    with table.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file), {})
    named = {"configuration": row.get("config"), "commit": row.get("commit")}
    return ", ".join(f"{label} {value}" for label, value in named.items() if value)


def predicted(run: Run, score: Score) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """Give the ids of a cell's test images and whether each was called right.

    Parameters
    ----------
    run : Run
    score : Score
        A cell that was scored by image.

    Returns
    -------
    ids : tuple of str, (N,)
    right : ndarray, bool, (N,)

    Raises
    ------
    UserError
        If the predictions are missing, or are not those behind scores.tsv and selection.tsv.
    """
    bpp, *rest = score.key
    path = run.folder.joinpath("cells", f"bpp-{bpp}", *rest, "predictions.tsv")
    if not path.is_file():
        raise UserError(
            f"{path}: no such file, expected the predictions behind scores.tsv. Copy the folder "
            "cells of the run as well, or run snakemake again with its configuration."
        )
    predictions = read_predictions(path)
    right = predictions.predicted == predictions.fake
    counted = score.fake_fake + score.real_real
    if len(right) != score.n_test or int(np.count_nonzero(right)) != counted:
        raise UserError(
            f"{path}: {np.count_nonzero(right)} of {len(right)} images are called right, expected "
            f"{counted} of {score.n_test} as in scores.tsv. Run snakemake again."
        )
    if set(predictions.ids) != run.test_images.keys():
        raise UserError(
            f"{path}: holds other images than the {len(run.test_images)} test images of the run's "
            "selection.tsv, expected the same ones. Run snakemake again."
        )
    return predictions.ids, right
