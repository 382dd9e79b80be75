"""Score the images of a folder with the detector of a run."""

import argparse
import logging
from pathlib import Path

from latentprint.errors import run
from latentprint.scoring.about import About, scores_of
from latentprint.scoring.folder import score_folder
from latentprint.scoring.options import add_detector_options, load
from latentprint.stopping import stoppable
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)


def main() -> None:
    """Write a table and pages with what detector and cues say of every image."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_detector_options(parser)
    parser.add_argument("--images", type=Path, required=True, help="folder to score")
    parser.add_argument("--image-size", type=int, required=True, help="of the training, pixels")
    parser.add_argument("--cues", type=Path, nargs="*", default=[], help="folder of each cue")
    parser.add_argument("--cue-weights", type=Path, help="of the codec that cues ask")
    parser.add_argument("--cue-operating-point", default="BOP")
    parser.add_argument("--scores", type=Path, required=True, help="scores.tsv of the run")
    parser.add_argument("--run", required=True, help="its name")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--table", type=Path, required=True, help="output: scores.tsv")
    parser.add_argument("--page", type=Path, required=True, help="output: index.html")
    parser.add_argument("--pages", type=Path, required=True, help="output: folder of further pages")
    options = parser.parse_args()

    opened = load(options)
    cues = []
    if options.cues:
        from latentprint.cues.asking import AskedCue
        from latentprint.extraction import open_codec

        codec = open_codec(
            options.cue_weights,
            operating_point=options.cue_operating_point,
            device=options.device,
        )
        cues = [AskedCue(folder, codec) for folder in options.cues]
    cells = [member.cell for member in opened.detector.members]
    about = About(
        folder=str(options.images),
        size=options.image_size,
        cells=scores_of(options.scores, cells),
        described=opened.described,
        trace=Trace(options.run, options.config_digest, commit()),
        weighed=len(options.cells),
    )
    found = score_folder(
        options.images, about=about, detector=opened.detector, calibrated=opened.calibrated,
        cues=cues, table=options.table, page=options.page, pages=options.pages,
    )  # fmt: skip
    logger.info("%s: %d scored, %d refused", options.table, found.scored, found.refused)


if __name__ == "__main__":
    run(stoppable(main))
