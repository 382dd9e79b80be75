"""The forest: scikit-learn's and the one on bins, one fit and a search, in processes of their own.

The thesis' published parameters: depth 30, at least 2 rows a leaf, square root of the columns.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from benchtools.page import Table, between, number
from benchtools.processes import forget_peak, in_child, memory_mib
from numpy.typing import NDArray

from latentprint.evaluate import area_under_roc
from latentprint.progress import Progress
from latentprint.seeds import rng
from training_cost.setting import Data, Setting, mean_interval, taken

PUBLISHED = {"max_depth": 30, "min_samples_leaf": 2, "max_features": "sqrt"}
PUBLISHED_TREES = 463
MAX_BINS = 63
ENGINES: dict[str, int | None] = {
    "sklearn": None,
    "histogram, 63 bins": MAX_BINS,
    "histogram, 255 bins": 255,
}
FOLDS = 3
PRELOAD = ("sklearn.ensemble", "sklearn.model_selection", "latentprint.histograms.forest")


class Spent(NamedTuple):
    """CPU seconds of all threads, wall seconds."""

    cpu_s: float
    wall_s: float


class Fitted(NamedTuple):
    """What one fit cost and gave; `peak_mib` above what the rows need as float32."""

    fit: Spent
    binning: Spent
    ask: Spent
    peak_mib: float
    accuracy: float
    auc: float


class Searched(NamedTuple):
    """What a search cost, and the mean accuracy of each candidate over the folds."""

    whole: Spent
    binning: Spent
    peak_mib: float
    accuracies: list[float]


class Clock:
    """Adds up what stretches of work took."""

    def __init__(self) -> None:
        self.spent = Spent(0.0, 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of the block."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        added = time.process_time() - cpu, time.perf_counter() - wall
        self.spent = Spent(self.spent.cpu_s + added[0], self.spent.wall_s + added[1])


def tables(setting: Setting) -> list[Table]:
    """Measure the engines, one after the other for every seed."""
    progress = Progress(len(ENGINES) * (len(setting.seeds) + 1), "runs")
    fits: dict[str, list[Fitted]] = {engine: [] for engine in ENGINES}
    for seed in setting.seeds:
        for engine in ENGINES:
            fits[engine].append(in_child(one_fit, setting, engine, seed, preload=PRELOAD))
            progress.advance(1)
    searches = {}
    for engine in ENGINES:
        searches[engine] = in_child(search, setting, engine, setting.seeds[0], preload=PRELOAD)
        progress.advance(1)
    return [costs(setting, fits), qualities(setting, fits), search_costs(setting, searches)]


def costs(setting: Setting, fits: dict[str, list[Fitted]]) -> Table:
    """Say what one fit costs, medians over seeds."""
    columns: dict[str, Callable[[Fitted], float]] = {
        "CPU s, binning included": lambda one: one.fit.cpu_s,
        "of it binning": lambda one: one.binning.cpu_s,
        "CPU s a tree": lambda one: of_trees(one, setting),
        f"CPU s for {PUBLISHED_TREES} trees, computed": lambda one: (
            one.binning.cpu_s + PUBLISHED_TREES * of_trees(one, setting)
        ),
        "wall s": lambda one: one.fit.wall_s,
        "CPU s to ask the test rows": lambda one: one.ask.cpu_s,
        "peak MiB beside the float32 rows": lambda one: one.peak_mib,
    }
    rows = [
        [engine, *(number(float(np.median([of(one) for one in ones]))) for of in columns.values())]
        for engine, ones in fits.items()
    ]
    for engine in list(fits)[1:]:
        compared = [f"times quicker, {ENGINES[engine]} bins"]
        for name, of in columns.items():
            # Within one seed: the machine is busier at one time than at another.
            pairs = zip(fits["sklearn"], fits[engine], strict=True)
            measured = not name.startswith(("of it", "peak"))
            ratios = [of(one) / of(other) for one, other in pairs] if measured else []
            compared.append(f"**{between(ratios)}**" if measured else "")
        rows.append(compared)
    return Table(
        f"One fit of {setting.trees} trees, threads: {setting.threads}",
        ["", *columns],
        rows,
        f"Medians of {len(setting.seeds)} seeds; ratios within each seed, the least and the most. "
        "Bins need one byte a value, and a fit from a store never holds the float32 rows.",
    )


def of_trees(one: Fitted, setting: Setting) -> float:
    """Give the CPU seconds of one tree."""
    return (one.fit.cpu_s - one.binning.cpu_s) / setting.trees


def qualities(setting: Setting, fits: dict[str, list[Fitted]]) -> Table:
    """Say how well the fits do, and whether the engines differ."""
    rows = []
    for name in ("accuracy", "auc"):
        reference = [getattr(one, name) for one in fits["sklearn"]]
        for engine, ones in fits.items():
            found = [getattr(one, name) for one in ones]
            mean, low, high = mean_interval(np.subtract(found, reference))
            rows.append(
                [
                    f"{name}, {engine}",
                    " ".join(f"{one:.3f}" for one in found),
                    f"{np.mean(found):.4f}",
                    "" if engine == "sklearn" else f"{mean:+.4f} ({low:+.4f} to {high:+.4f})",
                ]
            )
    return Table(
        f"What {setting.trees} trees know",
        ["", "seed by seed", "mean", "above scikit-learn (95 % interval)"],
        rows,
        "The interval is Student's t over the differences of equal seeds.",
    )


def search_costs(setting: Setting, searches: dict[str, Searched]) -> Table:
    """Say what a search costs."""
    rows = [
        [
            engine,
            number(found.whole.cpu_s),
            number(found.binning.cpu_s),
            number(found.whole.wall_s),
            number(found.peak_mib),
            " ".join(f"{accuracy:.3f}" for accuracy in found.accuracies),
        ]
        for engine, found in searches.items()
    ]
    one = searches["sklearn"].whole
    for engine in list(searches)[1:]:
        other = searches[engine].whole
        ratios = number(one.cpu_s / other.cpu_s), number(one.wall_s / other.wall_s)
        rows.append(
            [f"times quicker, {ENGINES[engine]} bins", f"**{ratios[0]}**", "", ratios[1], "", ""]
        )
    return Table(
        f"A search: {setting.candidates} candidates of {setting.search_trees} trees, {FOLDS} folds",
        [
            "",
            "CPU s",
            "of it binning",
            "wall s",
            "peak MiB beside the float32 rows",
            "mean accuracy of each candidate",
        ],
        rows,
        "The scikit-learn search copies the rows of each fold; the other bins all rows once and "
        "takes views. Asking the rows left out is included. More fits make binning weigh less.",
    )


def one_fit(setting: Setting, engine: str, seed: int) -> Fitted:
    """Fit and ask the test rows."""
    data = setting.data(seed)
    warm_up(engine)
    start = start_of_memory()
    parameters = {**PUBLISHED, "n_estimators": setting.trees}
    binning, fit, ask = Clock(), Clock(), Clock()
    with fit.running():
        values: Any = data.values
        if max_bins := ENGINES[engine]:
            values = binned(data, binning, setting, max_bins=max_bins)
        model = made(engine, parameters, seed, setting.threads).fit(values, data.labels)
    peak = memory_mib()[1] - start
    with ask.running():
        fake = model.predict_proba(data.test_values)[:, list(model.classes_).index("fake")]
    return Fitted(
        fit.spent,
        binning.spent,
        ask.spent,
        peak,
        float(np.mean((fake >= 0.5) == data.test_fake)),
        area_under_roc(data.test_fake, fake),
    )


def search(setting: Setting, engine: str, seed: int) -> Searched:
    """Fit all candidates on the folds, as a search does."""
    from sklearn.model_selection import StratifiedKFold

    data = setting.data(seed)
    warm_up(engine)
    start = start_of_memory()
    folds = list(StratifiedKFold(FOLDS).split(np.zeros((len(data.fake), 1)), data.fake))
    binning, whole = Clock(), Clock()
    accuracies = []
    with whole.running():
        values: Any = data.values
        if max_bins := ENGINES[engine]:
            values = binned(data, binning, setting, max_bins=max_bins)
        for parameters in candidates(setting, seed):
            right = np.zeros(len(data.fake), dtype=bool)
            for fitted, left_out in folds:
                model = made(engine, parameters, seed, setting.threads)
                model.fit(chosen(values, fitted), data.labels[fitted])
                probabilities = model.predict_proba(chosen(values, left_out))
                called = model.classes_[probabilities.argmax(axis=1)]
                right[left_out] = called == data.labels[left_out]
            accuracies.append(float(right.mean()))
    return Searched(whole.spent, binning.spent, memory_mib()[1] - start, accuracies)


def candidates(setting: Setting, seed: int) -> list[dict[str, Any]]:
    """Draw hyperparameters from the thesis' space, but for the number of trees."""
    generator = rng(seed, "candidates")
    return [
        {
            "n_estimators": setting.search_trees,
            "max_depth": int(generator.integers(10, 36)),
            "min_samples_leaf": int(generator.integers(2, 16)),
            "max_features": "sqrt",
        }
        for _ in range(setting.candidates)
    ]


