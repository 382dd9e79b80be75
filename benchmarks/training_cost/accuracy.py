"""Whether the forest on bins is as good as scikit-learn's, and what of a difference bins make.

The same rows are fitted by scikit-learn with two random states, which tells how far two forests
are apart that differ by chance alone; by the forest on bins; and by scikit-learn on the numbers of
the same bins, which tells the loss of binning from a fault of the engine.
"""

from typing import Any, NamedTuple

import numpy as np
from benchtools.page import Table
from benchtools.processes import in_child

from latentprint.evaluate import area_under_roc
from latentprint.progress import Progress
from training_cost.forests import PRELOAD, PUBLISHED
from training_cost.setting import Setting, mean_interval

REFERENCES = ("scikit-learn", "scikit-learn, another random state")
OTHER_STATE = 1000  # added to the seed


class Way(NamedTuple):
    """How a forest is made: bins, if any, and who grows it on what random state."""

    max_bins: int | None = None
    histogram: bool = False
    other_state: bool = False


WAYS = {
    REFERENCES[0]: Way(),
    REFERENCES[1]: Way(other_state=True),
    "histogram, 63 bins": Way(63, histogram=True),
    "scikit-learn on the same 63 bins": Way(63),
    "histogram, 255 bins": Way(255, histogram=True),
    "scikit-learn on the same 255 bins": Way(255),
}


def tables(setting: Setting) -> list[Table]:
    """Fit in all ways for every seed, and compare with the mean of the two references."""
    progress = Progress(len(setting.seeds), "seeds")
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for seed in setting.seeds:
        for way, scores in in_child(all_ways, setting, seed, preload=PRELOAD).items():
            found[way].append(scores)
        progress.advance(1)
    rows = []
    for k, name in enumerate(("accuracy", "area under the curve")):
        one, other = (np.array(found[way])[:, k] for way in REFERENCES)
        for way, scores in found.items():
            ours = np.array(scores)[:, k]
            # A reference is held against the other one, not against a mean that contains it.
            against = {REFERENCES[0]: other, REFERENCES[1]: one}.get(way, (one + other) / 2)
            mean, low, high = mean_interval(ours - against)
            rows.append(
                [
                    f"{name}, {way}",
                    f"{ours.mean():.4f}",
                    f"{mean:+.4f} ({low:+.4f} to {high:+.4f})",
                ]
            )
    return [
        Table(
            f"What {setting.trees} trees know, {len(setting.seeds)} seeds of rows and forests",
            ["", "mean", "above scikit-learn (95 % interval)"],
            rows,
            "Above the mean of both random states; each of the two above the other. The interval "
            "is Student's t over the differences of equal seeds.",
        )
    ]


def all_ways(setting: Setting, seed: int) -> dict[str, tuple[float, float]]:
    """Fit the rows of a seed in all ways; give accuracy and area under the curve on the others."""
    from sklearn.ensemble import RandomForestClassifier

    from latentprint.histograms.bins import apply_bins, bin_matrix
    from latentprint.histograms.forest import HistogramForest

    data = setting.data(seed)
    parameters: dict[str, Any] = {**PUBLISHED, "n_estimators": setting.trees}
    scores = {}
    for name, way in WAYS.items():
        state = seed + OTHER_STATE * way.other_state
        values, asked = data.values, data.test_values
        if way.max_bins:
            binned = bin_matrix(data.values, max_bins=way.max_bins, threads=setting.threads)
            values = binned if way.histogram else binned.bins.T.astype(np.float32)
            if not way.histogram:
                asked = apply_bins(asked, binned.edges).T.astype(np.float32)
        if way.histogram:
            model = HistogramForest(**parameters, random_state=state, threads=setting.threads)
        else:
            model = RandomForestClassifier(**parameters, random_state=state, n_jobs=setting.threads)
        model.fit(values, data.labels)
        fake = model.predict_proba(asked)[:, list(model.classes_).index("fake")]
        right = float(np.mean((fake >= 0.5) == data.test_fake))
        scores[name] = right, area_under_roc(data.test_fake, fake)
    return scores
