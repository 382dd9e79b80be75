"""What every table and page says of its origin: run, configuration, code."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
# Names, where things lie and in which words they are printed; the numbers do not depend on them.
NOT_COUNTED = ("run", "device", "labels", "images", "rd_curve", "training")
CUE_FOLDERS = ("manifest", "uncompressed", "synthetic", "decoded", "weights")
OWN = {"images_root": "drawn", "weights": "resources/codec"}  # of the product; others are a folder
NO_COMMIT = "no commit known"


@dataclass(frozen=True)
class Trace:
    """Origin of a table or page.

    Attributes
    ----------
    run : str
    config : str
        Digest of the configuration.
    commit : str
        Commit of the product, with "+" where files were changed after it.
    """

    run: str
    config: str
    commit: str


def config_digest(config: Mapping[str, Any]) -> str:
    """Digest a configuration: equal for equal settings, wherever a user's folders lie.

    Parameters
    ----------
    config : mapping
        After the merging of files and options.

    Returns
    -------
    str
        10 hexadecimal digits.
    """
    counted = {key: value for key, value in config.items() if key not in NOT_COUNTED}
    counted |= {key: "folder" for key, own in OWN.items() if config[key] != own}
    # How many images a file holds changes no number.
    counted["store"] = {k: v for k, v in config["store"].items() if k != "shard_images"}
    for key in ("search", "engine"):
        counted[key] = {k: v for k, v in config[key].items() if k in config["classifiers"]}
    for key, unused in _unused(config).items():
        if unused:
            del counted[key]
    if "detectors" in counted:
        folders = dict.fromkeys(config["detectors"]["folders"], "folder")
        counted["detectors"] = config["detectors"] | {"folders": folders}
    text = json.dumps(counted, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def cues_digest(config: Mapping[str, Any]) -> str:
    """Digest what the forensic cues read of a configuration; 10 hexadecimal digits."""
    counted = {
        key: value for key, value in config["cues"].items() if key not in (*CUE_FOLDERS, "scored")
    }
    named = ("uncompressed", "synthetic", "decoded")
    counted |= {key: sorted(config["cues"][key]) for key in named}
    counted |= {key: config[key] for key in ("seed", "image_size")}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:10]


def _unused(config: Mapping[str, Any]) -> dict[str, bool]:
    """Tell which keys a run does not read: others may come with a new version of the product."""
    return {
        "screening": "screened" not in config["features"],
        "n_valid": not config["n_valid"],
        "seeds": config["seeds"] == 1,
        "detectors": not config["detectors"]["examined"],
        "parts": True,
        "cues": True,  # their tables carry `cues_digest`
    }


def commit(checkout: Path = CHECKOUT) -> str:
    """Name the commit of the product that is running.

    Parameters
    ----------
    checkout : Path
        Folder of the product.

    Returns
    -------
    str
        10 hexadecimal digits, and "+" where tracked files differ from it; or that none is known,
        in a copy without history or on a machine without git.
    """
    if not (checkout / ".git").exists():
        return NO_COMMIT
    command = ["git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT
    return done.stdout.strip()
