"""One coded image in one file: the symbols, from which y_hat and the picture are rebuilt exactly.

An `.npz` of NumPy arrays, without anything that could be executed. Not the bit stream of the
standard: nothing is entropy coded, and the size of the file says nothing about the rate.
"""

import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentprint.codec.coded import KEPT, Coded, Latents
from latentprint.codec.layouts import CHANNELS
from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.weight_files import BETAS

FORMAT = "latentprint coded image 1"
SYMBOLS = ("q", "z_hat", "grfs")  # what y_hat is rebuilt from


@dataclass
class Archive:
    """A coded image and what must be known to decode it.

    Attributes
    ----------
    coded : Coded
        A batch of one.
    operating_point : str
    weights_digest : str
        SHA-256 over the entropy files that the symbols belong to.
    weights : {"official", "embedded", "other"}
    """

    coded: Coded
    operating_point: str
    weights_digest: str
    weights: str


def write(path: Path, archive: Archive, *, latents: Collection[str] = ()) -> None:
    """Write an archive, complete or not at all.

    Parameters
    ----------
    path : Path
    archive : Archive
        Its image was coded with `SYMBOLS` and with `latents`.
    latents : collection of str
        Names of further latents to be kept in the file.
    """
    coded = archive.coded
    arrays: dict[str, Any] = {
        "format": FORMAT,
        "size": np.array(coded.size),
        "operating_point": archive.operating_point,
        "weights": archive.weights,
        "weights_digest": archive.weights_digest,
        "tools": coded.tools,
        "model": coded.model.numpy(),
        "beta": coded.beta.numpy(),
        "bits": coded.bits.numpy(),
    }
    for component in CHANNELS:
        for name in dict.fromkeys((*SYMBOLS, *latents)):
            arrays[f"{component}.{name}"] = getattr(getattr(coded, component), name).cpu().numpy()
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: Path) -> Archive:
    """Read an archive.

    Raises
    ------
    UserError
        If the file is not one, or is damaged.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file. Name one that encode has written")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: is not a coded image. Name a file that encode has written")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path}: cannot be read as a coded image ({type(error).__name__}). "
            "Encode the picture again"
        ) from None
    if str(arrays.get("format")) != FORMAT:
        raise UserError(
            f"{path}: is not a coded image of this version, expected format '{FORMAT}'. "
            "Name a file that encode has written"
        )
    try:
        return _archive(arrays)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: is incomplete or damaged ({error}). Encode the picture again"
        ) from None


def _archive(arrays: dict[str, np.ndarray]) -> Archive:
    def latents(component: str) -> Latents:
        found = {
            name: torch.from_numpy(arrays[f"{component}.{name}"])
            for name in KEPT
            if name in SYMBOLS or f"{component}.{name}" in arrays
        }
        return Latents(**found)

    height, width = (int(side) for side in arrays["size"])
    _check(arrays, (height, width))
    return Archive(
        coded=Coded(
            luma=latents("luma"),
            chroma=latents("chroma"),
            model=torch.from_numpy(arrays["model"]),
            beta=torch.from_numpy(arrays["beta"]),
            bits=torch.from_numpy(arrays["bits"]),
            size=(height, width),
            tools=bool(arrays["tools"]),
        ),
        operating_point=str(arrays["operating_point"]),
        weights_digest=str(arrays["weights_digest"]),
        weights=str(arrays["weights"]),
    )


def _check(arrays: dict[str, np.ndarray], size: tuple[int, int]) -> None:
    """Raise ValueError unless numbers and symbols are those of one picture of this size."""
    rows, columns = (-(-side // 16) for side in size)
    expected = {
        "model": ((1,), np.int64),
        "beta": ((1, 2), np.int64),
        "bits": ((1, 4), np.float64),
    }
    for component, channels in CHANNELS.items():
        grid = (1, channels, rows, columns)
        expected[f"{component}.q"] = (grid, np.int16)
        expected[f"{component}.z_hat"] = ((1, channels, -(-rows // 4), -(-columns // 4)), np.int8)
        expected[f"{component}.grfs"] = ((1, channels), np.bool_)
        for name in ("y", "y_hat", "y_hat_before_lsbs", "mu"):
            if f"{component}.{name}" in arrays:
                expected[f"{component}.{name}"] = (grid, np.float32)
    for name, (shape, dtype) in expected.items():
        if arrays[name].shape != shape or arrays[name].dtype != dtype:
            raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}")
    if not 0 <= int(arrays["model"][0]) < len(BETAS):
        raise ValueError(f"model id {int(arrays['model'][0])}")
