"""The one error class for user mistakes, and the frame in which every step runs."""

import errno
import logging
import sys
from collections.abc import Callable


class UserError(ValueError):
    """A mistake in data, configuration or use; its text says what, where, expected, got, next."""


def run(main: Callable[[], None]) -> None:
    """Run one step: log to standard error, turn a user's mistake into one line and exit status 2.

    Parameters
    ----------
    main : callable without arguments
        The step. Any exception other than `UserError` and a full disk is a bug and keeps its
        traceback.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or "while writing"
        print(
            f"error: {where}: {error.strerror}. Make room and start the same command again: what "
            "is finished stays",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
