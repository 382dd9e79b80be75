"""Two finished runs side by side: matching, paired tests, intervals, page, files, errors."""

import csv
import math
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from latentprint.compare.differences import paired_interval, unpaired_interval
from latentprint.compare.files import SUFFIXES, write_comparison
from latentprint.compare.finished_runs import find_runs
from latentprint.compare.matching import Comparison, compare
from latentprint.compare.page import WIDTH, page, sentences
from latentprint.compare.tables import cells_table, settings_table
from latentprint.errors import UserError
from latentprint.evaluate import holm, mcnemar
from latentprint.steps import compare_runs
from tests.unit.finished_run import (
    N_TEST,
    change,
    finish_run,
    predictions_path,
    read_rows,
)
from tests.unit.synthetic_run import SCORE_COLUMNS, write

SMALL = {"components": ["Y"], "features": ["single", "flatten"]}
CELLS = 2 * 2 * 1 * 2 * 2
FITS = CELLS - 2 * 2  # y is one fit at both levels


@pytest.fixture
def results(tmp_path):
    """The folder of all runs, with one run in it."""
    finish_run(tmp_path / "one", **SMALL)
    return tmp_path


def compared(results, names="one,two", **more) -> Comparison:
    return compare(*find_runs(names, results), **more)


def copy(results, name="two"):
    return shutil.copytree(results / "one", results / name)


# --- intervals ------------------------------------------------------------------------------


def test_paired_interval_gives_the_published_example():
    """Fagerland, Lydersen and Laake 2014, tables II and V, Tango's interval."""
    low, high = paired_interval(7, 1, n=21)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)
    assert paired_interval(1, 7, n=21) == (-high, -low)


def test_unpaired_interval_gives_the_published_examples():
    """Newcombe 1998, table II, method 10."""
    for first, second, expected in [
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((0, 29), (5, 56), (-0.0381, 0.1926)),
        ((0, 20), (10, 10), (0.6791, 1.0)),
    ]:
        assert unpaired_interval(first, second) == pytest.approx(expected, abs=5e-5)


def test_paired_interval_where_nothing_or_everything_differs():
    z_2 = 1.959963984540054**2
    half = z_2 / (200 + z_2)
    assert paired_interval(0, 0, n=200) == pytest.approx((-half, half), abs=1e-12)
    low, high = paired_interval(0, 5, n=5)
    assert high == 1.0
    assert 0 < low < 1


def test_paired_interval_ends_where_the_score_test_does():
    """Against the likelihood maximised on a grid, not by the formula."""
    wins, losses, n = 9, 4, 40
    for edge in paired_interval(losses, wins, n=n):
        shares = np.linspace(max(0.0, -edge) + 1e-9, (1 - edge) / 2 - 1e-9, 200_001)
        likelihood = (
            wins * np.log(shares + edge)
            + losses * np.log(shares)
            + (n - wins - losses) * np.log(1 - 2 * shares - edge)
        )
        share = shares[np.nanargmax(likelihood)]
        spread = math.sqrt((2 * share + edge - edge * edge) / n)
        assert abs((wins - losses) / n - edge) / spread == pytest.approx(1.96, abs=1e-3)


@pytest.mark.parametrize("only", [(0.02, 0.02), (0.1, 0.05), (0.3, 0.1), (0.02, 0.2)])
def test_paired_interval_covers_at_small_counts(only):
    """The exact probability that the interval holds the true difference, 30 images."""
    n, (first, second) = 30, only
    covered = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            ways = math.comb(n, a) * math.comb(n - a, b)
            weight = ways * first**a * second**b * (1 - first - second) ** (n - a - b)
            if weight < 1e-9:
                continue
            low, high = paired_interval(a, b, n=n)
            covered += weight * (low <= second - first <= high)
    assert 0.93 < covered <= 1


# --- paired tests ---------------------------------------------------------------------------


