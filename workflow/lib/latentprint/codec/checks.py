"""Checks of what callers give to the codec: one line says what is wrong and what to do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from latentprint.codec.coded import KEPT
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.state import State
from latentprint.errors import UserError
from latentprint.weight_files import BETAS

MIN_SIDE = 64


def device(name: str) -> torch.device:
    """Give a torch device that is there; `UserError` if it is not."""
    try:
        place = torch.device(name)
    except (RuntimeError, TypeError):
        raise UserError(f"device {name!r} is unknown, expected 'cpu' or 'cuda'") from None
    if place.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is not supported, expected 'cpu' or 'cuda'")
    if place.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {name!r} asked for, but torch sees no CUDA. Use 'cpu'")
    return place


def images(rgb: Any) -> Tensor:
    """Give images back if they are uint8 (batch, 3, height, width) of 64 x 64 pixels or more."""
    if not isinstance(rgb, Tensor):
        raise UserError(
            f"images: expected a torch tensor uint8 (batch, 3, height, width), got "
            f"{type(rgb).__name__}. Convert with torch.from_numpy"
        )
    if rgb.dtype != torch.uint8 or rgb.ndim != 4 or rgb.shape[1] != 3 or not len(rgb):
        raise UserError(
            f"images: expected uint8 (batch, 3, height, width), got {rgb.dtype} "
            f"{tuple(rgb.shape)}. Give 8-bit RGB with the channels second"
        )
    if min(rgb.shape[-2:]) < MIN_SIDE:
        raise UserError(
            f"images: expected at least {MIN_SIDE} x {MIN_SIDE} pixels, got "
            f"{rgb.shape[-2]} x {rgb.shape[-1]}. Leave smaller images out"
        )
    return rgb


def latents(luma: Any, chroma: Any) -> None:
    """Check the latents of both components: float, right channels, same batch and grid."""
    for (name, channels), x in zip(CHANNELS.items(), (luma, chroma), strict=True):
        if not isinstance(x, Tensor):
            raise UserError(
                f"{name} latents: expected a tensor, got {type(x).__name__}. Convert arrays "
                "with torch.from_numpy"
            )
        if x.ndim != 4 or x.shape[1] != channels or x.dtype != torch.float32 or not x.numel():
            raise UserError(
                f"{name} latents: expected float32 (batch, {channels}, h, w), got {x.dtype} "
                f"{tuple(x.shape)}. Give luma first, then chroma"
            )
        if not x.isfinite().all():
            raise UserError(
                f"{name} latents: hold values that are not finite. Encode the images again"
            )
    if luma.shape[0] != chroma.shape[0] or luma.shape[-2:] != chroma.shape[-2:]:
        raise UserError(
            f"latents: luma is {tuple(luma.shape)}, chroma {tuple(chroma.shape)}; expected the "
            "same batch, h and w. Give latents of the same images"
        )


def models(luma: Any, chroma: Any) -> None:
    """Check the latents of the same images by all four models."""
    for given in (luma, chroma):
        missing = [m for m in range(len(BETAS)) if not isinstance(given, Mapping) or m not in given]
        if missing:
            raise UserError(
                f"match: latents of model id {missing[0]} are missing. Give all four, as a "
                "mapping of model ids to latents"
            )
    for m in range(len(BETAS)):
        latents(luma[m], chroma[m])
        if luma[m].shape != luma[0].shape:
            raise UserError(
                f"match: latents of model id {m} are {tuple(luma[m].shape)}, of model id 0 "
                f"{tuple(luma[0].shape)}. Give latents of the same images"
            )


def size(given: Any, luma: Tensor) -> tuple[int, int]:
    """Give height and width in pixels if the latents fit them."""
    whole = _integers(given)
    if len(whole) != 2:
        raise UserError(f"size {given!r}, expected height and width in pixels, whole numbers")
    height, width = whole
    expected = (-(-height // 16), -(-width // 16))
    if expected != tuple(luma.shape[-2:]):
        raise UserError(
            f"size {(height, width)}: expected latents of {expected[0]} x {expected[1]} positions, "
            f"got {luma.shape[-2]} x {luma.shape[-1]}. Give height and width in pixels"
        )
    return height, width


def model(number: Any) -> None:
    """Check a model id."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(BETAS):
        raise UserError(f"model id {number!r}, expected 0, 1, 2 or 3")


def displacements(beta: Any, batch: int) -> Tensor:
    """Give the displacement of luma and chroma of every image, int64, (batch, 2), not clipped."""
    if isinstance(beta, Tensor):
        whole = not (beta.is_floating_point() or beta.dtype == torch.bool)
        if not whole or tuple(beta.shape) != (batch, 2):
            raise UserError(
                f"beta: expected integers ({batch}, 2), got {beta.dtype} {tuple(beta.shape)}. "
                "Give luma and chroma of every image"
            )
        return beta.cpu().long()
    whole = _integers(beta)
    if len(whole) != 2:
        raise UserError(f"beta {beta!r}, expected two integers (luma, chroma)")
    return torch.tensor([whole] * batch)


def kept(names: Any, *, of: Collection[str] = KEPT) -> frozenset[str]:
    """Give the names of latents to keep."""
    iterable = isinstance(names, Collection) and not isinstance(names, str)
    if not iterable or not names or not all(name in of for name in names):
        raise UserError(f"latents {names!r}, expected some of {', '.join(of)}")
    return frozenset(names)


def tools(value: Any) -> None:
    """Check the switch of RVS, GRFS and LSBS."""
    if not isinstance(value, bool):
        raise UserError(f"tools {value!r}, expected True or False")


def state(value: Any) -> None:
    """Check what is carried from image to image."""
    if value is not None and not isinstance(value, State):
        raise UserError(
            f"state {value!r}, expected a State() or None. Make one with latentprint.codec.State()"
        )


def _integers(values: Any) -> list[int]:
    """Give a sequence of whole numbers as integers of 64 bits; nothing if it is none."""
    if not isinstance(values, Sequence | Tensor) or isinstance(values, str):
        return []
    whole = []
    for value in values:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            return []
        if isinstance(value, bool) or number != value or abs(number) >= 2**63:
            return []
        whole.append(number)
    return whole
