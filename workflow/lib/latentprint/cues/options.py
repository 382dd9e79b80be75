"""Options that steps of the cues share: the codec, and the key `cues` of the configuration."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentprint.cues.compressor import Compressor


def add_codec(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the codec and the settings of the cues."""
    parser.add_argument("--weights", type=Path, help="folder, official layout")
    parser.add_argument("--operating-point", default="BOP")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the key cues")


def open_compressor(options: Any) -> "Compressor":
    """Open the codec that the options name.

    torch is imported here: half of the steps' jobs do without the codec, and it takes 2 seconds.
    """
    from latentprint.cues.compressor import Compressor
    from latentprint.extraction import open_codec

    codec = open_codec(
        options.weights, operating_point=options.operating_point, device=options.device
    )
    settings = options.settings
    return Compressor(
        codec, settings["operating_points"], settings["rate"] == "match", settings["tools"]
    )
