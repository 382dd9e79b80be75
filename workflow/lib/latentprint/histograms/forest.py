"""A random forest that grows on binned values: scikit-learn's, but split at the edges of bins."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.errors import UserError
from latentprint.histograms.bins import BinnedValues
from latentprint.histograms.forest_kernels import (
    MOST_FAKE,
    MOST_ROWS,
    MOST_WEIGHT,
    add_by_columns,
    add_by_rows,
    grow,
    packed_sums,
)
from latentprint.seeds import rng

NODE_BYTES = 21  # of a fitted tree
ROWS_ASKED = 4096  # together: their numbers and sums stay in the cache
NO_LIMIT = 2**31 - 1


class HistogramForest:
    """Trees on bootstrap samples, each node split at the best edge of some drawn columns.

    scikit-learn's RandomForestClassifier with Gini impurity: the same bootstrap, the same drawing
    of columns, the same leaves and means over trees. A split lies in the middle of the bins that
    are empty in its node. Equal random states give equal forests, whatever the number of threads.

    Parameters
    ----------
    n_estimators : int, default 100
    max_depth : int or None, default None
    min_samples_leaf : int, default 1
        Rows, each counted once however often the bootstrap drew it.
    max_features : "sqrt", int, float or None, default "sqrt"
        Columns drawn for a node: the square root of their number, that many, that share, or all.
    random_state : int, default 0
    threads : int, default 1
        Trees that grow at once. They change the time only, and are not part of a saved model.
    bootstrap : bool, default True
        Whether every tree sees rows drawn with replacement, or all rows.

    Attributes
    ----------
    classes_ : ndarray, str, (2,)
        "fake" and "real".
    n_features_in_ : int
        Columns, P.
    column_, left_, weight_, fake_ : ndarray, int32, (nodes,)
        The trees one after the other, see `forest_kernels.grow`.
    bin_ : ndarray, uint8, (nodes,)
        Rows of this bin and those below go left.
    threshold_ : ndarray, float32, (nodes,)
        The same as a value.
    offsets_ : ndarray, int64, (trees + 1,)
        First node of every tree.
    """

    threads: int = 1

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int | None = None,
        min_samples_leaf: int = 1,
        max_features: str | float | None = "sqrt",
        random_state: int = 0,
        threads: int = 1,
        bootstrap: bool = True,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.threads = threads
        self.bootstrap = bootstrap

    def __getstate__(self) -> dict[str, Any]:
        """Leave the threads out of a saved model: equal models give equal files."""
        return {name: value for name, value in vars(self).items() if name != "threads"}

    def fit(self, values: BinnedValues, labels: NDArray[np.str_]) -> "HistogramForest":
        """Grow the trees.

        Parameters
        ----------
        values : BinnedValues, (n, P)
        labels : ndarray, str, (n,)
            "fake" or "real".

        Returns
        -------
        HistogramForest
            This one.

        Raises
        ------
        UserError
            If a parameter is out of range, the labels do not fit, or there are too many rows.
        """
        fake = _fake(labels, len(values))
        self._check(values, fake)
        rows = values.row_numbers().astype(np.uint32)
        depth = NO_LIMIT if self.max_depth is None else self.max_depth
        drawn = columns_drawn(self.max_features, values.shape[1])

        def tree(number: int) -> tuple[NDArray[Any], ...]:
            weights, seed = self._drawn(number, len(rows))
            used = np.flatnonzero(weights)
            return grow(
                values.bins,
                values.n_bins,
                rows[used],
                packed_sums(weights[used], fake[used]),
                depth,
                self.min_samples_leaf,
                drawn,
                seed,
            )

        with ThreadPoolExecutor(self.threads) as pool:
            trees = list(pool.map(tree, range(self.n_estimators)))
        self.classes_ = np.array(["fake", "real"])
        self.n_features_in_ = values.shape[1]
        self.column_, self.bin_, self.left_, self.weight_, self.fake_ = (
            np.concatenate(parts) for parts in zip(*trees, strict=True)
        )
        self.offsets_ = np.cumsum([0, *(len(tree[0]) for tree in trees)])
        split = self.column_ >= 0
        self.threshold_ = np.zeros(len(split), dtype=np.float32)
        self.threshold_[split] = values.edges[self.column_[split], self.bin_[split]]
        return self

    def predict_proba(self, values: NDArray[np.float32] | BinnedValues) -> NDArray[np.float64]:
        """Give the probabilities of fake and of real, the mean of the trees.

        Parameters
        ----------
        values : ndarray, float32, (n, P), any memory order, or BinnedValues
            Bins must have the edges that the forest was fitted with; the answers are equal then.

        Returns
        -------
        ndarray, float64, (n, 2)

        Raises
        ------
        UserError
            If there are not P columns.
        """
        total = np.zeros(len(values))
        share = self._shares()
        parts = [slice(start, start + ROWS_ASKED) for start in range(0, len(total), ROWS_ASKED)]

        def ask(part: slice) -> None:
            self._add(_part(values, part), share, (0, self.n_estimators), total[part])

        self._check_width(values)
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(ask, parts))
        return _both(total / self.n_estimators)

    def staged_predict_proba(
        self, values: NDArray[np.float32] | BinnedValues
    ) -> Iterator[NDArray[np.float64]]:
        """Give the probabilities of the first tree, of the first two, and so on.

        Parameters
        ----------
        values : ndarray or BinnedValues
            As for `predict_proba`.

        Yields
        ------
        ndarray, float64, (n, 2)
            What a forest of so many trees would give.
        """
        self._check_width(values)
        total = np.zeros(len(values))
        share = self._shares()
        for tree in range(self.n_estimators):
            self._add(values, share, (tree, tree + 1), total)
            yield _both(total / (tree + 1))

    def oob_accuracy(self, values: BinnedValues, fake: NDArray[np.bool_]) -> float | None:
        """Give the accuracy on the rows of the fit, each asked of the trees grown without it.

        Parameters
        ----------
        values : BinnedValues, (n, P)
            The rows that the forest was fitted to, in their order.
        fake : ndarray, bool, (n,)

        Returns
        -------
        float or None, 0 to 1
            Of the rows that some tree was grown without; None where there is no such row. Ties are
            called fake, as in `learn.oob_accuracy`.
        """
        share = self._shares()
        total = np.zeros(len(values))
        asked = np.zeros(len(values), dtype=np.int64)
        for tree in range(self.n_estimators):
            left_out = np.flatnonzero(self._drawn(tree, len(values))[0] == 0)
            found = np.zeros(len(left_out))
            self._add(values.take(left_out), share, (tree, tree + 1), found)
            total[left_out] += found
            asked[left_out] += 1
        known = asked > 0
        if not known.any():
            return None
        called = 2 * total[known] >= asked[known]
        return float(np.mean(called == fake[known]))

    def importances(self) -> NDArray[np.float64]:
        """Give the share of every column in the decrease of impurity, mean of trees, float64 (P,).

        They sum to 1, or are all 0 where no tree has a split.
        """
        share = self._shares()
        impurity = 2 * share * (1 - share) * self.weight_
        mean = np.zeros(self.n_features_in_)
        for first, last in zip(self.offsets_[:-1], self.offsets_[1:], strict=True):
            split = first + np.flatnonzero(self.column_[first:last] >= 0)
            left = first + self.left_[split]
            decrease = impurity[split] - impurity[left] - impurity[left + 1]
            if decrease.sum() > 0:
                np.add.at(mean, self.column_[split], decrease / decrease.sum())
        return mean / mean.sum() if mean.any() else mean

    def _drawn(self, tree: int, n: int) -> tuple[NDArray[np.int64], np.uint64]:
        """Give how often a tree has drawn each row, int64 (n,), and the seed of its columns."""
        generator = rng(int(self.random_state), "forest", str(tree))
        seed = generator.integers(1, 2**64, dtype=np.uint64)
        if not self.bootstrap:
            return np.ones(n, dtype=np.int64), seed
        return np.bincount(generator.integers(0, n, size=n), minlength=n), seed

    def _shares(self) -> NDArray[np.float64]:
        """Give the share of fake in every node, float64 (nodes,)."""
        return self.fake_ / self.weight_

    def _add(
        self,
        values: NDArray[np.float32] | BinnedValues,
        share: NDArray[np.float64],
        trees: tuple[int, int],
        total: NDArray[np.float64],
    ) -> None:
        """Add what some trees say of every row to `total`, float64 (n,)."""
        nodes = (self.column_, self.left_, share, self.offsets_, *trees)
        if isinstance(values, BinnedValues):
            add_by_columns(values.bins, self.bin_, *nodes, values.row_numbers(), total)
            return
        values = np.asarray(values, dtype=np.float32)
        if abs(values.strides[0]) <= abs(values.strides[1]):
            add_by_columns(values.T, self.threshold_, *nodes, np.arange(len(values)), total)
        else:
            add_by_rows(values, self.threshold_, *nodes, total)

    def _check_width(self, values: NDArray[np.float32] | BinnedValues) -> None:
        if values.shape[1] != self.n_features_in_:
            raise UserError(
                f"prediction: rows of {values.shape[1]} values, expected {self.n_features_in_} as "
                "in training. Use features of the same kind and component."
            )

    def _check(self, values: BinnedValues, fake: NDArray[np.bool_]) -> None:
        for name in ("n_estimators", "max_depth", "min_samples_leaf"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise UserError(
                    f"RF, {name}: {number}, expected 1 or more. See config/README.md, key search."
                )
        n, n_fake = len(values), np.count_nonzero(fake)
        # A bootstrap sample has 0.632 n distinct rows, and now and then more fake ones than there
        # are: by six standard deviations.
        distinct, drawn_fake = (0.65 * n, n_fake + 3 * n**0.5) if self.bootstrap else (n, n_fake)
        if distinct > MOST_ROWS or n > MOST_WEIGHT or drawn_fake > MOST_FAKE:
            raise UserError(
                f"RF: {n} rows, {n_fake} of them fake, expected at most {MOST_ROWS} fake ones and "
                "half as many again of all. Lower n_train or n_patches, or use engine sklearn."
            )


def columns_drawn(max_features: str | float | None, width: int) -> int:
    """Count the columns that a node draws, from 1 to `width`.

    Raises
    ------
    UserError
        If `max_features` is none of "sqrt", a count from 1 or a share up to 1.
    """
    if max_features is None:
        return width
    if max_features == "sqrt":
        return max(1, math.isqrt(width))
    if isinstance(max_features, int) and 1 <= max_features:
        return min(max_features, width)
    if isinstance(max_features, float) and 0 < max_features <= 1:
        return max(1, int(max_features * width))
    raise UserError(
        f"RF, max_features: {max_features}, expected sqrt, a number of columns or a share from 0 "
        "to 1. See config/README.md, key search."
    )


def fit_bytes(rows: int, values: int, parameters: dict[str, Any]) -> float:
    """Give what one fit needs at its peak: the bins and the trees.

    Trees of n rows have at most 2 n / min_samples_leaf nodes, of the 0.63 n that a bootstrap
    leaves; they stand twice for a moment.
    """
    nodes = 1.3 * rows / (parameters.get("min_samples_leaf") or 1)
    trees = parameters.get("n_estimators", 100) * nodes * NODE_BYTES
    return rows * values + 2 * trees


def _fake(labels: NDArray[np.str_], count: int) -> NDArray[np.bool_]:
    """Tell which labels are "fake"."""
    labels = np.asarray(labels)
    found = sorted(set(labels.tolist()))
    if len(labels) != count or found != ["fake", "real"]:
        raise UserError(
            f"RF: {len(labels)} labels ({', '.join(map(str, found[:3]))}) for {count} rows, "
            "expected one of fake and real for each, and both. Look at the training selection."
        )
    return labels == "fake"


def _part(
    values: NDArray[np.float32] | BinnedValues, part: slice
) -> NDArray[np.float32] | BinnedValues:
    if isinstance(values, BinnedValues):
        return values.take(np.arange(len(values))[part])
    return values[part]


def _both(fake: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the probabilities of fake and of real side by side."""
    return np.stack([fake, 1 - fake], axis=1)
