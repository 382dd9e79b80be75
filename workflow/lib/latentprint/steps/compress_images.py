"""Step of the rule compress_images: pictures through JPEG AI, or through another step."""

import argparse
import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np

from latentprint.cues.alterations import altered
from latentprint.cues.options import add_codec, open_compressor
from latentprint.cues.sources import BATCH, batches, read_list, write_picture
from latentprint.cues.versions import CODED, SOURCE, Step, before, last
from latentprint.errors import run
from latentprint.image_tables import write_table
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

CODING = ("model", "beta", "bpp", "luma_z", "luma_y", "chroma_z", "chroma_y")
COLUMNS = ("id", "sha256", *CODING)


def main() -> None:
    """Write the pictures of a version as PNG; of each the pixels' digest, operating point, bits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=Path, required=True, help="sources.tsv")
    parser.add_argument("--kinds", nargs="+", required=True, help="classes of sources")
    parser.add_argument("--version", required=True, help="to be made")
    parser.add_argument("--before", type=Path, required=True, help="folder of the version before")
    add_codec(parser)
    parser.add_argument("--pictures", type=Path, required=True, help="output: folder")
    parser.add_argument("--table", type=Path, required=True, help="output")
    options = parser.parse_args()

    step = last(options.version)
    assert step is not None, f"{SOURCE} is made by index_sources"
    rows = [row for row in read_list(options.list) if row.kind in options.kinds]
    compressor = open_compressor(options) if step.kind == CODED else None
    options.pictures.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(rows), "pictures")
    table: list[tuple[object, ...]] = []
    for some, pictures in batches(rows, options.before, BATCH):
        made, lines = _step(pictures, step, compressor)
        for row, picture, line in zip(some, made, lines, strict=True):
            write_picture(options.pictures / f"{row.id}.png", picture)
            table.append((row.id, hashlib.sha256(picture.tobytes()).hexdigest(), *line))
        progress.advance(len(some))
    write_table(options.table, COLUMNS, rows=table)
    logger.info(
        "wrote %s (%s from %s, %d pictures)",
        options.pictures, options.version, before(options.version), len(rows),
    )  # fmt: skip


def _step(
    pictures: np.ndarray, step: Step, compressor: Any
) -> tuple[list[np.ndarray], list[tuple[object, ...]]]:
    """Do the step to a batch; give pictures, and of each what `CODING` names."""
    if compressor is None:
        return [altered(one, step) for one in pictures], [("",) * len(CODING)] * len(pictures)
    found = compressor.compress(pictures, step.value)
    pixels = pictures.shape[1] * pictures.shape[2]
    return list(found.pictures), [
        (*setting, f"{bits.sum() / pixels:.5f}", *(f"{b:.1f}" for b in bits))
        for setting, bits in zip(found.settings, found.bits, strict=True)
    ]


if __name__ == "__main__":
    run(main)
