"""What the forensic cues say of pictures: the interface that they are asked through."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Answer(Protocol):
    """What a cue says of one picture.

    Attributes
    ----------
    values : dict of str to float
        What it measured.
    probability, low, high : float or None
        Of yes to its question, with its interval; None where the cue does not speak.
    note : str
        Why it does not, or what to keep in mind.
    """

    values: dict[str, float]
    probability: float | None
    low: float | None
    high: float | None
    note: str


class Cue(Protocol):
    """One cue.

    Attributes
    ----------
    name : str
        As in columns of the table.
    question : str
        What it asks, for people.
    values : tuple of str
        Names of what it measures.
    about : str
        What it learnt from and how well that held.
    """

    name: str
    question: str
    values: tuple[str, ...]
    about: str

    def ask(self, pictures: Sequence[NDArray[np.uint8]], paths: Sequence[Path]) -> list[Answer]:
        """Answer about pictures, uint8 (S, S, 3), and the files that they come from."""
