"""A packed report in a browser: what a reader reaches by clicking, and what stands there."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PIL import Image

LOCAL = ("file", "data", "blob")  # schemes that ask no network


@dataclass
class Entry:
    """One line of a list, opened.

    `group` is empty in a category that is not divided. `rows` are the texts of a page's table rows,
    `size` and `ink` the pixels of a figure and its darkest and lightest grey; None for the other.
    """

    category: str
    group: str
    labels: dict[str, str]
    content: bytes
    rows: list[str] | None = None
    size: tuple[int, int] | None = None
    ink: tuple[int, int] | None = None


class ReportPage:
    """One report in one tab.

    Attributes
    ----------
    errors : list of str
        What the console called an error, and exceptions that nobody caught.
    requests : list of str
        Addresses beyond this machine that were asked for.
    """

    def __init__(self, page):
        self.page = page
        self.errors, self.requests = [], []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)

    def _heard(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, request):
        if urlsplit(request.url).scheme not in LOCAL:
            self.requests.append(request.url)

    def open(self, path: Path) -> None:
        self.page.goto(path.resolve().as_uri())
        self.page.get_by_text("About", exact=True).wait_for()

    def menu(self) -> list[str]:
        """The names of a list of links, of the first page or of a divided category."""
        return self.page.locator("nav ul > li > a").all_inner_texts()

    def choose(self, name: str) -> None:
        self.page.locator("nav ul > li > a").get_by_text(name, exact=True).click()

    def back(self, name: str) -> None:
        """Go back by the path at the top of the list."""
        self.page.locator("nav nav").get_by_text(name, exact=True).click()

    def walk(self, categories: list[str]) -> Iterator[Entry]:
        """Open every entry of some categories."""
        for category in categories:
            self.choose(category)
            groups = self.menu()
            for group in groups:
                self.choose(group)
                yield from self.entries(category, group)
                self.back(category)
            if not groups:
                yield from self.entries(category)
            self.back("Results")

    def entries(self, category: str, group: str = "") -> Iterator[Entry]:
        """Open every entry of the list that is shown."""
        table = self.page.locator("nav table")
        names = [name.lower() for name in table.locator("th").all_inner_texts()]
        for line in table.locator("tbody tr").all():
            cells = line.locator("td").all_inner_texts()
            pairs = zip(names, cells, strict=True)
            labels = {name: text for name, text in pairs if name and text}
            line.locator("a").first.click()
            yield self.shown(Entry(category, group, labels, self.content()))

    def content(self) -> bytes:
        """The file behind what is shown."""
        source = self.page.locator(".grow > iframe, .grow img").get_attribute("src")
        if source.startswith("data:"):
            return base64.b64decode(source.split(",", 1)[1])
        return Path(unquote(urlsplit(self.page.url).path)).parent.joinpath(source).read_bytes()

    def shown(self, entry: Entry) -> Entry:
        """What can be seen of it."""
        picture = self.page.locator(".grow img")
        if picture.count():
            entry.size = tuple(
                picture.evaluate(
                    "async image => { await image.decode();"
                    " return [image.naturalWidth, image.naturalHeight] }"
                )
            )
            with Image.open(io.BytesIO(picture.screenshot())) as seen:
                entry.ink = seen.convert("L").getextrema()
        else:
            rows = self.page.frame_locator("iframe").locator("tbody tr")
            rows.first.wait_for()
            entry.rows = rows.all_inner_texts()
        return entry
