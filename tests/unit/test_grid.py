"""The grid of a run, and the checks that a schema cannot make."""

import copy

import pytest
import yaml

from latentprint import grid
from latentprint.errors import UserError
from latentprint.points import Points


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config" / "config.yaml").read_text())


def test_the_default_has_the_48_cells_of_the_thesis(config):
    cells = grid.cells(config)
    assert len(cells) == len({cell.path for cell in cells}) == 48
    assert cells[0].path == "bpp-0.25/y/Y/flatten/RF"


@pytest.mark.parametrize(
    ("bpp", "text"), [(6, "6"), (1.0, "1"), ("0.25", "0.25"), (0.12, "0.12"), (12.0, "12")]
)
def test_levels_are_written_in_one_way(bpp, text):
    assert grid.level(bpp) == text


def test_y_is_shared_by_the_levels_of_one_model(config):
    at = Points(config)
    assert at.of("0.25", "y") == at.of("1", "y") == "model-3"
    assert at.of("0.25", "y_hat") == "model-3_beta--350"
    assert at.of("1", "y_hat") == "model-3_beta-545"
    config["operating_points"]["0.25"] = [1, 0]
    assert at.of("0.25", "y") == "model-1"
    assert at.models("0.25", "train") == [1]


def test_levels_that_are_one_operating_point_share_their_fits(config):
    at = Points(config)
    assert at.same_as("1") == []
    config["operating_points"] = {"0.25": [3, 100], "1.0": [3, 100]}
    assert at.of("1", "y_hat") == at.of("0.25", "y_hat") == "model-3_beta-100"
    assert list(at.levels_at("model-3_beta-100")) == ["0.25", "1"]
    assert at.same_as("0.25") == [] and at.same_as("1") == ["0.25"]
    config["tuning_from"] = {}
    fitted = "model-3_beta-100/y_hat/Y/flatten/GB"
    assert at.study(fitted) == fitted


def test_without_reuse_every_cell_is_its_own_study(config):
    config["tuning_from"] = {}
    cell = "model-3_beta-545/y_hat/Y/flatten/GB"
    assert Points(config).study(cell) == cell


def test_too_little_memory_is_refused_with_a_way_out(config):
    need = max(
        grid.fit_memory_mb(config, component, feature, classifier)
        for component in ("Y", "YUV")
        for feature in config["features"]
        for classifier in ("RF", "GB")
    )
    grid.check_memory(config, need)
    with pytest.raises(UserError, match=r"GB on flatten YUV needs 1\.\d GB, the jobs may use"):
        grid.check_memory(config, need - 1)


def test_memory_grows_with_the_data(config):
    small = grid.fit_memory_mb(config, "YUV", "flatten", "GB")
    config["n_train"] = 30_000
    large = grid.fit_memory_mb(config, "YUV", "flatten", "GB")
    # 13 bytes a value of 30,000 x 65,536, and 8 leaves of 65,536 x 32 bins of 20 bytes.
    assert large == pytest.approx(1000 + (13 * 30_000 + 20 * 32 * 8) * 65_536 / 1e6, rel=1e-3)
    assert small < large


def test_memory_of_published_parameters_counts_the_leaves_that_the_rows_allow(config):
    config["tuning"] = "published"
    config["engine"]["GB"] = {"name": "sklearn", "max_bins": 63, "early_stopping": True}
    config["n_train"] = 1200
    # 1,200 rows, 18 to a leaf: 35 leaves that can be split, of 117 that the parameters allow.
    expected = 1000 + (17 * 1200 + 20 * 64 * 35) * 65_536 / 1e6
    assert grid.fit_memory_mb(config, "YUV", "flatten", "GB") == pytest.approx(expected, rel=1e-3)


def test_all_images_are_counted_in_lists_and_in_folders(config, tmp_path):
    config |= {"n_train": "all", "n_test": "all", "images_root": str(tmp_path / "lists")}
    (tmp_path / "lists").mkdir()
    rows = ["a,1,real,train/real/a.jpg"] * 5 + ["b,0,fake,train/fake/b.jpg"] * 3
    (tmp_path / "lists/train.csv").write_text("\n".join(["id,label,label_str,path", *rows]))
    assert grid.n_images(config, "train") == 6
    assert grid.n_images(config, "test") == 0
    assert grid.n_images(config | {"images_root": ""}, "test") == grid.THREADED_IMAGES
    for label, count in (("real", 2), ("fake", 4)):
        folder = tmp_path / "folders/train" / label
        folder.mkdir(parents=True)
        for index in range(count):
            (folder / f"{label}{index}.png").touch()
    config["images_root"] = str(tmp_path / "folders")
    assert grid.n_images(config, "train") == 4
    config["n_train"] = 180
    assert grid.n_images(config, "train") == 180


