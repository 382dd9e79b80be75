"""Histogram boosting: scikit-learn's trees, whatever the threads, the rows and what is kept."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from latentprint.errors import UserError
from latentprint.histograms import boosting_kernels as kernels
from latentprint.histograms import boosting_trees
from latentprint.histograms.bins import BinnedValues, bin_matrix
from latentprint.histograms.boosting import HistogramBoosting, _Judge, fit_bytes

SETTINGS = {
    "learning_rate": 0.13,
    "max_iter": 8,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 7,
    "l2_regularization": 0.003,
}


def data(n=600, p=30, *, levels=40, seed=0):
    """Whole numbers, so that every value has its own bin; some columns tell the classes apart."""
    generator = np.random.default_rng(seed)
    fake = generator.permutation(np.arange(n) % 2 == 0)
    values = generator.normal(size=(n, p))
    values[fake, : p // 3] += 0.4
    values = np.clip(np.round(values * levels / 6), -levels // 2, levels // 2 - 1)
    return values.astype(np.float32), np.where(fake, "fake", "real")


def fitted(values, labels, *, max_bins=63, **changed):
    binned = bin_matrix(values, max_bins=max_bins)
    return HistogramBoosting(**{**SETTINGS, **changed}).fit(binned, labels), binned


def loss(probabilities, labels):
    right = np.where(labels == "real", probabilities[:, 1], probabilities[:, 0])
    return -np.log(right).mean()


def same_model(one, other):
    kept = one.__getstate__(), other.__getstate__()
    assert kept[0].keys() == kept[1].keys()
    return all(np.array_equal(kept[0][key], kept[1][key]) for key in kept[0])


def reference(values, labels, **changed):
    model = HistGradientBoostingClassifier(
        **{**SETTINGS, **changed}, max_bins=63, early_stopping=False
    )
    return model.fit(values, labels)


def splits(predictor):
    """Column, threshold and value of every node of a tree of scikit-learn, as ours are ordered."""
    found = []
    waiting = [0]
    while waiting:
        node = predictor.nodes[waiting.pop()]
        if node["is_leaf"]:
            found.append((-1, 0.0, node["value"]))
        else:
            found.append((node["feature_idx"], node["num_threshold"], 0.0))
            waiting += [node["right"], node["left"]]
    return np.array(found)


# The first tree of balanced classes has gradients of 1/2 and hessians of 1/4: nothing is rounded.
# Small leaves have ties that scikit-learn's rounding decides.
@pytest.mark.parametrize(
    ("leaves", "least"), [(2, 1), (3, 7), (12, 1), (12, 7), (31, 7), (31, 40), (None, 40)]
)
def test_the_first_tree_is_scikit_learns(leaves, least):
    values, labels = data()
    changed = {"max_leaf_nodes": leaves, "min_samples_leaf": least, "max_iter": 1}
    model, _ = fitted(values, labels, **changed)
    expected = splits(reference(values, labels, **changed)._predictors[0][0])
    ours = np.column_stack([model.feature_, model.threshold_, model.value_])
    assert len(ours) == len(expected)
    np.testing.assert_array_equal(ours[:, 0], expected[:, 0])
    np.testing.assert_array_equal(ours[:, 1], expected[:, 1].astype(np.float32))
    np.testing.assert_allclose(ours[:, 2], expected[:, 2], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("l2", [0.0, 0.003, 5.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_later_trees_are_scikit_learns_but_for_ties(l2, seed):
    values, labels = data(seed=seed)
    labels[:60] = "fake"  # not balanced
    model, _ = fitted(values, labels, l2_regularization=l2)
    expected = reference(values, labels, l2_regularization=l2)
    np.testing.assert_allclose(
        model.predict_proba(values), expected.predict_proba(values), atol=0.02
    )
    ours, theirs = (loss(m.predict_proba(values), labels) for m in (model, expected))
    assert ours == pytest.approx(theirs, rel=2e-3)


def test_on_new_rows_the_loss_is_scikit_learns_within_its_spread():
    differences = []
    for seed in range(5):
        values, labels = data(1200, seed=seed)
        model, _ = fitted(values[:600], labels[:600], max_iter=20)
        expected = reference(values[:600], labels[:600], max_iter=20)
        ours, theirs = (
            loss(m.predict_proba(values[600:]), labels[600:]) for m in (model, expected)
        )
        differences.append(ours - theirs)
    assert abs(np.mean(differences)) < 0.004


def test_baseline_is_the_share_of_the_classes():
    values, labels = data(90)
    labels[:30] = "fake"
    model, _ = fitted(values, labels, max_iter=1, min_samples_leaf=80)  # cannot be split
    share = np.mean(labels == "real")
    np.testing.assert_allclose(model.predict_proba(values)[:, 1], share)
    assert model.importances().sum() == 0


# What packing costs: half a step of every row, of the largest gradient and hessian.
def test_packing_rounds_by_half_a_step_at_most():
    generator = np.random.default_rng(0)
    raw = generator.normal(scale=3, size=5000)
    real = generator.random(5000) < 0.5
    gradient, hessian = np.empty((2, 5000), dtype=np.float32)
    kernels.gradients(raw, real, gradient, hessian)
    packed = np.empty(5000, dtype=np.int64)
    steps = kernels.pack(gradient, hessian, packed)
    assert steps[0] == pytest.approx(np.abs(gradient).max() / 131_071)
    assert steps[1] == pytest.approx(hessian.max() / 65_535)
    sums = kernels.totals(packed, 0, 5000)
    rest = sums[1] >> kernels.WIDE_SHIFT
    assert sums[1] & kernels.WIDE_MASK == 5000
    assert abs(sums[0] * steps[0] - gradient.astype(float).sum()) <= 5000 * steps[0] / 2
    assert abs(rest * steps[1] - hessian.astype(float).sum()) <= 5000 * steps[1] / 2
    singles = np.array([kernels.totals(packed, row, row + 1)[0] for row in range(5000)])
    np.testing.assert_allclose(singles * steps[0], gradient, atol=steps[0] * 0.5001)


def test_packing_costs_a_split_less_than_a_hundred_thousandth_of_its_gain():
    values, labels = data(2000, seed=7)
    model, binned = fitted(values, labels, max_iter=21, learning_rate=0.3)
    stages = [stage[:, 1] for stage in model.staged_predict_proba(binned)]
    for tree in (5, 20):
        real = stages[tree - 1]
        gradient, hessian = real - (labels == "real"), real * (1 - real)
        exact = {}
        for column, bins in enumerate(binned.bins):
            sums = [np.bincount(bins, w, 63).cumsum() for w in (gradient, hessian, None)]
            g, h, count = (one[:-1] for one in sums)
            for k in np.flatnonzero((count >= 7) & (count <= 2000 - 7)):
                left = g[k] ** 2 / (h[k] + 0.003)
                right = (gradient.sum() - g[k]) ** 2 / (hessian.sum() - h[k] + 0.003)
                exact[column, k] = left + right
        root = model.first_[tree]
        chosen = exact[model.feature_[root], model.split_bin_[root]]
        assert chosen >= max(exact.values()) * (1 - 1e-5)
        assert model.gain_[root] == pytest.approx(chosen, rel=1e-5)


def test_the_fullest_block_does_not_overflow():
    n = 3 * kernels.PACKED_BLOCK + 5
    for sign in (-1, 1):
        gradient = np.full(n, sign * 0.5, dtype=np.float32)
        hessian = np.full(n, 0.25, dtype=np.float32)
        packed = np.empty(n, dtype=np.int64)
        kernels.pack(gradient, hessian, packed)
        bins = np.zeros((1, n), dtype=np.uint8)
        stored = np.full((1, 1, 2, 4 * 3), -7, dtype=np.int64)
        kernels.best_splits(
            bins,
            np.array([0]),
            (0, 1),
            np.arange(n, dtype=np.uint32),
            packed,
            np.array([[[0, n], [n, n]]]),
            np.array([[-1, 0, -1]]),
            np.array([[kernels.totals(packed, 0, n), (0, 0)]]),
            (1, 1.0, 0.0),
            stored,
            np.array([[0.0, np.inf]]),
            np.full((1, 2), -1),
            np.full((1, 2), -1),
        )
        gradients, rest = stored[0, 0, :, ::4]  # one column, four times
        assert gradients.tolist() == [sign * n * kernels.GRADIENT_STEPS, 0, 0]
        assert rest.tolist() == [(n * kernels.HESSIAN_STEPS << kernels.WIDE_SHIFT) + n, 0, 0]


def test_gradients_are_those_of_the_log_loss():
    raw = np.array([-800.0, -40.0, -1.0, 0.0, 2.0, 40.0, 800.0])
    for label in (False, True):
        real = np.full(len(raw), label)
        gradient, hessian = np.empty((2, len(raw)), dtype=np.float32)
        kernels.gradients(raw, real, gradient, hessian)
        p = np.array([1 / (1 + math.exp(-r)) if r > -700 else 0.0 for r in raw])
        np.testing.assert_allclose(gradient, p - label, atol=1e-7)
        np.testing.assert_allclose(hessian, p * (1 - p), atol=1e-7)
        losses = np.where(real, np.logaddexp(0, -raw), np.logaddexp(0, raw))
        assert kernels.log_loss(raw, real) == pytest.approx(losses.mean())


@pytest.mark.parametrize("max_features", [1.0, 0.3])
def test_threads_change_nothing(max_features):
    values, labels = data(2000, 150)
    one, binned = fitted(values, labels, max_features=max_features)
    three, _ = fitted(values, labels, max_features=max_features, threads=3)
    assert same_model(one, three)
    np.testing.assert_array_equal(one.predict_proba(binned), three.predict_proba(binned))
    np.testing.assert_array_equal(one.predict_proba(values), three.predict_proba(values))


# Sums are whole numbers: counted, or as a difference, histograms are the same to the last bit.
def test_what_is_kept_and_how_far_a_pass_looks_ahead_change_nothing(monkeypatch):
    values, labels = data(3000, 20)
    one, _ = fitted(values, labels, max_leaf_nodes=25)
    monkeypatch.setattr(boosting_trees, "stored_histograms", lambda *_: 0)
    assert same_model(one, fitted(values, labels, max_leaf_nodes=25)[0])
    monkeypatch.undo()
    monkeypatch.setattr(boosting_trees, "STORED_ROWS_PER_BIN", 0.1)
    assert same_model(one, fitted(values, labels, max_leaf_nodes=25)[0])
    monkeypatch.setattr(boosting_trees, "stored_histograms", lambda *_: 3)
    assert same_model(one, fitted(values, labels, max_leaf_nodes=25)[0])
    monkeypatch.undo()
    monkeypatch.setattr(boosting_trees, "look_ahead", lambda _: 0)
    assert same_model(one, fitted(values, labels, max_leaf_nodes=25)[0])


def test_a_view_of_rows_is_as_good_as_a_copy():
    values, labels = data(900)
    binned = bin_matrix(values, max_bins=63)
    rows = np.random.default_rng(3).permutation(900)[:500]
    view = binned.take(rows)
    copy = BinnedValues(np.ascontiguousarray(binned.bins[:, rows]), binned.edges)
    one = HistogramBoosting(**SETTINGS).fit(view, labels[rows])
    other = HistogramBoosting(**SETTINGS).fit(copy, labels[rows])
    assert same_model(one, other)
    np.testing.assert_array_equal(one.predict_proba(view), one.predict_proba(copy))
    np.testing.assert_array_equal(one.predict_proba(view), one.predict_proba(values[rows]))


@pytest.mark.parametrize("max_bins", [4, 63, 255])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_and_bins_give_the_same_answers(max_bins, order):
    generator = np.random.default_rng(5)
    values = np.asarray(generator.normal(size=(500, 12)), dtype=np.float32, order=order)
    labels = np.where(values[:, 3] * values[:, 4] > 0, "fake", "real")
    model, binned = fitted(values, labels, max_bins=max_bins)
    np.testing.assert_array_equal(model.predict_proba(values), model.predict_proba(binned))
    assert np.mean((model.predict_proba(values)[:, 0] > 0.5) == (labels == "fake")) > 0.7


def test_bins_of_other_edges_are_refused():
    values, labels = data()
    model, _ = fitted(values, labels)
    with pytest.raises(ValueError, match="other edges"):
        model.predict_proba(bin_matrix(values + 0.25, max_bins=63))
    with pytest.raises(ValueError, match="expected 30"):
        model.predict_proba(values[:, :20])


def test_leaf_limits_are_kept():
    values, labels = data(800)
    model, _ = fitted(values, labels, max_leaf_nodes=9, min_samples_leaf=50)
    for first, last in zip(model.first_, model.first_[1:], strict=False):
        leaves = np.flatnonzero(model.feature_[first:last] < 0) + first
        assert 2 <= len(leaves) <= 9
        reached = np.zeros(len(values))
        for row in range(len(values)):
            node = first
            while model.feature_[node] >= 0:
                right = values[row, model.feature_[node]] > model.threshold_[node]
                node = model.children_[node, int(right)]
            reached[row] = node
        counts = [np.count_nonzero(reached == leaf) for leaf in leaves]
        assert sum(counts) == len(values)
        assert min(counts) >= 50


def test_l2_shrinks_leaves():
    values, labels = data()
    largest = [
        np.abs(fitted(values, labels, l2_regularization=l2, max_iter=1)[0].value_).max()
        for l2 in (0.0, 10.0, 1000.0)
    ]
    assert largest[0] > largest[1] > largest[2] > 0


def test_early_stopping_is_scikit_learns():
    values, labels = data(900, seed=4)
    binned = bin_matrix(values, max_bins=63)
    changed = {"max_iter": 200, "learning_rate": 0.3, "n_iter_no_change": 5, "tol": 1e-3}
    model = HistogramBoosting(**{**SETTINGS, **changed}, early_stopping=True).fit(
        binned.take(np.arange(600)),
        labels[:600],
        validation=(binned.take(np.arange(600, 900)), labels[600:]),
    )
    theirs = HistGradientBoostingClassifier(
        **{**SETTINGS, **changed}, max_bins=63, early_stopping=True
    )
    theirs.fit(values[:600], labels[:600], X_val=values[600:], y_val=labels[600:])
    assert 6 <= model.n_iter_ < 60
    assert len(model.validation_score_) == model.n_iter_ + 1
    scores = model.validation_score_
    assert scores[-1] == pytest.approx(-loss(model.predict_proba(values[600:]), labels[600:]))
    assert scores[-6] + 1e-3 >= scores[-5:].max()  # why it stopped
    assert not any(  # and did not before
        scores[last - 5] + 1e-3 >= scores[last - 4 : last + 1].max()
        for last in range(5, model.n_iter_)
    )
    assert abs(model.n_iter_ - theirs.n_iter_) <= 5


def test_the_judge_agrees_with_scikit_learns_rule():
    generator = np.random.default_rng(0)
    theirs = HistGradientBoostingClassifier(n_iter_no_change=4, tol=0.05)
    judge = _Judge.__new__(_Judge)
    for _ in range(200):
        judge.scores = list(np.cumsum(generator.normal(0.01, 0.1, generator.integers(1, 12))))
        assert judge.stops(4, 0.05) == theirs._should_stop(judge.scores)


def test_columns_are_drawn_once_for_every_tree():
    values, labels = data(600, 40)
    model, _ = fitted(values, labels, max_features=0.1, max_iter=30)
    used = []
    for first, last in zip(model.first_, model.first_[1:], strict=False):
        columns = model.feature_[first:last]
        used.append(frozenset(columns[columns >= 0]))
        assert len(used[-1]) <= 4
    assert len(frozenset().union(*used)) > 20
    again, _ = fitted(values, labels, max_features=0.1, max_iter=30)
    assert same_model(model, again)
    other, _ = fitted(values, labels, max_features=0.1, max_iter=30, random_state=1)
    assert not np.array_equal(model.feature_, other.feature_)


def test_all_columns_need_no_seed():
    values, labels = data()
    one, other = (fitted(values, labels, random_state=seed)[0] for seed in (0, 1))
    np.testing.assert_array_equal(one.value_, other.value_)


def test_stages_are_models_of_fewer_trees():
    values, labels = data()
    model, binned = fitted(values, labels, max_features=0.5)
    stages = list(model.staged_predict_proba(values))
    assert len(stages) == model.n_iter_ == 8
    np.testing.assert_array_equal(stages[-1], model.predict_proba(values))
    shorter, _ = fitted(values, labels, max_features=0.5, max_iter=3)
    np.testing.assert_array_equal(stages[2], shorter.predict_proba(values))
    in_bins = list(model.staged_predict_proba(binned))
    np.testing.assert_array_equal(in_bins, stages)
    losses = [loss(stage, labels) for stage in stages]
    assert losses == sorted(losses, reverse=True)


def test_importances_are_shares_of_the_gain():
    values, labels = data()
    values[:, 17] = np.where(labels == "fake", 3, 0) + np.arange(len(values)) % 3
    model, _ = fitted(values, labels)
    importances = model.importances()
    assert importances.shape == (30,)
    assert importances.sum() == pytest.approx(1)
    assert importances.argmax() == 17
    assert importances[17] > 0.9


def test_gain_is_scikit_learns():
    values, labels = data()
    model, _ = fitted(values, labels, max_iter=1)
    nodes = reference(values, labels, max_iter=1)._predictors[0][0].nodes
    theirs = np.sort(nodes["gain"][nodes["is_leaf"] == 0])
    np.testing.assert_allclose(np.sort(model.gain_[model.feature_ >= 0]), theirs, rtol=1e-5)


def test_columns_that_never_change_and_ties_are_no_trouble():
    values, labels = data(300, 9)
    values[:, 2] = 1
    values[:, 5] = values[:, 4]  # the first of equals is taken
    model, _ = fitted(values, labels)
    assert not {2, 5} & set(model.feature_)


# In the end no hessian is left: later trees say nothing, as scikit-learn's.
def test_rows_that_are_told_apart_without_doubt_end_well():
    values, labels = data(200, 5)
    values[:, 1] = labels == "real"
    model, _ = fitted(values, labels, learning_rate=1.0, max_iter=60, l2_regularization=0.0)
    assert model.n_iter_ == 60
    assert model.feature_[-1] == -1
    assert model.value_[-1] == 0
    probabilities = model.predict_proba(values)
    assert np.isfinite(probabilities).all()
    np.testing.assert_array_equal(probabilities[:, 1] > 0.5, labels == "real")
    theirs = reference(values, labels, learning_rate=1.0, max_iter=60, l2_regularization=0.0)
    np.testing.assert_allclose(probabilities, theirs.predict_proba(values), atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_features": 0.0}, "max_features: 0.0, expected above 0"),
        ({"max_features": 1.5}, "max_features: 1.5"),
        ({"max_leaf_nodes": 1}, "max_leaf_nodes: 1, expected 2 or more"),
        ({"min_samples_leaf": 0}, "min_samples_leaf: 0"),
        ({"max_iter": 0}, "max_iter: 0"),
        ({"early_stopping": True}, "early_stopping without validation rows"),
    ],
)
def test_nonsense_is_refused_in_one_line(changed, message):
    values, labels = data(60)
    with pytest.raises(UserError, match=message) as caught:
        fitted(values, labels, **changed)
    assert "\n" not in str(caught.value)


def test_one_class_is_refused():
    values, _ = data(60)
    with pytest.raises(UserError, match="expected fake and real"):
        fitted(values, np.full(60, "fake"))


def test_a_model_is_plain_numbers_without_its_threads():
    values, labels = data()
    one, two = (fitted(values, labels, threads=threads)[0] for threads in (1, 2))
    state = two.__getstate__()
    kinds = {type(value) for value in state.values()}
    assert kinds <= {int, float, bool, np.ndarray}
    assert {value.dtype.kind for value in state.values() if isinstance(value, np.ndarray)} == {
        *"iufU"
    }
    back = HistogramBoosting.__new__(HistogramBoosting)
    back.__dict__.update(state)
    assert same_model(one, back)
    np.testing.assert_array_equal(one.predict_proba(values), back.predict_proba(values))


# In a process of its own: memory that earlier tests gave back would be used again and not be seen.
MEMORY = """
import re
import sys
from pathlib import Path

