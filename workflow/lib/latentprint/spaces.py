"""Search spaces: what may be drawn for a hyperparameter."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latentprint.classifiers import Parameters
from latentprint.errors import UserError

KINDS = ("integers", "uniform", "loguniform", "choice")


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


def check_space(classifier: str, space: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise UserError if a search space cannot be drawn from or a grid name is not in it."""
    where = f"config, search.{classifier}"
    for name, entry in space.items():
        if not isinstance(entry, Mapping):
            continue
        kind, values = next(iter(entry.items()), ("", []))
        usable = len(entry) == 1 and kind in KINDS and isinstance(values, list) and values
        if usable and kind != "choice":
            usable = len(values) == 2 and values[0] < values[1]
            usable = usable and (kind != "loguniform" or values[0] > 0)
        if not usable:
            raise UserError(
                f"{where}.space.{name}: {dict(entry)}, expected a fixed value or one of integers, "
                "uniform, loguniform (two rising numbers), choice (a list). See config/README.md."
            )
    for name in names:
        if not isinstance(space.get(name), Mapping):
            raise UserError(
                f"{where}.grid: {name} is not a hyperparameter that the space draws, expected some "
                f"of {', '.join(space)}. See config/README.md, key search."
            )


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
