"""Steps that are told to stop: once, in order, with a line and the usual exit status."""

import os
import signal
import subprocess
import sys

import pytest

STEP = """
import logging, os, signal, sys, time
from latentprint.errors import run
from latentprint.stopping import stoppable

def main():
    try:
        print("working", flush=True)
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGINT)  # a second Ctrl-C while all is brought to safety
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)
        print("safe", flush=True)

run(stoppable(main))
"""
IGNORING = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"


def start(code):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "working\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_either_signal_stops_in_order_and_only_once(number):
    process = start(STEP)
    process.send_signal(number)
    output, log = process.communicate(timeout=30)
    assert output == "safe\n"
    assert process.returncode == 128 + number
    assert log.endswith(f"stopped by {number.name}\n") and "Traceback" not in log


def test_a_step_that_was_started_to_ignore_ctrl_c_does():
    process = start(IGNORING + STEP)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.terminate()
    _, log = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM and "SIGTERM" in log


def test_handlers_are_what_they_were_afterwards():
    from latentprint.stopping import SIGNALS, stoppable

    before = [signal.getsignal(each) for each in SIGNALS]
    during = []
    stoppable(lambda: during.extend(signal.getsignal(each) for each in SIGNALS))()
    assert [signal.getsignal(each) for each in SIGNALS] == before
    assert not set(during) & set(before)
