"""The small JSON file beside a latent store: what is in the store, without opening it."""

import json
from pathlib import Path
from typing import Any

from latentprint.errors import UserError

FORMAT = "latentprint latents"


def sidecar_path(path: Path) -> Path:
    """Give the name of the small JSON file beside a store."""
    return Path(path).with_suffix(".json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read a sidecar file.

    Parameters
    ----------
    path : Path
        The JSON file itself (`sidecar_path` gives it for a store).

    Returns
    -------
    dict
        Keys `format`, `schema`, `digest`, `n_images`, `datasets` (per name: shape, dtype, sha256),
        `summary` (`model`: images per model id; `beta`: smallest and largest displacement of luma
        and of chroma; `bpp`: mean, smallest, largest, or null where unknown; `found`: images whose
        search accepted a rate, where rates were matched) and `attributes`.

    Raises
    ------
    UserError
        If the file is missing or is not such a file.
    """
    path = Path(path)
    try:
        sidecar = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected the description of a latent store. "
            "Delete it and run snakemake again."
        ) from error
    if not isinstance(sidecar, dict) or sidecar.get("format") != FORMAT:
        raise UserError(
            f"{path}: not the description of a latent store. Delete it and run snakemake again."
        )
    return sidecar
