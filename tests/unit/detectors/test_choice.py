"""Which cells are looked into: by cross-validation, never by the test."""

import pytest

from latentprint.collect import write_table
from latentprint.detectors.choice import COLUMNS, cell_path, choose
from latentprint.detectors.names import parsed, read_rows
from latentprint.errors import UserError

FACTORS = {"bpp": "6", "latent": "y", "component": "Y", "feature": "flatten"}


def row(classifier, cv, accuracy="0.5", **other):
    return FACTORS | {"classifier": classifier, "cv_accuracy": cv, "accuracy": accuracy} | other


def test_the_best_then_the_best_of_each_other_classifier():
    rows = [
        row("RF", "0.6"), row("SVM", "0.7", bpp="12"), row("SVM", "0.8"), row("LR", "0.75"),
        row("RF", "0.65", feature="single"),
    ]  # fmt: skip
    found = choose(rows, 9)
    assert [(one["rank"], one["classifier"], one["cv_accuracy"]) for one in found] == [
        (1, "SVM", 0.8), (2, "LR", 0.75), (3, "RF", 0.65),
    ]  # fmt: skip
    assert found[2]["feature"] == "single"
    assert choose(rows, 1) == found[:1]


def test_the_test_has_no_part_in_the_choice():
    before = [row("RF", "0.6", "0.55"), row("LR", "0.7", "0.99")]
    after = [row("RF", "0.6", "0.99"), row("LR", "0.7", "0.01")]
    assert choose(before, 2) == choose(after, 2)


def test_the_first_of_equals_is_chosen_and_cells_without_a_search_are_not():
    rows = [row("RF", ""), row("GB", None), row("LR", "0.7", bpp="6"), row("LR", "0.7", bpp="12")]
    assert [one["bpp"] for one in choose(rows, 3)] == ["6"]
    assert choose(rows[:2], 3) == []


def test_what_is_written_is_read(tmp_path):
    chosen = choose([row("RF", "0.625")], 1)
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
