"""Tables: numbers, order, stress, formats, absent factors."""

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from latentprint.accuracy_tables import accuracies
from latentprint.errors import UserError
from latentprint.figure_plan import tables_planned
from latentprint.glossary import _WORDS, DRAWN, level, sharing, source, words
from latentprint.score_table import (
    equal_levels,
    factors_of,
    most_accurate,
    read_costs,
    read_scores,
    shares_fits,
)
from latentprint.table_formats import (
    Column,
    Table,
    to_csv,
    to_html,
    to_latex,
    to_markdown,
    write_table,
)
from latentprint.tables import all_tables, dimensions, factors, times
from latentprint.thesis import read_published
from tests.unit.synthetic_run import ALL, write_run


@pytest.fixture(scope="module")
def published(root):
    return read_published(root / "resources/thesis")


@pytest.fixture
def run_of(tmp_path):
    """Scores and costs of a made-up run."""

    def make(**factors):
        folder = write_run(tmp_path, **factors)
        return read_scores(folder / "scores.tsv"), read_costs(folder / "costs.tsv")

    return make


def lines_of(table):
    return [row[:4] for row in table.rows]


# --- rows of scores.tsv ---------------------------------------------------------------------


def test_scores_come_typed_and_in_order(run_of):
    scores, costs = run_of(bpp=["10", "9"])
    assert len(scores) == len(costs) == 48
    assert scores[0].key == ("9", "y", "Y", "flatten", "GB")
    assert factors_of(scores)["bpp"] == ["9", "10"]
    assert isinstance(scores[0].n_test, int)
    assert sum(score.mcnemar_p_holm is None for score in scores) == 1
    assert most_accurate(scores).accuracy == max(score.accuracy for score in scores)


def test_y_of_one_model_is_one_fit(run_of):
    scores, _ = run_of()
    assert shares_fits(scores)
    assert len({score.fit for score in scores}) == 36
    assert not shares_fits([score for score in scores if score.bpp == "1.0"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("accuracy_low", "low", 1), "column accuracy_low is missing"),
        (lambda text: text.splitlines()[0] + "\n", "holds no cell"),
        (lambda text: text + text.splitlines()[1] + "\n", "line 50: a second row"),
        (lambda text: text.replace("\t180\t", "\tmany\t", 1), "line 2: column n_test holds 'many'"),
        (lambda text: text.replace("\n0.25\t", "\nlow\t", 1), "line 2: column bpp holds 'low'"),
        (lambda text: "\n".join([*text.splitlines()[:-1], "1.0\ty"]) + "\n", "line 49: column"),
    ],
)
def test_broken_scores_are_refused_with_their_place(tmp_path, change, message):
    path = write_run(tmp_path) / "scores.tsv"
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=re.escape(message)):
        read_scores(path)


def test_missing_scores_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_scores(tmp_path / "scores.tsv")


# --- accuracies -----------------------------------------------------------------------------


def test_rows_keep_the_order_of_the_thesis(run_of, published):
    scores, _ = run_of(bpp=["6", "12"])
    for classifier in ("RF", "GB"):
        table = accuracies(scores, classifier, published=published, text=words("en"))
        order = [[row[0], row[1], row[2], row[3]] for row in published.accuracies]
        assert lines_of(table) == [row for row in order if row[0] == classifier]
        assert table.rules == {6}  # one rule, between Y and YUV


def test_measured_values_and_intervals_are_those_of_the_scores(run_of, published):
    scores, _ = run_of()
    table = accuracies(scores, "GB", published=published, text=words("en"))
    found = {score.key: score for score in scores}
    assert len(table.data) == 12
    for record, row in zip(table.data, table.rows, strict=True):
        for place, latent in ((4, "y"), (5, "y_hat")):
            key = (record["bpp"], latent, record["component"], record["feature"], "GB")
            score = found[key]
            assert record[latent] == score.accuracy
            assert (record[f"{latent}_low"], record[f"{latent}_high"]) == (
                score.accuracy_low,
                score.accuracy_high,
            )
            assert row[place].startswith(f"{score.accuracy:.3f} ({score.accuracy_low:.3f}-")


def test_a_second_test_and_seeds_have_columns_where_there_are_such(run_of, published):
    scores, _ = run_of()
    plain = accuracies(scores, "RF", published=published, text=words("en"))
    more = {"accuracy_valid": 0.7, "accuracy_valid_low": 0.6, "accuracy_valid_high": 0.8}
    more |= {"accuracy_mean": 0.65, "accuracy_sd": 0.0125}
    scores = [replace(score, **more) for score in scores]
    table = accuracies(scores, "RF", published=published, text=words("en"))
    heads = [column.label for column in table.columns]
    added = ["y, valid", "y_hat, valid", "y, seeds", "y_hat, seeds"]
    assert [head for head in heads if head not in [c.label for c in plain.columns]] == added
    row = dict(zip(heads, table.rows[0], strict=True))
    assert row["y, valid"] == "0.700 (0.600-0.800)" and row["y_hat, seeds"] == "0.650 ± 0.013"
    assert table.data[0]["y_accuracy_valid"] == 0.7
    assert any(note.startswith("valid:") for note in table.notes)
    assert any(note.startswith("seeds:") for note in table.notes)


