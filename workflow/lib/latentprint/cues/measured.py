"""Files of measured cues: what `measure_cue` writes and `classify_cue` reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.files import replacing


@dataclass(frozen=True)
class Measured:
    """A cue, measured on the pictures of one version.

    Attributes
    ----------
    ids : tuple of str
        Of `Source`.
    names : tuple of str
        Of the values.
    values : ndarray, float64, (pictures, values)
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]


def write_measured(path: Path, measured: Measured) -> None:
    """Write a file, complete or not at all."""
    with replacing(path) as temporary, h5py.File(temporary, "w", libver="v110") as file:
        file["id"] = np.array(measured.ids, dtype=h5py.string_dtype())
        file["values"] = measured.values
        file.attrs["names"] = json.dumps(measured.names)


def read_measured(path: Path) -> Measured:
    """Read a file; `UserError` if it is none."""
    try:
        with h5py.File(path, "r") as file:
            ids = tuple(name.decode() for name in file["id"][:])
            names = tuple(json.loads(file.attrs["names"]))
            return Measured(ids, names, file["values"][:])
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as a measured cue ({error}). Delete it and run snakemake again"
        ) from error


def columns(names: Sequence[str], prefixes: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which values have a name that starts with one of some prefixes."""
    return np.array([name.startswith(tuple(prefixes)) for name in names])
