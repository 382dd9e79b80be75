"""Measure the codecs on a folder of photographs."""

from collections.abc import Sequence
from pathlib import Path

from latentprint.codec import JpegAI
from latentprint.codec import weights as weight_parts
from latentprint.codec.matcher import MODELS
from latentprint.errors import UserError
from latentprint.image_files import decode
from latentprint.progress import Progress
from latentprint.rate_distortion import coders, curve

ALL_KINDS = ("encoder", "entropy", "decoder")
TRANSFORM_KINDS = ("encoder", "decoder")
LEAST_SIDE = 64  # pixels, of the codec
SUFFIXES = {".png", ".webp", ".bmp", ".tif", ".tiff"}  # a lossy original favours its own codec
ADVICE = "Take it out of the folder, or name another folder as rd_curve.photos"


def find_photographs(folder: Path) -> list[Path]:
    """List the photographs of a folder, by name; `UserError` if there are none."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(
            f"{folder}: no photographs ({', '.join(sorted(SUFFIXES))}). Name a folder with them as "
            "rd_curve.photos"
        )
    return paths


def complete_models(codec: JpegAI, kinds: Sequence[str]) -> list[int]:
    """List the model ids of which all files of these kinds are there; `UserError` if none."""
    models = [
        model
        for model in MODELS
        if all(
            (codec.folder / part.relative_path).is_file() for part in codec.used_parts(kinds, model)
        )
    ]
    if not models:
        raise UserError(
            f"{codec.folder}: no model id with {', '.join(kinds)} files. Name a folder with them"
        )
    return models


def origin(codec: JpegAI, kinds: Sequence[str], models: Sequence[int]) -> dict[str, str]:
    """Say where the weights of a codec come from: source and digest."""
    used = [part for model in models for part in codec.used_parts(kinds, model)]
    return {
        "source": weight_parts.source(codec.folder, used),
        "digest": weight_parts.digest(codec.folder, used),
    }


def measure(
    paths: Sequence[Path], codec: JpegAI, transforms: JpegAI | None = None
) -> list[curve.Point]:
    """Send photographs through the codec, JPEG, WebP and transforms without entropy networks.

    Parameters
    ----------
    paths : sequence of Path
        Photographs, at least 64 x 64 pixels.
    codec : JpegAI
    transforms : JpegAI, optional

    Returns
    -------
    list of Point

    Raises
    ------
    UserError
        If a photograph does not decode or is too small, or files of the codecs are missing.
    """
    models = complete_models(codec, ALL_KINDS)
    beside = None
    if transforms is not None:
        beside = coders.TransformCoder(transforms, complete_models(transforms, TRANSFORM_KINDS)[-1])
    points: list[curve.Point] = []
    progress = Progress(len(paths), "photographs")
    for path in paths:
        pixels = decode(path, advice=ADVICE)
        if min(pixels.shape[:2]) < LEAST_SIDE:
            raise UserError(
                f"{path}: is {pixels.shape[1]} x {pixels.shape[0]} pixels, expected at least "
                f"{LEAST_SIDE} x {LEAST_SIDE}. {ADVICE}"
            )
        for model in models:
            points += coders.jpeg_ai(codec, model, pixels, path.name)
        for name in (curve.JPEG, curve.WEBP):
            points += coders.file_codec(name, pixels, path.name)
        if beside:
            beside.add(pixels, path.name)
        progress.advance(1)
    return points + list(beside.points()) if beside else points
