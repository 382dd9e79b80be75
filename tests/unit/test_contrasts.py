"""Contrasts within a run: pairs, tests, intervals over images, and the printed table."""

from itertools import product

import numpy as np
import pytest

from latentprint import contrasts as module
from latentprint.collect import CellResult, write_table
from latentprint.contrast_table import Pair, contrasts, read_pairs
from latentprint.contrasts import COLUMNS, bootstrap_interval, contrast_rows
from latentprint.errors import UserError
from latentprint.evaluate import FACTORS, holm
from latentprint.figure_plan import contrasts_planned, tables_planned
from latentprint.glossary import words
from latentprint.predictions import read_predictions
from latentprint.score_table import read_scores
from latentprint.seeds import rng
from latentprint.thesis import read_published
from tests.unit.finished_run import change, finish_run, made, predictions_path, read_rows
from tests.unit.synthetic_run import ALL

ONE = {
    "bpp": ["6"],
    "latents": ["y"],
    "components": ["Y"],
    "features": ["flatten"],
    "classifiers": ["RF"],
}


def cell(key, right, **more):
    """One cell of made-up predictions; `right` says which images it calls right."""
    right = np.asarray(right)
    fake = np.arange(len(right)) % 2 == 0
    scores = dict(zip(FACTORS, key, strict=True)) | {
        "point": "model-3" if key[1] == "y" else f"bpp-{key[0]}",
        "accuracy": right.mean(),
        "scored_by": "image",
    }
    ids = [f"{number:04d}" for number in range(len(right))]
    return CellResult(scores | more, {}, made(ids, fake, np.where(right, fake, ~fake)))


def grid(random, skill, n=200, **factors):
    """Cells of a grid; `skill` gives the share of right images of a key; y is shared."""
    fits, cells = {}, []
    for key in product(*(ONE | factors).values()):
        fit = key[1:] if key[1] == "y" else key
        if fit not in fits:
            fits[fit] = random.random(n) < skill(*key)
        cells.append(cell(key, fits[fit]))
    return cells


def of(rows, *contrast):
    return [row for row in rows if (row["factor"], row["first"], row["second"]) == contrast]


def random_of(number):
    return np.random.default_rng(number)


# Which contrasts


def test_levels_stand_in_a_fixed_order():
    factors = {"bpp": ["6", "12"], "latents": ["y_hat", "y"], "components": ["Y", "YUV"]}
    factors |= {"features": ["single", "gap", "multiple", "flatten"]}
    factors |= {"classifiers": ["RF", "GB", "LR"]}
    found = [contrast[1:3] for contrast in contrasts_planned(**factors) if not contrast.within]
    assert found == [
        ("12", "6"), ("y", "y_hat"), ("YUV", "Y"),
        ("flatten", "single"), ("flatten", "multiple"), ("flatten", "gap"),
        ("single", "multiple"), ("single", "gap"), ("multiple", "gap"),
        ("GB", "RF"), ("GB", "LR"), ("RF", "LR"),
    ]  # fmt: skip
    within = [contrast.within for contrast in contrasts_planned(**ALL)]
    assert within == [""] * 7 + ["flatten", "single", "multiple"]


def test_a_run_of_one_cell_has_no_table():
    assert contrasts_planned(**ONE) == []
    assert "table_contrasts" not in tables_planned(**ONE)
    assert tables_planned(**(ONE | {"latents": ["y", "y_hat"]}))[-1] == "table_contrasts"
    assert contrast_rows(grid(random_of(1), lambda *_: 0.7)) == []


# Pairs and their tests


def test_a_pair_is_tested_as_its_predictions_say():
    strong = np.arange(100) < 80
    weak = (np.arange(100) >= 10) & (np.arange(100) < 60)
    key = ("6", "y", "Y", "flatten")
    (row,) = contrast_rows([cell((*key, "RF"), weak), cell((*key, "GB"), strong)])
    assert (row["factor"], row["first"], row["second"]) == ("classifier", "GB", "RF")
    assert row["classifier"] is None and row["feature"] == "flatten"
    assert (row["accuracy_first"], row["accuracy_second"], row["difference"]) == (0.8, 0.5, 0.3)
    assert (row["first_only"], row["second_only"], row["n_test"]) == (30, 0, 100)
    assert row["mcnemar_p"] == row["mcnemar_p_holm"] == pytest.approx(2 * 0.5**30)
    assert 0.2 < row["difference_low"] < 0.3 < row["difference_high"] < 0.42
    assert row["mean_difference"] == 0.3
    assert 0.2 < row["mean_low"] < 0.3 < row["mean_high"] < 0.4
    (turned,) = contrast_rows([cell((*key, "RF"), strong), cell((*key, "GB"), weak)])
    for low, high in (("difference_low", "difference_high"), ("mean_low", "mean_high")):
        assert turned[low] == pytest.approx(-row[high]), low


