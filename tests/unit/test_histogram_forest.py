"""The forest on bins: scikit-learn's trees and quality, the same answers whatever the way."""

import copy

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from latentprint.errors import UserError
from latentprint.histograms import forest as module
from latentprint.histograms.bins import BinnedValues, apply_bins, bin_matrix
from latentprint.histograms.forest import HistogramForest, columns_drawn, fit_bytes
from latentprint.histograms.forest_kernels import (
    MOST_FAKE,
    MOST_ROWS,
    MOST_WEIGHT,
    packed_sums,
    unpacked,
)

NODES = ("column_", "bin_", "left_", "weight_", "fake_", "threshold_", "offsets_")


def rows_of_two_kinds(count, width=30, *, seed=0, shift=0.5):
    """Values whose first five columns say something about the class."""
    generator = np.random.default_rng(seed)
    fake = generator.random(count) < 0.5
    values = generator.normal(size=(count, width)).astype(np.float32)
    values[:, :5] += shift * fake[:, np.newaxis]
    return np.asfortranarray(values), fake


def labels(fake):
    return np.where(fake, "fake", "real")


@pytest.fixture(scope="module")
def rows():
    return rows_of_two_kinds(240)


@pytest.fixture(scope="module")
def binned(rows):
    return bin_matrix(rows[0], max_bins=256)  # every value has its own bin


@pytest.fixture(scope="module")
def fitted(rows, binned):
    return HistogramForest(30, min_samples_leaf=2, random_state=4).fit(binned, labels(rows[1]))


def equal_trees(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in NODES)


def leaves(forest, values, tree):
    """Leaf of every row, found by walking, apart from the kernels."""
    found = []
    for row in values:
        node = forest.offsets_[tree]
        while forest.column_[node] >= 0:
            right = row[forest.column_[node]] > forest.threshold_[node]
            node = forest.offsets_[tree] + forest.left_[node] + right
        found.append(node)
    return np.array(found)


def total_decrease(tree):
    """Weighted decrease of Gini impurity of a scikit-learn tree."""
    nodes, split = tree.tree_, tree.tree_.children_left >= 0
    weighted = nodes.weighted_n_node_samples * nodes.impurity
    return weighted[0] - weighted[~split].sum()


def own_decrease(forest):
    share = forest.fake_ / forest.weight_
    weighted = 2 * share * (1 - share) * forest.weight_
    return weighted[0] - weighted[forest.column_ < 0].sum()


