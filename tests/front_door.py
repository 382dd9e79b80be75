"""Commands as a user gives them, `python -m MODULE ...`, without waiting for imports each time.

One process imports the heavy libraries and forks for every command. A fork then runs the module as
Python's own `-m` does: what it prints, where, and its exit status are those of the command.
"""

import gc
import json
import os
import runpy
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LIMIT_S = 60  # a command that hangs is killed, and its test fails


class Ended(NamedTuple):
    """What a command left."""

    status: int  # negative: the signal that ended it
    stdout: str
    stderr: str


class FrontDoor:
    """Gives commands to the process that has the libraries."""

    def __init__(self, process: subprocess.Popen, folder: Path) -> None:
        self._process = process
        self._streams = (folder / "stdout", folder / "stderr")

    def run(self, *command: str | Path | int, folder: Path, path: Path) -> Ended:
        """Run a module with its arguments.

        Parameters
        ----------
        *command : str, Path or int
            Name of the module, arguments.
        folder : Path
            Working directory.
        path : Path
            Where modules are looked for first.
        """
        order = {
            "command": [str(word) for word in command],
            "folder": str(folder),
            "path": str(path),
            "streams": [str(stream) for stream in self._streams],
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Ended(status, *(stream.read_text(encoding="utf-8") for stream in self._streams))


@contextmanager
def opened(folder: Path, *modules: str):
    """Start the process with these modules imported, and end it.

    Parameters
    ----------
    folder : Path
        For its own files; must be empty.
    *modules : str
        What the commands import and is slow; none of the product's own.
    """
    with subprocess.Popen(
        [sys.executable, __file__, *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield FrontDoor(process, folder)  # it ends with its standard input


def _serve(modules: list[str]) -> None:
    for module in modules:
        __import__(module)
    gc.freeze()  # collections in a fork would copy all its memory
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            status = _run(**order)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)  # to take down what was imported would need a second
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(command: list[str], folder: str, path: str, streams: list[str]) -> int:
    signal.alarm(LIMIT_S)
    for target, name in enumerate((os.devnull, *streams)):
        with open(name, "wb" if target else "rb") as file:
            os.dup2(file.fileno(), target)
    os.chdir(folder)
    sys.dont_write_bytecode = False  # so that the next command need not compile the product again
    sys.path[0] = path  # this file's folder until now
    sys.argv = command
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    _serve(sys.argv[1:])
