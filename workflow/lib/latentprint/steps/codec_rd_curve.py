"""Step of the rule codec_rd_curve: photographs through the codec, JPEG and WebP at many rates."""

import argparse
import json
import logging
from pathlib import Path

import torch

from latentprint.codec import JpegAI
from latentprint.codec import weights as weight_parts
from latentprint.codec.matcher import MODELS
from latentprint.errors import UserError, run
from latentprint.files import write_text
from latentprint.image_files import decode
from latentprint.progress import Progress
from latentprint.rate_distortion import coders, curve
from latentprint.training.record import check_apart

logger = logging.getLogger(__name__)

KINDS = ("encoder", "entropy", "decoder")
LEAST_SIDE = 64  # pixels, of the codec
ADVICE = "Take it out of the folder, or name another folder as rd_curve.photos"


def main() -> None:
    """Write the points of all codecs and photographs, and what they were made with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    parser.add_argument("--transforms", default="", help="folder of transforms to compare with")
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--output", type=Path, required=True, help="output: tsv, .json beside it")
    options = parser.parse_args()

    torch.set_num_threads(1)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    paths = coders.photograph_paths(options.photos)
    if not paths:
        raise UserError(f"{options.photos}: no photographs. Name a folder with them in rd_curve")
    check_apart(options.weights, paths)
    codec = JpegAI.load(options.weights, options.operating_point, device)
    models = _complete(codec, KINDS)
    if not models:
        raise UserError(
            f"{options.weights}: no model id with encoder, entropy and decoder files. Name a "
            "folder that has them as weights"
        )
    transforms = None
    if options.transforms:
        other = JpegAI.load(options.transforms, "BOP", device)
        transforms = coders.TransformCoder(other, _complete(other, ("encoder", "decoder")))
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
            points += coders.jpeg_ai(codec, model, pixels, path.stem)
        for name in (curve.JPEG, curve.WEBP):
            points += coders.file_codec(name, pixels, path.stem)
        if transforms:
            transforms.add(pixels, path.stem)
        progress.advance(1)
    if transforms:
        points += transforms.points()
    curve.write(points, options.output)
    used = [part for model in models for part in codec.used_parts(KINDS, model)]
    facts = {
        "photographs": options.photos.resolve().name,
        "n": len(paths),
        "operating_point": options.operating_point,
        "models": models,
        "weights": weight_parts.source(options.weights, used),
        "weights_digest": weight_parts.digest(options.weights, used),
        "tools": True,
        "device": device,
        "torch": torch.__version__.split("+")[0],
        **coders.library_versions(),
    }
    write_text(options.output.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")
    logger.info("wrote %s (%d points, %d photographs)", options.output, len(points), len(paths))


def _complete(codec: JpegAI, kinds: tuple[str, ...]) -> list[int]:
    """List the model ids of which all files of these kinds are there."""
    return [
        model
        for model in MODELS
        if all(
            (codec.folder / part.relative_path).is_file() for part in codec.used_parts(kinds, model)
        )
    ]


if __name__ == "__main__":
    run(main)