def test_identical_runs_do_not_differ(results):
    copy(results)
    comparison = compared(results)
    assert len(comparison.pairs) == CELLS and len(comparison.tested) == FITS
    for pair in comparison.pairs:
        assert pair.difference == 0 and pair.p == 1 and pair.p_holm == 1
        assert pair.n_common == N_TEST
        assert pair.low == -pair.high < 0
    assert comparison.n_training == 160
    assert not any(setting.differs for setting in comparison.settings)
    text = " ".join(sentences(comparison))
    assert f"All {FITS} pairs of fits are right and wrong on the same images." in text
    assert "recorded settings are identical" in settings_table(comparison).caption
    assert "recorded settings" not in cells_table(comparison).caption


def test_a_flipped_prediction_counts(results):
    def flip_one_right(predictions):
        predicted = predictions.predicted.copy()
        index = np.flatnonzero(predicted == predictions.fake)[0]
        predicted[index] = ~predicted[index]
        return predicted

    cell = {"bpp": "0.25", "latent": "y_hat", "feature": "single", "classifier": "RF"}
    change(copy(results), flip_one_right, **cell)
    comparison = compared(results)
    changed = [pair for pair in comparison.pairs if pair.first_only or pair.second_only]
    assert len(changed) == 1
    assert changed[0].first.key == ("0.25", "y_hat", "Y", "single", "RF")
    assert (changed[0].first_only, changed[0].second_only) == (1, 0)
    assert changed[0].difference == -1 / N_TEST
    assert changed[0].difference == pytest.approx(
        changed[0].second.accuracy - changed[0].first.accuracy
    )


def test_holm_is_over_distinct_pairs_of_fits(results):
    def mended(share):
        def edit(predictions):
            # Seeded by what was predicted, so that y stays one fit at both levels.
            random = np.random.default_rng(predictions.predicted.astype(int))
            mend = random.random(N_TEST) < share
            return np.where(mend, predictions.fake, predictions.predicted)

        return edit

    copy(results)
    change(results / "two", mended(0.8), classifier="RF")
    change(results / "two", mended(0.05), classifier="GB")
    comparison = compared(results)
    tested = comparison.tested
    assert len(tested) == FITS
    expected = dict(zip((t.fits for t in tested), holm([t.p for t in tested]), strict=True))
    assert any(pair.differs for pair in comparison.pairs)
    assert any(not pair.differs for pair in comparison.pairs)
    for pair in comparison.pairs:
        assert pair.p_holm == expected[pair.fits]
        assert pair.differs == (pair.p_holm < 0.05)
    said = sum(pair.differs for pair in tested)
    assert f"{said} of the {FITS} pairs of fits can be told apart" in " ".join(
        sentences(comparison)
    )


def test_common_images_only_are_tested(results):
    """The order of the images in the files does not matter, their number does."""
    finish_run(results / "two", first=20, **SMALL)
    comparison = compared(results)
    assert comparison.n_common == N_TEST - 20
    assert not comparison.whole
    for pair in comparison.pairs:
        answers = []
        for name, score in (("one", pair.first), ("two", pair.second)):
            row = dict(zip(SCORE_COLUMNS[:5], score.key, strict=True))
            rows = read_rows(predictions_path(results / name, row))
            answers.append({line["id"]: line["predicted"] == line["label"] for line in rows})
        ids = sorted(answers[0].keys() & answers[1].keys(), reverse=True)
        right = [np.array([answer[name] for name in ids]) for answer in answers]
        assert len(ids) == pair.n_common == 40
        assert (pair.first_only, pair.second_only, pair.p) == mcnemar(*right)
        assert (pair.common_first, pair.common_second) == (right[0].sum(), right[1].sum())
        assert pair.difference == pytest.approx((right[1].sum() - right[0].sum()) / 40)
        assert pair.first.accuracy == pytest.approx(np.mean(list(answers[0].values())))
    text = page(comparison, results)
    assert "Accuracy of each run on all its own test images" in text
    assert "Accuracy on the 40 test images of both runs" in text