import numpy as np

from latentprint.histograms.bins import BinnedValues
from latentprint.histograms.boosting import HistogramBoosting


def memory(name):
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{name}:\\s+(\\d+) kB", text, re.MULTILINE)[1]) * 1024


def fit(rows, columns, leaves, rounds):
    bins = np.empty((columns, rows), dtype=np.uint8)
    for column in bins:
        column[:] = generator.integers(0, 63, rows, dtype=np.uint8)
    edges = np.tile(np.arange(62, dtype=np.float32), (columns, 1))
    labels = np.where(generator.random(rows) < 0.5, "fake", "real")
    model = HistogramBoosting(max_leaf_nodes=leaves, min_samples_leaf=2, max_iter=rounds)
    model.fit(BinnedValues(bins, edges), labels)


generator = np.random.default_rng(0)
fit(200, 8, 4, 1)  # what is loaded once does not count
before = memory("VmRSS")
fit(*map(int, sys.argv[1:]), 2)
print(memory("VmHWM") - before)
"""


# Enough for every tree; how many nodes keep their histograms depends on how it divides its rows.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no peak")
def test_memory_is_what_the_formula_says():
    rows, columns, leaves = 10_000, 8000, 31
    command = [sys.executable, "-c", MEMORY, str(rows), str(columns), str(leaves)]
    ended = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    peak = int(ended.stdout)
    need = fit_bytes(rows, columns, {"max_leaf_nodes": leaves, "max_bins": 63})
    assert need / 2 < peak < need * 1.05 + 8e6


def test_thirty_thousand_flat_images_fit_24_gb_and_a_hundred_thousand_64():
    published = {"max_leaf_nodes": 117, "max_bins": 63}
    assert fit_bytes(30_000, 65_536, published) < 12e9
    assert fit_bytes(100_000, 65_536, published) < 24e9
