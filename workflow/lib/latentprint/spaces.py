"""Search spaces: what may be drawn for a hyperparameter."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from latentprint.classifiers import Parameters


def draw(
    space: Mapping[str, Any], *, count: int, generator: np.random.Generator
) -> list[Parameters]:
    """Draw distinct sets of hyperparameters; fewer than `count` where the space has no more."""
    drawn: list[Parameters] = []
    for _ in range(100 * count):
        parameters = {name: _draw_one(entry, generator) for name, entry in space.items()}
        if parameters not in drawn:
            drawn.append(parameters)
        if len(drawn) == count:
            break
    return drawn


def limits(entry: Any) -> tuple[int, int]:
    """Give the least and the largest whole number of a range or of a fixed value."""
    if not isinstance(entry, Mapping):
        return entry, entry
    ((kind, values),) = entry.items()
    return min(values), max(values) - (kind == "integers")


def _draw_one(entry: Any, generator: np.random.Generator) -> Any:
    """Draw one value; the upper end of integers is exclusive, as in the thesis' spaces."""
    if not isinstance(entry, Mapping):
        return entry
    ((kind, values),) = entry.items()
    if kind == "integers":
        return int(generator.integers(*values))
    if kind == "uniform":
        return float(generator.uniform(*values))
    if kind == "loguniform":
        return float(np.exp(generator.uniform(*np.log(values))))
    return values[int(generator.integers(len(values)))]
