"""Blocks of work one after the other: loaded ahead, worked on, written behind.

::

    loader threads --(AHEAD)--> calling thread --(BEHIND)--> one writer thread
       load(block)              work(block, loaded)             write(block, result)

Loading and writing overlap with the work; they only help where they leave Python's global lock
alone, as reading files, decoding images, hashing and NumPy's copies do. PyTorch computes in the
calling thread alone. Loader and writer may both call h5py: its own lock lets in one thread at a
time, and each file belongs to one of them.
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import TypeVar

AHEAD = 1  # blocks loaded and waiting for the work, beside those that the loaders are at
BEHIND = 1  # results waiting for the writer, beside the one that it is at

Block = TypeVar("Block")
Loaded = TypeVar("Loaded")
Result = TypeVar("Result")


def run_blocks(
    blocks: Iterable[Block],
    *,
    load: Callable[[Block], Loaded],
    work: Callable[[Block, Loaded], Result],
    write: Callable[[Block, Result], None],
    loaders: int = 1,
) -> None:
    """Load, work on and write blocks; return when the last one is written.

    At most `loaders` + `AHEAD` + `BEHIND` + 1 blocks are in memory, however many there are.

    Parameters
    ----------
    blocks : iterable
        What names a block; passed to the three functions.
    load : callable(block)
        Called in loader threads, where several may load different blocks at a time.
    work : callable(block, what load gave)
        Called in the calling thread, in the order of the blocks.
    write : callable(block, what work gave)
        Called in one thread of its own, in the order of the blocks.
    loaders : int, default 1
        Loader threads.

    Raises
    ------
    Exception
        The first that one of the functions raises, or what a signal raises in the calling thread.
        No other block is then worked on. What was worked on before is written, unless writing is
        what failed. No thread is left.
    """
    waiting = iter(blocks)
    loading: deque[tuple[Block, Future[Loaded]]] = deque()
    writing: deque[Future[None]] = deque()
    broken = Event()

    def write_unless_broken(block: Block, result: Result) -> None:
        if broken.is_set():
            return
        try:
            write(block, result)
        except BaseException:
            broken.set()
            raise

    loader = ThreadPoolExecutor(loaders, "load")
    writer = ThreadPoolExecutor(1, "write")
    try:
        while True:
            for block in islice(waiting, loaders + AHEAD - len(loading)):
                loading.append((block, loader.submit(load, block)))
            if not loading:
                break
            _raise_failed([future for _, future in loading])
            block, future = loading.popleft()
            loaded = future.result()
            del future  # it holds the block for as long as it lives
            _raise_failed(writing)
            result = work(block, loaded)
            del loaded
            while len(writing) > BEHIND:
                writing.popleft().result()
            writing.append(writer.submit(write_unless_broken, block, result))
            del result
        for future in writing:
            future.result()
    finally:
        loader.shutdown(wait=True, cancel_futures=True)
        writer.shutdown(wait=True)


def _raise_failed(futures: Iterable[Future]) -> None:
    """Raise what was raised in one of the calls, without waiting for those that are not done."""
    for future in futures:
        if future.done():
            future.result()