def with_value(config, path, value):
    changed = copy.deepcopy(config)
    *parents, last = path.split(".")
    node = changed
    for parent in parents:
        node = node[parent]
    node[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("images_root", "", "images_root is empty"),
        ("weights", None, "weights is empty"),
        ("n_test", "all", "n_test is all, expected a number where images are drawn"),
        ("image_size", 100, "image_size is 100, expected a multiple of 16"),
        ("bpp", [0.12345678], "bpp 0.12345678, expected at most 6 digits"),
        ("bpp", [1e-5], "bpp 1e-05, expected"),
        ("n_train", 181, "n_train is 181, expected an even number"),
        ("bpp", [1, 1.0], "names a level twice"),
        ("bpp", [0.3], "bpp 0.3 has no line in operating_points"),
        (
            "tuning_from",
            {"flatten": "single", "single": "multiple"},
            "tuning_from.flatten is single, which takes its own search from multiple",
        ),
        ("image_size", 1040, "image_size is 1040, expected at most 1024"),
        ("bpp", [0.125], r"bpp 0\.125, expected hundredths .* where rates are matched"),
        ("bpp", [0.001], r"bpp 0\.001, expected hundredths .* where rates are matched"),
        ("engine", {"RF": {"name": "sklearn"}}, "engine has no entry for GB"),
        ("classifiers", ["RF", "KNN"], "classifiers names KNN, expected some of RF, GB"),
        ("search.RF.grid", ["n_estimators"], "does not search"),
    ],
)
def test_contradictions_are_named(config, path, value, message):
    grid.check(config)
    if message.endswith("rates are matched"):
        config["rate"] = "match"
    with pytest.raises(UserError, match=message):
        grid.check(with_value(config, path, value))


@pytest.mark.parametrize("bpp", [0.06, 0.12, 0.25, 0.29, 0.5, 0.75, 1.0, 2.0, 6, 12])
def test_the_rates_that_are_in_use_can_be_matched(config, bpp):
    config |= {"rate": "match", "bpp": [bpp]}
    grid.check(config)
    assert float(grid.level(bpp)) == bpp


def test_the_matcher_takes_the_targets_that_the_configuration_allows():
    from latentprint.codec.matcher import check_target

    for bpp in (0.06, 0.12, 0.25, 0.5, 6, 12):
        assert check_target(bpp) == pytest.approx(bpp)
    for bpp in (0.125, 0.001):
        with pytest.raises(UserError):
            check_target(bpp)


def test_matching_tries_every_model_and_needs_no_table(config):
    assert grid.models(config) == [3]
    config |= {"rate": "match", "operating_points": {}}
    grid.check(config)
    assert grid.models(config) == [0, 1, 2, 3]
    config["latents"] = ["y"]
    assert grid.quantised(config)
    config |= {"rate": "table"}
    assert not grid.quantised(config)


def test_large_images_are_refused_only_where_they_are_quantised(config):
    config |= {"image_size": 2048, "latents": ["y"]}
    grid.check(config)
    config["rate"] = "match"
    with pytest.raises(UserError, match="image_size is 2048"):
        grid.check(config)


def test_extras_need_y_hat(config):
    config["store"]["extras"] = ["q", "mu"]
    grid.check(config)
    config["latents"] = ["y"]
    with pytest.raises(UserError, match=r"store\.extras names q, mu, expected none without y_hat"):
        grid.check(config)


def test_classifiers_have_cells_of_the_features_that_they_take(config):
    config["features"] = ["flatten", "multiple", "gap", "screened"]
    config["classifiers"] = ["RF", "LR", "SVM", "CNN"]
    found = {(cell.feature, cell.classifier) for cell in grid.cells(config)}
    every = {(f, c) for f in config["features"] for c in config["classifiers"]}
    assert every - found == {
        ("multiple", "SVM"), ("multiple", "CNN"), ("gap", "CNN"), ("screened", "CNN"),
    }  # fmt: skip
    grid.check(config)


def test_a_feature_or_classifier_without_a_cell_is_named(config):
    config["features"], config["classifiers"] = ["multiple"], ["RF", "CNN"]
    with pytest.raises(UserError, match="classifiers names CNN, which is fitted to flatten alone"):
        grid.check(config)
    config["features"], config["classifiers"] = ["flatten", "gap"], ["CNN"]
    with pytest.raises(UserError, match="features names gap, to which none of CNN can be fitted"):
        grid.check(config)


@pytest.mark.parametrize(
    ("features", "classifiers", "message"),
    [
        (["flatten"], ["RF", "LR"], "the thesis has no hyperparameters of LR"),
        (["screened"], ["RF"], "the thesis has no feature screened"),
    ],
)
def test_what_the_thesis_does_not_have_is_not_published(config, features, classifiers, message):
    config |= {"tuning": "published", "features": features, "classifiers": classifiers}
    with pytest.raises(UserError, match=message):
        grid.check(config)


def test_a_screened_fit_needs_the_matrix_and_what_it_chose(config):
    config["screening"] = {"k": {"choice": [64, 128]}}
    whole, chosen = (
        grid.fit_memory_mb(config, "YUV", name, "LR") for name in ("flatten", "screened")
    )
    rows = grid.n_images(config, "train")
    assert chosen - 1000 == round((4 * rows * 65_536 + 12 * rows * 128) / 1e6)
    assert chosen < whole


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_valid": 20}, "n_valid is 20, expected 0 where images are drawn"),
        ({"n_valid": 21, "images_root": "faces"}, "n_valid is 21, expected an even number"),
        (
            {"n_valid": 20, "images_root": "faces", "protocol": "faithful"},
            "n_valid is 20, expected none",
        ),
        ({"seeds": 3, "protocol": "faithful"}, "seeds is 3, expected none with protocol faithful"),
    ],
)
def test_a_second_test_and_seeds_have_their_conditions(config, changes, message):
    with pytest.raises(UserError, match=message):
        grid.check(config | changes)


def test_the_second_test_is_a_split_where_it_is_asked_for(config):
    assert grid.splits(config) == ("train", "test")
    assert grid.splits(config | {"n_valid": "all"}) == ("train", "test", "valid")
    assert grid.n_images(config | {"n_valid": 20}, "valid") == 20
