"""The page on the terminal, and the three steps run by hand."""

import logging
import re
import sys
from dataclasses import replace

import pytest

from latentprint.collect import write_table
from latentprint.contrasts import COLUMNS
from latentprint.errors import UserError
from latentprint.figure_plan import planned, tables_planned
from latentprint.score_table import most_accurate, read_scores
from latentprint.steps import plot_figures, print_summary, render_tables
from latentprint.summary import summary
from latentprint.trace import commit
from tests.unit.synthetic_run import write_run

TINY = {
    "bpp": ["0.5"],
    "latents": ["y"],
    "components": ["Y"],
    "features": ["single"],
    "classifiers": ["RF"],
}


@pytest.fixture
def page(tmp_path):
    def make(**factors):
        folder = write_run(tmp_path, **factors)
        scores = read_scores(folder / "scores.tsv")
        return scores, summary(scores, folder)

    return make


def unwrapped(text):
    """The page on one line."""
    return " ".join(text.split())


def test_every_cell_stands_in_the_page_once(page):
    scores, text = page()
    values = re.findall(r"\d\.\d{3} \(\d\.\d{3}-\d\.\d{3}\)", text.split("* most")[0])
    expected = [f"{s.accuracy:.3f} ({s.accuracy_low:.3f}-{s.accuracy_high:.3f})" for s in scores]
    assert sorted(values) == sorted(expected)
    line = next(line for line in text.splitlines() if re.match(r"GB +YUV +1\.0 +flatten", line))
    found = {score.key: score for score in scores}
    for latent in ("y", "y_hat"):
        assert f"{found['1.0', latent, 'YUV', 'flatten', 'GB'].accuracy:.3f}" in line


def test_page_is_plain_text_of_at_most_100_columns(page):
    _, text = page()
    lines = [line for line in text.splitlines() if "/" not in line]  # paths may be long
    assert max(map(len, lines)) <= 100
    assert text.isascii() and text.endswith("\n")
    assert not any(line != line.rstrip() for line in lines)


def test_page_names_data_and_weights(page):
    _, text = page()
    assert "Made with embedded weights, images drawn by the product, n = 180." in unwrapped(text)
    assert "say nothing about photographs" in unwrapped(text)
    _, text = page(constants={"weights": "official", "images": "faces folder a"})
    assert "Made with official weights, faces folder a, n = 180." in unwrapped(text)
    assert "say nothing" not in text and "not those of" not in text
    _, text = page(constants={"images": "faces folder a"})
    assert "not those of the JPEG AI" in unwrapped(text)


def test_page_names_the_most_accurate_cell_with_its_twin(page):
    scores, text = page()
    best = most_accurate(scores)
    assert best.latent == "y"  # so it is one fit at both levels
    name = f"{best.classifier}, {best.component}, {best.feature}, y, 0.25 and 1.0 bpp"
    assert f"Most accurate: {name}: {best.accuracy:.3f}" in text
    others = [score for score in scores if score.fit != best.fit]
    alike = [score for score in others if score.mcnemar_p_holm >= 0.05]
    assert 0 < len(alike) < len(others) == 46
    fits = len({score.fit for score in alike})
    assert f"{fits} of the other 35 fits cannot be told from it." in unwrapped(text)
    grid = text.split("* most")[0]
    assert grid.count(") *") == 2
    assert grid.count(") =") == len(alike)


def test_page_when_all_others_can_be_told_from_it(page):
    _, text = page(constants={"mcnemar_p_holm": 0.001}, latents=["y_hat"])
    assert "The other 23 cells can all be told from it." in unwrapped(text)


def test_page_of_one_cell_compares_nothing(page):
    _, text = page(**TINY)
    assert "Most accurate: RF, Y, single, y, 0.5 bpp: " in text
    assert "the other" not in text.lower()


