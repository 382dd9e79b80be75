"""What `protocol: faithful` does: the decisions of the thesis' code, beside our own (`corrected`).

docs/thesis.md lists all 25 decisions. Standard library only: the workflow's rules import it.
"""

import json
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

CORRECTED, FAITHFUL = "corrected", "faithful"
PROTOCOLS = (CORRECTED, FAITHFUL)
SEED = 42  # of positions, shuffled rows and classifiers in the thesis
N_PATCHES = 15
N_DRAWS = 256  # positions drawn for the test of one latent
N_VOTES = 255  # the code left the last of them out

# Keys of the configuration, by their path from the top, and the value that faithful gives them.
OVERRIDES: dict[tuple[str, ...], Any] = {
    ("sampling",): "first",
    ("tuning",): "published",
    ("state",): "carried",
    ("n_patches",): N_PATCHES,
    ("engine", "GB", "early_stopping"): True,
}

Position = tuple[int, int]


def apply_protocol(config: dict[str, Any]) -> str:
    """Let the protocol override other keys of a configuration, in place.

    Parameters
    ----------
    config : dict
        A whole configuration, which fits the schema.

    Returns
    -------
    str
        A line for the log that names every key that was changed, with both values; empty for
        `corrected`, which changes nothing.
    """
    if config["protocol"] != FAITHFUL:
        return ""
    changed = []
    for (*path, key), value in OVERRIDES.items():
        holder = config
        for name in path:
            holder = holder[name]
        before = holder.get(key)
        holder[key] = value
        if before != value:
            changed.append(f"{'.'.join((*path, key))} {_word(value)} (was {_word(before)})")
    found = f"sets {', '.join(changed)}" if changed else "finds its settings in the configuration"
    return f"protocol: faithful {found}; see docs/thesis.md"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def scored_by(protocol: str, *, feature: str, classifier: str) -> str:
    """Tell what an accuracy counts: "image", or "patch" where patches do not vote.

    Thesis: the Random Forest's patches were counted one by one, those of Gradient Boosting voted.
    """
    single_patches = protocol == FAITHFUL and feature == "multiple" and classifier == "RF"
    return "patch" if single_patches else "image"


def training_positions(height: int, width: int) -> list[Position]:
    """Give the thesis' 15 training positions (row, column), which may repeat.

    Parameters
    ----------
    height, width : int
        Of the latents' grid; 16 and 16 in the thesis.
    """
    return list(islice(_draws(height, width), N_PATCHES))


def voting_positions(height: int, width: int, *, latent: str) -> list[Position]:
    """Give the thesis' 256 test positions of a latent, drawn with replacement.

    The generator goes on after the training positions: y first, then y_hat, which therefore has
    other positions. The first `N_VOTES` of them vote.

    Parameters
    ----------
    height, width : int
    latent : {"y", "y_hat"}
    """
    start = N_PATCHES + {"y": 0, "y_hat": N_DRAWS}[latent]
    return list(islice(_draws(height, width), start, start + N_DRAWS))


def _draws(height: int, width: int) -> Iterator[Position]:
    generator = random.Random(SEED)
    while True:
        yield generator.randint(0, height - 1), generator.randint(0, width - 1)
