"""Typed rows of scores.tsv and costs.tsv: all that tables, figures and the summary read."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from latentprint.errors import UserError

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the grid: the five factors that every row starts with."""

    bpp: str
    latent: str
    component: str
    feature: str
    classifier: str

    @property
    def key(self) -> Key:
        """The factors in their fixed order."""
        return (self.bpp, self.latent, self.component, self.feature, self.classifier)


@dataclass(frozen=True, kw_only=True)
class Score(Cell):
    """One row of scores.tsv; counts are named true_predicted, the positive class is fake.

    `scored_by` is "image", or "patch" where accuracy and counts are those of single patches.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    n_test: int
    n_train: int
    n_rows: int
    n_values: int
    fake_fake: int
    fake_real: int
    real_fake: int
    real_real: int
    mcnemar_p_holm: float | None
    images: str
    weights: str
    bpp_reached: float | None
    point: str
    # What runs had before they recorded it.
    protocol: str = "corrected"
    scored_by: str = "image"
    model: str = ""
    beta: str = ""
    accuracy_valid: float | None = None
    accuracy_valid_low: float | None = None
    accuracy_valid_high: float | None = None
    accuracy_mean: float | None = None
    accuracy_sd: float | None = None

    @property
    def fit(self) -> Key:
        """What was fitted: cells of y at two levels with one model id are one fit."""
        return (self.point, self.latent, self.component, self.feature, self.classifier)


@dataclass(frozen=True, kw_only=True)
class Cost(Cell):
    """One row of costs.tsv: seconds, cores and peak memory (MB); None where not measured."""

    search_s: float | None
    fit_s: float | None
    predict_s: float | None
    cores: float | None
    peak_mb: float | None


def _optional(text: str) -> float | None:
    return float(text) if text and text.lower() != "nan" else None


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    float | None: _optional,
}

_Row = TypeVar("_Row", bound=Cell)


def read_scores(path: Path) -> list[Score]:
    """Read scores.tsv.

    Parameters
    ----------
    path : Path
        Tab-separated table with one row per cell; columns that are not needed are passed over.

    Returns
    -------
    list of Score
        In the order of levels, latents, components, features, classifiers.

    Raises
    ------
    UserError
        If the file is missing, empty, lacks a column, repeats a cell or holds a value that does
        not read as its type.
    """
    return _read(path, Score, "collect_scores")


def read_costs(path: Path) -> list[Cost]:
    """Read costs.tsv; as `read_scores`."""
    return _read(path, Cost, "collect_scores")


def _read(path: Path, kind: type[_Row], rule: str) -> list[_Row]:
    again = f"Make it again with rule {rule}."
    if not path.is_file():
        raise UserError(f"{path}: no such file. {again}")
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = table.fieldnames or []
        wanted = {
            field.name: _READERS[field.type]
            for field in fields(kind)
            if field.default is MISSING or field.name in header
        }
        missing = [name for name in wanted if name not in header]
        if missing:
            raise UserError(f"{path}: column {', '.join(missing)} is missing. {again}")
        found: dict[Key, _Row] = {}
        for number, line in enumerate(table, start=2):
            row = _row(line, kind, wanted, f"{path}, line {number}", again)
            if row.key in found:
                raise UserError(f"{path}, line {number}: a second row for {row.key}. {again}")
            found[row.key] = row
    if not found:
        raise UserError(f"{path}: holds no cell, expected one row per cell. {again}")
    return sorted(found.values(), key=_order)


def _row(
    line: dict[str, str],
    kind: type[_Row],
    wanted: dict[str, Callable[[str], Any]],
    where: str,
    again: str,
) -> _Row:
    values = {}
    for name, reader in wanted.items():
        try:
            values[name] = reader(line[name])
            if name == "bpp":
                float(line[name])
        except (ValueError, TypeError, AttributeError):
            raise UserError(
                f"{where}: column {name} holds {line[name]!r}, which does not read as a value. "
                f"{again}"
            ) from None
    return kind(**values)


def _order(row: Cell) -> tuple[float, str, str, str, str]:
    # "y" < "y_hat" and "Y" < "YUV" as text, so that text order is the wanted order.
    return (float(row.bpp), row.latent, row.component, row.feature, row.classifier)


def factors_of(rows: Sequence[Cell]) -> dict[str, list[str]]:
    """List the levels of each factor, under the names of the configuration.

    Parameters
    ----------
    rows : sequence of Score or Cost

    Returns
    -------
    dict
        Keys `bpp` (rising), `latents`, `components`, `features`, `classifiers` (alphabetical).
    """
    names = {
        "latents": "latent",
        "components": "component",
        "features": "feature",
        "classifiers": "classifier",
    }
    levels = {"bpp": sorted({row.bpp for row in rows}, key=float)}
    for plural, name in names.items():
        levels[plural] = sorted({getattr(row, name) for row in rows})
    return levels


def shares_fits(scores: Sequence[Score]) -> bool:
    """Tell whether some fit stands at more than one level (y depends on the model id only)."""
    return len({score.fit for score in scores}) < len(scores)


def equal_levels(scores: Sequence[Score]) -> list[list[str]]:
    """Give the levels that are one operating point: every image has equal model id, displacement.

    Told by the points at which y_hat was fitted: where there is no y_hat, displacements matter to
    nothing, and it is enough to say that levels share y.

    Returns
    -------
    list of list of str
        Groups of two levels or more, each rising.
    """
    points: dict[tuple[str, ...], list[str]] = {}
    for bpp in factors_of(scores)["bpp"]:
        quantised = {
            score.point for score in scores if score.bpp == bpp and score.latent == "y_hat"
        }
        if quantised:
            points.setdefault(tuple(sorted(quantised)), []).append(bpp)
    return [levels for levels in points.values() if len(levels) > 1]


def most_accurate(scores: Sequence[Score]) -> Score:
    """Give the cell with the highest test accuracy; of equals the one the tests compare with.

    Cells scored by patch are passed over unless there are no others.
    """
    by_image = [score for score in scores if score.scored_by == "image"] or scores
    return max(by_image, key=lambda score: (score.accuracy, score.mcnemar_p_holm is None))
