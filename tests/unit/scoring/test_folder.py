"""A folder from its files to table and pages, with stand-ins for what was trained."""

import csv
import os
import re
import tracemalloc
from html.parser import HTMLParser

import numpy as np
import pytest

from latentprint.errors import UserError
from latentprint.scoring.folder import score_folder
from latentprint.scoring.listing import Listing
from latentprint.scoring.streaming import score_files
from latentprint.scoring.thresholds import known_thresholds
from tests.bad_pictures import REFUSED, SIZE, encoded, picture
from tests.unit.scoring.stand_ins import Brightness, Red, about, calibrated, cell

ODD = ("a\tb\nc.png", '"quoted".png', "<b>&amp;'x'.png", "n" * 240 + ".png")


def fill(folder, count=5):
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        (folder / f"{k:04d}.png").write_bytes(encoded(picture(k), "PNG"))
    return folder


def scored(images, output, *, cues=(), detector=None, page_images=500, **options):
    summary = score_folder(
        images, about=about(**options), detector=detector or Brightness(),
        calibrated=calibrated(), cues=cues, table=output / "scores.tsv",
        page=output / "index.html", pages=output / "pages", page_images=page_images,
    )  # fmt: skip
    with (output / "scores.tsv").open(encoding="utf-8", newline="") as file:
        return summary, list(csv.DictReader(file, delimiter="\t"))


