"""Which files of a folder an operating point has, and what is missing for a request."""

from collections.abc import Collection
from pathlib import Path

from latentprint.codec import weights
from latentprint.codec.weights import Part
from latentprint.errors import UserError

OPERATING_POINTS = ("BOP", "HOP", "SOP")


def used(operating_point: str, kinds: Collection[str], model: int) -> list[Part]:
    """List the files that a request reads: kinds out of "encoder", "decoder", "entropy"."""
    return [part for part in weights.parts(operating_point, models=[model]) if part.kind in kinds]


def present(folder: Path, operating_point: str) -> list[Part]:
    """List the files that are there; `UserError` if the operating point can do nothing with them.

    Entropy files alone are enough to quantise, but beside the transforms of another operating
    point they are a request for the wrong one.
    """
    found = {
        point: [part for part in weights.parts(point) if (folder / part.relative_path).is_file()]
        for point in OPERATING_POINTS
    }
    with_transforms = [
        point
        for point, parts in found.items()
        if any(part.operating_point == point for part in parts)
    ]
    # SOP has the encoders of BOP: with them alone it can analyse.
    able = operating_point in with_transforms or any(
        part.kind == "encoder" for part in found[operating_point]
    )
    if able or (found[operating_point] and not with_transforms):
        return found[operating_point]
    first = folder / weights.parts(operating_point)[0].relative_path
    advice = (
        f"The folder has files of {', '.join(with_transforms)}: set operating_point"
        if with_transforms
        else "Point `weights` to a folder in the official layout "
        f"(VM_{operating_point.lower()}/, VM_common_int/)"
    )
    raise UserError(
        f"{first}: file is missing, like every other transform of {operating_point}. {advice}"
    )


def require(folder: Path, operating_point: str, kinds: Collection[str], *models: int) -> None:
    """Raise UserError unless the files of these kinds and model ids are there."""
    missing = [
        part.relative_path
        for model in models
        for part in used(operating_point, kinds, model)
        if not (folder / part.relative_path).is_file()
    ]
    if not missing:
        return
    if len(models) > 1:
        advice = "Rate matching tries every model id: add the files, or give model and beta"
    elif "decoder" in kinds:
        advice = "Add the files, or decode at an operating point that the folder has decoders of"
    elif "encoder" in kinds and "entropy" in kinds:
        advice = (
            "Add the files, choose another model id, or ask for less (latents=('y',) needs the "
            "encoder files alone)"
        )
    else:
        advice = "Add the files or choose another model id"
    more = f" and {len(missing) - 2} more files" if len(missing) > 2 else ""
    raise UserError(f"{folder}: missing {', '.join(missing[:2])}{more}. {advice}")
