"""The published numbers and the pairing of levels."""

import shutil

import pytest

from latentprint.errors import UserError
from latentprint.thesis import HIGH, LOW, Match, match_levels, read_published, stand_ins


@pytest.fixture(scope="module")
def published(root):
    return read_published(root / "resources/thesis")


def test_accuracies_are_the_24_published_rows_in_their_order(published):
    assert len(published.accuracies) == 24
    order = list(published.accuracies)
    assert order[0] == ("RF", "6", "Y", "single")
    # In the Random Forest's YUV block flatten comes first (thesis, table 3.1).
    assert order[6] == ("RF", "6", "YUV", "flatten")
    assert published.accuracies["GB", "12", "YUV", "flatten"] == {"y": 0.944, "y_hat": 0.940}
    assert published.accuracies["RF", "12", "Y", "multiple"] == {"y": 0.568, "y_hat": 0.560}


def test_published_numbers_agree_with_the_reference_material(published, shared):
    import csv

    for name in ("table_3_1.csv", "table_3_2.csv"):
        with (shared / "data/thesis" / name).open(newline="") as file:
            for row in csv.DictReader(file):
                key = (row["model"], row["bpp"], row["component"], row["preprocess"])
                expected = {
                    "y": float(row["accuracy_y"]),
                    "y_hat": float(row["accuracy_y_hat"]),
                }
                assert published.accuracies[key] == expected


def test_matrices_agree_with_the_accuracies_they_belong_to(published):
    counts = published.matrices["3.2a"]
    accuracy = (counts["fake_fake"] + counts["real_real"]) / sum(counts.values())
    assert accuracy == pytest.approx(
        published.accuracies["RF", "12", "YUV", "flatten"]["y"], abs=0.0005
    )
    assert sum(published.matrices["3.4a"].values()) == 2999


def test_other_tables(published):
    assert published.dimensions["flatten", "YUV"]["n_values"] == "65536"
    assert published.times["RF", "YUV", "flatten"]["minutes"] == "105"
    assert published.factors["bpp"] == [LOW, HIGH]


def test_accuracy_is_none_where_nothing_was_published(published):
    cell = {"classifier": "GB", "component": "Y", "latent": "y"}
    assert published.accuracy(Match("6", True), feature="flatten", **cell) == 0.890
    assert published.accuracy(Match("6", True), feature="gap", **cell) is None
    assert published.accuracy(None, feature="flatten", **cell) is None


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["0.25", "1.0"], ("0.25", "1.0")),
        (["1.0", "0.25"], ("0.25", "1.0")),
        (["12", "6"], ("6", "12")),
        (["10", "9"], ("9", "10")),  # as numbers, not as text
        (["0.12", "6", "12", "24"], ("6", "12")),
        (["3", "6"], ("3", "6")),
        (["6", "8"], ("6", "8")),
        (["0.5"], ("0.5", "0.5")),
    ],
)
def test_stand_ins(levels, expected):
    assert stand_ins(levels) == expected


def test_levels_of_the_thesis_are_compared_and_others_only_shown_beside():
    assert match_levels(["6", "12"]) == {"6": Match("6", True), "12": Match("12", True)}
    assert match_levels(["6.0", "0.5"]) == {"0.5": Match("6", False), "6.0": Match("6", True)}
    demo = match_levels(["0.25", "0.5", "1.0"])
    assert demo == {"0.25": Match("6", False), "1.0": Match("12", False)}


def test_one_level_stands_beside_six_unless_it_is_twelve():
    assert match_levels(["0.5"]) == {"0.5": Match("6", False)}
    assert match_levels(["12"]) == {"12": Match("12", True)}


def test_missing_file_and_column_are_named(root, tmp_path):
    folder = shutil.copytree(root / "resources/thesis", tmp_path / "thesis")
    (folder / "times.csv").write_text("classifier,component\n")
    with pytest.raises(UserError, match=r"times\.csv: column feature, cores"):
        read_published(folder)
    (folder / "times.csv").unlink()
    with pytest.raises(UserError, match=r"times\.csv: no such file"):
        read_published(folder)


def test_number_that_does_not_read_is_a_user_error(root, tmp_path):
    folder = shutil.copytree(root / "resources/thesis", tmp_path / "thesis")
    path = folder / "accuracies.csv"
    path.write_text(path.read_text().replace("0.683", "O.683", 1))
    with pytest.raises(UserError, match=r"O\.683"):
        read_published(folder)