def test_all_pairs_are_equal_in_the_other_factors():
    cells = grid(random_of(2), lambda *_: 0.7, **ALL)
    rows = contrast_rows(cells)
    found = {tuple(each.scores[name] for name in FACTORS): each.scores for each in cells}
    for row in rows:
        for side in ("first", "second"):
            key = tuple(row[side] if name == row["factor"] else row[name] for name in FACTORS)
            assert found[key]["accuracy"] == row[f"accuracy_{side}"]
            assert found[key]["point"] == row[f"point_{side}"]
    assert len(of(rows, "latent", "y", "y_hat")) == 24
    assert len(of(rows, "feature", "flatten", "single")) == 16
    assert len(of(rows, "classifier", "GB", "RF")) == 2 * 24  # all, and each feature


def test_holm_corrects_over_distinct_fits_within_the_contrast():
    cells = grid(
        random_of(3),
        lambda bpp, latent, component, feature, classifier: 0.6 + 0.08 * (classifier == "GB"),
        bpp=["6", "12"], latents=["y", "y_hat"], classifiers=["RF", "GB"],
    )  # fmt: skip
    rows = of(contrast_rows(cells), "classifier", "GB", "RF")
    assert len(rows) == 4
    shared = [row for row in rows if row["latent"] == "y"]
    assert len({row["mcnemar_p"] for row in shared}) == 1  # one fit on each side
    distinct = [shared[0], *(row for row in rows if row["latent"] == "y_hat")]
    expected = holm([row["mcnemar_p"] for row in distinct])
    assert [row["mcnemar_p_holm"] for row in distinct] == expected
    assert shared[0]["mcnemar_p_holm"] == shared[1]["mcnemar_p_holm"]
    assert expected != holm([row["mcnemar_p"] for row in rows])[1:]
    mean = np.mean([row["difference"] for row in distinct])
    assert rows[0]["mean_difference"] == pytest.approx(mean, abs=1e-12)


def test_what_is_equal_by_construction_is_no_pair():
    cells = grid(random_of(4), lambda *_: 0.7, bpp=["6", "12"], latents=["y", "y_hat"])
    rows = of(contrast_rows(cells), "bpp", "12", "6")
    assert [row["latent"] for row in rows] == ["y_hat"]
    for each in cells:  # one operating point at both levels
        each.scores["point"] = "bpp-6" if each.scores["latent"] == "y_hat" else "model-3"
    assert not of(contrast_rows(cells), "bpp", "12", "6")
    assert len(of(contrast_rows(cells), "latent", "y", "y_hat")) == 2


def test_cells_scored_by_patch_take_no_part():
    cells = grid(
        random_of(5), lambda *_: 0.7, features=["flatten", "multiple"], classifiers=["RF", "GB"]
    )
    rf = next(
        each
        for each in cells
        if (each.scores["feature"], each.scores["classifier"]) == ("multiple", "RF")
    )
    before = contrast_rows(cells)
    rf.scores["scored_by"] = "patch"
    rows = contrast_rows(cells)
    assert len(of(before, "feature", "flatten", "multiple")) == 2
    assert [r["classifier"] for r in of(rows, "feature", "flatten", "multiple")] == ["GB"]
    assert {(r["feature"], r["within"]) for r in of(rows, "classifier", "GB", "RF")} == {
        ("flatten", ""), ("flatten", "flatten"),
    }  # fmt: skip


def test_other_images_are_refused():
    key = ("6", "y", "Y", "flatten")
    right = np.arange(20) < 15
    other = cell((*key, "GB"), right)
    swapped = made(other.predictions.ids[::-1], other.predictions.fake, other.predictions.fake)
    with pytest.raises(UserError, match="other images or in another order"):
        contrast_rows([cell((*key, "RF"), right), CellResult(other.scores, {}, swapped)])


