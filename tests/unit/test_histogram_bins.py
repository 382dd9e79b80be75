"""Bins: edges as scikit-learn's, values on the right side of them, rows as views."""

import numpy as np
import pytest

from latentprint.errors import UserError
from latentprint.histograms import bins
from latentprint.histograms.bins import BinnedValues, apply_bins, bin_edges, bin_matrix

EXTREME = np.array([-np.inf, -1e38, -1.0, -1e-45, 0.0, 1e-45, 1.0, 3e38, np.inf], dtype=np.float32)


def mixed(rows, seed=0):
    """Columns of many kinds: continuous, with ties, few values, constant, with infinities."""
    generator = np.random.default_rng(seed)
    laplace = generator.laplace(size=(rows, 6))
    columns = [
        *laplace.T,
        np.round(laplace[:, 0]),
        np.round(3 * laplace[:, 1]) / 3,
        np.maximum(laplace[:, 2], 0),
        np.full(rows, 0.1),
        generator.integers(0, 2, rows),
        generator.choice(EXTREME, rows),
        generator.integers(0, rows, rows) * 1e30,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


@pytest.mark.parametrize("max_bins", [2, 3, 16, 63, 64, 65, 255, 256])
def test_a_value_is_in_the_bin_of_the_edges_below_it(max_bins):
    values = mixed(400)
    binned = bin_matrix(values, max_bins=max_bins)
    assert binned.edges.shape == (values.shape[1], max_bins - 1)
    assert binned.bins.shape == values.shape[::-1]
    assert (binned.bins.dtype, binned.edges.dtype) == (np.uint8, np.float32)
    for column, edges, found in zip(values.T, binned.edges, binned.bins, strict=True):
        assert (edges[1:] >= edges[:-1]).all()
        finite = edges[edges < np.inf]
        assert (np.diff(finite) > 0).all()
        assert not len(finite) or finite[-1] < column.max()
        np.testing.assert_array_equal(found, (edges < column[:, np.newaxis]).sum(axis=1))


@pytest.mark.parametrize("max_bins", [3, 16, 63, 255])
@pytest.mark.parametrize("rows", [62, 400, 1000])
def test_the_edges_divide_values_as_those_of_scikit_learn(rows, max_bins):
    from sklearn.ensemble._hist_gradient_boosting.binning import _find_binning_thresholds

    finite = np.delete(mixed(rows), -2, axis=1)
    for column, found in zip(finite.T, bin_edges(finite, max_bins), strict=True):
        expected = _find_binning_thresholds(column.astype(np.float64), max_bins)
        side = np.searchsorted(expected, column.astype(np.float64))
        _, side = np.unique(side, return_inverse=True)  # it may have an edge above all values
        _, ours = np.unique(np.searchsorted(found, column), return_inverse=True)
        np.testing.assert_array_equal(ours, side)


def test_few_values_have_a_bin_each():
    values = np.array([[3, 1, 1, 2, 7, 3]], dtype=np.float32).T
    binned = bin_matrix(values, max_bins=4)
    np.testing.assert_array_equal(binned.edges, [[1.5, 2.5, 5]])
    np.testing.assert_array_equal(binned.bins, [[2, 0, 0, 1, 3, 2]])


def test_neighbours_among_floats_are_kept_apart():
    values = np.array([1, np.nextafter(np.float32(1), np.float32(2))], dtype=np.float32)[:, None]
    np.testing.assert_array_equal(bin_matrix(values, max_bins=2).bins, [[0, 1]])


def test_a_constant_column_has_no_edge():
    edges = bin_edges(np.full((50, 1), -np.inf, dtype=np.float32), 8)
    assert np.isposinf(edges).all()


def test_infinities_are_values_like_others():
    values = EXTREME[:, np.newaxis]
    binned = bin_matrix(values, max_bins=256)
    np.testing.assert_array_equal(binned.bins[0], np.arange(len(EXTREME)))
    few = bin_matrix(values, max_bins=3)
    assert few.bins[0, 0] == 0
    assert few.bins[0, -1] == 2
    both = np.array([[-np.inf], [np.inf]], dtype=np.float32)
    np.testing.assert_array_equal(bin_matrix(both, max_bins=5).bins, [[0, 1]])


def test_memory_order_and_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(bins, "BLOCK_VALUES", 1000)  # several blocks
    values = np.concatenate([mixed(300, seed) for seed in range(8)], axis=1)
    expected = bin_matrix(np.asfortranarray(values), max_bins=63)
    strided = np.repeat(np.repeat(values, 2, axis=0), 3, axis=1)[::2, ::3]
    for other in (values, strided, values[::-1][::-1]):
        for threads in (1, 2):
            found = bin_matrix(other, max_bins=63, threads=threads)
            np.testing.assert_array_equal(found.edges, expected.edges)
            np.testing.assert_array_equal(found.bins, expected.bins)


def test_blocks_of_rows_are_binned_as_the_whole():
    values = mixed(200)
    edges = bin_edges(values, 63)
    blocks = [apply_bins(values[start : start + 70], edges) for start in range(0, 200, 70)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), apply_bins(values, edges))
    assert apply_bins(values[:0], edges).shape == (values.shape[1], 0)


