"""Which cells of a run are looked into: the best by cross-validation, one of each classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

from latentprint.evaluate import FACTORS

COLUMNS = ("rank", *FACTORS, "cv_accuracy")

Row = Mapping[str, Any]


def fitted_path(row: Row) -> str:
    """Name the fit of a row of `scores.tsv`: the cell as `Points.fitted` gives it."""
    return "/".join(str(row[name]) for name in ("point", *FACTORS[1:]))


def candidates(rows: Sequence[Row], validated: Mapping[str, float]) -> list[dict[str, Any]]:
    """Rank the fits of a run by cross-validation on its training images.

    Parameters
    ----------
    rows : sequence of mapping
        Of `scores.tsv`, in the order of the grid; `cv_accuracy` is None or empty where nothing was
        searched for the cell itself.
    validated : mapping
        The accuracy in cross-validation of those, by `fitted_path`.

    Returns
    -------
    list of dict
        Keys are `COLUMNS`; the rank counts from 1. A fit that several levels share stands at the
        first of them; among equals the first comes first.

    Raises
    ------
    KeyError
        If neither says how a fit did.
    """
    fits = {fitted_path(row): row for row in reversed(rows)}
    found = [(_accuracy(row, validated), row) for row in rows if fits[fitted_path(row)] is row]
    ranked = sorted(found, key=lambda one: -one[0])  # stable
    return [
        {"rank": rank, "cv_accuracy": accuracy} | {name: str(row[name]) for name in FACTORS}
        for rank, (accuracy, row) in enumerate(ranked, 1)
    ]


def _accuracy(row: Row, validated: Mapping[str, float]) -> float:
    if row["cv_accuracy"] in (None, ""):
        return validated[fitted_path(row)]
    return float(row["cv_accuracy"])


def choose(ranked: Sequence[Row], count: int) -> list[dict[str, Any]]:
    """Choose the best of all candidates, then the best of each other classifier: `count` at most.

    They are ranked anew.
    """
    best: dict[str, Row] = {}
    for row in ranked:
        best.setdefault(row["classifier"], row)
    chosen = list(best.values())[:count]
    return [dict(row) | {"rank": rank} for rank, row in enumerate(chosen, 1)]


def cell_path(row: Row) -> str:
    """Name the cell of a row: "bpp-<bpp>/<latent>/<component>/<feature>/<classifier>"."""
    return "bpp-" + "/".join(str(row[name]) for name in FACTORS)
