"""Step of the rule follow_passes: photographs through codecs again and again."""

import argparse
import io
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from latentprint.cues.options import add_codec, open_compressor
from latentprint.cues.rd import psnr
from latentprint.cues.sources import BATCH, batches, first_of, read_list
from latentprint.errors import run
from latentprint.image_tables import write_table
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

JPEG_QUALITIES = (10, 30, 50, 75, 90)
COLUMNS = ("codec", "level", "pass", "n", "bpp", "psnr", "psnr_step")


def main() -> None:
    """Write mean rate, quality against the original and loss of every pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=Path, required=True, help="sources.tsv")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the sources")
    add_codec(parser)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    settings = options.settings
    compressor = open_compressor(options)
    photographs = [row for row in read_list(options.list) if row.kind == "uncompressed"]
    rows = first_of(photographs, settings["rd"]["curve_images"])
    passes = settings["rd"]["curve_passes"]
    kept: dict[tuple[str, str, int], list[tuple[float, float, float]]] = {}
    progress = Progress(len(rows), "pictures")
    for some, originals in batches(rows, options.pictures, BATCH):
        for level in settings["rates"]:
            now, found = originals, None
            for number in range(1, passes + 1):
                made = compressor.compress(now, level, found)
                found = made.settings
                for k, picture in enumerate(made.pictures):
                    bpp = made.bits[k].sum() / picture[..., 0].size
                    entry = (bpp, psnr(originals[k], picture), psnr(now[k], picture))
                    kept.setdefault(("JPEG AI", level, number), []).append(entry)
                now = made.pictures
        for quality in JPEG_QUALITIES:
            for original in originals:
                _follow_jpeg(original, quality, passes, kept.setdefault)
        progress.advance(len(some))
    write_table(
        options.output,
        COLUMNS,
        rows=[
            (*key, len(entries), *(f"{value:.5f}" for value in np.mean(entries, axis=0)))
            for key, entries in kept.items()
        ],
    )
    logger.info("wrote %s (%d photographs, %d passes)", options.output, len(rows), passes)


def _follow_jpeg(
    original: np.ndarray, quality: int, passes: int, at: Callable[..., list[tuple[float, ...]]]
) -> None:
    now = original
    for number in range(1, passes + 1):
        file = io.BytesIO()
        Image.fromarray(now).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        decoded = np.array(Image.open(file).convert("RGB"))
        entry = (8 * file.tell() / now[..., 0].size, psnr(original, decoded), psnr(now, decoded))
        at(("JPEG", f"quality {quality}", number), []).append(entry)
        now = decoded


if __name__ == "__main__":
    run(main)
