"""Step of the rule analyse_images: images to y, the latents before quantisation."""

import argparse
from pathlib import Path

from latentprint.errors import run
from latentprint.extraction import analyse, open_codec
from latentprint.image_tables import read_images
from latentprint.shards import part
from latentprint.stopping import stoppable


def main() -> None:
    """Write the store of y of one shard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="selection.tsv")
    parser.add_argument("--split", required=True, choices=("train", "test", "valid"))
    parser.add_argument("--shard", type=int, required=True, help="0, 1, ...")
    parser.add_argument("--shard-images", type=int, required=True, help="images of a shard")
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--image-size", type=int, required=True, help="pixels")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    parser.add_argument("--model", type=int, required=True, help="model id, 0 to 3")
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--code", help="digest of the code; with it a stopped job can go on")
    parser.add_argument("--output", type=Path, required=True, help="output: store, .json beside it")
    options = parser.parse_args()

    chosen = [image for image in read_images(options.images) if image.split == options.split]
    chosen = part(chosen, options.shard, options.shard_images)
    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )
    analyse(
        codec,
        chosen,
        root=options.root,
        size=options.image_size,
        model=options.model,
        output=options.output,
        code=options.code,
    )


if __name__ == "__main__":
    run(stoppable(main))