def test_page_compares_nothing_that_is_scored_by_patch(page, tmp_path):
    scores, before = page(components=["Y"])
    best = most_accurate(scores)
    faithful = [
        replace(score, protocol="faithful", scored_by="patch", accuracy=1.0, mcnemar_p_holm=None)
        if (score.classifier, score.feature) == ("RF", "multiple")
        else replace(score, protocol="faithful")
        for score in scores
    ]
    text = summary(faithful, tmp_path)
    assert most_accurate(faithful).key == best.key
    fits = {score.fit for score in faithful if score.scored_by == "image"} - {best.fit}
    assert f"other {len(fits)} fits" in unwrapped(text)
    assert not re.search(r"^RF .* multiple .*[*=]", text, re.MULTILINE)
    assert "is scored by patch" in unwrapped(text) and "Protocol faithful" in text
    assert "scored by patch" not in unwrapped(before) and "faithful" not in before


def test_page_lists_only_what_is_there(tmp_path):
    scores = read_scores(write_run(tmp_path) / "scores.tsv")
    assert "Report" not in summary(scores, tmp_path) and "Tables" not in summary(scores, tmp_path)
    (tmp_path / "report.html").touch()
    (tmp_path / "tables").mkdir()
    for suffix in ("csv", "md"):
        (tmp_path / f"tables/table_3_1.{suffix}").touch()
    text = summary(scores, tmp_path)
    assert f"Report   {tmp_path}/report.html" in text
    assert f"Tables   {tmp_path}/tables/  (1 as csv, md)" in text


def test_the_audit_stands_beside_the_accuracies(tmp_path):
    scores = read_scores(write_run(tmp_path) / "scores.tsv")
    assert "File traits" not in summary(scores, tmp_path)
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/audit.json").write_text('{"sentences": ["File traits alone reach 0.5."]}')
    assert "\n\nFile traits alone reach 0.5.\n\n" in summary(scores, tmp_path)


# --- steps ----------------------------------------------------------------------------------


@pytest.fixture
def step(root, tmp_path, monkeypatch, caplog):
    """Run a step with options as on the command line; give the last log line."""
    write_run(tmp_path, **TINY)
    common = ["--scores", str(tmp_path / "scores.tsv")]
    drawing = [
        *("--costs", str(tmp_path / "costs.tsv")),
        *("--published", str(root / "resources/thesis")),
        *("--output", str(tmp_path / "made")),
    ]

    def call(module, *options):
        more = drawing if module is not print_summary else ["--results", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["step", *common, *more, *options])
        with caplog.at_level(logging.INFO, logger=module.__name__):
            module.main()
        return caplog.messages[-1] if caplog.messages else ""

    return call


ORIGIN = ("--run", "demo", "--config-digest", "0123456789")


@pytest.fixture
def pairs(tmp_path):
    """Options that name the pairs of a run of one cell: none."""
    write_table(tmp_path / "contrasts.tsv", COLUMNS, [])
    return ("--contrasts", str(tmp_path / "contrasts.tsv"))


def test_render_tables_writes_the_planned_files(step, pairs, tmp_path):
    last = step(render_tables, "--labels", "it", *ORIGIN, *pairs)
    stems = tables_planned(**TINY)
    expected = {f"{stem}.{suffix}" for stem in stems for suffix in ("csv", "md", "tex", "html")}
    assert {path.name for path in (tmp_path / "made").iterdir()} == expected
    assert last.startswith("wrote 4 tables") and "table_3_1" in last
    assert "Tabella 3.1" in (tmp_path / "made/table_3_1.md").read_text()
    for stem in stems:
        for suffix in ("csv", "md", "tex", "html"):
            text = (tmp_path / f"made/{stem}.{suffix}").read_text()
            assert "0123456789" in text and commit() in text  # where it comes from


def test_plot_figures_writes_the_planned_files(step, tmp_path):
    last = step(plot_figures)
    stems = planned(**TINY)
    expected = {f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "png", "tsv")}
    assert {path.name for path in (tmp_path / "made").iterdir()} == expected
    assert last.startswith(f"wrote {len(stems)} figures")


def test_print_summary_prints(step, capsys):
    step(print_summary)
    assert capsys.readouterr().out.startswith("Accuracy on 180 test images")


def test_missing_published_numbers_are_a_user_error(step, pairs, tmp_path):
    with pytest.raises(UserError, match=r"nowhere.*no such file"):
        step(render_tables, *ORIGIN, *pairs, "--published", str(tmp_path / "nowhere"))
    assert not (tmp_path / "made").exists()
