"""What a fit was made with and what it cost."""

import platform
import resource
from collections.abc import Mapping
from typing import Any

import numpy as np

from latentprint.classifiers import HISTOGRAM


def versions(engine: Mapping[str, Any]) -> dict[str, str]:
    """Give the versions of what a model of an engine depends on."""
    import sklearn

    found = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
    if engine["name"] == HISTOGRAM:
        import numba

        found["numba"] = numba.__version__
    return found


def cell_costs(
    *, search_s: float, fit_s: float, predict_s: float, cores: int
) -> dict[str, float | int]:
    """Give what ``costs.json`` says: seconds, cores, and the peak memory of this process in MB."""
    return {
        "search_s": round(search_s, 3),
        "fit_s": round(fit_s, 3),
        "predict_s": round(predict_s, 3),
        "cores": cores,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
