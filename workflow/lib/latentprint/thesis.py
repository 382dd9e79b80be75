"""The published numbers, and which of a run's levels stands where the thesis has 6 and 12 bpp."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentprint.errors import UserError

LOW, HIGH = "6", "12"  # bits per pixel, the thesis' two levels


@dataclass(frozen=True)
class Match:
    """The published level beside a level of the run.

    Attributes
    ----------
    bpp : str
        "6" or "12".
    equal : bool
        Whether the run's level is that very level: only then is a difference shown.
    """

    bpp: str
    equal: bool


@dataclass(frozen=True)
class Published:
    """Numbers of the thesis, by factor.

    Attributes
    ----------
    accuracies : dict
        (classifier, bpp, component, feature) to {"y": accuracy, "y_hat": accuracy}, in the row
        order of tables 3.1 and 3.2.
    times : dict
        (classifier, component, feature) to the row of table 3.3 (`minutes`, `text`, `cores`).
    dimensions : dict
        (feature, component) to the row of table 2.1 (`samples_per_image`, `formula`, `n_values`).
    factors : dict
        Factor to its levels, table 2.2.
    matrices : dict
        Figure ("3.2a") to counts by "fake_fake", "fake_real", "real_fake", "real_real".
    """

    accuracies: dict[tuple[str, str, str, str], dict[str, float]]
    times: dict[tuple[str, str, str], dict[str, str]]
    dimensions: dict[tuple[str, str], dict[str, str]]
    factors: dict[str, list[str]]
    matrices: dict[str, dict[str, int]]

    def accuracy(
        self, match: Match | None, *, classifier: str, component: str, feature: str, latent: str
    ) -> float | None:
        """Look up one published accuracy; None where the thesis has no such cell."""
        if match is None:
            return None
        row = self.accuracies.get((classifier, match.bpp, component, feature))
        return None if row is None else row.get(latent)


def read_published(folder: Path) -> Published:
    """Read the five csv files of published numbers.

    Parameters
    ----------
    folder : Path
        The folder `resources/thesis`.

    Returns
    -------
    Published

    Raises
    ------
    UserError
        If a file or a column is missing, or a number does not read.
    """
    accuracies = _read(
        folder / "accuracies.csv",
        ("classifier", "bpp", "component", "feature", "accuracy_y", "accuracy_y_hat"),
    )
    times = _read(
        folder / "times.csv", ("classifier", "component", "feature", "cores", "minutes", "text")
    )
    dimensions = _read(
        folder / "feature_dimensions.csv",
        ("feature", "component", "samples_per_image", "formula", "n_values"),
    )
    factors = _read(folder / "factors.csv", ("factor", "values"))
    counts = ("fake_fake", "fake_real", "real_fake", "real_real")
    matrices = _read(folder / "confusion_matrices.csv", ("figure", *counts))
    try:
        return Published(
            accuracies={
                (row["classifier"], row["bpp"], row["component"], row["feature"]): {
                    "y": float(row["accuracy_y"]),
                    "y_hat": float(row["accuracy_y_hat"]),
                }
                for row in accuracies
            },
            times={(row["classifier"], row["component"], row["feature"]): row for row in times},
            dimensions={(row["feature"], row["component"]): row for row in dimensions},
            factors={row["factor"]: row["values"].split(";") for row in factors},
            matrices={row["figure"]: {name: int(row[name]) for name in counts} for row in matrices},
        )
    except ValueError as error:
        raise UserError(f"{folder}: {error}. Restore the files of resources/thesis.") from None


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file. --published is the folder resources/thesis.")
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        missing = [name for name in columns if name not in (table.fieldnames or [])]
        if missing:
            raise UserError(
                f"{path}: column {', '.join(missing)} is missing. Restore resources/thesis."
            )
        return list(table)


def stand_ins(levels: Sequence[str]) -> tuple[str, str]:
    """Name the levels that stand where the thesis has 6 and 12 bpp.

    Parameters
    ----------
    levels : sequence of str
        Bits per pixel as written in the configuration, at least one.

    Returns
    -------
    low, high : str
        The level that is 6 (or 12) where there is one, else the lowest (highest); the two are
        the same only in a run of one level.
    """
    ordered = sorted(levels, key=float)
    low = next((level for level in ordered if float(level) == float(LOW)), ordered[0])
    high = next((level for level in ordered if float(level) == float(HIGH)), ordered[-1])
    return (low, high) if low != high else (ordered[0], ordered[-1])


def match_levels(levels: Sequence[str]) -> dict[str, Match]:
    """Pair each level of a run with the published level beside it.

    Parameters
    ----------
    levels : sequence of str
        Bits per pixel as written in the configuration.

    Returns
    -------
    dict
        Level to `Match`; levels with none beside them are absent. A run of one level that is
        neither 6 nor 12 stands beside 6.
    """
    low, high = stand_ins(levels)
    matches = {high: Match(HIGH, equal=False)}
    matches[low] = Match(LOW, equal=False)
    for level in levels:
        for published in (LOW, HIGH):
            if float(level) == float(published):
                matches[level] = Match(published, equal=True)
    return matches
