"""A made-up run for the tests of tables, figures and summary: seeded, coherent, with no codec."""

import csv
from itertools import product
from math import comb, sqrt
from pathlib import Path

import numpy as np

SCORE_COLUMNS = (
    "bpp latent component feature classifier accuracy accuracy_low accuracy_high n_test n_train "
    "n_rows n_values cv_accuracy balanced_accuracy auc average_precision ece fake_fake fake_real "
    "real_fake real_real patch_accuracy ties best_only cell_only mcnemar_p mcnemar_p_holm engine "
    "parameters tuning study run images weights operating_point tools model beta bpp_reached point "
    "protocol scored_by oob_accuracy"
).split()
COST_COLUMNS = (
    "bpp latent component feature classifier search_s fit_s predict_s cores peak_mb"
).split()
ALL = {
    "bpp": ["0.25", "1.0"],
    "latents": ["y", "y_hat"],
    "components": ["Y", "YUV"],
    "features": ["flatten", "single", "multiple"],
    "classifiers": ["RF", "GB"],
}
SKILL = {"single": 0.62, "multiple": 0.68, "flatten": 0.76, "gap": 0.7}
SIZE = {"single": 1.0, "multiple": 4.0, "flatten": 15.0, "gap": 2.0}


def write_run(folder: Path, *, n_test: int = 180, constants: dict | None = None, **factors) -> Path:
    """Write scores.tsv and costs.tsv of a grid; `factors` replaces levels of `ALL`.

    `constants` are columns of scores.tsv that hold the same value in every row.
    """
    grid = ALL | factors
    random = np.random.default_rng(20250924)
    actual = np.repeat([True, False], n_test // 2)
    ease = random.normal(size=n_test)
    fits: dict[tuple, np.ndarray] = {}
    cells = []
    for bpp, latent, component, feature, classifier in product(*grid.values()):
        point = "model-3" if latent == "y" else f"bpp-{bpp}"
        fit = (point, latent, component, feature, classifier)
        if fit not in fits:
            skill = SKILL[feature] + 0.05 * (component == "YUV") + 0.05 * (classifier == "GB")
            skill -= 0.04 * (latent == "y_hat") * (1 + (float(bpp) < 1))
            noise = random.normal(size=n_test)
            mixed = 0.6 * ease + 0.8 * noise
            right = mixed < np.quantile(random.normal(size=20_000), skill)
            fits[fit] = np.where(right, actual, ~actual)
        cells.append(((bpp, latent, component, feature, classifier), point, fits[fit]))
    best = max(cells, key=lambda cell: np.mean(cell[2] == actual))
    rows, tests = [], []
    for key, point, predicted in cells:
        row = dict.fromkeys(SCORE_COLUMNS, "")
        row |= dict(zip(SCORE_COLUMNS[:5], key, strict=True))
        right = predicted == actual
        row["accuracy"] = right.mean()
        row["accuracy_low"], row["accuracy_high"] = wilson(int(right.sum()), n_test)
        row |= {
            "n_test": n_test,
            "n_train": 160,
            "n_rows": 160 * (8 if key[3] == "multiple" else 1),
        }
        channels = 160 if key[2] == "Y" else 256
        row["n_values"] = channels * (256 if key[3] == "flatten" else 1)
        row["fake_fake"] = int((actual & predicted).sum())
        row["fake_real"] = int((actual & ~predicted).sum())
        row["real_fake"] = int((~actual & predicted).sum())
        row["real_real"] = int((~actual & ~predicted).sum())
        row |= {"engine": "scikit-learn", "parameters": '{"max_depth": 3}', "tuning": "searched"}
        row |= {"run": "test", "images": "drawn by the product", "weights": "embedded"}
        row |= {"protocol": "corrected", "scored_by": "image"}
        row |= {"model": 3, "point": point, "bpp_reached": float(key[0]) * 1.03}
        if key != best[0]:
            best_right = best[2] == actual
            row["best_only"] = int((best_right & ~right).sum())
            row["cell_only"] = int((~best_right & right).sum())
            row["mcnemar_p"] = exact_sign_test(row["best_only"], row["cell_only"])
            tests.append(row)
        rows.append(row)
    largest = 0.0
    for place, row in enumerate(sorted(tests, key=lambda row: row["mcnemar_p"])):
        largest = max(largest, min(1.0, row["mcnemar_p"] * (len(tests) - place)))
        row["mcnemar_p_holm"] = largest
    holm = {tuple(row[name] for name in SCORE_COLUMNS[:5]): row for row in tests}
    for row in rows:
        tested = holm.get(tuple(row[name] for name in SCORE_COLUMNS[:5]))
        row["mcnemar_p_holm"] = tested["mcnemar_p_holm"] if tested else ""
        row |= constants or {}
    write(folder / "scores.tsv", SCORE_COLUMNS, rows)
    costs: dict[tuple, dict] = {}
    for row in rows:  # cells that share a fit share its costs
        costs.setdefault(fit_of(row), cost(row, random))
    names = COST_COLUMNS[:5]
    shared = [costs[fit_of(row)] | {name: row[name] for name in names} for row in rows]
    write(folder / "costs.tsv", COST_COLUMNS, shared)
    return folder


def fit_of(row: dict) -> tuple:
    """Name the fit behind a cell."""
    return tuple(row[name] for name in ("point", "latent", "component", "feature", "classifier"))


def cost(row: dict, random: np.random.Generator) -> dict:
    """Make up the cost of one cell."""
    searched = row["feature"] == "single" and row["latent"] == "y"
    fit_s = round(0.4 * SIZE[row["feature"]] * random.uniform(0.8, 1.2), 3)
    values = {"search_s": 9.5 if searched else 0.0, "fit_s": fit_s, "predict_s": 0.05}
    return {name: row[name] for name in COST_COLUMNS[:5]} | values | {"cores": 2, "peak_mb": 410.5}


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z, share = 1.959963984540054, right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def exact_sign_test(first: int, second: int) -> float:
    """Exact McNemar test of two discordant counts."""
    n, tail = first + second, min(first, second)
    return min(1.0, 2 * sum(comb(n, k) for k in range(tail + 1)) / 2**n)


def write(path: Path, columns: list[str], rows: list[dict]) -> None:
    """Write rows as tab-separated text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file,
            columns,
            delimiter="\t",
            lineterminator="\n",
            quoting=csv.QUOTE_NONE,
            quotechar=None,
        )
        writer.writeheader()
        writer.writerows(rows)