def test_other_levels_show_published_values_but_no_difference(run_of, published):
    scores, _ = run_of(bpp=["0.25", "0.5", "1.0"])
    table = accuracies(scores, "RF", published=published, text=words("en"))
    assert not any(" - " in column.label for column in table.columns)
    beside = {record["bpp"]: record["thesis_bpp"] for record in table.data}
    assert beside == {"0.25": "6", "0.5": "", "1.0": "12"}
    assert all(record["difference_y"] is None for record in table.data)
    lowest = next(r for r in table.data if (r["bpp"], r["feature"]) == ("0.25", "flatten"))
    assert lowest["thesis_y"] == 0.801
    middle = next(r for r in table.data if r["bpp"] == "0.5")
    assert middle["thesis_y"] is None
    assert any("orientation" in note for note in table.notes)


def test_equal_levels_show_the_difference(run_of, published):
    scores, _ = run_of(bpp=["6", "12"])
    table = accuracies(scores, "GB", published=published, text=words("en"))
    assert [column.label for column in table.columns][-2:] == ["y - Thesis", "y_hat - Thesis"]
    for record, row in zip(table.data, table.rows, strict=True):
        assert record["difference_y"] == pytest.approx(record["y"] - record["thesis_y"], abs=1e-6)
        assert row[-2] == f"{record['difference_y']:+.3f}"
    assert not any("orientation" in note for note in table.notes)


def test_only_the_best_value_is_bold(run_of, published):
    scores, _ = run_of()
    table = accuracies(scores, "GB", published=published, text=words("en"))
    best = max(score.accuracy for score in scores if score.classifier == "GB")
    assert table.bold
    for index, record in enumerate(table.data):
        for place, latent in ((4, "y"), (5, "y_hat")):
            assert ((index, place) in table.bold) == (record[latent] == best)


@pytest.mark.parametrize("equal", [False, True])
def test_what_is_scored_by_patch_is_never_bold_and_is_told(run_of, published, equal):
    scores, _ = run_of()
    best = max(score.accuracy for score in scores if score.classifier == "RF")
    high = best if equal else 0.999
    faithful = [
        replace(score, protocol="faithful", scored_by="patch", accuracy=high)
        if (score.classifier, score.feature) == ("RF", "multiple")
        else replace(score, protocol="faithful")
        for score in scores
    ]
    plain = accuracies(scores, "RF", published=published, text=words("en"))
    table = accuracies(faithful, "RF", published=published, text=words("en"))
    assert any(row[3] == "multiple" and f"{high:.3f}" in row[4] for row in table.rows)
    assert table.bold == plain.bold
    notes = " ".join(table.notes)
    assert "scored by patch" in notes and "Protocol faithful" in notes
    assert "scored by patch" not in " ".join(plain.notes)
    other = accuracies(faithful, "GB", published=published, text=words("it"))
    assert "Protocollo faithful" in " ".join(other.notes)
    assert "per patch" not in " ".join(other.notes)
    alone = [score for score in faithful if score.scored_by == "patch"]
    assert not accuracies(alone, "RF", published=published, text=words("en")).bold


@pytest.mark.parametrize("latent", ["y", "y_hat"])
def test_absent_latent_leaves_out_its_columns(run_of, published, latent):
    scores, _ = run_of(latents=[latent])
    table = accuracies(scores, "RF", published=published, text=words("en"))
    labels = [column.label for column in table.columns]
    assert labels[4:] == [latent, "Thesis, bpp", f"Thesis, {latent}"]
    assert all(len(row) == len(labels) for row in table.rows)


def test_notes_name_data_weights_and_shared_fits(run_of, published):
    scores, _ = run_of()
    notes = accuracies(scores, "RF", published=published, text=words("en")).notes
    assert "180 test images after training on 160" in notes[0]
    assert notes[1] == "Source: embedded weights, images drawn by the product, n = 180."
    assert any("equal by construction" in note for note in notes)
    alone, _ = run_of(bpp=["0.5"])
    notes = accuracies(alone, "RF", published=published, text=words("en")).notes
    assert not any("equal by construction" in note for note in notes)


