"""The training benchmark: its rows are what it says, and the forest part runs on tiny sizes."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from latentprint.errors import UserError

MODULES = ("accuracy", "forests", "setting")


@pytest.fixture(scope="module")
def bench(root):
    """The modules of the benchmark, and the script itself as `train`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "benchmarks"))
        found = {name: importlib.import_module(f"training_cost.{name}") for name in MODULES}
        yield SimpleNamespace(train=importlib.import_module("train"), **found)


@pytest.fixture
def tiny(bench):
    return bench.setting.Setting(
        n=90, n_test=40, values=512, seeds=(0, 1), trees=4, candidates=2, search_trees=3
    )


@pytest.fixture
def here(bench, monkeypatch):
    """No processes of their own: they would import everything again."""
    for module in (bench.accuracy, bench.forests):
        monkeypatch.setattr(module, "in_child", lambda function, *args, preload: function(*args))


def test_rows_are_drawn_by_the_seed(tiny):
    one, again, other = tiny.data(3), tiny.data(3), tiny.data(4)
    assert (one.values.shape, one.test_values.shape) == ((90, 512), (40, 512))
    assert one.values.dtype == np.float32
    assert one.values.flags.f_contiguous
    np.testing.assert_array_equal(one.values, again.values)
    assert (one.values != other.values).all(axis=0).any()
    assert one.labels.tolist() == ["fake", "real"] * 45


def test_drawn_rows_have_a_weak_signal(bench):
    setting = bench.setting.Setting(n=4000, n_test=1, values=256 * 16)
    data = setting.data(0)
    spread = data.values.std(axis=0)
    shifts = (data.values[data.fake].mean(axis=0) - data.values[~data.fake].mean(axis=0)) / spread
    assert 60 < np.count_nonzero(np.abs(shifts) > 0.08) < 180  # of 96, noise 0.03
    assert np.abs(shifts).max() < 0.5
    grid = data.values.reshape(4000, 16, 16, 16)
    beside = [np.corrcoef(c[:, 4, 4], c[:, 4, 5])[0, 1] for c in grid.transpose(1, 0, 2, 3)]
    assert 0 < min(beside) < 0.3 < max(beside)
    scales = [c.std() for c in grid.transpose(1, 0, 2, 3)]
    assert max(scales) > 2 * min(scales)


def test_widths_that_are_no_channels_are_refused(bench):
    with pytest.raises(UserError, match=r"^--values 300: expected a multiple of 256"):
        bench.setting.Setting(values=300).data(0)


def test_rows_are_chosen_balanced(bench):
    fake = np.arange(100) < 70
    rows = bench.setting.balanced(fake, 40, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 40
    assert fake[rows].sum() == 20
    assert fake[bench.setting.balanced(fake, 80, np.random.default_rng(0))].sum() == 50


def test_an_interval_of_means_is_students(bench):
    from scipy.stats import ttest_1samp

    numbers = [0.1, 0.5, 0.3, 0.2]
    mean, low, high = bench.setting.mean_interval(numbers)
    assert mean == pytest.approx(np.mean(numbers))
    interval = ttest_1samp(numbers, 0).confidence_interval()
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert bench.setting.mean_interval([1.0])[1:] == (-np.inf, np.inf)


def test_the_engines_are_measured(bench, tiny, here):
    costs, qualities, searches = bench.forests.tables(tiny)
    engines = list(bench.forests.ENGINES)
    quicker = ["times quicker, 63 bins", "times quicker, 255 bins"]
    for table in (costs, searches):
        assert [row[0] for row in table.rows] == [*engines, *quicker]
    for table in (costs, qualities, searches):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert float(costs.rows[0][2]) == 0  # scikit-learn bins nothing
    assert all(float(row[2]) > 0 for row in costs.rows[1:3])
    names = [f"{name}, {engine}" for name in ("accuracy", "auc") for engine in engines]
    assert [row[0] for row in qualities.rows] == names
    for row in qualities.rows:
        seeds = [float(one) for one in row[1].split()]
        assert len(seeds) == 2
        assert float(row[2]) == pytest.approx(np.mean(seeds), abs=0.001)
    assert all(len(row[-1].split()) == 2 for row in searches.rows[:3])  # candidates


def test_accuracies_are_held_against_two_references(bench, tiny, here, monkeypatch):
    scores = iter([0.60, 0.62, 0.50, 0.61, 0.63, 0.60, 0.70, 0.74, 0.66, 0.72, 0.71, 0.70])

    def area(fake, score):
        assert len(fake) == len(score) == 40
        return next(scores)

    monkeypatch.setattr(bench.accuracy, "area_under_roc", area)
    (table,) = bench.accuracy.tables(tiny)
    assert [row[0] for row in table.rows] == [
        f"{name}, {way}"
        for name in ("accuracy", "area under the curve")
        for way in bench.accuracy.WAYS
    ]
    areas = {row[0].removeprefix("area under the curve, "): row[1:] for row in table.rows[6:]}
    assert areas["scikit-learn"][0] == "0.6500"
    assert areas["scikit-learn"][1].startswith("-0.0300 ")
    assert areas["scikit-learn, another random state"][1].startswith("+0.0300 ")
    assert areas["histogram, 63 bins"][1].startswith("-0.0850 ")


def test_candidates_are_of_the_thesis_space(bench, tiny):
    first, second = bench.forests.candidates(tiny, 0)
    assert first != second
    assert [first, second] == bench.forests.candidates(tiny, 0)
    for one in (first, second):
        assert 10 <= one["max_depth"] <= 35
        assert 2 <= one["min_samples_leaf"] <= 15


def test_the_script_writes_its_page(bench, here, tmp_path, monkeypatch, capsys):
    page = tmp_path / "training.md"
    page.write_text("before\n")
    arguments = "--n 60 --n-test 30 --values 256 --seeds 1 --trees 2 --candidates 1"
    arguments += f" --search-trees 2 --parts forest --markdown {page}"
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments.split()])
    bench.train.main()
    text = page.read_text()
    assert text.startswith("before\n")
    assert "<!-- end of train.py forest -->" in text
    assert "times quicker" in text
    assert str(tmp_path) not in text
    assert "times quicker" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parts", "forest,trees"], r"^--parts forest,trees: trees is no part, expected"),
        (["--n", "0"], r"^--n 0: expected 1 or more"),
        (["--search-trees", "-1"], r"^--search-trees -1: expected 1 or more"),
    ],
)
def test_what_cannot_be_run_is_refused(bench, monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(UserError, match=message):
        bench.train.main()


def test_rows_of_a_features_file_are_taken(bench, tiny, monkeypatch):
    asked = []

    def load_matrix(path, split):
        asked.append((path, split))
        values = np.asfortranarray(np.arange(400, dtype=np.float32).reshape(100, 4))
        return SimpleNamespace(values=values, fake=np.arange(100) % 2 == 0)

    monkeypatch.setattr(bench.setting, "load_matrix", load_matrix)
    data = tiny._replace(features="made.h5", n=30, n_test=1000).data(0)
    assert asked == [("made.h5", "train"), ("made.h5", "test")]
    assert (data.values.shape, data.test_values.shape) == ((30, 4), (100, 4))
    assert data.fake.sum() == 15
    assert data.values.flags.f_contiguous
    np.testing.assert_array_equal(data.fake, data.values[:, 0] // 4 % 2 == 0)
