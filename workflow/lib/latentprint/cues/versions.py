"""Versions of a picture: what was done to it, step by step, as a name.

"source" is the picture itself; "ai-0.25" its copy that went through JPEG AI at the level 0.25;
"ai-0.25+ai-1.0" that copy coded again; "ai-0.25+jpeg-90" the same as JPEG of quality 90. Other
steps: `half-420` (chroma planes halved and doubled), `full-444` (to YCbCr and back), `scale-75` (to
75 % of width and height), `shift-8` (8 rows and columns cut off above and left).

Standard library only: the rules import it at every start.
"""

import re
from typing import NamedTuple

from latentprint.errors import UserError

SOURCE = "source"
CODED = "ai"
PLAIN = ("jpeg", "scale", "shift", "half", "full")
PATTERN = r"source|[a-z]+-[0-9.]+(\+[a-z]+-[0-9.]+)*"
ENDS_CODED = r"([a-z]+-[0-9.]+\+)*ai-[0-9.]+"
ENDS_PLAIN = r"([a-z]+-[0-9.]+\+)*(jpeg|scale|shift|half|full)-[0-9]+"
RANGES = {
    "jpeg": (1, 100),
    "scale": (1, 99),
    "shift": (1, 15),
    "half": (420, 420),
    "full": (444, 444),
}


class Step(NamedTuple):
    """What was done last: kind, and level or number as written."""

    kind: str
    value: str


def ai(*levels: str) -> str:
    """Name the version that went through JPEG AI at one level after the other."""
    return "+".join(f"{CODED}-{level}" for level in levels)


def then(version: str, step: str) -> str:
    """Name what a further step makes of a version."""
    return step if version == SOURCE else f"{version}+{step}"


def last(version: str) -> Step | None:
    """Give the last step of a version; None of the source.

    Raises
    ------
    UserError
        If there is no such step.
    """
    if version == SOURCE:
        return None
    text = version.split("+")[-1]
    kind, _, value = text.partition("-")
    number = re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)
    low, high = RANGES.get(kind, (0, 0))
    if not number or (kind != CODED and not (value.isdigit() and low <= int(value) <= high)):
        known = ", ".join(
            f"{name}-{a}..{b}" if a < b else f"{name}-{a}" for name, (a, b) in RANGES.items()
        )
        raise UserError(f"config: cues: a picture cannot be {text!r}, expected ai-<level>, {known}")
    return Step(kind, value)


def before(version: str) -> str:
    """Name the version that the last step was done to."""
    return version.rpartition("+")[0] or SOURCE


def levels(version: str) -> list[str]:
    """Give the levels of JPEG AI that a version went through, in order."""
    steps = [step.partition("-") for step in version.split("+")]
    return [value for kind, _, value in steps if kind == CODED]
