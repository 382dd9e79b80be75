"""Files of trained tensors: where they lie, what they must hold, where they come from (section 2).

The official layout is a folder with `VM_bop/`, `VM_hop/`, `VM_sop/` and `VM_common_int/`. A folder
may hold some of the files; every file that is there is checked when the codec is loaded, and read
into memory when first used.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from latentprint.codec import torch_files
from latentprint.codec.layouts import LAYOUTS, Entry
from latentprint.codec.official import MD5, RELEASE
from latentprint.errors import UserError
from latentprint.weight_files import combined_digest, file_point, relative_path

logger = logging.getLogger(__name__)

NOT_TENSORS = ("epoch", "best_loss", "optimizer", "channel_wise_entropy")
RENAMED = {"quantizer.gain_unit.c": "vr_vec.c"}
DTYPES = {"float": torch.float32, "integer": torch.int32, "bool": torch.bool}
EMBEDDED_CARD = "model_card.md"
INT32 = torch.iinfo(torch.int32)


@dataclass(frozen=True)
class Part:
    """One file: the trained tensors of one network of one component.

    Attributes
    ----------
    kind : {"encoder", "decoder", "entropy"}
    operating_point : str
        "BOP", "HOP" or "SOP" (decoders alone); "" for the entropy files, which all operating
        points share.
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
    """List the files that an operating point can use; SOP has the encoders of BOP."""
    return [
        Part(kind, file_point(kind, operating_point), component, model)
        for model in models
        for kind in ("encoder", "decoder", "entropy")
        for component in ("luma", "chroma")
    ]


def check(folder: Path, part: Part, *, values: bool = False) -> None:
    """Check keys, shapes and kinds of one file without keeping its tensors.

    Parameters
    ----------
    folder : Path
        Folder in the official layout.
    part : Part
    values : bool, default False
        Look at the numbers, too, which reads the whole file.

    Raises
    ------
    UserError
        Names the file and the key that is wrong.
    """
    tensors = _checked(folder, part)
    if values:
        _widened(folder, part, tensors)


def read(folder: Path, part: Part) -> dict[str, Tensor]:
    """Read one file; warn once if neither the release nor this product made it.

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
        kind, not finite, or beyond 32 bits.
    """
    widened = _widened(folder, part, _checked(folder, part))
    path = folder / part.relative_path
    expected = MD5.get(part.relative_path)
    if not (folder / EMBEDDED_CARD).is_file() and (found := _md5(path)) != expected:
        _warn_once(path, found, expected, "pictures" if part.kind == "decoder" else "latents")
    return widened


def _widened(folder: Path, part: Part, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors out of their file into the types that the codec computes with."""
    path = folder / part.relative_path
    layout = LAYOUTS[part.kind, part.operating_point, part.component]
    widened = {}
    for key, value in tensors.items():
        if layout[key].kind == "integer" and value.numel():
            # int64 would wrap around without a word.
            low, high = value.to(torch.int64).aminmax()
            if low < INT32.min or high > INT32.max:
                raise UserError(
                    f"{path}: tensor '{key}' holds {low} to {high}, expected 32-bit integers. "
                    "The file is damaged: fetch it again"
                )
        if (
            key.startswith("hyper_scale_decoder.")
            and layout[key].kind == "bool"
            and not value.all()
        ):
            raise UserError(
                f"{path}: '{key}' is False, expected True: the scale decoder is not in integers. "
                "Use the file of VM_common_int/, not VM_common/"
            )
        widened[key] = value.detach().to(DTYPES[layout[key].kind], copy=True)
        if widened[key].is_floating_point() and not widened[key].isfinite().all():
            raise UserError(
                f"{path}: tensor '{key}' holds values that are not finite. "
                "The file is damaged: fetch it again"
            )
    return widened


def _checked(folder: Path, part: Part) -> dict[str, Tensor]:
    path = folder / part.relative_path
    layout = LAYOUTS[part.kind, part.operating_point, part.component]
    found: dict[str, object] = {}
    for key, value in torch_files.load(path).items():
        if key in NOT_TENSORS or key.startswith("entropy."):
            continue
        name = RENAMED.get(key, key)
        if name in found:
            raise UserError(
                f"{path}: holds tensor '{name}' under both of its names, expected one. "
                "Use the file of the reference software"
            )
        found[name] = value
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


def _check_tensor(path: Path, key: str, value: object, entry: Entry) -> None:
    if not isinstance(value, Tensor):
        raise UserError(
            f"{path}: '{key}' is of type {type(value).__name__}, expected a tensor. "
            "Use the file of the reference software"
        )
    if tuple(value.shape) != entry.shape:
        raise UserError(
            f"{path}: tensor '{key}' has shape {tuple(value.shape)}, expected {entry.shape}. "
            "Is it the file of another component or operating point?"
        )
    if _kind(value) != entry.kind:
        # The float variant differs from the integer one in these tensors first.
        advice = (
            "Is it the file of VM_common/, which is for training? Use that of VM_common_int/"
            if key.startswith("hyper_scale_decoder.")
            else "Use the file of the reference software"
        )
        raise UserError(
            f"{path}: tensor '{key}' has dtype {value.dtype}, expected {entry.kind}. {advice}"
        )


def _kind(value: Tensor) -> str:
    if value.layout != torch.strided or value.is_quantized:
        return "packed"
    if value.dtype == torch.bool:
        return "bool"
    if value.is_floating_point():
        return "float"
    return "complex" if value.is_complex() else "integer"


def digests(folder: Path, used: Iterable[Part]) -> dict[str, str]:
    """Give the SHA-256 of each file.

    Parameters
    ----------
    folder : Path
    used : iterable of Part
        Files; each must exist.

    Returns
    -------
    dict of str to str
        64 hexadecimal digits, by path below the folder, in the order of the paths.
    """
    return {
        path: _hashed(folder / path, "sha256")
        for path in sorted({part.relative_path for part in used})
    }


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
    return combined_digest(digests(folder, used))


def source(folder: Path, used: Iterable[Part]) -> str:
    """Tell where the tensors come from.

    Returns
    -------
    {"official", "embedded", "other"}
        "official" if the MD5 of every file is that of the release; "embedded" if the folder
        carries the product's own model card.
    """
    names = [part.relative_path for part in used]
    if all(_md5(folder / name) == MD5.get(name) for name in names):
        return "official"
    return "embedded" if (folder / EMBEDDED_CARD).is_file() else "other"


def _md5(path: Path) -> str:
    state = path.stat()
    return _md5_of_state(path, state.st_size, state.st_mtime_ns)


@cache
def _md5_of_state(path: Path, size: int, changed_ns: int) -> str:
    return _hashed(path, "md5")


def _hashed(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


@cache
def _warn_once(path: Path, found: str, expected: str | None, what: str) -> None:
    logger.warning(
        "%s: MD5 is %s, expected %s (release %s): %s are not those of the release",
        path,
        found,
        expected,
        RELEASE,
        what,
    )