# Effects and their intervals


def skill(bpp, latent, component, feature, classifier):
    """Features differ, and boosting is better on flatten alone; nothing else matters."""
    share = {"flatten": 0.85, "single": 0.7, "multiple": 0.6}[feature]
    return share + 0.08 * (classifier == "GB" and feature == "flatten")


def test_a_known_effect_is_found():
    rows = contrast_rows(grid(random_of(6), skill, n=1000, **ALL))
    found = {(row["first"], row["second"], row["within"]): row for row in rows}
    for contrast, effect in {
        ("flatten", "single", ""): 0.15 + 0.04,
        ("flatten", "multiple", ""): 0.25 + 0.04,
        ("single", "multiple", ""): 0.1,
        ("GB", "RF", "flatten"): 0.08,
    }.items():
        row = found[contrast]
        assert 0 < row["mean_low"] < row["mean_difference"] < row["mean_high"], contrast
        assert row["mean_difference"] == pytest.approx(effect, abs=0.02), contrast
    flatten = [row for row in rows if row["within"] == "flatten"]
    assert len(flatten) == 8 and all(row["mcnemar_p_holm"] < 0.05 for row in flatten)


def test_where_there_is_no_effect_intervals_hold_zero(monkeypatch):
    monkeypatch.setattr(module, "RESAMPLES", 200)
    none = {("1.0", "0.25", ""), ("y", "y_hat", ""), ("YUV", "Y", ""),
            ("GB", "RF", "single"), ("GB", "RF", "multiple")}  # fmt: skip
    held = []
    for seed in range(30):
        rows = contrast_rows(grid(random_of(seed), skill, n=120, **ALL))
        found = {(row["first"], row["second"], row["within"]): row for row in rows}
        held += [found[name]["mean_low"] <= 0 <= found[name]["mean_high"] for name in none]
    assert 0.88 < np.mean(held) < 0.995  # 150 intervals of 95 %


def test_intervals_cover_though_pairs_share_their_images(monkeypatch):
    """Pairs that hang together: taken as independent, the interval would be half as wide."""
    monkeypatch.setattr(module, "RESAMPLES", 400)
    n, runs, components, held, narrow = 150, 300, 4, 0, 0
    random = random_of(7)
    for run in range(runs):
        first, second = random.random((2, n)) < 0.7
        changed = random.random((components, n)) < 0.1  # each pair differs a little from the others
        won = np.where(changed, 0, first.astype(np.int64) - second)
        low, high = bootstrap_interval(won.sum(axis=0), rng(run, "coverage"))
        held += low <= 0 <= high
        alone = won.reshape(-1)
        half = 1.96 * alone.std() / np.sqrt(alone.size)
        narrow += abs(alone.mean()) <= half
    assert 0.915 < held / runs < 0.98
    assert narrow / runs < 0.8


def test_rows_are_the_same_bytes_when_made_again(tmp_path):
    for name in ("one", "two"):
        cells = grid(random_of(8), lambda *_: 0.7, n=60, **ALL)
        write_table(tmp_path / name, COLUMNS, contrast_rows(cells))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


# The table


@pytest.fixture
def table_of(root, tmp_path):
    """The printed table of a made-up run, from its files; `edit` changes cells before."""

    def make(language="en", edit=None, name="run", **factors):
        folder = finish_run(tmp_path / name, **factors)
        if edit:
            change(folder, **edit)
        cells = []
        for row in read_rows(folder / "scores.tsv"):
            row["accuracy"] = float(row["accuracy"])
            cells.append(CellResult(row, {}, read_predictions(predictions_path(folder, row))))
        write_table(folder / "contrasts.tsv", COLUMNS, contrast_rows(cells))
        return contrasts(
            read_scores(folder / "scores.tsv"),
            read_pairs(folder / "contrasts.tsv"),
            published=read_published(root / "resources/thesis"),
            text=words(language),
        )

    return make


def line(table, named):
    index = next(index for index, row in enumerate(table.rows) if row[1] == named)
    return index, table.rows[index], table.data[index]