class Checked(HTMLParser):
    """Notes tags that do not close, and everything that would be fetched or run."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.text, self.foreign = [], 0, [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.rows += dict(attributes).get("class") == "picture"
        sources = [v for name, v in attributes if name == "src" and not v.startswith("data:")]
        self.foreign += sources + [tag] * (tag in ("script", "link", "iframe", "object"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def checked(path):
    found = Checked(path.read_text(encoding="utf-8"))
    assert found.foreign == []
    return found


def test_one_bad_file_stops_no_other(tmp_path):
    folder = fill(tmp_path / "in", 3)
    for name in ("cmyk", "empty", "text", "animated_png"):
        (folder / f"{name}.png").write_bytes(REFUSED[name][0])
    (folder / "large.png").write_bytes(encoded(picture(size=64), "PNG"))
    (folder / "notes.txt").touch()
    summary, rows = scored(folder, tmp_path / "out")
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    said = {row["file"]: row for row in rows}
    assert said["cmyk.png"]["refusal"] == REFUSED["cmyk"][1]
    assert said["large.png"]["refusal"] == "is 64 x 64 pixels, expected 32 x 32"
    assert (said["large.png"]["width"], said["large.png"]["score"]) == ("64", "")
    for k in range(3):
        row = said[f"{k:04d}.png"]
        assert row["refusal"] == "" and float(row["score"]) == pytest.approx(
            picture(k).mean() / 255, abs=1e-9
        )
        low, high = float(row["probability_low"]), float(row["probability_high"])
        assert low <= float(row["probability"]) <= high
        assert re.fullmatch(r"(above|below) the (1|5|10) % threshold", row["threshold"])
        assert (row["false_alarm_level"] == "") == row["threshold"].startswith("below")
    assert (summary.scored, summary.refused, summary.others) == (3, 5, 1)
    page = checked(tmp_path / "out/index.html")
    assert page.rows == 8
    assert "of another size, expected 32 x 32 pixels" in " ".join(page.text)


def test_batches_are_equal_to_one_by_one(tmp_path):
    folder = fill(tmp_path / "in", 10)
    (folder / "0003.png").write_bytes(b"")
    listing = Listing(tuple(sorted(os.listdir(folder))), 0, ("shut",))
    found, asked = {}, {}
    for batch in (1, 4, 64):
        rows, detector = [], Brightness()
        score_files(
            folder, listing, size=SIZE, detector=detector, calibrated=calibrated(),
            thresholds=known_thresholds(about().described), write=rows.extend, cues=[Red()],
            batch=batch,
        )  # fmt: skip
        found[batch] = [
            (row.picture.path, row.picture.refusal, row.score, row.low, row.high, row.answers)
            for row in rows
        ]
        asked[batch] = detector.asked
    assert found[1] == found[4] == found[64]
    assert found[1][0][:2] == ("shut", "is a folder that cannot be listed")
    assert asked == {1: [1] * 9, 4: [3, 4, 2], 64: [9]}


@pytest.mark.parametrize("name", ODD)
def test_odd_names_break_neither_table_nor_page(tmp_path, name):
    folder = fill(tmp_path / "in", 1)
    (folder / name).write_bytes(encoded(picture(9), "PNG"))
    folder_name = 'of <i>"x"</i>\n'
    _, rows = scored(folder, tmp_path / "out", folder=folder_name)
    shown = name.replace("\t", "\\x09").replace("\n", "\\x0a")
    assert {row["file"] for row in rows} == {"0000.png", shown}
    assert all(row["score"] for row in rows)
    text = (tmp_path / "out/scores.tsv").read_text(encoding="utf-8")
    assert {line.count("\t") for line in text.splitlines()} == {9} and len(text.splitlines()) == 3
    page = checked(tmp_path / "out/index.html")
    assert page.rows == 2 and shown in page.text
    assert "<i>" not in (tmp_path / "out/index.html").read_text(encoding="utf-8").split("<tbody")[0]


def test_names_that_are_not_utf_8_are_shown_escaped(tmp_path):
    folder = fill(tmp_path / "in", 1)
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:
        file.write(encoded(picture(), "PNG"))
    _, rows = scored(folder, tmp_path / "out")
    assert [row["file"] for row in rows] == ["0000.png", "\\udcff.png"]
    assert rows[1]["score"] and checked(tmp_path / "out/index.html").rows == 2


def test_cues_speak_of_larger_pictures_and_are_silent_with_a_note(tmp_path):
    folder = fill(tmp_path / "in", 0)
    red, blue = picture(size=80), picture(size=80)[..., ::-1]
    red[..., 0], blue[..., 0] = 250, 0
    (folder / "red.png").write_bytes(encoded(red, "PNG"))
    (folder / "blue.png").write_bytes(encoded(np.ascontiguousarray(blue), "PNG"))
    (folder / "small.png").write_bytes(encoded(picture()[:20, :20], "PNG"))
    (folder / "whole.png").write_bytes(encoded(picture(), "PNG"))
    summary, rows = scored(folder, tmp_path / "out", cues=[Red()])
    said = {row["file"]: row for row in rows}
    assert list(rows[0])[10:] == [
        "red_share", "red_other", "red_probability", "red_low", "red_high", "red_note"
    ]  # fmt: skip
    assert said["red.png"]["refusal"].startswith("is 80 x 80") and not said["red.png"]["score"]
    assert (said["red.png"]["red_probability"], said["red.png"]["red_other"]) == ("0.75", "2")
    assert (said["red.png"]["red_low"], said["red.png"]["red_high"]) == ("0.6", "0.9")
    assert said["blue.png"]["red_probability"] == ""
    assert said["blue.png"]["red_note"] == "confounded: stored as <JPEG>"
    assert said["small.png"]["red_note"] == "is 20 x 20 pixels, expected 32 x 32 at least"
    assert said["whole.png"]["score"] and said["whole.png"]["red_share"]
    assert (summary.asked, summary.scored) == (3, 1)
    page = checked(tmp_path / "out/index.html")
    assert "red: Is it <red>?" in page.text and "confounded: stored as <JPEG>" in page.text


@pytest.mark.parametrize(("count", "numbers"), [(1, []), (4, []), (5, [2]), (9, [2, 3])])
def test_pages_hold_so_many_images_and_link_to_each_other(tmp_path, count, numbers):
    folder = fill(tmp_path / "in", count)
    stale = tmp_path / "out/pages/7.html"
    stale.parent.mkdir(parents=True)
    stale.touch()
    scored(folder, tmp_path / "out", page_images=4)
    pages = tmp_path / "out/pages"
    assert sorted(path.name for path in pages.iterdir()) == [f"{n}.html" for n in numbers]
    paths = [tmp_path / "out/index.html", *(pages / f"{n}.html" for n in numbers)]
    assert sum(checked(path).rows for path in paths) == count
    assert all(checked(path).rows == 4 for path in paths[:-1])
    for path in paths:
        text = path.read_text()
        targets = {(path.parent / link).resolve() for link in re.findall(r'href="([^"]+)"', text)}
        assert targets == {other.resolve() for other in paths if other != path}


def test_what_is_interrupted_leaves_nothing(tmp_path):
    folder = fill(tmp_path / "in", 5)
    output = tmp_path / "out"
    scored(folder, output)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}

    class Broken(Brightness):
        def ask(self, pictures):
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        scored(folder, output, detector=Broken(), page_images=2)
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
    killed = output / ".pages.99999.partial"
    killed.mkdir()
    (killed / "2.html").touch()
    scored(folder, output)
    assert set(os.listdir(output)) == {"scores.tsv", "index.html", "pages"}
    with pytest.raises(UserError, match="no folder"):
        scored(tmp_path / "none", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_page_says_what_was_trained_and_what_that_means(tmp_path):
    folder = fill(tmp_path / "in", 1)
    two = [cell(), cell(feature="flatten", classifier="SVM", latent="y_hat", component="YUV")]
    scored(folder, tmp_path / "out", cells=two, apart=3.0)
    text = " ".join(checked(tmp_path / "out/index.html").text)
    for part in (
        "average of 2 cells", "support vector machine", "200 images of the folder faces",
        "official weights", "200 held-out training images", "expected calibration error",
        "half of which were real", "is the chance of the 200 held-out training images",
        "it says nothing sure", "32 x 32 pixels alone", "code abcdef",
    ):  # fmt: skip
        assert part in text, part
    assert "not better than guessing" not in text and "drew" not in text
    scored(folder, tmp_path / "out", weighed=3, apart=3.0)
    text = " ".join(checked(tmp_path / "out/index.html").text)
    assert "the best of 3 cells on held-out training images" in text
    drawn = [cell(images="drawn by the product", weights="embedded")]
    scored(folder, tmp_path / "out", cells=drawn, apart=0.0)
    text = " ".join(checked(tmp_path / "out/index.html").text)
    assert "what it says of photographs means nothing" in text and "embedded weights" in text
    assert "not better than guessing as far as 200 images tell" in text


def test_memory_does_not_grow_with_the_files(tmp_path):
    """Of 3,000 pictures all pixels would be 9 MB, and all rows of pages 3 MB."""
    folder = fill(tmp_path / "in", 1)
    for k in range(1, 3000):
        os.link(folder / "0000.png", folder / f"{k:04d}.png")
    said, learnt = about(), calibrated()
    tracemalloc.start()
    try:
        summary = score_folder(
            folder, about=said, detector=Brightness(), calibrated=learnt,
            table=tmp_path / "scores.tsv", page=tmp_path / "index.html",
            pages=tmp_path / "pages", page_images=100,
        )  # fmt: skip
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert summary.scored == 3000 and len(list((tmp_path / "pages").iterdir())) == 29
    written = sum(path.stat().st_size for path in tmp_path.glob("pages/*"))
    assert peak < 2_000_000 < written
