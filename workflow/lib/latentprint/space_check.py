"""Whether a search space can be drawn from.

Standard library only: the workflow's rules ask at every start.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from latentprint.errors import UserError

KINDS = ("integers", "uniform", "loguniform", "choice")


def check_space(classifier: str, space: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise UserError if a search space cannot be drawn from or a grid name is not in it."""
    where, inside = f"config, search.{classifier}", ".space"
    if classifier == "screening":
        where, inside = "config, screening", ""
    for name, entry in space.items():
        if not isinstance(entry, Mapping):
            continue
        kind, values = next(iter(entry.items()), ("", []))
        usable = len(entry) == 1 and kind in KINDS and isinstance(values, list) and values
        if usable and kind != "choice":
            usable = len(values) == 2 and values[0] < values[1]
            usable = usable and (kind != "loguniform" or values[0] > 0)
            usable = usable and (kind != "integers" or all(type(end) is int for end in values))
        if not usable:
            raise UserError(
                f"{where}{inside}.{name}: {dict(entry)}, expected a fixed value or one of integers "
                "(two whole numbers, rising), uniform (two numbers, rising), loguniform (the same, "
                "above 0), choice (a list). See config/README.md."
            )
    for name in names:
        if not isinstance(space.get(name), Mapping):
            raise UserError(
                f"{where}.grid: {name} is not a hyperparameter that the space draws, expected some "
                f"of {', '.join(space)}. See config/README.md, key search."
            )