def test_table_counts_every_pair_of_fits_once(table_of):
    table = table_of(bpp=["6", "12"])
    _, row, data = line(table, "YUV - Y")
    assert (row[0], row[2]) == ("Component", "18")  # 24 pairs, 6 of them of y at two levels
    assert data["higher"] + data["equal"] + data["lower"] == 18
    assert row[4] == f"{data['higher']} / {data['equal']} / {data['lower']}"
    _, row, data = line(table, "12 - 6")
    assert (row[2], data["thesis_pairs"]) == ("12", 12)
    assert [row[1] for row in table.rows[-4:]] == [
        "GB - RF", "GB - RF, flatten", "GB - RF, single", "GB - RF, multiple",
    ]  # fmt: skip
    assert table.rules == {1, 2, 3, 6}


def test_table_shows_the_same_pairs_of_the_thesis(table_of):
    table = table_of(bpp=["6", "12"])
    _, row, data = line(table, "y - y_hat")
    assert row[-1] == "19 / 3 / 2" and data["thesis_pairs"] == 24
    _, row, _ = line(table, "GB - RF, flatten")
    assert row[-2:] == ["+0.107", "8 / 0 / 0"]
    assert not any("orientation" in note for note in table.notes)
    table = table_of(bpp=["0.25", "0.5", "1.0"], name="other")
    assert any("orientation" in note for note in table.notes)
    assert line(table, "1.0 - 0.25")[2]["thesis_pairs"] == 12
    assert line(table, "0.5 - 0.25")[1][-2:] == ["", ""]  # nothing published stands beside 0.5


def test_only_intervals_that_exclude_zero_are_bold(table_of):
    edit = {"edit": lambda old: old.fake, "feature": "flatten"}  # always right
    table = table_of(edit=edit)
    index, row, data = line(table, "flatten - single")
    assert (index, 3) in table.bold and data["mean_low"] > 0
    assert row[3].startswith(f"{data['mean_difference']:+.3f} (+")
    assert int(row[5]) == data["differ_holm"] > 0
    for index, data in enumerate(table.data):
        excluded = data["mean_low"] > 0 or data["mean_high"] < 0
        assert ((index, 3) in table.bold) == excluded
    never = table_of(edit=edit | {"edit": lambda old: ~old.fake}, latents=["y_hat"], name="never")
    index, row, _ = line(never, "flatten - single")
    assert (index, 3) in never.bold and row[3].startswith("-") and row[4] == "0 / 0 / 8"
    index, row, _ = line(table, "GB - RF, flatten")
    assert row[3:6] == ["0.000 (0.000 to 0.000)", "0 / 6 / 0", "0"]
    assert (index, 3) not in table.bold


def test_a_contrast_without_pairs_keeps_its_row(table_of):
    table = table_of(latents=["y"])
    _, row, data = line(table, "1.0 - 0.25")
    assert row[2:] == ["0", "", "", "", "", ""] and data["mean_difference"] is None
    assert any("equal by construction" in note for note in table.notes)


def test_table_says_how_to_read_it_in_both_languages(table_of):
    notes = " ".join(table_of().notes)
    assert "not for others" in notes and "signs are not independent" in notes
    assert "multiple mix two evaluators" in notes
    table = table_of("it", name="it")
    assert "non per altri" in " ".join(table.notes) and table.columns[1].label == "Contrasto"


HEAD = "\t".join(Pair.__dataclass_fields__)
LINE = "\t".join(["bpp", "12", "6", "", "", "y_hat", "Y", "single", "RF", "a", "b", *["0.5"] * 5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}\n{LINE}\n".replace("mean_low", "low"), "column mean_low is missing"),
        (f"{HEAD}\n{LINE}\n{LINE[:-3]}half\n", "line 3: could not convert string to float: 'half'"),
        (f"{HEAD}\n{LINE[:-4]}\n", "line 2: "),
        ("", "column factor, first"),
        (None, "no such file"),
    ],
)
def test_broken_contrasts_are_refused_with_their_place(tmp_path, text, message):
    path = tmp_path / "contrasts.tsv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_pairs(path)


def test_a_run_without_pairs_has_a_header_alone(tmp_path):
    write_table(tmp_path / "contrasts.tsv", COLUMNS, [])
    assert read_pairs(tmp_path / "contrasts.tsv") == []
    (tmp_path / "contrasts.tsv").write_text(f"{HEAD}\n{LINE}\n")
    (pair,) = read_pairs(tmp_path / "contrasts.tsv")
    assert pair.contrast == ("bpp", "12", "6", "") and pair.side("6")["bpp"] == "6"