def test_rate_that_was_not_reached_is_told(run_of, published):
    constants = {"bpp_reached": 2.13, "weights": "official", "images": "faces folder a"}
    scores, _ = run_of(bpp=["6", "12"], constants=constants)
    assert level("6", scores, words("en")) == "6 bpp (2.13 reached)"
    notes = accuracies(scores, "RF", published=published, text=words("en")).notes
    assert "Rates asked and reached: 6 bpp (2.13 reached), 12 bpp (2.13 reached)." in notes
    assert source(scores, words("en")) == "official weights, faces folder a, n = 180"


def test_rate_near_the_target_and_unknown_rate_are_not_mentioned(run_of):
    scores, _ = run_of()
    assert level("0.25", scores, words("en")) == "0.25 bpp"
    scores, _ = run_of(constants={"bpp_reached": ""})
    assert level("0.25", scores, words("en")) == "0.25 bpp"


# --- the other tables -----------------------------------------------------------------------


def test_dimensions_are_measured(run_of, published):
    scores, _ = run_of()
    table = dimensions(scores, published=published, text=words("en"))
    found = {(record["feature"], record["component"]): record for record in table.data}
    assert list(found) == list(published.dimensions)
    assert found["flatten", "YUV"]["n_values"] == 65536
    assert found["multiple", "Y"]["rows_per_image"] == 8
    assert found["single", "Y"]["rows_per_image"] == 1
    assert found["multiple", "Y"]["thesis_rows_per_image"] == "N"


def test_factors_show_both_and_count_the_cells(run_of, published):
    scores, _ = run_of()
    table = factors(scores, published=published, text=words("en"))
    assert table.rows[0] == ["Compression level (bpp)", "0.25, 1.0", "6, 12"]
    assert table.rows[2][1] == "flatten, single, multiple"
    assert table.notes[0] == "Cells: 2 x 2 x 3 x 2 x 2 = 48."


def test_times_count_every_fit_once(run_of, published):
    scores, costs = run_of()
    table = times(scores, costs, published=published, text=words("en"))
    assert [row[0] for row in table.rows] == ["RF"] * 6 + ["GB"] * 6
    assert table.rules == {6}
    by_row = {tuple(row[:3]): record for row, record in zip(table.rows, table.data, strict=True)}
    record = by_row["RF", "YUV", "single"]
    mine = [cost for cost in costs if cost.key[2:] == ("YUV", "single", "RF")]
    distinct = [cost for cost in mine if (cost.latent, cost.bpp) != ("y", "1.0")]
    assert record["n_fits"] == 3
    # The search of y stands in the rows of both levels, but was made once.
    assert record["search_s"] == pytest.approx(9.5)
    assert record["thesis_fit_min"] == "3" and record["thesis_cores"] == "1"
    assert record["fit_s"] == pytest.approx(sum(cost.fit_s for cost in distinct) / 3)
    assert by_row["RF", "Y", "single"]["thesis_fit_min"] == ""
    assert by_row["GB", "YUV", "flatten"]["thesis_cores"] == "all"


def test_costs_that_were_not_measured_stay_empty(run_of, published, tmp_path):
    run_of()
    path = tmp_path / "costs.tsv"
    path.write_text(re.sub(r"\t410\.5", "\t", path.read_text()))
    scores, costs = read_scores(tmp_path / "scores.tsv"), read_costs(path)
    table = times(scores, costs, published=published, text=words("en"))
    assert {row[8] for row in table.rows} == {""}
    assert {record["peak_mb"] for record in table.data} == {None}


# --- all tables and formats -----------------------------------------------------------------


@pytest.mark.parametrize(
    "factors",
    [
        {},
        {"latents": ["y_hat"]},
        {"bpp": ["0.5"]},
        {"classifiers": ["GB"]},
        {"components": ["Y"], "features": ["multiple"]},
        {"classifiers": ["RF", "Stump"], "features": ["flatten", "gap"]},
    ],
)
def test_tables_are_the_planned_ones(run_of, published, factors):
    scores, costs = run_of(**factors)
    tables = all_tables(scores, costs, pairs=[], published=published, text=words("en"))
    assert [table.stem for table in tables] == tables_planned(**(ALL | factors))
    for table in tables:
        assert table.rows and table.notes
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert all(list(record) == list(table.data[0]) for record in table.data)


def test_a_further_classifier_has_a_table_of_its_own(run_of, published):
    scores, _ = run_of(classifiers=["RF", "Stump"])
    table = accuracies(scores, "Stump", published=published, text=words("en"))
    assert (table.stem, table.title) == ("table_3_Stump", "Results for Stump")
    assert all(record["thesis_y"] is None for record in table.data)


