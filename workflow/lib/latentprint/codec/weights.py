"""Files of trained tensors: where they lie, what they must hold, where they come from (section 2).

The official layout is a folder with `VM_bop/`, `VM_hop/` and `VM_common_int/`. A folder may
hold some of the files; every file that is there is checked when the codec is loaded, and read
into memory when first used.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from latentprint.codec.layouts import LAYOUTS, Entry
from latentprint.codec.official import MD5
from latentprint.errors import UserError
from latentprint.weight_files import relative_path

NOT_TENSORS = ("epoch", "best_loss", "optimizer", "channel_wise_entropy")
RENAMED = {"quantizer.gain_unit.c": "vr_vec.c"}
DTYPES = {"float": torch.float32, "integer": torch.int32, "bool": torch.bool}
EMBEDDED_CARD = "model_card.md"
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Part:
    """One file: the trained tensors of one network of one component.

    Attributes
    ----------
    kind : {"encoder", "decoder", "entropy"}
    operating_point : str
        "BOP" or "HOP"; "" for the entropy files, which all operating points share.
    component : {"luma", "chroma"}
    model : int
        Model id, 0..3.
    """

    kind: str
    operating_point: str
    component: str
    model: int

    @property
    def relative_path(self) -> str:
        """Path of the file in a folder in the official layout."""
        return relative_path(self.kind, self.operating_point, self.component, self.model)


def parts(operating_point: str, *, models: Iterable[int] = range(4)) -> list[Part]:
    """List the files that an operating point can use."""
    return [
        Part(kind, "" if kind == "entropy" else operating_point, component, model)
        for model in models
        for kind in ("encoder", "decoder", "entropy")
        for component in ("luma", "chroma")
    ]


def check(folder: Path, part: Part) -> None:
    """Check keys, shapes and kinds of one file without keeping its tensors.

    Raises
    ------
    UserError
        Names the file and the key that is wrong.
    """
    _checked(folder, part, mapped=True)


def read(folder: Path, part: Part) -> dict[str, Tensor]:
    """Read one file.

    Parameters
    ----------
    folder : Path
        Folder in the official layout.
    part : Part

    Returns
    -------
    dict of str to Tensor
        On the CPU; floats as float32, integers as int32. Old names are renamed to new ones.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or a tensor is missing, unexpected, of wrong shape or
        kind, or not finite.
    """
    path = folder / part.relative_path
    tensors = _checked(folder, part, mapped=False)
    layout = LAYOUTS[part.kind, part.operating_point, part.component]
    widened = {key: value.to(DTYPES[layout[key].kind]) for key, value in tensors.items()}
    for key, value in widened.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(
                f"{path}: tensor '{key}' holds values that are not finite. "
                "The file is damaged: fetch it again"
            )
    return widened


def _checked(folder: Path, part: Part, *, mapped: bool) -> dict[str, Tensor]:
    path = folder / part.relative_path
    tensors = _load(path, mapped=mapped)
    layout = LAYOUTS[part.kind, part.operating_point, part.component]
    found = {
        RENAMED.get(key, key): value
        for key, value in tensors.items()
        if key not in NOT_TENSORS and not key.startswith("entropy.")
    }
    for key, entry in layout.items():
        if key not in found:
            if entry.required:
                raise UserError(
                    f"{path}: tensor '{key}' is missing, expected shape {entry.shape}. "
                    "Is it the file of another component or operating point?"
                )
            continue
        _check_tensor(path, key, found[key], entry)
    unexpected = sorted(set(found) - set(layout))
    if unexpected:
        raise UserError(
            f"{path}: unexpected tensor '{unexpected[0]}' ({len(unexpected)} in all). "
            "Is it the file of another component or operating point?"
        )
    return found


def _load(path: Path, *, mapped: bool) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(
            f"{path}: file is missing. Put the file there, or point `weights` to a folder in the "
            "official layout (VM_bop/ or VM_hop/, and VM_common_int/)"
        )
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise UserError(
                f"{path}: is a Git LFS pointer, not the file itself. Run `git lfs pull` where it "
                "comes from and copy it again"
            )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        reason = str(error).strip().split("\n")[0][:160]
        raise UserError(
            f"{path}: cannot be read as a file of tensors ({reason}). Fetch it again"
        ) from None
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: holds a {type(content).__name__}, expected a dictionary of tensors. "
            "Use the file of the reference software"
        )
    return content


def _check_tensor(path: Path, key: str, value: object, entry: Entry) -> None:
    if not isinstance(value, Tensor):
        raise UserError(f"{path}: '{key}' is a {type(value).__name__}, expected a tensor")
    if tuple(value.shape) != entry.shape:
        raise UserError(
            f"{path}: tensor '{key}' has shape {tuple(value.shape)}, expected {entry.shape}"
        )
    if _kind(value) != entry.kind:
        raise UserError(f"{path}: tensor '{key}' has dtype {value.dtype}, expected {entry.kind}")


def _kind(value: Tensor) -> str:
    if value.dtype == torch.bool:
        return "bool"
    if value.is_floating_point():
        return "float"
    return "complex" if value.is_complex() else "integer"


def digest(folder: Path, used: Iterable[Part]) -> str:
    """Give the SHA-256 over the bytes of the files, in a fixed order.

    Parameters
    ----------
    folder : Path
    used : iterable of Part
        Files; each must exist.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(part.relative_path for part in used):
        total.update(path.encode())
        with (folder / path).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def source(folder: Path, used: Iterable[Part]) -> str:
    """Tell where the tensors come from.

    Returns
    -------
    {"official", "embedded", "other"}
        "official" if the MD5 of every file is that of the release; "embedded" if the folder
        carries the product's own model card.
    """
    known = True
    for part in used:
        with (folder / part.relative_path).open("rb") as file:
            known &= MD5.get(part.relative_path) == hashlib.file_digest(file, "md5").hexdigest()
    if known:
        return "official"
    return "embedded" if (folder / EMBEDDED_CARD).is_file() else "other"
