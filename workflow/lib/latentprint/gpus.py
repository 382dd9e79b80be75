"""One GPU a job: the first that no other job on this machine has taken."""

import fcntl
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

_held: list[IO[str]] = []  # open, and so locked, until this process ends


def take(names: Sequence[str], folder: Path | None = None) -> int:
    """Take a GPU for as long as this process lives.

    Jobs that a scheduler gives a GPU of its own see that one alone; on a workstation all jobs see
    all of them, and agree by locked files. A lock is gone with its process, however that ends.

    Parameters
    ----------
    names : sequence of str
        What tells the GPUs that this process sees apart, on the whole machine: their UUIDs.
    folder : Path, optional
        Where the locked files lie; by default the system's folder for temporary files.

    Returns
    -------
    int
        Place in `names`. The first one, with a warning, where all are taken: it is then shared.
    """
    folder = folder or Path(tempfile.gettempdir())
    for place, name in enumerate(names):
        path = folder / f"latentprint-{os.getuid()}-gpu-{name}.lock"
        file = path.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        _held.append(file)
        return place
    logger.warning(
        "all %d GPUs are taken by other jobs: sharing the first. Give snakemake the number that "
        "this machine has, --resources gpu=%d",
        len(names),
        len(names),
    )
    return 0
