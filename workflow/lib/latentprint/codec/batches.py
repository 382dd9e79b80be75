"""Work on as many images at a time as the memory allows, and on fewer where it does not."""

import logging
from collections.abc import Callable
from typing import Any

import torch

from latentprint.errors import UserError

logger = logging.getLogger(__name__)


def work_through(
    count: int, together: int, work: Callable[[slice], Any], *, place: str
) -> tuple[list[Any], int]:
    """Do the work batch by batch.

    Parameters
    ----------
    count : int
        Images.
    together : int
        Images at a time; halved, with a line in the log, where a GPU has no memory for them.
    work : callable (slice of the images) -> result
        Is called again, for fewer images, after it failed for want of memory.
    place : str
        What is said to have no memory: device and size of an image.

    Returns
    -------
    results : list
        In the order of the images.
    together : int
        Images at a time that the memory allowed.

    Raises
    ------
    UserError
        If there is no memory for one image.
    """
    results: list[Any] = []
    start = 0
    while start < count:
        rows = slice(start, min(start + together, count))
        fits, result = _try(work, rows)
        if fits:
            results.append(result)
            start = rows.stop
            continue
        if together == 1:
            raise UserError(f"{place}: no memory for one image. Free memory or use device 'cpu'")
        together = max(1, min(together, count) // 2)
        logger.warning("%s: out of memory, going on with batches of %d", place, together)
        torch.cuda.empty_cache()
    return results, together


def _try(work: Callable[[slice], Any], rows: slice) -> tuple[bool, Any]:
    """Tell whether the memory was enough; on return nothing holds the tensors of a failure."""
    try:
        return True, work(rows)
    except torch.OutOfMemoryError:
        return False, None
