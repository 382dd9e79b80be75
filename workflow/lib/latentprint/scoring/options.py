"""The options that name the detector of a run and the codec, and what they name, opened."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from latentprint.codec import JpegAI
from latentprint.detectors.calibration import read_calibration
from latentprint.extraction import open_codec
from latentprint.predictions import read_predictions
from latentprint.scoring.detector import Detector, decided, open_member
from latentprint.scoring.interval import Calibrated, bootstrap
from latentprint.scoring.latents import Coding


class Opened(NamedTuple):
    """The detector of a run, ready to be asked.

    Attributes
    ----------
    codec : JpegAI
    detector : Detector
    calibrated : Calibrated
    described : dict
        What the detector's ``calibration.json`` says.
    """

    codec: JpegAI
    detector: Detector
    calibrated: Calibrated
    described: dict[str, Any]


def add_detector_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a detector: one cell, or those that may be averaged."""
    parser.add_argument("--cells", nargs="+", required=True, help="as bpp-1/y/Y/gap/LR")
    parser.add_argument("--points", nargs="+", required=True, help="where each was trained")
    for name in ("models", "features", "held-out", "calibrations"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, help="of each cell")
    for name in ("detector", "together", "calibration"):
        parser.add_argument(f"--{name}", type=Path, help="of the average, where there is one")
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--operating-point", required=True)
    parser.add_argument("--tools", required=True, choices=("True", "False"))
    parser.add_argument("--state", required=True, choices=("fresh", "carried"))
    parser.add_argument("--y-hat", required=True, choices=("after_lsbs", "before_lsbs"))
    parser.add_argument("--device", required=True, choices=("auto", "cpu", "cuda"))
    parser.add_argument("--seed", type=int, required=True, help="of the intervals")
    parser.add_argument("--threads", type=int, default=1)


def load(options: Any) -> Opened:
    """Open the detector that the options name.

    Raises
    ------
    UserError
        If a file is missing or damaged, or if the detector cannot be asked about single images.
    """
    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )
    cells = options.cells
    places = decided(options.detector, cells) if options.detector else [0]
    members = [
        open_member(
            cells[place],
            options.points[place],
            model=options.models[place],
            features=options.features[place],
            held_out=options.held_out[place],
        )
        for place in places
    ]
    averaged = len(places) > 1
    held_out = read_predictions(options.together) if averaged else members[0].held_out
    calibration, described = read_calibration(
        options.calibration if averaged else options.calibrations[places[0]]
    )
    coding = Coding(codec, options.tools == "True", options.state, options.y_hat)
    return Opened(
        codec,
        Detector(members, coding, threads=options.threads),
        bootstrap(calibration, held_out, seed=options.seed),
        described,
    )
