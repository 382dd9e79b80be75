"""Gradient boosting on shared bins: HistGradientBoostingClassifier without its copies.

scikit-learn's trees (log loss, leaf-wise growth, gain, leaf values, early stopping) from bins that
are made once for all fits. They are the same but where two splits are equally good, to a part in
100,000. `max_features` is another: a share of the columns that is drawn once for every tree, which
saves the counting too.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.histograms import boosting_kernels as kernels
from latentprint.histograms.bins import BinnedValues
from latentprint.histograms.boosting_arrays import (
    BinRows,
    Rows,
    Trees,
    add_tree,
    empty,
    joined,
    part_of,
    probabilities,
)
from latentprint.histograms.boosting_trees import (
    BYTES_OF_BIN,
    Limits,
    Node,
    TreeGrower,
    nodes_of,
    stored_histograms,
)
from latentprint.seeds import rng

CLASSES = ("fake", "real")
# Of a row while a tree is grown: number, place, packed sums, derivatives, log odds, label, and the
# copy of the first three that a partition makes.
BYTES_OF_ROW = 56


class HistogramBoosting:
    """Boosted trees that tell "fake" from "real".

    Parameters
    ----------
    learning_rate : float, default 0.1
    max_iter : int, default 100
        Trees at most.
    max_leaf_nodes : int or None, default 31
        None: as many as `min_samples_leaf` allows.
    min_samples_leaf : int, default 20
    l2_regularization : float, default 0
    max_features : float, above 0 to 1, default 1
        Share of the columns that is drawn once for every tree; the others are not looked at.
    early_stopping : bool, default False
        Stop when the log loss of the validation rows has not fallen by more than `tol` in the last
        `n_iter_no_change` rounds. The trees of these rounds stay, as in scikit-learn.
    n_iter_no_change : int, default 10
    tol : float, default 1e-7
    random_state : int, default 0
        Of the columns drawn; a model with `max_features` 1 does not depend on it.
    threads : int, default 1
        They change the time only.

    Attributes
    ----------
    classes_ : ndarray of str
        "fake", "real".
    n_iter_ : int
        Trees grown.
    n_features_in_ : int
    baseline_ : float
        Log odds of "real" before the first tree.
    validation_score_ : ndarray, float64, (n_iter_ + 1,) or (0,)
        Log loss of the validation rows, negative, before the first and after every tree.
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int | None = 31,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_features: float = 1.0,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        random_state: int = 0,
        threads: int = 1,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.threads = threads

    def __getstate__(self) -> dict[str, Any]:
        """Give what is kept in a file: not the threads, so that equal models give equal files."""
        return {**self.__dict__, "threads": 1}

    def fit(
        self,
        values: BinnedValues,
        labels: NDArray[np.str_],
        *,
        validation: tuple[BinnedValues, NDArray[np.str_]] | None = None,
    ) -> "HistogramBoosting":
        """Fit to binned rows.

        Parameters
        ----------
        values : BinnedValues, (n, P)
        labels : ndarray of str, (n,), "fake" or "real"
        validation : tuple of BinnedValues and labels, optional
            Rows for early stopping, in the same bins; unused without it.

        Returns
        -------
        HistogramBoosting
            Itself.

        Raises
        ------
        UserError
            If a class is missing, a parameter is out of range, or early stopping has no rows.
        """
        self._check(values, labels, validation)
        real = np.asarray(labels) == "real"
        self.classes_ = np.array(CLASSES)
        self.n_features_in_ = values.shape[1]
        share = float(real.mean())
        self.baseline_ = float(np.log(share / (1 - share)))
        judge = None
        if self.early_stopping:
            rows, its_labels = validation
            judge = _Judge(rows, np.asarray(its_labels) == "real", self.baseline_)
        context = ThreadPoolExecutor(self.threads) if self.threads > 1 else nullcontext()
        with context as pool:
            trees = self._boost(values, real, judge, pool)
        self._keep(trees)
        self.validation_score_ = np.array([] if judge is None else judge.scores)
        return self

    def _check(
        self,
        values: BinnedValues,
        labels: NDArray[np.str_],
        validation: tuple[BinnedValues, NDArray[np.str_]] | None,
    ) -> None:
        found = sorted(set(np.unique(labels)))
        if found != list(CLASSES):
            raise UserError(
                f"boosting: labels {', '.join(found)}, expected fake and real. Look at the "
                "training selection."
            )
        if len(values) >= kernels.MAX_ROWS:
            raise UserError(
                f"boosting: {len(values)} rows, expected fewer than {kernels.MAX_ROWS}. Lower "
                "n_train or n_patches."
            )
        limit = self.max_leaf_nodes
        for name, value, fits, expected in (
            ("max_features", self.max_features, 0 < self.max_features <= 1, "above 0, at most 1"),
            ("max_leaf_nodes", limit, limit is None or limit >= 2, "2 or more, or none"),
            ("min_samples_leaf", self.min_samples_leaf, self.min_samples_leaf >= 1, "1 or more"),
            ("max_iter", self.max_iter, self.max_iter >= 1, "1 or more"),
        ):
            if not fits:
                raise UserError(f"boosting, {name}: {value}, expected {expected}. Correct it.")
        if self.early_stopping and validation is None:
            raise UserError(
                "boosting: early_stopping without validation rows, expected some. Pass them, or "
                "turn early_stopping off."
            )

    def _boost(
        self,
        values: BinnedValues,
        real: NDArray[np.bool_],
        judge: "_Judge | None",
        pool: Executor | None,
    ) -> Trees:
        """Grow the trees."""
        n_columns = columns_of_a_tree(values.shape[1], self.max_features)
        limits = Limits(
            self.max_leaf_nodes or len(values), self.min_samples_leaf, self.l2_regularization
        )
        grower = TreeGrower(
            values, n_columns=n_columns, limits=limits, pool=pool, threads=self.threads
        )
        raw = np.full(len(values), self.baseline_)
        gradient = np.empty(len(values), dtype=np.float32)
        hessian = np.empty(len(values), dtype=np.float32)
        grown: list[Trees] = []
        for iteration in range(self.max_iter):
            kernels.gradients(raw, real, gradient, hessian)
            root = grower.grow(gradient, hessian, self._columns(iteration, n_columns))
            tree = self._tree(root, grower.index, gradient, hessian, values.edges, raw)
            grown.append(tree)
            if judge is not None:
                judge.hear(tree)
                if judge.stops(self.n_iter_no_change, self.tol):
                    break
        return joined(grown)

    def _columns(self, iteration: int, count: int) -> NDArray[np.int64]:
        """Draw the columns of a tree, rising."""
        if count == self.n_features_in_:
            return np.arange(count)
        generator = rng(self.random_state, "columns", str(iteration))
        return np.sort(generator.choice(self.n_features_in_, size=count, replace=False))

    def _tree(
        self,
        root: Node,
        index: NDArray[np.uint32],
        gradient: NDArray[np.float32],
        hessian: NDArray[np.float32],
        edges: NDArray[np.float32],
        raw: NDArray[np.float64],
    ) -> Trees:
        """Write a grown tree into arrays and add it to the log odds of its rows."""
        nodes = list(nodes_of(root))
        number = {id(node): place for place, node in enumerate(nodes)}
        tree = empty(len(nodes))
        for place, node in enumerate(nodes):
            if node.split:
                tree.feature[place] = node.column
                tree.threshold[place] = edges[node.column, node.split_bin]
                tree.split_bin[place] = node.split_bin
                tree.children[place] = [number[id(child)] for child in node.children]
                tree.gain[place] = node.gain
            elif node is not root:  # a tree that cannot be split says nothing
                step = kernels.node_value(
                    gradient, hessian, index, node.start, node.stop, self.l2_regularization
                )
                tree.value[place] = self.learning_rate * step
                raw[index[node.start : node.stop]] += tree.value[place]
        return tree

    def _keep(self, trees: Trees) -> None:
        """Take over the nodes of all trees."""
        self.n_iter_ = len(trees.first) - 1
        self.first_, self.feature_, self.threshold_, self.split_bin_ = trees[:4]
        self.children_, self.value_, self.gain_ = trees[4:]

    def _trees(self) -> Trees:
        return Trees(
            self.first_,
            self.feature_,
            self.threshold_,
            self.split_bin_,
            self.children_,
            self.value_,
            self.gain_,
        )

    def predict_proba(self, values: NDArray[np.float32] | BinnedValues) -> NDArray[np.float64]:
        """Give the probabilities of "fake" and "real".

        Parameters
        ----------
        values : ndarray, float32, (n, P), or BinnedValues in the bins of the fit

        Returns
        -------
        ndarray, float64, (n, 2)

        Raises
        ------
        ValueError
            If the count of columns or the bins are not those of the fit.
        """
        values = self._asked(values)
        raw = np.full(len(values), self.baseline_)
        trees = self._trees()
        bounds = [part * len(raw) // self.threads for part in range(self.threads + 1)]

        def add(start: int, stop: int) -> None:
            part = part_of(values, start, stop)
            for tree in range(self.n_iter_):
                add_tree(trees, tree, part, raw[start:stop])

        if self.threads == 1:
            add(0, len(raw))
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(add, bounds[:-1], bounds[1:]))
        return probabilities(raw)

    def staged_predict_proba(
        self, values: NDArray[np.float32] | BinnedValues
    ) -> Iterator[NDArray[np.float64]]:
        """Give the probabilities after 1, 2, ... trees; see `predict_proba`."""
        values = self._asked(values)
        raw = np.full(len(values), self.baseline_)
        trees = self._trees()
        for tree in range(self.n_iter_):
            add_tree(trees, tree, values, raw)
            yield probabilities(raw)

    def _asked(self, values: NDArray[np.float32] | BinnedValues) -> "Rows":
        """Check rows to predict and bring them into the form that the kernels read."""
        if values.shape[1] != self.n_features_in_:
            raise ValueError(f"{values.shape[1]} columns, expected {self.n_features_in_}")
        if not isinstance(values, BinnedValues):
            return np.asarray(values, dtype=np.float32)
        inner = self.feature_ >= 0
        edges = values.edges[self.feature_[inner], self.split_bin_[inner]]
        if not np.array_equal(edges, self.threshold_[inner]):
            raise ValueError("bins with other edges than those of the fit")
        return BinRows(values.bins, values.row_numbers().astype(np.uint32))

    def importances(self) -> NDArray[np.float64]:
        """Give the share of each column in the gain of all splits, float64 (P,), sum 1."""
        inner = self.feature_ >= 0
        total = np.bincount(
            self.feature_[inner], weights=self.gain_[inner], minlength=self.n_features_in_
        )
        return total / total.sum() if total.sum() > 0 else total


