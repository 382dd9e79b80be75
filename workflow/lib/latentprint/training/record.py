"""The record of a training, a file beside the weights that it made."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from latentprint.errors import UserError
from latentprint.training.loop import Settings
from latentprint.training.pictures import Pictures, file_digest

TRAINING = "training.json"


def written(settings: Settings, pictures: Pictures) -> str:
    """Write down settings and photographs of a training.

    Parameters
    ----------
    settings : Settings
    pictures : Pictures

    Returns
    -------
    str
        JSON; photographs by name with the SHA-256 of their files.
    """
    facts = {
        "settings": asdict(settings),
        "photographs": pictures.files,
    }
    return json.dumps(facts, indent=1) + "\n"


def check_apart(weights: Path, photographs: Sequence[Path]) -> None:
    """Raise `UserError` if weights were trained on one of the photographs, byte for byte.

    Parameters
    ----------
    weights : Path
        Folder of weights; one without a record of its training passes.
    photographs : sequence of Path
    """
    record = weights / TRAINING
    if not record.is_file():
        return
    trained = json.loads(record.read_text(encoding="utf-8"))["photographs"]
    names = {digest: name for name, digest in trained.items()}
    for path in photographs:
        name = names.get(file_digest(path))
        if name:
            raise UserError(
                f"{path}: is the same file as {name}, which the weights in {weights} were trained "
                "on. Report on photographs that were not trained on"
            )
