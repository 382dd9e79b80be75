"""The frame in which every step runs."""

import errno

import pytest

from latentprint.errors import UserError, run


def failing(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("config: run is empty"), "error: config: run is empty"),
        (
            OSError(errno.ENOSPC, "No space left on device", "results/a.h5"),
            "error: results/a.h5: No space left on device. Make room",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_line(error, line, capsys):
    with pytest.raises(SystemExit) as ended:
        run(failing(error))
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(line) and printed.count("\n") == 1


def test_bugs_keep_their_traceback():
    with pytest.raises(PermissionError):
        run(failing(PermissionError(errno.EACCES, "Permission denied", "a")))
    with pytest.raises(KeyError):
        run(failing(KeyError("a")))