class _Judge:
    """Follows the log loss of validation rows."""

    def __init__(self, values: BinnedValues, real: NDArray[np.bool_], baseline: float) -> None:
        self.rows = BinRows(values.bins, values.row_numbers().astype(np.uint32))
        self.real = real
        self.raw = np.full(len(real), baseline)
        self.scores = [-kernels.log_loss(self.raw, real)]

    def hear(self, tree: Trees) -> None:
        """Add a tree."""
        add_tree(tree, 0, self.rows, self.raw)
        self.scores.append(-kernels.log_loss(self.raw, self.real))

    def stops(self, rounds: int, tol: float) -> bool:
        """Tell whether none of the last rounds was better than the one before them."""
        if len(self.scores) < rounds + 1:
            return False
        reference = self.scores[-rounds - 1] + tol
        return not any(score > reference for score in self.scores[-rounds:])


def fit_bytes(rows: int, values: int, parameters: Mapping[str, Any]) -> float:
    """Give the bytes that a fit needs at its peak, the bins themselves included.

    Parameters
    ----------
    rows, values : int
        Rows, those for early stopping included, and columns of the matrix.
    parameters : mapping
        Of `HistogramBoosting`, and `max_bins`; what is missing has its default (255 bins).
    """
    bins = parameters.get("max_bins", 255)
    columns = columns_of_a_tree(values, parameters.get("max_features", 1.0))
    leaves = parameters.get("max_leaf_nodes", 31) or rows
    kept = stored_histograms(rows, bins, leaves) * BYTES_OF_BIN * bins * columns
    edges = 4 * (bins - 1) * values
    return rows * values + edges + kept + BYTES_OF_ROW * rows


def columns_of_a_tree(values: int, share: float) -> int:
    """Count the columns that a tree looks at."""
    return max(1, int(share * values))
