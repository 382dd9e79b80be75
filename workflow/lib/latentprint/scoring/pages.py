"""Pages of a limited number of images each: the first one last, since it counts all of them."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from latentprint.files import write_text
from latentprint.scoring.about import About
from latentprint.scoring.cues import Cue
from latentprint.scoring.page import TABLE_ENDS, document, introduction, row_html, table_begins
from latentprint.scoring.summary import Summary
from latentprint.scoring.table import Row

PAGE_IMAGES = 500


class Pages:
    """Writes pages as rows come; in memory are those of the first page and of the one begun.

    Parameters
    ----------
    index : Path
        The first page.
    folder : Path
        Where the others are written: "2.html", "3.html", ...
    linked : str
        How the first page names that folder.
    about : About
    cues : sequence of Cue
    total : int
        Rows that will come.
    """

    def __init__(
        self,
        index: Path,
        folder: Path,
        *,
        linked: str,
        about: About,
        cues: Sequence[Cue],
        total: int,
        page_images: int = PAGE_IMAGES,
    ) -> None:
        self._index, self._folder, self._linked = index, folder, linked
        self._about, self._cues = about, tuple(cues)
        self._total, self._size = total, page_images
        self._first: list[str] = []
        self._begun: list[str] = []
        self._number = 1

    @property
    def count(self) -> int:
        """Pages in all."""
        return max(1, -(-self._total // self._size))

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, and write the pages that are full."""
        for row in rows:
            if len(self._begun) == self._size:
                self._end_page()
            self._begun.append(row_html(row, self._cues))

    def finish(self, summary: Summary) -> None:
        """Write the last page and then the first."""
        self._end_page()
        links = self._links(1)
        parts = [
            *introduction(self._about, summary, self._cues),
            "<h2>Images</h2>",
            *links,
            *table_begins(self._cues),
            *self._first,
            *TABLE_ENDS,
            *links,
        ]
        write_text(self._index, document(self._title(), parts))

    def _end_page(self) -> None:
        if self._number == 1:
            self._first = self._begun
        else:
            links = self._links(self._number)
            parts = [*links, *table_begins(self._cues), *self._begun, *TABLE_ENDS, *links]
            title = f"{self._title()}, page {self._number} of {self.count}"
            path = self._folder / f"{self._number}.html"
            path.write_text(document(title, parts), encoding="utf-8", newline="\n")
        self._begun = []
        self._number += 1

    def _title(self) -> str:
        return f"Scores of {self._about.folder}"

    def _links(self, here: int) -> list[str]:
        if self.count == 1:
            return []
        return [
            '<nav aria-label="Pages">',
            *(self._link(number, here) for number in range(1, self.count + 1)),
            "</nav>",
        ]

    def _link(self, number: int, here: int) -> str:
        first = (number - 1) * self._size + 1
        last = min(number * self._size, self._total)
        text = f"{first} to {last}" if last > first else f"{first}"
        if number == here:
            return f'<span aria-current="page">{text}</span>'
        if here == 1:
            target = f"{self._linked}/{number}.html"
        else:
            target = f"../{self._index.name}" if number == 1 else f"{number}.html"
        return f'<a href="{target}">{text}</a>'


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`; rename it to `path` when the block ends without error.

    As `files.replacing` does for files; what killed processes left of it is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
