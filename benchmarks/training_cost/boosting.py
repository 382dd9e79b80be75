"""Boosting: HistGradientBoosting, the one on shared bins, and its variant that draws columns.

Equal settings: those of the thesis' published model but for the rounds and 31 leaves. The variant
looks at a twentieth of the columns for every tree; it is fitted until it knows as much as the full
model, judged on half of the test rows, and reported on the other half.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from benchtools.page import Table, number
from benchtools.processes import in_child, memory_mib
from numpy.typing import NDArray

from latentprint.evaluate import area_under_roc
from latentprint.progress import Progress
from training_cost.forests import MAX_BINS, Clock, Spent, binned, start_of_memory
from training_cost.setting import Data, Setting, mean_interval

SETTINGS = {
    "learning_rate": 0.13,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 18,
    "l2_regularization": 0.003,
}
SHARE = 0.05  # of the columns, drawn for every tree of the variant
PATIENCE = 5  # times the rounds of the full model, at most, for the variant to catch up
PUBLISHED_LEAVES = 117
MEMORY_ROUNDS = 2
SIZES = (30_000, 100_000)  # rows whose need is computed only
PRELOAD = ("sklearn.ensemble", "latentprint.histograms.boosting")
KINDS = ("sklearn", "histogram", "drawn columns")


class Asked(NamedTuple):
    """How well probabilities of fake do on the two halves of the test rows."""

    accuracy: tuple[float, float]
    auc: tuple[float, float]


class Fitted(NamedTuple):
    """What one fit cost and gave; `peak_mib` above what the rows need as float32."""

    fit: Spent
    binning: Spent
    rounds: int
    peak_mib: float
    asked: Asked


def tables(setting: Setting) -> list[Table]:
    """Measure the three kinds one after the other for every seed, then the memory."""
    sizes = setting.n // 2, setting.n, 2 * setting.n
    progress = Progress(len(KINDS) * len(setting.seeds) + len(sizes), "runs")
    fits: dict[str, list[Fitted]] = {kind: [] for kind in KINDS}
    for seed in setting.seeds:
        for kind in KINDS:
            goal = None if kind == "sklearn" else fits["sklearn"][-1].asked
            fits[kind].append(in_child(one_fit, setting, kind, seed, goal, preload=PRELOAD))
            progress.advance(1)
    peaks = []
    for rows in sizes:
        peaks.append(in_child(peak, setting, rows, preload=PRELOAD))
        progress.advance(1)
    return [costs(setting, fits), qualities(fits), memory(setting, sizes, peaks)]


def costs(setting: Setting, fits: dict[str, list[Fitted]]) -> Table:
    """Say what one fit costs, medians over seeds, and how many times quicker others are."""
    rows = []
    for kind in KINDS:
        ones = fits[kind]
        numbers = (
            [one.fit.cpu_s for one in ones],
            [one.binning.cpu_s for one in ones],
            [(one.fit.cpu_s - one.binning.cpu_s) / one.rounds for one in ones],
            [one.fit.wall_s for one in ones],
            [one.peak_mib for one in ones],
        )
        counts = " ".join(str(one.rounds) for one in ones)
        rows.append([kind, counts, *(number(float(np.median(column))) for column in numbers)])
    for name, slow, quick in (
        ("histogram against sklearn", "sklearn", "histogram"),
        ("drawn columns against sklearn", "sklearn", "drawn columns"),
        ("drawn columns against histogram", "histogram", "drawn columns"),
    ):
        rows.append([f"times quicker: {name}", "", *_ratios(fits[slow], fits[quick])])
    return Table(
        f"{setting.rounds} rounds, {SETTINGS['max_leaf_nodes']} leaves, {MAX_BINS} bins, threads: "
        f"{setting.threads}; {100 * SHARE:.0f} % of the columns until equally good",
        [
            "",
            "rounds, by seed",
            "CPU s, binning included",
            "of it binning",
            "CPU s a round, without binning",
            "wall s",
            "peak MiB beside the float32 rows",
        ],
        rows,
        f"Medians of {len(setting.seeds)} seeds, ratios the least and the most of the same seed. "
        "scikit-learn bins in every fit (by blocks of columns, as the product lets it), and its "
        "rounds include that. The ratio below `CPU s a round` is that of whole fits without our "
        "binning, which all fits of a search share.",
    )


def _ratios(slow: Sequence[Fitted], quick: Sequence[Fitted]) -> list[str]:
    """Give the cells of a row of ratios."""

    def cell(ratios: list[float]) -> str:
        return f"**{number(min(ratios))} to {number(max(ratios))}**"

    pairs = list(zip(slow, quick, strict=True))
    return [
        cell([one.fit.cpu_s / other.fit.cpu_s for one, other in pairs]),
        "",
        cell([_unbinned(one) / _unbinned(other) for one, other in pairs]),
        cell([one.fit.wall_s / other.fit.wall_s for one, other in pairs]),
        "",
    ]


def _unbinned(fitted: Fitted) -> float:
    return fitted.fit.cpu_s - fitted.binning.cpu_s


def qualities(fits: dict[str, list[Fitted]]) -> Table:
    """Say how well the fits do, and how far they are from scikit-learn."""
    rows = []
    for name in ("accuracy", "auc"):
        for kind in KINDS:
            judged, other = np.transpose([getattr(one.asked, name) for one in fits[kind]])
            reference = [getattr(one.asked, name)[1] for one in fits["sklearn"]]
            mean, low, high = mean_interval(list(other - reference))
            difference = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
            rows.append(
                [
                    f"{name}, {kind}",
                    " ".join(f"{one:.3f}" for one in judged),
                    " ".join(f"{one:.3f}" for one in other),
                    f"{other.mean():.4f}",
                    "" if kind == "sklearn" else difference,
                ]
            )
    return Table(
        "What they know, by seed",
        [
            "",
            "half that judged",
            "other half",
            "mean, other half",
            "difference to sklearn (95 % interval)",
        ],
        rows,
        "The interval is Student's t over the differences of equal seeds.",
    )


def memory(setting: Setting, sizes: Sequence[int], peaks: Sequence[float]) -> Table:
    """Put what bins and a fit took beside the formula, and the formula for more rows."""
    from latentprint.histograms.boosting import fit_bytes

    parameters = {"max_leaf_nodes": PUBLISHED_LEAVES, "max_bins": MAX_BINS}
    rows = []
    for count in (*sizes, *SIZES):
        need = fit_bytes(count, setting.values, parameters) / 2**20
        drawn = fit_bytes(count, setting.values, {**parameters, "max_features": SHARE}) / 2**20
        taken = peaks[sizes.index(count)] if count in sizes else None
        share = "" if taken is None else number(taken / need)
        rows.append([f"{count:,}", number(need), number(taken), share, number(drawn)])
    return Table(
        f"Memory of a fit on bins, {setting.values} values, {PUBLISHED_LEAVES} leaves, MiB",
        ["rows", "formula", "measured", "measured / formula", "formula, drawn columns"],
        rows,
        f"Measured: {MEMORY_ROUNDS} rounds on random bins in a process of their own, the bins "
        "included. The formula is what trees of any shape can need.",
    )


def one_fit(setting: Setting, kind: str, seed: int, goal: Asked | None) -> Fitted:
    """Fit and ask the test rows; the variant stops when it is as good as the goal."""
    data = setting.data(seed)
    warm_up(kind)
    start = start_of_memory()
    binning, fit = Clock(), Clock()
    rounds = setting.rounds
    if kind == "sklearn":
        with fit.running():
            model = reference(data, rounds, seed, setting.threads)
        peak_mib = memory_mib()[1] - start
    else:
        own = {"random_state": seed, "threads": setting.threads}
        with fit.running():
            values = binned(data, binning, setting)
        if kind != "histogram":
            own["max_features"] = SHARE
            rounds = rounds_needed(values, data, goal, PATIENCE * rounds, own)
        with fit.running():
            model = made(rounds, own).fit(values, data.labels)
        peak_mib = memory_mib()[1] - start
    fake = model.predict_proba(data.test_values)[:, 0]
    return Fitted(fit.spent, binning.spent, rounds, peak_mib, asked(fake, data.test_fake))


def rounds_needed(values: Any, data: Data, goal: Asked, limit: int, own: dict[str, Any]) -> int:
    """Count the rounds until accuracy and area are the goal's, on the half that judges."""
    model = made(limit, own).fit(values, data.labels)
    for done, probabilities in enumerate(model.staged_predict_proba(data.test_values), 1):
        found = asked(probabilities[:, 0], data.test_fake)
        if found.accuracy[0] >= goal.accuracy[0] and found.auc[0] >= goal.auc[0]:
            return done
    return limit


