"""Opening one file of trained tensors; nothing in it is executed, and every defect is one line."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from latentprint.errors import UserError
from latentprint.weight_files import is_pointer

ZIP = b"PK\x03\x04"
# A training loop may have stored its best loss as a number of NumPy. It is dropped, but the file
# could not be opened at all if these were refused. They build numbers and do nothing else.
NUMPY_SCALAR = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before, since 2
NUMPY_NUMBERS = [
    *((np.float64(0).__reduce__()[0], name) for name in NUMPY_SCALAR),
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
]


def load(path: Path) -> dict[str, Any]:
    """Open a file that `torch.save` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to object
        Tensors are views of the file, read when they are touched: what is never touched (46 MB of
        some official files) costs no memory. Copy what is to be kept.

    Raises
    ------
    UserError
        If it is no file, cannot be read, is not what it should be, or holds more than tensors,
        numbers and containers of them.
    """
    _check_bytes(path)
    try:
        with safe_globals(NUMPY_NUMBERS):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: {_refused(path)}. Use the file of the reference software"
        ) from None
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:120]
        raise UserError(
            f"{path}: cannot be read as a file of tensors ({reason}). Fetch it again"
        ) from None
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: holds a {type(content).__name__}, expected a dictionary of tensors. "
            "Use the file of the reference software"
        )
    for key in content:
        if not isinstance(key, str):
            raise UserError(
                f"{path}: holds the key {key!r}, expected names of tensors. "
                "Use the file of the reference software"
            )
    return content


def _check_bytes(path: Path) -> None:
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "a device or a pipe"
            raise UserError(f"{path}: is {what}, expected a file. Put the file itself there")
        if not path.is_file():
            raise UserError(
                f"{path}: file is missing. Put the file there, or point `weights` to a folder in "
                "the official layout (VM_bop/ or VM_hop/, and VM_common_int/)"
            )
        if is_pointer(path):
            raise UserError(
                f"{path}: is a Git LFS pointer, not the file itself. Run `git lfs pull` where it "
                "comes from and copy it again"
            )
        with path.open("rb") as file:
            start = file.read(len(ZIP))
            whole = zipfile.is_zipfile(file)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). Check its permissions and the disk"
        ) from None
    if not start:
        raise UserError(f"{path}: is empty. Fetch it again")
    if start != ZIP:
        raise UserError(
            f"{path}: is no file of tensors: it begins with {start!r}, expected {ZIP!r}. "
            "Fetch it again"
        )
    if not whole:
        raise UserError(f"{path}: is cut off: its end is missing. Fetch it again")


def _refused(path: Path) -> str:
    """Say why `torch.load` refused, in our words: its own advice is to load without a check."""
    try:
        names = sorted(get_unsafe_globals_in_checkpoint(path))
    except Exception:
        names = []
    names = [name for name in names if name not in ("numpy.dtype", *NUMPY_SCALAR)]
    held = f"holds {names[0]}" if names else "holds something unknown"
    return f"{held}, expected tensors and numbers alone; it was not loaded, as it could run code"
