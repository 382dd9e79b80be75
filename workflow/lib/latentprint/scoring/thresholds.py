"""The false-alarm levels that a score exceeds, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

Threshold = tuple[float, float]  # rate of false alarms, score


def known_thresholds(described: Mapping[str, Any]) -> list[Threshold]:
    """Give the thresholds of a calibration, the strictest rate first.

    Parameters
    ----------
    described : mapping
        What ``calibration.json`` says. Rates that it had too few real images for are left out.
    """
    rows = described["thresholds"]
    known = [(row["rate"], row["threshold"]) for row in rows if row["threshold"] is not None]
    return sorted(known)


def level_exceeded(score: float, thresholds: Sequence[Threshold]) -> float | None:
    """Give the strictest rate whose threshold a score exceeds, None if it exceeds none."""
    return next((rate for rate, threshold in thresholds if score > threshold), None)


def level_words(level: float | None, thresholds: Sequence[Threshold]) -> str:
    """Say which level was exceeded: "above the 5 % threshold", "below the 10 % threshold"."""
    if not thresholds:
        return "no threshold known"
    if level is None:
        return f"below the {percent(thresholds[-1][0])} threshold"
    return f"above the {percent(level)} threshold"


def percent(share: float) -> str:
    """Write a share as whole percents: "5 %"."""
    return f"{100 * share:g} %"
