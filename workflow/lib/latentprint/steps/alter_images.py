"""Write altered copies of the test images, or list the images of a folder."""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from latentprint.detectors.alterations import (
    PLAIN,
    Pixels,
    each,
    folder_images,
    write_altered,
)
from latentprint.detectors.names import CODED, parsed
from latentprint.errors import UserError, run
from latentprint.image_tables import Chosen, read_images, write_table

logger = logging.getLogger(__name__)


def main() -> None:
    """Write pictures and the list of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alteration", help="kind-number")
    parser.add_argument("--folder", type=Path, help="in its place: images of generators, all fake")
    parser.add_argument("--images", type=Path, help="selection.tsv")
    parser.add_argument("--root", type=Path, help="folder of the data set")
    parser.add_argument("--image-size", type=int, required=True, help="pixels")
    parser.add_argument("--weights", type=Path, help="of the codec, for jpegai")
    parser.add_argument("--operating-point", default="BOP")
    parser.add_argument("--model", type=int)
    parser.add_argument("--beta", type=int)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--pictures", type=Path, required=True, help="output: folder")
    parser.add_argument("--list", type=Path, required=True, help="output: table of the pictures")
    options = parser.parse_args()

    if options.folder:
        chosen, refused = folder_images(options.folder, options.image_size)
        for path, reason in refused:
            logger.warning("%s: left out, %s", path, reason)
        if not chosen:
            raise UserError(
                f"{options.folder}: none of its {len(refused)} pictures can be used, expected "
                f"pictures of {options.image_size} x {options.image_size} pixels. Check "
                "detectors.folders in the config"
            )
        options.pictures.mkdir(parents=True, exist_ok=True)
    else:
        kind, number = parsed(options.alteration)
        alter = _codec(options) if kind == CODED else each(PLAIN[kind](number))
        chosen = write_altered(
            [image for image in read_images(options.images) if image.split == "test"],
            alter,
            root=options.root,
            size=options.image_size,
            output=options.pictures,
        )
    write_table(options.list, Chosen._fields, rows=chosen)
    logger.info("wrote %s (%d images)", options.list, len(chosen))


def _codec(options: argparse.Namespace) -> Callable[[list[Pixels]], list[Pixels]]:
    """Code and decode by JPEG AI, without the post filters of the standard's decoder."""
    import torch

    from latentprint.extraction import open_codec

    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )

    def alter(pictures: list[Pixels]) -> list[Pixels]:
        rgb = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        coded = codec.encode(
            rgb, model=options.model, beta=(options.beta, options.beta), latents=("y_hat",)
        )
        decoded = codec.decode(coded).permute(0, 2, 3, 1).cpu().numpy()
        return [np.ascontiguousarray(picture) for picture in decoded]

    return alter


if __name__ == "__main__":
    run(main)
