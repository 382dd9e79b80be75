"""The grid of a run, and the checks that a schema cannot make."""

import copy

import pytest
import yaml

from latentprint import grid
from latentprint.errors import UserError


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
    assert grid.point(config, "0.25", "y") == grid.point(config, "1", "y") == "model-3"
    assert grid.point(config, "0.25", "y_hat") == "bpp-0.25"
    config["operating_points"]["0.25"] = [1, 0]
    assert grid.point(config, "0.25", "y") == "model-1"


def test_levels_that_are_one_operating_point_share_their_fits(config):
    assert grid.shared(config) == ["bpp-0.25/y", "bpp-1/y"]
    config["operating_points"] = {"0.25": [3, 100], "1.0": [3, 100]}
    assert grid.point(config, "1", "y_hat") == grid.point(config, "0.25", "y_hat") == "bpp-0.25"
    assert grid.shared(config) == ["bpp-0.25/y", "bpp-1/y", "bpp-1/y_hat"]
    config["tuning_from"] = {}
    fitted = "bpp-0.25/y_hat/Y/flatten/GB"
    assert grid.study(config, fitted) == fitted


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


def test_one_study_serves_all(config):
    for cell in grid.cells(config):
        where = grid.point(config, cell.bpp, cell.latent)
        fitted = f"{where}/{cell.latent}/{cell.component}/{cell.feature}/{cell.classifier}"
        expected = f"model-3/y/{cell.component}/single/{cell.classifier}"
        assert grid.study(config, fitted) == expected


def test_without_reuse_every_cell_is_its_own_study(config):
    config["tuning_from"] = {}
    assert grid.study(config, "bpp-1/y_hat/Y/flatten/GB") == "bpp-1/y_hat/Y/flatten/GB"


def test_y_takes_the_search_of_a_level_of_its_own_model(config):
    config["latents"] = ["y_hat", "y"]
    config["operating_points"] = {"0.25": [1, 0], "1.0": [3, 0]}
    config["tuning_from"] = {"latents": True}
    assert grid.study(config, "model-3/y/Y/single/RF") == "bpp-1/y_hat/Y/single/RF"
    assert grid.study(config, "model-1/y/Y/single/RF") == "bpp-0.25/y_hat/Y/single/RF"


def test_reuse_of_a_feature_alone(config):
    config["tuning_from"] = {"flatten": "single"}
    assert grid.study(config, "bpp-1/y_hat/Y/flatten/GB") == "bpp-1/y_hat/Y/single/GB"
    assert grid.study(config, "bpp-1/y_hat/Y/multiple/GB") == "bpp-1/y_hat/Y/multiple/GB"


def test_a_search_may_be_reused_from_a_feature_outside_the_run(config):
    config["features"] = ["flatten"]
    grid.check(config)
    assert grid.study(config, "model-3/y/Y/flatten/GB") == "model-3/y/Y/single/GB"


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
        ("engine", {"RF": {"name": "sklearn"}}, "engine has no entry for GB"),
        ("classifiers", ["RF", "SVM"], "classifiers names SVM, expected some of RF, GB"),
        ("search.RF.grid", ["n_estimators"], "does not search"),
    ],
)
def test_contradictions_are_named(config, path, value, message):
    grid.check(config)
    with pytest.raises(UserError, match=message):
        grid.check(with_value(config, path, value))