def test_values_beyond_the_sample_go_to_the_outer_bins():
    edges = bin_edges(np.arange(10, dtype=np.float32)[:, np.newaxis], 5)
    beyond = np.array([[-1e9], [1e9], [np.inf], [-np.inf]], dtype=np.float32)
    np.testing.assert_array_equal(apply_bins(beyond, edges), [[0, 4, 4, 0]])


@pytest.mark.parametrize("order", ["C", "F"])
def test_missing_values_are_refused_with_their_column(order):
    values = np.array(mixed(100), order=order)
    edges = bin_edges(values, 16)
    values[40, 3] = np.nan
    for work in (lambda: bin_edges(values, 16), lambda: apply_bins(values, edges)):
        with pytest.raises(UserError, match=r"^values, column 3: NaN, expected numbers"):
            work()


@pytest.mark.parametrize("max_bins", [0, 1, 257])
def test_impossible_numbers_of_bins_are_refused(max_bins):
    with pytest.raises(UserError, match=rf"^max_bins: {max_bins}, expected 2 to 256"):
        bin_edges(mixed(20), max_bins)


def test_no_rows_have_no_edges():
    with pytest.raises(UserError, match=r"^bin edges: no row"):
        bin_edges(mixed(20)[:0], 16)


def test_large_matrices_are_sampled_by_the_seed(monkeypatch):
    monkeypatch.setattr(bins, "SAMPLE_ROWS", 50)
    rows = bins.sampled_rows(400, 7)
    assert len(set(rows.tolist())) == 50
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, bins.sampled_rows(400, 7))
    assert (rows != bins.sampled_rows(400, 8)).any()
    np.testing.assert_array_equal(bins.sampled_rows(50, 7), np.arange(50))
    values = mixed(400)
    binned = bin_matrix(values, max_bins=16, seed=7)
    np.testing.assert_array_equal(binned.edges, bin_edges(values[rows], 16))
    assert len(binned) == 400


def test_views_of_rows_copy_nothing_and_compose():
    whole = bin_matrix(mixed(30), max_bins=8)
    assert (whole.shape, len(whole), whole.n_bins) == ((30, 13), 30, 8)
    chosen = whole.take(np.array([5, 2, 9, 2]))
    mask = np.array([True, False, True, True])
    again = chosen.take(mask)
    assert again.bins is whole.bins
    assert again.edges is whole.edges
    np.testing.assert_array_equal(again.rows, [5, 9, 2])
    assert again.shape == (3, 13)
    np.testing.assert_array_equal(whole.take(np.arange(30) % 2 == 1).rows, np.arange(1, 30, 2))
    with pytest.raises(IndexError):
        chosen.take(np.array([4]))
    with pytest.raises(IndexError):
        whole.take(np.array([30]))
    assert isinstance(again, BinnedValues)