@pytest.mark.parametrize("levels", [60, 250])
@pytest.mark.parametrize(("depth", "least"), [(1, 1), (2, 3), (4, 40), (None, 100)])
def test_a_tree_on_all_columns_is_scikit_learns(depth, least, levels):
    """Values on a grid, each with its own bin: scikit-learn cuts between the same ones."""
    values, fake = rows_of_two_kinds(1500, 12, seed=levels)
    values = np.clip(np.round(values * levels / 8), -levels // 2, levels // 2)
    binned = bin_matrix(values, max_bins=levels + 4)
    limits = {"max_depth": depth, "min_samples_leaf": least, "max_features": None}
    own = HistogramForest(1, **limits, bootstrap=False).fit(binned, labels(fake))
    theirs = DecisionTreeClassifier(**limits, random_state=0).fit(values, labels(fake))
    assert len(own.column_) == theirs.tree_.node_count
    assert own_decrease(own) == pytest.approx(total_decrease(theirs))
    np.testing.assert_allclose(own.predict_proba(values), theirs.predict_proba(values), atol=1e-12)


def test_a_bootstrap_weighs_rows_as_scikit_learns():
    """Rows that were drawn more often weigh more, but count once for the least of a leaf."""
    values, fake = rows_of_two_kinds(1500, 12, seed=3)
    values = np.clip(np.round(values * 30), -100, 100)
    limits = {"max_depth": 5, "min_samples_leaf": 40, "max_features": None}
    own = HistogramForest(1, **limits).fit(bin_matrix(values, max_bins=256), labels(fake))
    weights, _ = own._drawn(0, 1500)
    used = weights > 0
    theirs = DecisionTreeClassifier(**limits, random_state=0)
    theirs.fit(values[used], labels(fake[used]), sample_weight=weights[used])
    expected = theirs.predict_proba(values[used])
    np.testing.assert_allclose(own.predict_proba(values[used]), expected, atol=1e-12)


def test_a_split_lies_midway_between_the_values_of_its_node():
    values = np.array([[0, 1, 2, 3, 4, 5, 6, 7]], dtype=np.float32).T
    fake = np.array([0, 0, 0, 1, 1, 0, 1, 1], dtype=bool)
    bins = bin_matrix(values, max_bins=8).take(np.array([0, 1, 6, 7]))
    tree = HistogramForest(1, bootstrap=False).fit(bins, labels(fake[[0, 1, 6, 7]]))
    assert tree.threshold_[0] == 3.5  # as scikit-learn's (1 + 6) / 2
    assert (tree.bin_[0], len(tree.column_)) == (3, 3)


def test_quality_is_scikit_learns():
    """Forests of equal parameters over seeds: mean accuracies within three standard errors."""
    values, fake = rows_of_two_kinds(500, 60, seed=1, shift=0.8)
    asked, truth = rows_of_two_kinds(1000, 60, seed=2, shift=0.8)
    parameters = {"n_estimators": 25, "min_samples_leaf": 2, "max_depth": 8}
    bins = bin_matrix(values, max_bins=63)
    right = {"own": [], "theirs": []}
    for seed in range(12):
        for name, model, fitted_to in (
            ("own", HistogramForest(**parameters, random_state=seed), bins),
            ("theirs", RandomForestClassifier(**parameters, random_state=seed), values),
        ):
            model.fit(fitted_to, labels(fake))
            called = model.classes_[model.predict_proba(asked).argmax(axis=1)] == "fake"
            right[name].append(np.mean(called == truth))
    error = np.hypot(*(np.std(found, ddof=1) / np.sqrt(12) for found in right.values()))
    assert abs(np.mean(right["own"]) - np.mean(right["theirs"])) < 3 * error
    assert np.mean(right["own"]) > 0.6


def test_size_of_trees_is_scikit_learns():
    values, fake = rows_of_two_kinds(400, 64, seed=3)
    parameters = {"n_estimators": 40, "min_samples_leaf": 2, "random_state": 0}
    own = HistogramForest(**parameters).fit(bin_matrix(values, max_bins=63), labels(fake))
    theirs = RandomForestClassifier(**parameters).fit(values, labels(fake))
    counts = [tree.tree_.node_count for tree in theirs.estimators_]
    assert np.mean(np.diff(own.offsets_)) == pytest.approx(np.mean(counts), rel=0.05)


def test_floats_and_bins_have_equal_answers(rows, binned, fitted):
    values, _ = rows
    asked, _ = rows_of_two_kinds(100, seed=8, shift=30.0)  # beyond the edges, too
    asked[::7] = np.inf
    asked[::11] = -np.inf
    columns = BinnedValues(apply_bins(asked, binned.edges), binned.edges)
    for floats, bins in ((values, binned), (asked, columns)):
        expected = fitted.predict_proba(bins)
        for order in (
            floats,
            np.ascontiguousarray(floats),
            floats[::-1][::-1],
            floats.astype(float),
        ):
            np.testing.assert_array_equal(fitted.predict_proba(order), expected)
    assert expected.dtype == np.float64
    np.testing.assert_allclose(expected.sum(axis=1), 1)


def test_answers_are_the_mean_of_the_leaves(rows, fitted):
    values = rows[0][:50]
    share = fitted.fake_ / fitted.weight_
    each = [share[leaves(fitted, values, tree)] for tree in range(30)]
    np.testing.assert_allclose(fitted.predict_proba(values)[:, 0], np.mean(each, axis=0))


def test_stages_are_forests_of_fewer_trees(rows, binned, fitted):
    values, fake = rows
    stages = list(fitted.staged_predict_proba(values[:40]))
    assert len(stages) == 30
    few = HistogramForest(7, min_samples_leaf=2, random_state=4).fit(binned, labels(fake))
    np.testing.assert_array_equal(stages[6], few.predict_proba(values[:40]))
    np.testing.assert_array_equal(stages[-1], fitted.predict_proba(values[:40]))
    for one, other in zip(
        stages, fitted.staged_predict_proba(binned.take(np.arange(40))), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_threads_and_repetition_change_nothing(rows, binned, fitted, monkeypatch):
    monkeypatch.setattr(module, "ROWS_ASKED", 50)
    twice = copy.copy(fitted)
    twice.threads = 3
    twice.fit(binned, labels(rows[1]))
    assert equal_trees(twice, fitted)
    np.testing.assert_array_equal(twice.predict_proba(rows[0]), fitted.predict_proba(rows[0]))
    np.testing.assert_array_equal(twice.predict_proba(binned), fitted.predict_proba(binned))
    other = HistogramForest(30, min_samples_leaf=2, random_state=5).fit(binned, labels(rows[1]))
    assert not equal_trees(other, fitted)


def test_a_saved_model_does_not_know_the_threads(fitted):
    twin = copy.copy(fitted)
    twin.threads = 8
    assert "threads" not in twin.__getstate__()
    assert twin.__getstate__().keys() == fitted.__getstate__().keys()
    empty = HistogramForest.__new__(HistogramForest)
    vars(empty).update(twin.__getstate__())
    assert empty.threads == 1


def test_views_of_rows_are_as_good_as_copies(rows, binned):
    values, fake = rows
    chosen = np.random.default_rng(0).permutation(240)[:170]
    view = binned.take(chosen)
    whole = BinnedValues(np.ascontiguousarray(binned.bins[:, chosen]), binned.edges)
    of_view, of_copy = (
        HistogramForest(10, random_state=1).fit(part, labels(fake[chosen]))
        for part in (view, whole)
    )
    assert equal_trees(of_view, of_copy)
    np.testing.assert_array_equal(of_view.predict_proba(view), of_copy.predict_proba(whole))
    np.testing.assert_array_equal(
        of_view.predict_proba(view), of_view.predict_proba(values[chosen])
    )
    for found in (view, whole):
        assert of_view.oob_accuracy(found, fake[chosen]) == of_copy.oob_accuracy(
            whole, fake[chosen]
        )


@pytest.mark.parametrize(("least", "depth"), [(1, None), (4, 6), (13, 3), (60, None)])
def test_limits_of_leaves_and_depth_are_kept(rows, binned, least, depth):
    values, fake = rows
    made = HistogramForest(8, min_samples_leaf=least, max_depth=depth, random_state=2)
    made.fit(binned, labels(fake))
    for tree in range(8):
        weights, _ = made._drawn(tree, len(fake))
        used = np.flatnonzero(weights)
        reached = leaves(made, values[used], tree)
        found, counts = np.unique(reached, return_counts=True)
        nodes = np.arange(made.offsets_[tree], made.offsets_[tree + 1])
        np.testing.assert_array_equal(found, nodes[made.column_[nodes] < 0])
        assert counts.min() >= least
        for leaf, weight, of_fake in zip(
            found, made.weight_[found], made.fake_[found], strict=True
        ):
            inside = used[reached == leaf]
            assert weight == weights[inside].sum()
            assert of_fake == weights[inside][fake[inside]].sum()
        assert depth_of(made, tree) <= (depth or 240)
    assert depth is None or max(depth_of(made, tree) for tree in range(8)) == depth


def depth_of(forest, tree):
    first, last = forest.offsets_[tree : tree + 2]
    depths = np.zeros(last - first, dtype=int)
    for node in range(last - first):  # children stand after their parents
        if forest.column_[first + node] >= 0:
            left = forest.left_[first + node]
            depths[left : left + 2] = depths[node] + 1
    return depths.max()


def test_leaves_end_pure_where_nothing_else_ends_them(rows, binned):
    made = HistogramForest(5, random_state=3).fit(binned, labels(rows[1]))
    leaf = made.column_ < 0
    assert (np.isin(made.fake_[leaf], [0]) | (made.fake_[leaf] == made.weight_[leaf])).all()


def test_out_of_bag_is_a_direct_count(rows, binned, fitted):
    values, fake = rows
    share = fitted.fake_ / fitted.weight_
    total, asked = np.zeros(240), np.zeros(240)
    for tree in range(30):
        weights, _ = fitted._drawn(tree, 240)
        assert weights.sum() == 240
        out = weights == 0
        total[out] += share[leaves(fitted, values[out], tree)]
        asked[out] += 1
    called = total[asked > 0] / asked[asked > 0] >= 0.5
    expected = np.mean(called == fake[asked > 0])
    assert fitted.oob_accuracy(binned, fake) == pytest.approx(expected)
    assert 0.55 < expected < 0.95


def test_without_bootstrap_nothing_is_out_of_bag(rows, binned):
    made = HistogramForest(2, bootstrap=False, max_depth=2).fit(binned, labels(rows[1]))
    assert made.oob_accuracy(binned, rows[1]) is None


def test_importances_are_scikit_learns(rows):
    values, fake = rows_of_two_kinds(250, 12, seed=5, shift=1.0)
    parameters = {"n_estimators": 400, "min_samples_leaf": 5, "random_state": 0}
    own = HistogramForest(**parameters).fit(bin_matrix(values, max_bins=256), labels(fake))
    theirs = RandomForestClassifier(**parameters).fit(values, labels(fake))
    found = own.importances()
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, theirs.feature_importances_, atol=0.03)
    assert set(np.argsort(found)[-5:]) == set(range(5))


def test_importances_of_stumps_without_a_split_are_zero(rows, binned):
    made = HistogramForest(3, min_samples_leaf=200).fit(binned, labels(rows[1]))
    assert len(made.column_) == 3
    np.testing.assert_array_equal(made.importances(), np.zeros(30))
    assert len(np.unique(made.predict_proba(rows[0]), axis=0)) == 1


@pytest.mark.parametrize("varying", [0, 1, 3, 40])
def test_constant_columns_do_not_end_the_drawing(varying):
    """Few columns of many vary: a node goes on until it has seen one that does."""
    values, fake = rows_of_two_kinds(100, 40, seed=6)
    constant = np.random.default_rng(1).permutation(40)[varying:]
    values[:, constant] = 3
    bins = bin_matrix(values, max_bins=100)
    made = HistogramForest(20, max_features=2, random_state=0).fit(bins, labels(fake))
    split = made.column_ >= 0
    assert not np.isin(made.column_[split], constant).any()
    if varying == 0:
        assert not split.any()
        return
    leaf = ~split
    assert (np.isin(made.fake_[leaf], [0]) | (made.fake_[leaf] == made.weight_[leaf])).all()
    assert len(set(made.column_[split])) == varying


def test_columns_are_drawn_alike():
    """On noise with a quarter of the columns constant every other column is as likely as any."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 16)).astype(np.float32)
    values[:, :4] = 0
    fake = generator.random(60) < 0.5
    bins = bin_matrix(values, max_bins=60)
    made = HistogramForest(1500, max_depth=1, max_features=1).fit(bins, labels(fake))
    counts = np.bincount(made.column_[made.offsets_[:-1]], minlength=16)
    assert counts[:4].sum() == 0
    assert counts[4:].sum() == 1500
    assert np.abs(counts[4:] - 125).max() < 5 * np.sqrt(125)


def test_sums_of_rows_share_one_number():
    weights, fake = np.array([3, 0, 5]), np.array([True, True, False])
    packed = packed_sums(weights, fake)
    assert unpacked(packed.sum()) == (3, 8.0, 3.0)
    # As many rows, weight and fake weight as there is room for, beside each other.
    most = np.full(MOST_ROWS, packed_sums(np.array([1]), np.array([True]))[0]).sum()
    assert unpacked(most) == (MOST_ROWS, MOST_ROWS, MOST_FAKE)
    others = packed_sums(np.array([MOST_WEIGHT - MOST_FAKE]), np.array([False]))[0]
    one_less = most - packed_sums(np.array([0]), np.array([False]))[0]
    assert unpacked(one_less + others) == (MOST_ROWS, MOST_WEIGHT, MOST_FAKE)


@pytest.mark.parametrize(
    ("asked", "width", "expected"),
    [
        ("sqrt", 65536, 256),
        ("sqrt", 1, 1),
        (None, 9, 9),
        (5, 9, 5),
        (50, 9, 9),
        (0.5, 9, 4),
        (0.01, 9, 1),
    ],
)
def test_drawn_columns_are_counted(asked, width, expected):
    assert columns_drawn(asked, width) == expected


@pytest.mark.parametrize("asked", ["log2", 0, -1, 0.0, 1.5])
def test_other_counts_of_columns_are_refused(asked):
    with pytest.raises(UserError, match=r"^RF, max_features: "):
        columns_drawn(asked, 9)


@pytest.mark.parametrize(
    "parameters", [{"n_estimators": 0}, {"max_depth": 0}, {"min_samples_leaf": 0}]
)
def test_parameters_out_of_range_are_refused(binned, rows, parameters):
    (name,) = parameters
    with pytest.raises(UserError, match=rf"^RF, {name}: 0, expected 1 or more"):
        HistogramForest(**parameters).fit(binned, labels(rows[1]))


def test_labels_and_columns_must_fit(binned, rows, fitted):
    for wrong in (labels(rows[1])[1:], np.full(240, "fake"), np.full(240, "wrong")):
        with pytest.raises(UserError, match=r"^RF: .* labels .* for 240 rows"):
            HistogramForest().fit(binned, wrong)
    with pytest.raises(UserError, match=r"^prediction: rows of 29 values, expected 30"):
        fitted.predict_proba(rows[0][:, 1:])
    with pytest.raises(UserError, match=r"^prediction: rows of 29 values"):
        next(fitted.staged_predict_proba(rows[0][:, 1:]))


def test_more_rows_than_the_sums_can_hold_are_refused(binned, rows, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 150)
    with pytest.raises(UserError, match=r"^RF: 240 rows, .* at most 150"):
        HistogramForest().fit(binned, labels(rows[1]))


def test_the_memory_of_a_fit_covers_its_trees(rows, binned, fitted):
    nodes = len(fitted.column_)
    arrays = sum(getattr(fitted, name).nbytes for name in NODES[:-1])
    assert arrays == nodes * module.NODE_BYTES
    need = fit_bytes(240, 30, {"n_estimators": 30, "min_samples_leaf": 2})
    assert binned.bins.nbytes + 2 * arrays <= need < 10 * (binned.bins.nbytes + 2 * arrays)