def test_without_common_images_nothing_is_tested(results):
    finish_run(results / "two", first=N_TEST, **SMALL)
    comparison = compared(results)
    assert comparison.n_common == comparison.n_other_file == 0
    assert comparison.tested == []
    for pair in comparison.pairs:
        assert pair.p is None and pair.p_holm is None and not pair.paired
        right = [score.fake_fake + score.real_real for score in (pair.first, pair.second)]
        expected = unpaired_interval((right[0], N_TEST), (right[1], N_TEST))
        assert (pair.low, pair.high) == expected
        assert pair.low < pair.difference < pair.high
    text = " ".join(sentences(comparison))
    assert "no test image in common" in text and "Newcombe" in text and "McNemar" not in text


def test_the_same_id_alone_pairs_nothing(results):
    finish_run(results / "two", images="b", **SMALL)
    comparison = compared(results)
    assert comparison.n_common == 0 and comparison.n_other_file == N_TEST
    assert f"{N_TEST} test images have an id of the other run but are another file" in " ".join(
        sentences(comparison)
    )


def test_the_same_file_under_another_id_is_told(results):
    copy(results)
    edit_selection(results / "two", lambda row: row | {"id": f"x{row['id']}"})
    for row in read_rows(results / "two/scores.tsv"):
        path = predictions_path(results / "two", row)
        path.write_text(re.sub(r"(?m)^(\d)", r"x\1", path.read_text()))
    comparison = compared(results)
    assert comparison.n_common == 0 and comparison.n_other_id == N_TEST


def edit_selection(folder, edit):
    rows = [edit(row) for row in read_rows(folder / "selection.tsv")]
    write(folder / "selection.tsv", list(rows[0]), rows)


def test_cells_scored_by_patch_stand_side_by_side(results):
    copy(results)
    rows = read_rows(results / "two/scores.tsv")
    for row in rows:
        if row["feature"] == "single":
            row |= {"scored_by": "patch", "fake_fake": 8 * int(row["fake_fake"])}
    write(results / "two/scores.tsv", SCORE_COLUMNS, rows)
    comparison = compared(results)
    for pair in comparison.pairs:
        assert pair.by_patch == (pair.first.feature == "single")
        assert (pair.p is None) == (pair.low is None) == pair.by_patch
    assert len(comparison.tested) == FITS // 2
    assert f"{CELLS // 2} cells were scored patch by patch" in " ".join(sentences(comparison))
    assert max(map(len, body(page(comparison, results)))) <= WIDTH


def test_runs_of_old_versions_are_scored_by_image(results):
    copy(results)
    columns = [name for name in SCORE_COLUMNS if name not in ("protocol", "scored_by")]
    rows = read_rows(results / "two/scores.tsv")
    write(results / "two/scores.tsv", columns, [{n: row[n] for n in columns} for row in rows])
    comparison = compared(results)
    assert len(comparison.tested) == FITS
    settings = {setting.label: setting for setting in comparison.settings}
    assert settings["protocol"].second == "not recorded" and settings["protocol"].differs


# --- matching and settings ------------------------------------------------------------------


def test_cells_without_a_partner_are_listed(results):
    finish_run(results / "two", components=["Y", "YUV"], features=["flatten"], bpp=["0.25", "6"])
    comparison = compared(results)
    assert {pair.first.key[0] for pair in comparison.pairs} == {"0.25"}
    assert len(comparison.pairs) == 4
    assert len(comparison.only_first) == CELLS - 4 and len(comparison.only_second) == 12
    text = page(comparison, results)
    assert "12 cells only in one:" in text and "12 cells only in two:" in text
    assert "  6 bpp, y/y_hat, Y/YUV, flatten, GB/RF\n" in text
    assert "BY=order would match" in " ".join(text.split())
    rows = cells_table(comparison).data
    assert [row["compared"] for row in rows].count("one run only") == 24