def made(engine: str, parameters: dict[str, Any], seed: int, threads: int) -> Any:
    """Make a forest that is not fitted."""
    if ENGINES[engine]:
        from latentprint.histograms.forest import HistogramForest

        return HistogramForest(**parameters, random_state=seed, threads=threads)
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**parameters, random_state=seed, n_jobs=threads)


def binned(data: Data, clock: Clock, setting: Setting, *, max_bins: int = MAX_BINS) -> Any:
    """Bin the training rows."""
    from latentprint.histograms.bins import bin_matrix

    with clock.running():
        return bin_matrix(data.values, max_bins=max_bins, threads=setting.threads)


def chosen(values: Any, rows: NDArray[np.int64]) -> Any:
    """Take rows: a copy of floats, a view of bins."""
    return taken(values, rows) if isinstance(values, np.ndarray) else values.take(rows)


def warm_up(engine: str) -> None:
    """Fit something small, so that nothing is imported or compiled while the clock runs."""
    few = Setting(n=60, n_test=20, values=512).data(0)
    tiny = Setting(threads=1)
    values = binned(few, Clock(), tiny) if ENGINES[engine] else few.values
    model = made(engine, {"n_estimators": 2}, 0, 1).fit(values, few.labels)
    for asked in (values, few.test_values):
        model.predict_proba(asked)


def start_of_memory() -> float:
    """Give the memory in use, MiB, and let the peak start from there."""
    forget_peak()
    return memory_mib()[0]
