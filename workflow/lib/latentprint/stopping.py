"""An orderly end for steps that keep what they have done: Ctrl-C and SIGTERM alike."""

import logging
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # of a terminal; of Slurm, `kill` and a shutdown
EXIT_STATUS = 128  # plus the signal's number, as shells say it


def stoppable(main: Callable[[], None]) -> Callable[[], None]:
    """Let a step end in an orderly way, with a line in its log, when it is told to stop.

    Either signal raises KeyboardInterrupt in the main thread, once: while what was done is brought
    to safety no second one disturbs it. A signal that the step was started to ignore stays ignored.

    Parameters
    ----------
    main : callable without arguments
        The step; called in the main thread.

    Returns
    -------
    callable without arguments
        Does the same, and raises SystemExit with 128 plus the signal's number when stopped.
    """

    def wrapped() -> None:
        received: list[int] = []

        before = {each: signal.getsignal(each) for each in SIGNALS}
        taken = {each: old for each, old in before.items() if old not in (signal.SIG_IGN, None)}

        def stop(number: int, frame: FrameType | None) -> NoReturn:
            for each in taken:
                signal.signal(each, signal.SIG_IGN)
            received.append(number)
            raise KeyboardInterrupt

        for each in taken:
            signal.signal(each, stop)
        try:
            main()
        except KeyboardInterrupt:
            number = received[0] if received else signal.SIGINT
            logger.info("stopped by %s", signal.Signals(number).name)
            raise SystemExit(EXIT_STATUS + number) from None
        finally:
            for each, old in taken.items():
                signal.signal(each, old)

    return wrapped