def test_levels_match_by_value_or_by_order(results):
    finish_run(results / "two", bpp=["0.250", "6"], **SMALL)
    assert len(compared(results).pairs) == CELLS // 2
    comparison = compared(results, by="order")
    levels = {(pair.first.bpp, pair.second.bpp) for pair in comparison.pairs}
    assert levels == {("0.25", "0.250"), ("1.0", "6")}
    assert "RF, Y, 1.0 | 6 bpp" in page(comparison, results)
    assert "matched by their order" in " ".join(sentences(comparison))


def test_settings_that_differ_are_named(results):
    other = {"weights": "official", "operating_point": "HOP", "parameters": '{"max_depth": 4}'}
    finish_run(results / "two", constants=other, **SMALL)
    settings = {setting.label: setting for setting in compared(results).settings}
    differing = {label for label, setting in settings.items() if setting.differs}
    assert differing == {"weights", "operating point", "parameters"}
    assert (settings["weights"].first, settings["weights"].second) == ("embedded", "official")
    assert settings["operating point"].first == "not recorded"
    assert settings["parameters"].second == f"other in {CELLS} of {CELLS} cells"
    assert settings["training images"].first == "160"
    assert "tools" not in settings  # neither run records it


def test_configuration_and_commit_are_named_where_the_tables_tell_them(results):
    copy(results)
    (results / "two/tables").mkdir()
    (results / "two/tables/table_2_2.csv").write_text("factor,config,commit\nbpp,abc,def\n")
    text = page(compared(results), results)
    assert re.search(r"two +\S+/two +configuration abc, commit def\n", text)


# --- page and files -------------------------------------------------------------------------


def body(text):
    """The lines that hold no path."""
    return [line for line in text.splitlines() if "/" not in line]


def test_page_holds_every_cell(results):
    change(copy(results), lambda p: np.where(np.arange(N_TEST) % 5 == 0, p.fake, p.predicted))
    comparison = compared(results)
    text = page(comparison, results / "compare")
    assert text.isascii() and max(map(len, body(text))) <= WIDTH
    assert not any(line != line.rstrip() for line in text.splitlines())
    values = re.findall(r"\d\.\d{3} \(\d\.\d{3}-\d\.\d{3}\)", text)
    assert len(values) == 2 * CELLS
    for pair in comparison.pairs:
        assert f"{pair.difference:+.3f} ({pair.low:+.3f} to {pair.high:+.3f})" in text
    assert text.count(" *\n") == sum(pair.differs for pair in comparison.pairs)