ODD = Table(
    stem="odd",
    number="Table 9",
    caption="50 % of y_hat & <more>",
    columns=[Column("a|b"), Column("y_hat", numeric=True)],
    rows=[["C_y * H", "0.5"], ["", "-0.012"]],
    notes=["a_b #1 {x} $5 ~ \\"],
    data=[{"a": "C_y, H", "b": 0.5}, {"a": None, "b": -0.012}],
    bold={(0, 1)},
    rules={1},
)


def test_markdown_escapes_and_stays_a_table():
    text = to_markdown(ODD)
    lines = text.splitlines()
    assert lines[0] == "**Table 9. 50 % of y_hat & <more>**"
    table = [line for line in lines if line.startswith("|")]
    assert len({len(re.sub(r"\\\|", "x", line).split("|")) for line in table}) == 1
    assert "**0.5**" in text and "C_y \\* H" in text and "a\\|b" in text
    assert re.fullmatch(r"\| -+ \| -+: \|", table[1])


def test_latex_escapes_every_special_character():
    text = to_latex(ODD)
    assert r"\caption{50 \% of $\hat{y}$ \& <more>}" in text
    assert r"\textbf{0.5}" in text and "$-0.012$" in text
    assert r"a\_b \#1 \{x\} \$5 \textasciitilde{} \textbackslash{}" in text
    assert text.count(r"\midrule") == 2
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    for environment in ("table", "tabular"):
        assert text.count(rf"\begin{{{environment}}}") == 1
        assert text.count(rf"\end{{{environment}}}") == 1
    body = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {1}


def test_csv_reads_back():
    rows = list(csv.DictReader(io.StringIO(to_csv(ODD))))
    assert rows == [{"a": "C_y, H", "b": "0.5"}, {"a": "", "b": "-0.012"}]


class _Page(HTMLParser):
    """Collects tags and cells; knows whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def test_html_is_well_formed_and_alone():
    page = _Page()
    page.feed(to_html(ODD))
    assert page.open == [] and page.links == []
    assert page.cells == ["a|b", "y_hat", "C_y * H", "0.5", "", "-0.012"]
    assert "http" not in to_html(ODD)
    assert '<tr class="block">' in to_html(ODD)


def test_files_are_equal_when_written_again(run_of, published, tmp_path):
    scores, costs = run_of()
    contents = []
    for name in ("one", "two"):
        for table in all_tables(scores, costs, pairs=[], published=published, text=words("en")):
            paths = write_table(table, tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 24
    assert [path.suffix for path in paths] == [".csv", ".md", ".tex", ".html"]


# --- words ----------------------------------------------------------------------------------


def test_italian_has_every_word_with_the_same_fields():
    for key, (english, italian) in _WORDS.items():
        assert english and italian, key
        assert re.findall(r"{(\w+)}", english) == re.findall(r"{(\w+)}", italian), key


def test_italian_tables(run_of, published):
    scores, costs = run_of()
    tables = all_tables(scores, costs, pairs=[], published=published, text=words("it"))
    assert tables[2].title == "Tabella 3.1. Risultati per Random Forest"
    assert [column.label for column in tables[2].columns][:2] == ["Modello", "Bpp"]
    assert '<html lang="it">' in to_html(tables[2])
    assert "pesi incorporati, immagini disegnate dal prodotto, n = 180" in tables[2].notes[1]


def test_unknown_language_is_refused():
    with pytest.raises(UserError, match="expected one of en, it, got 'fr'"):
        words("fr")


def test_drawn_images_are_known_by_the_text_of_the_scores(run_of):
    scores, _ = run_of()
    assert {score.images for score in scores} == {DRAWN}


def test_levels_that_are_one_operating_point_are_said_to_be(tmp_path):
    text = words("en")
    apart = read_scores(write_run(tmp_path) / "scores.tsv")
    assert equal_levels(apart) == [] and sharing(apart, text) == [text["note_shared"]]
    one = [
        replace(score, point="matched-0badc0de" if score.latent == "y_hat" else score.point)
        for score in apart
    ]
    assert equal_levels(one) == [["0.25", "1.0"]]
    assert sharing(one, text)[0].startswith("0.25 and 1.0 bpp are one operating point")
    y = [replace(score, model="3", beta="702,702") for score in apart if score.latent == "y"]
    assert equal_levels(y) == [] and sharing(y, text) == [text["note_shared"]]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("embedded", "embedded weights, "),
        ("official", "official weights, "),
        ("other", "weights other than the official ones, "),
    ],
)
def test_the_source_of_the_weights_is_told(run_of, weights, expected):
    scores, _ = run_of()
    told = source([replace(score, weights=weights) for score in scores], words("en"))
    assert told.startswith(expected) and "{" not in told