def asked(fake: NDArray[np.float64], truth: NDArray[np.bool_]) -> Asked:
    """Judge probabilities on both halves of the rows; classes take turns in pairs of rows."""
    halves = [np.arange(len(truth)) // 2 % 2 == side for side in (0, 1)]
    return Asked(
        tuple(float(np.mean((fake[half] >= 0.5) == truth[half])) for half in halves),
        tuple(area_under_roc(truth[half], fake[half]) for half in halves),
    )


def made(rounds: int, own: dict[str, Any]) -> Any:
    """Make a model on bins that is not fitted."""
    from latentprint.histograms.boosting import HistogramBoosting

    return HistogramBoosting(**SETTINGS, max_iter=rounds, **own)


def reference(data: Data, rounds: int, seed: int, threads: int) -> Any:
    """Fit scikit-learn's model as the product does."""
    from latentprint.learn import fit_model

    return fit_model(
        "GB",
        {**SETTINGS, "max_iter": rounds, "max_bins": MAX_BINS, "early_stopping": False},
        values=data.values,
        groups=None,
        fake=data.fake,
        random_state=seed,
        threads=threads,
    )


def warm_up(kind: str) -> None:
    """Fit something small, so that nothing is imported or compiled while the clock runs."""
    few = Setting(n=80, n_test=20, values=512).data(0)
    if kind == "sklearn":
        model = reference(few, 1, 0, 1)
    else:
        values = binned(few, Clock(), Setting(threads=1))
        model = made(1, {}).fit(values, few.labels)
    model.predict_proba(few.test_values)


def peak(setting: Setting, rows: int) -> float:
    """Fit random bins; MiB of bins and fit at the peak."""
    from latentprint.histograms.bins import BinnedValues
    from latentprint.histograms.boosting import HistogramBoosting

    warm_up("histogram")
    start = start_of_memory()
    generator = np.random.default_rng(0)
    bins = np.empty((setting.values, rows), dtype=np.uint8)
    for column in bins:
        column[:] = generator.integers(0, MAX_BINS, rows, dtype=np.uint8)
    edges = np.tile(np.arange(MAX_BINS - 1, dtype=np.float32), (setting.values, 1))
    labels = np.where(generator.permutation(rows) % 2 == 0, "fake", "real")
    settings = {**SETTINGS, "max_leaf_nodes": PUBLISHED_LEAVES, "max_iter": MEMORY_ROUNDS}
    HistogramBoosting(**settings, threads=setting.threads).fit(BinnedValues(bins, edges), labels)
    return memory_mib()[1] - start
