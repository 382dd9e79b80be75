"""Lines that tell how far long work is."""

import logging
import time

import pytest

from latentprint.progress import Progress, duration, waiting


def test_a_finished_count_says_rate_and_nothing_left(caplog):
    caplog.set_level(logging.INFO)
    progress = Progress(3, "images", done=1)
    progress.advance(1)
    progress.advance(1, note="best 0.5")
    (line,) = caplog.messages
    assert line.startswith("3 of 3 images, ") and line.endswith("a second, 0 s left, best 0.5")


def test_work_that_cannot_say_how_far_it_is_says_how_long_it_takes(caplog):
    caplog.set_level(logging.INFO)
    with waiting("fitting", 3600, interval_s=0.02):
        time.sleep(0.2)
    assert len(caplog.messages) > 2
    assert caplog.messages[0] == "fitting for 0 s, about 1 h 00 min left by the plan's rates"
    count = len(caplog.messages)
    time.sleep(0.1)
    assert len(caplog.messages) == count


def test_work_that_takes_longer_than_expected_says_so(caplog):
    caplog.set_level(logging.INFO)
    with pytest.raises(KeyError), waiting("fitting", 0, interval_s=0.02):
        time.sleep(0.1)
        raise KeyError
    assert "an unknown time left" in caplog.messages[0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(41.7, "42 s"), (425, "7 min 05 s"), (12_000, "3 h 20 min")]
)
def test_durations_are_written_for_people(seconds, text):
    assert duration(seconds) == text
