"""Progress lines for long work: rate and time left, at most one line in ten seconds."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

INTERVAL_S = 10.0
WAITING_S = 30.0


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


@contextmanager
def waiting(what: str, expected_s: float, *, interval_s: float = WAITING_S) -> Iterator[None]:
    """Log every half minute how long one piece of work goes on that cannot say how far it is.

    Parameters
    ----------
    what : str
        What is done ("fitting").
    expected_s : float
        Seconds that it should take, by measured rates; 0 where nothing is known.
    interval_s : float
        Seconds between lines.
    """
    ended = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not ended.wait(interval_s):
            taken = time.monotonic() - began
            left = expected_s - taken
            estimate = f"about {duration(left)}" if left > 0 else "an unknown time"
            logger.info("%s for %s, %s left by the plan's rates", what, duration(taken), estimate)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def duration(seconds: float) -> str:
    """Write a number of seconds for people: "42 s", "7 min 05 s", "3 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
