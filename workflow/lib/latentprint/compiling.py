"""The compiled loops of the histogram engine: made once on a machine, by one process at a time.

numba keeps them beside the modules, or in the user's cache folder where the package cannot be
written to, by a digest of the source. It does not lock: two jobs that compile several variants of
one loop at the same time can give each other's files wrong names. So whoever comes first compiles,
the others wait and load.
"""

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from latentprint.classifiers import HISTOGRAM, Classifier
from latentprint.errors import UserError

logger = logging.getLogger(__name__)

LONG_S = 5.0  # loading takes less, compiling more


def load_kernels(classifier: Classifier) -> None:
    """Import the histogram engine and let it fit and answer eight rows, in all memory orders.

    Parameters
    ----------
    classifier : Classifier
        Whose loops are wanted; one of those that have the engine.
    """
    began = time.monotonic()
    with _alone():
        _check_cache()
        from latentprint.histograms.bins import bin_matrix

        values = np.arange(48, dtype=np.float32).reshape(16, 3)
        fake = np.arange(16) % 2 == 1
        labels = np.where(fake, "fake", "real")
        for ordered in (values, np.asfortranarray(values)):
            binned = bin_matrix(ordered, max_bins=4)
        few = {classifier.grown: 2, "min_samples_leaf": 1}
        model = classifier.engines[HISTOGRAM].make(few, 0, 1)
        model.fit(binned, labels)
        for asked in (values, np.asfortranarray(values), binned):
            model.predict_proba(asked)
        model.predict_proba(np.asfortranarray(values)[2:9])
        model.predict_proba(values[:, ::-1])
    seconds = time.monotonic() - began
    if seconds > LONG_S:
        logger.info("compiled the histogram engine in %.0f s; later jobs load it", seconds)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock that one process of this user can hold on this machine."""
    path = Path(tempfile.gettempdir(), f"latentprint-kernels-{os.getuid()}.lock")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check_cache() -> None:
    """Refuse to start where compiled loops can be kept nowhere; numba says so when importing."""
    try:
        import latentprint.histograms.bins  # noqa: F401
    except RuntimeError as error:
        raise UserError(
            f"engine histogram: its compiled loops cannot be kept ({error}), expected the home "
            "folder or the folder in NUMBA_CACHE_DIR to be writable. Set NUMBA_CACHE_DIR to one "
            "that is."
        ) from error
