"""Progress lines for long work: rate and time left, at most one line in ten seconds."""

import logging
import time

logger = logging.getLogger(__name__)

INTERVAL_S = 10.0


class Progress:
    """Counts finished items and logs the rate and the time left.

    Parameters
    ----------
    total : int
        Items to do in all.
    unit : str
        What is counted, in the plural ("images").
    done : int, default 0
        Items that were done before, which say nothing about the rate.
    """

    def __init__(self, total: int, unit: str, *, done: int = 0) -> None:
        self.total = total
        self.unit = unit
        self.done = done
        self._before = done
        self._began = time.monotonic()
        self._logged = self._began

    def advance(self, count: int, *, note: str = "") -> None:
        """Count `count` more items; log a line when ten seconds have passed or all is done."""
        self.done += count
        now = time.monotonic()
        if now - self._logged < INTERVAL_S and self.done < self.total:
            return
        self._logged = now
        rate = (self.done - self._before) / max(now - self._began, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        logger.info(
            "%d of %d %s, %.3g a second, %s left%s",
            self.done,
            self.total,
            self.unit,
            rate,
            duration(left),
            f", {note}" if note else "",
        )


def duration(seconds: float) -> str:
    """Write a number of seconds for people: "42 s", "7 min 05 s", "3 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
