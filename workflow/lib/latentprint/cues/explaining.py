"""What a cue's forest uses, and how its pictures lie beside each other."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from latentprint.cues.forest import Rows, new_forest
from latentprint.cues.trials import Trial
from latentprint.evaluate import area_under_roc
from latentprint.seeds import integer, rng

REPETITIONS = 10
MOST_COLUMNS = 64  # of more values single ones say nothing
COMPONENTS = 50  # of the principal component analysis before the projection
LEAST_FOR_TSNE = 20


def importance(
    trial: Trial,
    rows: Rows,
    folds: Mapping[str, int],
    names: Sequence[str],
    *,
    n_trees: int,
    seed: int,
    threads: int,
) -> list[tuple[str, float, float]]:
    """Give how much AUC is lost when one value is exchanged among pictures not learnt from.

    Returns
    -------
    list of (name, mean, standard deviation)
        Over folds and repetitions; empty where there are more than 64 values.
    """
    if len(names) > MOST_COLUMNS:
        return []
    sources, _, positive, values = rows.take(trial.train)
    fold = np.array([folds[one.image_id] for one in sources])
    lost: dict[str, list[float]] = {name: [] for name in names}
    chance = rng(seed, "cues", "importance")
    for number in sorted(set(fold.tolist())):
        inside = fold == number
        if len(set(positive[inside].tolist())) < 2:
            continue
        forest = new_forest(n_trees, seed=seed, threads=threads)
        forest.fit(values[~inside], positive[~inside])
        whole = area_under_roc(positive[inside], forest.predict_proba(values[inside])[:, 1])
        for column, name in enumerate(names):
            for _ in range(REPETITIONS):
                exchanged = values[inside].copy()
                exchanged[:, column] = chance.permutation(exchanged[:, column])
                score = forest.predict_proba(exchanged)[:, 1]
                lost[name].append(whole - area_under_roc(positive[inside], score))
    return [(name, float(np.mean(v)), float(np.std(v))) for name, v in lost.items() if v]


def projection(values: NDArray[np.float32], *, seed: int) -> tuple[NDArray[np.float64], str]:
    """Put pictures on a plane so that neighbours stay neighbours.

    Parameters
    ----------
    values : ndarray, float32, (N, values)
    seed : int

    Returns
    -------
    places : ndarray, float64, (N, 2)
    method : str
        Principal components, then t-SNE; with fewer than 20 pictures principal components alone.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(values)
    count = min(COMPONENTS, *scaled.shape)
    whole = PCA(count, random_state=0).fit_transform(scaled)
    if len(values) < LEAST_FOR_TSNE:
        return np.asarray(whole[:, :2], float), "PCA"
    from sklearn.manifold import TSNE

    chart = TSNE(
        perplexity=min(30, len(values) // 4),
        init="pca",
        random_state=integer(seed, "cues", "projection"),
    )
    return np.asarray(chart.fit_transform(whole), float), "PCA, t-SNE"
