"""The report as a reader has it: packed by `make report`, opened in a browser without a network."""

import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.report_page import ReportPage

CATEGORIES = ["Accuracy", "Audit", "Codec", "Cost", "Thesis"]
# Figures that the thesis has of one classifier, for the one component of the tiny run.
OF_CLASSIFIER = {"RF": {"3.1b", "3.2a", "3.2b"}, "GB": {"3.3b", "3.4a", "3.4b"}}
PHONE = {"width": 390, "height": 844}
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def run(finished, root) -> Path:
    """The results of a run with its report, made by the Makefile's target in this environment."""
    shutil.copy(root / "Makefile", finished.folder)
    (finished.folder / "ready").touch()  # newer than the list of packages: nothing is installed
    subprocess.run(
        ["make", "report", "CONFIG=tests/data/tiny.yaml", f"BIN={Path(sys.executable).parent}",
         "READY=ready"],
        cwd=finished.folder, check=True,
    )  # fmt: skip
    return finished.folder / "results/tiny"


@pytest.fixture(scope="module")
def files(run) -> dict[Path, bytes]:
    """Everything of the run that a reader of the report should find."""
    paths = [path for path in run.rglob("*") if path.suffix in (".html", ".svg")]
    return {path: path.read_bytes() for path in paths if path.name != "report.html"}


@pytest.mark.parametrize(
    ("arguments", "run", "settings"),
    [
        ([], "demo", ""),
        (["CONFIG=config/faces.yaml", "ROOT=/a b"], "faces",
         '--configfile "config/faces.yaml" --config images_root="/a b" '),
        (["CONFIG=config/thesis.yaml", "WEIGHTS=w", "SET=n_train=9 run=faithful"], "faithful",
         '--configfile "config/thesis.yaml" --config weights="w" n_train=9 run=faithful '),
    ],
)  # fmt: skip
def test_make_report_says_again_what_the_run_was_started_with(
    root, tmp_path, arguments, run, settings
):
    (tmp_path / "ready").touch()
    printed = subprocess.run(
        ["make", "-n", "report", f"READY={tmp_path / 'ready'}", *arguments],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for kind in ("html", "zip"):
        command = f"/snakemake {settings}--quiet --report results/{run}/report.{kind} "
        assert command in " ".join(printed.split())


def test_page_and_zip_hold_every_table_and_figure(run, files):
    page = (run / "report.html").read_text()
    assert all(path.name in page for path in files)
    with zipfile.ZipFile(run / "report.zip") as packed:
        contents = Counter(packed.read(name) for name in packed.namelist())
    assert not Counter(files.values()) - contents
    assert sum(contents.values()) == len(files) + 1


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, with a profile of its own that goes with it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the browser chromium, which is not here (apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(browser, run):
    """The report after everything was opened: the page, its menu and its entries."""
    page = ReportPage(browser.new_page(viewport={"width": 1300, "height": 900}))
    page.open(run / "report.html")
    page.first_menu = page.menu()
    for drawn in ("Statistics", "Workflow"):
        page.choose(drawn)
        page.page.locator(".grow .vega-embed").first.wait_for()
    page.found = list(page.walk([name for name in page.first_menu if name in CATEGORIES]))
    return page


def test_all_of_it_opens_without_an_error_and_without_a_network(report):
    assert report.errors == []
    assert report.requests == []


def test_every_category_is_in_the_menu(report):
    assert report.first_menu[-len(CATEGORIES) :] == CATEGORIES


def test_every_table_and_figure_is_listed_once(report, files):
    shown = Counter(entry.content for entry in report.found)
    missing = [path.name for path, content in files.items() if not shown[content]]
    assert missing == []
    assert shown == Counter(files.values())


def test_every_table_has_rows_with_text(report):
    tables = [entry for entry in report.found if entry.rows is not None]
    assert len(tables) == 12
    for table in tables:
        assert len(table.rows) > 1 and all(row.strip() for row in table.rows), table.labels


def test_every_figure_is_drawn(report):
    figures = [entry for entry in report.found if entry.size is not None]
    assert len(figures) == 13
    for figure in figures:
        assert min(figure.size) > 150, figure.labels
        darkest, lightest = figure.ink
        assert darkest < 100 and lightest > 250, figure.labels


@pytest.mark.parametrize("classifier", ["RF", "GB"])
def test_a_classifier_leaves_its_figures_alone(report, classifier):
    chosen = [entry for entry in report.found if entry.group == f"Figures, {classifier}"]
    assert {entry.labels["figure"] for entry in chosen} == OF_CLASSIFIER[classifier]


def test_labels_name_every_factor_that_a_figure_fixes(report):
    labels = [entry.labels for entry in report.found]
    assert {
        "figure": "3.2a", "bpp": "1", "component": "YUV", "latent": "y", "feature": "flatten",
    } in labels  # fmt: skip
    assert {"figure": "3.5b", "bpp": "0.25", "component": "YUV"} in labels
    assert {"figure": "cells"} in labels


def test_every_entry_has_a_caption(report):
    captions = report.page.evaluate("Object.values(results).map(result => result.caption)")
    assert len(captions) == len(report.found)
    assert all("How to read it" in caption for caption in captions)


def test_the_first_page_says_what_came_out(report):
    report.page.reload()
    text = report.page.locator(".prose").inner_text()
    assert "What came out." in text and "Run tiny" in text


def test_the_unpacked_zip_opens_as_well(browser, run, files, tmp_path):
    with zipfile.ZipFile(run / "report.zip") as packed:
        packed.extractall(tmp_path)
    page = ReportPage(browser.new_page())
    page.open(tmp_path / "report/report.html")
    found = list(page.walk(["Audit", "Cost"]))
    assert {entry.content for entry in found} < set(files.values())
    assert any(entry.rows for entry in found) and any(entry.size for entry in found)
    assert (page.errors, page.requests) == ([], [])


def test_a_phone_shows_list_and_content_below_each_other(browser, run):
    report = ReportPage(browser.new_page(viewport=PHONE))
    report.open(run / "report.html")
    menu = report.page.locator("#app > div > nav")
    for category, group in (("Accuracy", "Figures, RF"), ("Accuracy", "Tables")):
        report.choose(category)
        report.choose(group)
        assert menu.evaluate("menu => menu.scrollWidth") == PHONE["width"], group
        report.back("Results")
    report.choose("Thesis")
    report.page.locator("nav tbody tr a").first.click()
    above, below = menu.bounding_box(), report.page.locator("iframe").bounding_box()
    assert above["width"] == below["width"] == PHONE["width"]
    assert above["height"] <= below["y"] and below["height"] > PHONE["height"] / 2
    decision = report.page.frame_locator("iframe").locator("#decision-1 td").first
    assert decision.bounding_box()["width"] > PHONE["width"] / 2
    assert report.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_figures_keep_their_size_on_a_phone(browser, run):
    """Shrunk to the width, their text of nine points would have five."""
    report = ReportPage(browser.new_page(viewport=PHONE))
    report.open(run / "report.html")
    report.choose("Cost")
    report.choose("Figures")
    report.page.locator("nav tbody tr a").first.click()
    picture = report.page.locator(".grow img")
    box = picture.bounding_box()
    assert round(box["width"]) == picture.evaluate("image => image.naturalWidth")
    assert box["x"] >= 0  # what lies to the left of the window cannot be reached by scrolling
