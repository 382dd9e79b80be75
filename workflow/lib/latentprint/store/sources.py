"""From a view to the files that hold its values.

HDF5 could follow views itself, but it reads what it cannot open as zeros, without a word: a file
that is missing, and every file beyond the number that a process may have open (1,024 by default).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import h5py

FILES_OPEN = 16  # at most, of one store


class Piece(NamedTuple):
    """Consecutive rows that one file holds."""

    offset: int  # of the first one, among the rows that were asked for
    dataset: h5py.Dataset
    path: Path
    start: int  # in the dataset
    stop: int


class Sources:
    """The files behind the views of one store; they stay open while they are used in turn."""

    def __init__(self) -> None:
        self._files: dict[Path, h5py.File] = {}
        self._parts: dict[tuple[Path, str], list[tuple[int, int, Path, str]]] = {}

    def pieces(self, dataset: h5py.Dataset, path: Path, start: int, stop: int) -> Iterator[Piece]:
        """Give the rows `start` to `stop` of a dataset in order, file by file.

        Parameters
        ----------
        dataset : h5py.Dataset, (N, ...)
        path : Path
            The file that it is in.
        start, stop : int
            0 <= start <= stop <= N.

        Yields
        ------
        Piece
            To be read before the next one is asked for.

        Raises
        ------
        OSError
            If a file cannot be opened.
        """
        if not dataset.is_virtual:
            if start < stop:
                yield Piece(0, dataset, path, start, stop)
            return
        for first, last, source, name in self._parts_of(dataset, path):
            low, high = max(first, start), min(last, stop)
            if low < high:
                inner = self._opened(source)[name]
                for piece in self.pieces(inner, source, low - first, high - first):
                    yield piece._replace(offset=piece.offset + low - start)

    def close(self) -> None:
        """Close all files."""
        with ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)
        self._files.clear()

    def _parts_of(self, dataset: h5py.Dataset, path: Path) -> list[tuple[int, int, Path, str]]:
        """Give first and last row (exclusive), file and dataset of every part of a view.

        `latentprint.store.joining` makes views of whole datasets only.
        """
        if (path, dataset.name) not in self._parts:
            parts = []
            for part in dataset.virtual_sources():
                lowest, highest = part.vspace.get_select_bounds()
                source = path.parent / part.file_name
                parts.append((lowest[0], highest[0] + 1, source, part.dset_name))
            self._parts[path, dataset.name] = sorted(parts)
        return self._parts[path, dataset.name]

    def _opened(self, path: Path) -> h5py.File:
        """Open a file, or take it from those that are open; the one not used for longest goes."""
        file = self._files.pop(path, None)
        if file is None:
            if len(self._files) == FILES_OPEN:
                self._files.pop(next(iter(self._files))).close()
            file = h5py.File(path, "r")
        self._files[path] = file
        return file
