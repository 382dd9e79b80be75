"""Which cells are looked into: by cross-validation, never by the test."""

import pytest

from latentprint.collect import write_table
from latentprint.detectors.choice import COLUMNS, candidates, cell_path, choose
from latentprint.detectors.names import parsed, read_rows
from latentprint.errors import UserError

FACTORS = {"bpp": "6", "latent": "y", "component": "Y", "feature": "flatten"}


def row(classifier, cv, accuracy="0.5", **other):
    found = {"classifier": classifier, "cv_accuracy": cv, "accuracy": accuracy}
    return FACTORS | {"point": f"model-{other.get('bpp', '6')}"} | found | other


def named(rows):
    return [(one["rank"], one["classifier"], one["cv_accuracy"]) for one in rows]


def test_the_best_then_the_best_of_each_other_classifier():
    rows = [
        row("RF", "0.6"), row("SVM", "0.7", bpp="12"), row("SVM", "0.8"), row("LR", "0.75"),
        row("RF", "0.65", feature="single"),
    ]  # fmt: skip
    ranked = candidates(rows, {})
    found = choose(ranked, 9)
    assert named(found) == [(1, "SVM", 0.8), (2, "LR", 0.75), (3, "RF", 0.65)]
    assert found[2]["feature"] == "single"
    assert choose(ranked, 1) == found[:1]
    assert [one["rank"] for one in ranked] == [1, 2, 3, 4, 5]


def test_the_test_has_no_part_in_the_choice():
    before = [row("RF", "0.6", "0.55"), row("LR", "0.7", "0.99")]
    after = [row("RF", "0.6", "0.99"), row("LR", "0.7", "0.01")]
    assert candidates(before, {}) == candidates(after, {})


def test_a_fit_that_levels_share_stands_at_the_first_of_them():
    same = {"point": "model-3"}
    rows = [
        row("LR", "0.7", bpp="6", **same), row("LR", "0.7", bpp="12", **same),
        row("RF", "0.7", bpp="12", **same), row("SVM", "0.9"),
    ]  # fmt: skip
    found = candidates(rows, {})
    assert named(found) == [(1, "SVM", 0.9), (2, "LR", 0.7), (3, "RF", 0.7)]
    assert [one["bpp"] for one in found] == ["6", "6", "12"]


def test_cells_with_given_hyperparameters_have_the_accuracy_of_their_own_cross_validation():
    rows = [row("RF", ""), row("GB", None, feature="single"), row("LR", "0.7")]
    validated = {"model-6/y/Y/flatten/RF": 0.8, "model-6/y/Y/single/GB": 0.6}
    assert named(candidates(rows, validated)) == [(1, "RF", 0.8), (2, "LR", 0.7), (3, "GB", 0.6)]
    with pytest.raises(KeyError, match="model-6/y/Y/single/GB"):
        candidates(rows, {"model-6/y/Y/flatten/RF": 0.8})


def test_what_is_written_is_read(tmp_path):
    chosen = choose(candidates([row("RF", "0.625")], {}), 1)
    write_table(tmp_path / "chosen.tsv", COLUMNS, chosen)
    (found,) = read_rows(tmp_path / "chosen.tsv")
    assert found == {name: str(chosen[0][name]) for name in COLUMNS}
    assert cell_path(found) == "bpp-6/y/Y/flatten/RF"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("jpeg-75", ("jpeg", 75)), ("resize-1", ("resize", 1)), ("jpegai-25", ("jpegai", 25))],
)
def test_names_of_alterations(name, expected):
    assert parsed(name) == expected


@pytest.mark.parametrize("name", ["jpeg-0", "jpeg-101", "resize-100", "blur-3", "jpeg", "jpeg-x"])
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match=f"alterations: {name}, expected jpeg-1 to jpeg-100"):
        parsed(name)
