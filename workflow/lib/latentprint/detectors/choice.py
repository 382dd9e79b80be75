"""Which cells of a run are looked into: the best by cross-validation, one of each classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

from latentprint.evaluate import FACTORS

COLUMNS = ("rank", *FACTORS, "cv_accuracy")


def choose(rows: Sequence[Mapping[str, Any]], count: int) -> list[dict[str, Any]]:
    """Choose cells by the accuracy of their own search.

    Parameters
    ----------
    rows : sequence of mapping
        Of `scores.tsv`, in the order of the grid; `cv_accuracy` is None or empty where nothing was
        searched for the cell itself.
    count : int
        Cells to choose, at most: the best of all, then the best of each other classifier.

    Returns
    -------
    list of dict
        Keys are `COLUMNS`; the rank counts from 1. The first of equals is chosen.
    """
    searched = [row for row in rows if row["cv_accuracy"] not in (None, "")]
    ranked = sorted(searched, key=lambda row: -float(row["cv_accuracy"]))  # stable
    best = {row["classifier"]: row for row in reversed(ranked)}
    chosen = [row for row in ranked if best[row["classifier"]] is row][:count]
    return [_chosen(rank, row) for rank, row in enumerate(chosen, 1)]


def members(rows: Sequence[Mapping[str, Any]], count: int) -> list[dict[str, Any]]:
    """Choose the best cells by the accuracy of their own search, whatever their classifiers.

    Parameters and result as for `choose`; cells that share a fit count once.
    """
    searched = [row for row in rows if row["cv_accuracy"] not in (None, "")]
    fits: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in searched:
        fits.setdefault((str(row["point"]), *(str(row[name]) for name in FACTORS[1:])), row)
    ranked = sorted(fits.values(), key=lambda row: -float(row["cv_accuracy"]))  # stable
    return [_chosen(rank, row) for rank, row in enumerate(ranked[:count], 1)]


def _chosen(rank: int, row: Mapping[str, Any]) -> dict[str, Any]:
    factors = {name: str(row[name]) for name in FACTORS}
    return {"rank": rank, "cv_accuracy": float(row["cv_accuracy"])} | factors


def cell_path(row: Mapping[str, Any]) -> str:
    """Name the cell of a row: "bpp-<bpp>/<latent>/<component>/<feature>/<classifier>"."""
    return "bpp-" + "/".join(str(row[name]) for name in FACTORS)