def test_files_are_the_same_bytes_when_made_again(results):
    finish_run(results / "two", first=20, constants={"weights": "a <b> & c"}, **SMALL)
    comparison, folder = compared(results), results / "compare/one-vs-two"
    paths = write_comparison(comparison, folder)
    assert {path.name for path in folder.iterdir()} == {f"comparison.{end}" for end in SUFFIXES}
    before = [path.read_bytes() for path in paths]
    assert write_comparison(comparison, folder) == paths
    assert [path.read_bytes() for path in paths] == before
    html = (folder / "comparison.html").read_text()
    assert html.count("<svg") == html.count("</svg>") == 1 and html.count("<table>") == 2
    assert "a &lt;b&gt; &amp; c" in html and "<script" not in html and "src=" not in html
    with (folder / "comparison.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == CELLS
    found = {pair.first.key: pair for pair in comparison.pairs}
    for row in rows:
        names = ("bpp_1", "latent", "component", "feature", "classifier")
        pair = found[tuple(row[name] for name in names)]
        assert float(row["difference"]) == pair.difference
        assert float(row["mcnemar_p_holm"]) == pair.p_holm
        assert float(row["common_2"]) == pair.common_second / 40
    assert "| RF " in (folder / "comparison.md").read_text()


def test_a_failure_leaves_the_earlier_files(results, monkeypatch):
    copy(results)
    comparison, folder = compared(results), results / "compare"
    paths = write_comparison(comparison, folder)
    before = [path.read_bytes() for path in paths]

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr("latentprint.compare.files.html", fail)
    with pytest.raises(RuntimeError):
        write_comparison(comparison, folder)
    assert sorted(folder.iterdir()) == sorted(paths)
    assert [path.read_bytes() for path in paths] == before


def run_step(monkeypatch, results, runs, *more):
    argv = ["compare_runs", "--runs", runs, "--results", str(results), *more]
    monkeypatch.setattr(sys, "argv", argv)
    compare_runs.main()


def test_step_prints_the_page_and_writes_the_files(results, monkeypatch, capsys):
    finish_run(results / "far/off/one", **SMALL)  # another run of the same name
    run_step(monkeypatch, results, f"one, {results}/far/off/one")
    assert capsys.readouterr().out.startswith("one.1 and one.2 side by side\n")
    assert (results / "compare/one.1-vs-one.2/comparison.png").is_file()
    copy(results)
    run_step(monkeypatch, results, "one,two", "--by", "order")
    assert (results / "compare/one-vs-two/comparison.html").is_file()


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", ["", "one", "one,", "one,two,three"])
def test_runs_that_are_not_two_names(results, runs):
    with pytest.raises(UserError, match=r"expected two runs.*finished runs in .*: one\."):
        find_runs(runs, results)


def test_runs_that_are_not_there(results):
    (results / "begun").mkdir()
    for runs, told in [
        ("one,nowhere", "nowhere: no such run; finished runs in .*: one"),
        ("one,begun", "begun/scores.tsv: no such file, so the run is not finished"),
        ("one,one", "names the run .*one twice"),
        (f"one,{results}/../{results.name}/one/", "twice"),
    ]:
        with pytest.raises(UserError, match=told) as caught:
            find_runs(runs, results)
        assert "\n" not in str(caught.value)


def test_missing_or_stale_files(results):
    two = copy(results)
    row = read_rows(two / "scores.tsv")[0]
    path = predictions_path(two, row)
    text = path.read_text()
    path.write_text(text.replace("\treal\n", "\tfake\n", 1))
    with pytest.raises(UserError, match=r"images are called right, expected .* as in scores\.tsv"):
        compared(results)
    path.write_text(text.replace("00000", "99998", 1))
    with pytest.raises(UserError, match="holds other images"):
        compared(results)
    path.unlink()
    with pytest.raises(UserError, match=r"predictions\.tsv: no such file"):
        compared(results)
    (two / "selection.tsv").unlink()
    with pytest.raises(UserError, match=r"selection\.tsv: no such file, expected the sha256"):
        compared(results)


def test_an_image_with_two_labels_is_refused(results):
    copy(results)
    edit_selection(results / "two", lambda row: row | {"label": "real"})
    with pytest.raises(UserError, match="is fake in the first run and real in the second"):
        compared(results)


def test_runs_without_a_common_cell(results):
    finish_run(results / "two", bpp=["6", "12"], **SMALL)
    with pytest.raises(UserError, match=r"bpp 0\.25, 1\.0 in one and 6, 12 in two\. BY=order"):
        compared(results)
    assert len(compared(results, by="order").pairs) == CELLS
    finish_run(results / "three", bpp=["6"], **SMALL)
    with pytest.raises(UserError, match="as many levels of bpp"):
        compared(results, "one,three", by="order")
    with pytest.raises(UserError, match="expected one of bpp, order"):
        compared(results, by="name")
    finish_run(results / "four", components=["YUV"])
    with pytest.raises(UserError, match="components Y in one and YUV in four"):
        compared(results, "one,four")


def test_make_knows_the_target(root):
    command = ["make", "-n", "-o", ".venv/.ready", "compare", "RUNS=a,b"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert '--runs "a,b" --by "bpp"' in done.stdout
