"""The pipeline of blocks: order, bounded memory, overlap, and an end at once when a part fails."""

import errno
import os
import signal
import threading
import time
import weakref

import pytest

from latentprint.pipeline import AHEAD, BEHIND, run_blocks

PATIENCE_S = 30  # never waited for where the pipeline does what it should


@pytest.fixture(autouse=True)
def no_thread_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


class Parts:
    """Three parts that note what they did; each can fail at one block."""

    def __init__(self, fail=None, error=None):
        self.fail, self.error = fail, error
        self.loaded, self.worked, self.written = [], [], []
        self.threads = {"load": set(), "work": set(), "write": set()}

    def _enter(self, part, block):
        self.threads[part].add(threading.get_ident())
        if self.fail == (part, block):
            raise self.error

    def load(self, block):
        self._enter("load", block)
        self.loaded.append(block)
        return 10 * block

    def work(self, block, loaded):
        self._enter("work", block)
        assert loaded == 10 * block
        self.worked.append(block)
        return loaded + 1

    def write(self, block, result):
        self._enter("write", block)
        assert result == 10 * block + 1
        self.written.append(block)

    def run(self, blocks, **options):
        run_blocks(blocks, load=self.load, work=self.work, write=self.write, **options)


@pytest.mark.parametrize("loaders", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_blocks_are_worked_on_and_written_in_order(count, loaders):
    parts = Parts()
    parts.run(iter(range(count)), loaders=loaders)
    assert sorted(parts.loaded) == parts.worked == parts.written == list(range(count))
    if count:
        assert parts.threads["work"] == {threading.get_ident()}
        assert len(parts.threads["write"]) == 1 and len(parts.threads["load"]) <= loaders
        assert not parts.threads["write"] & (parts.threads["load"] | parts.threads["work"])


class Held:
    """Something large, counted for as long as it is alive."""

    alive, most = 0, 0

    def __init__(self):
        Held.alive += 1
        Held.most = max(Held.most, Held.alive)
        weakref.finalize(self, Held.release)

    @staticmethod
    def release():
        Held.alive -= 1


@pytest.mark.parametrize("slow", ["load", "work", "write"])
@pytest.mark.parametrize(("count", "loaders"), [(12, 1), (60, 1), (60, 3)])
def test_memory_is_bounded_however_many_blocks_there_are(count, loaders, slow):
    def wait(part):
        time.sleep(0.002 if part == slow else 0)

    def load(block):
        held = Held()
        wait("load")
        return held

    def work(block, held):
        wait("work")
        return held  # so that a block counts once, from its loading to its writing

    Held.alive = Held.most = 0
    run_blocks(
        range(count), load=load, work=work, write=lambda block, held: wait("write"), loaders=loaders
    )
    assert Held.alive == 0
    assert 2 <= Held.most <= loaders + AHEAD + BEHIND + 1


def test_loading_and_writing_overlap_with_the_work():
    loaded = [threading.Event() for _ in range(6)]
    writing, going_on = threading.Event(), threading.Event()

    def load(block):
        loaded[block].set()
        return block

    def work(block, _):
        if block + 1 < len(loaded):  # in turn, this would wait for ever
            assert loaded[block + 1].wait(PATIENCE_S)
        if block == 1:
            assert writing.wait(PATIENCE_S)
            going_on.set()
        return block

    def write(block, _):
        if block == 0:
            writing.set()
            assert going_on.wait(PATIENCE_S)

    run_blocks(range(len(loaded)), load=load, work=work, write=write)


@pytest.mark.parametrize("loaders", [1, 3])
@pytest.mark.parametrize("part", ["load", "work", "write"])
@pytest.mark.parametrize("block", [0, 4, 9])
def test_an_error_in_a_part_ends_the_whole_with_it(part, block, loaders):
    error = OSError(errno.ENOSPC, "No space left on device") if part == "write" else KeyError(part)
    parts = Parts((part, block), error)
    with pytest.raises(type(error)) as caught:
        parts.run(range(10), loaders=loaders)
    assert caught.value is error
    assert parts.worked == list(range(len(parts.worked)))
    if part == "write":
        assert parts.written == list(range(block))  # nothing after what could not be written
        assert len(parts.worked) <= block + BEHIND + 3
    else:
        assert parts.written == parts.worked and len(parts.worked) <= block
        assert max(parts.loaded, default=0) <= block + loaders + AHEAD
    if part == "work":
        assert len(parts.worked) == block


def test_an_error_does_not_wait_for_its_turn():
    working, failed = threading.Event(), threading.Event()

    def load(block):
        if block == 2:
            assert working.wait(PATIENCE_S)
            failed.set()
            raise KeyError(block)
        return block

    def work(block, _):
        working.set()
        assert failed.wait(PATIENCE_S)
        time.sleep(0.1)  # the loader has set the result of its call by then
        return block

    written = []
    with pytest.raises(KeyError):
        run_blocks(
            range(4), load=load, work=work, write=lambda block, _: written.append(block), loaders=3
        )
    assert written == [0]  # 1 was loaded, but there was no use in it any more


@pytest.mark.parametrize("place", ["work", "waiting for a load", "waiting for the writer"])
def test_ctrl_c_ends_the_whole_and_keeps_what_was_worked_on(place):
    """A real signal, sent while the main thread is in the place."""
    sent = threading.Event()
    worked, written = [], []

    def interrupt():
        if not sent.is_set():
            sent.set()
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)

    def load(block):
        if place == "waiting for a load" and block == 3:
            interrupt()
        return block

    def work(block, _):
        if place == "work" and block == 3:
            threading.Thread(target=interrupt).start()
            time.sleep(PATIENCE_S)
        worked.append(block)
        return block

    def write(block, _):
        if place == "waiting for the writer" and block == 3:
            interrupt()
        written.append(block)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_blocks(range(1000), load=load, work=work, write=write)
    assert time.monotonic() - began < PATIENCE_S / 2
    assert 3 <= len(worked) < 1000
    assert written == list(range(len(written))) and set(worked) >= set(written)
    assert len(worked) - len(written) <= 1  # the one that was just being handed over
    for thread in threading.enumerate():  # the one that sent the signal
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(PATIENCE_S)
