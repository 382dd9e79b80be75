"""The detector of a run, asked about pictures in memory: one cell, or the average of several."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import h5py
import numpy as np
import yaml
from numpy.typing import NDArray

from latentprint.cell_fits import predict_images
from latentprint.detectors.averaging import average
from latentprint.detectors.rows import at_positions, detector_matrix, seen_alone
from latentprint.errors import UserError
from latentprint.feature_kinds import COMPONENTS, FORMAT
from latentprint.model_files import load_model
from latentprint.predictions import Predictions, read_predictions
from latentprint.scoring.latents import BatchLatents, Coding

ENSEMBLE = "ensemble"  # of detector.yaml


class Asked(Protocol):
    """What gives scores of pictures."""

    def ask(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Give the score of each picture, uint8 (S, S, 3): 0 to 1, high for fake; (N,)."""


class Member(NamedTuple):
    """One cell of a run.

    Attributes
    ----------
    cell : str
        "bpp-<bpp>/<latent>/<component>/<feature>/<classifier>".
    point : str
        Where it was trained.
    model : estimator
    trained : dict
        What its features file says: feature, component, latent, positions.
    held_out : Predictions
    """

    cell: str
    point: str
    model: Any
    trained: Mapping[str, Any]
    held_out: Predictions

    @property
    def bpp(self) -> str:
        """Its level."""
        return self.cell.split("/")[0].removeprefix("bpp-")


class Detector:
    """Members, and how pictures become their rows.

    Parameters
    ----------
    members : sequence of Member
        More than one where they are averaged.
    coding : Coding
    threads : int

    Raises
    ------
    UserError
        If their latents cannot be made of a picture by itself.
    """

    def __init__(self, members: Sequence[Member], coding: Coding, *, threads: int = 1) -> None:
        for member in members:
            coding.check(member.point)
        self.members = tuple(members)
        self.coding = coding
        self.threads = threads

    def ask(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Give the score of each picture, uint8 (S, S, 3); float64 (N,)."""
        latents = BatchLatents.of(self.coding, pictures)
        said = [self._predicted(member, latents) for member in self.members]
        if len(said) == 1:
            return said[0].score
        return average([member.held_out for member in self.members], said).score

    def _predicted(self, member: Member, latents: BatchLatents) -> Predictions:
        trained = member.trained
        made = latents.at(member.point, member.bpp, trained["latent"])
        parts = [made[part] for part in COMPONENTS[trained["component"]]]
        if seen_alone(trained["feature"]):
            parts = [at_positions(part, trained["test_positions"]) for part in parts]
        ids = [str(number) for number in range(len(latents.rgb))]
        unknown = np.zeros(len(ids), dtype=bool)  # nothing reads the truth of these rows
        matrix = detector_matrix(parts, ids, unknown, trained)
        return predict_images(member.model, matrix, threads=self.threads)


def open_member(cell: str, point: str, *, model: Path, features: Path, held_out: Path) -> Member:
    """Read what belongs to one cell.

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    try:
        with h5py.File(features, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise OSError("not a features file")
            trained = json.loads(file.attrs["attributes"])
    except OSError as error:
        raise UserError(
            f"{features}: cannot be read ({error}), expected a features file. Delete it and run "
            "snakemake again."
        ) from error
    return Member(cell, point, load_model(model), trained, read_predictions(held_out))


def decided(path: Path, cells: Sequence[str]) -> Sequence[int]:
    """Give the places of the members that are the detector of a run.

    Parameters
    ----------
    path : Path
        ``detector.yaml``, which was written before any test image was looked at.
    cells : sequence of str
        Of the members.

    Returns
    -------
    sequence of int
        All where the average is the detector, else that of one cell.

    Raises
    ------
    UserError
        If it names another cell.
    """
    named = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["detector"]
    if named == ENSEMBLE:
        return range(len(cells))
    if named not in cells:
        raise UserError(
            f"{path}: names {named}, expected {ENSEMBLE} or one of {', '.join(cells)}. Delete it "
            "and run snakemake again."
        )
    return [cells.index(named)]
