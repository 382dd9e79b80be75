"""How far repetitions of a measurement agree."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stability(repetitions: Sequence[Sequence[float]]) -> float | None:
    """Give the mean Spearman correlation of all pairs of repetitions; None for one alone."""
    ranks = [_ranks(np.asarray(values)) for values in repetitions]
    pairs = [
        float(np.corrcoef(ranks[a], ranks[b])[0, 1])
        for a in range(len(ranks))
        for b in range(a)
        if np.ptp(ranks[a]) and np.ptp(ranks[b])
    ]
    return float(np.mean(pairs)) if pairs else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank values from 1, equal ones by their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]
