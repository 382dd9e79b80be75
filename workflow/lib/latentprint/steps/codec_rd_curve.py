"""Step of the rule codec_rd_curve: photographs through the codec, JPEG and WebP at many rates."""

import argparse
import logging
from pathlib import Path

import torch

from latentprint.errors import run
from latentprint.extraction import open_codec
from latentprint.files import write_json
from latentprint.rate_distortion import coders, curve, measure
from latentprint.training.record import check_apart

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the points of all codecs and photographs, and what they were made with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    parser.add_argument("--transforms", type=Path, help="folder of transforms to compare with")
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--output", type=Path, required=True, help="output: tsv, .json beside it")
    options = parser.parse_args()

    paths = measure.find_photographs(options.photos)
    check_apart(options.weights, paths)
    point, device = options.operating_point, options.device
    codec = open_codec(options.weights, operating_point=point, device=device)
    transforms = None
    if options.transforms:
        transforms = open_codec(options.transforms, operating_point="BOP", device=device)
    points = measure.measure(paths, codec, transforms)
    curve.write(points, options.output)
    models = measure.complete_models(codec, measure.ALL_KINDS)
    of_codec = measure.origin(codec, measure.ALL_KINDS, models)
    facts = {
        "photographs": options.photos.resolve().name,
        "n": len(paths),
        "operating_point": point,
        "models": models,
        "weights": of_codec["source"],
        "weights_digest": of_codec["digest"],
        "tools": True,
        "device": codec.device.type,
        "torch": torch.__version__.split("+")[0],
        **coders.library_versions(),
    }
    if transforms:
        kinds = measure.TRANSFORM_KINDS
        others = measure.complete_models(transforms, kinds)[-1:]
        facts["transforms"] = measure.origin(transforms, kinds, others)
    write_json(options.output.with_suffix(".json"), facts)
    logger.info("wrote %s (%d points, %d photographs)", options.output, len(points), len(paths))


if __name__ == "__main__":
    run(main)
