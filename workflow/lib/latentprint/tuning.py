"""What a search leaves behind: the trials, and the choice that was made from them."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latentprint.errors import UserError
from latentprint.files import write_text, write_yaml

SOURCES = ("searched", "published", "reused")


@dataclass(frozen=True)
class Trial:
    """One set of hyperparameters and how it did.

    Attributes
    ----------
    stage : str
        "random" or "grid"; with halving "rung 1", "rung 2", ...
    parameters : dict
        As drawn.
    scores : tuple of float
        Accuracy of every fold, by image; one number where images were judged out of bag.
    seconds : float
    full_fits : float or None
        What the trial cost, in fits of all training images with the most trees or rounds.
    images : int or None
        Training images of one of its fits, where that is not all of the fold's.
    grown : int or None
        Trees or rounds read off its fits, which `parameters` leaves out then.
    """

    stage: str
    parameters: dict[str, Any]
    scores: tuple[float, ...]
    seconds: float
    full_fits: float | None = None
    images: int | None = None
    grown: int | None = None

    @property
    def mean(self) -> float:
        """Mean accuracy of the folds."""
        return statistics.fmean(self.scores)


@dataclass(frozen=True)
class Best:
    """The hyperparameters that a cell uses, and where they are from.

    Attributes
    ----------
    classifier : str
    parameters : dict
    cv_accuracy : float or None
        Mean accuracy of the best trial, None where nothing was searched for this cell itself.
    source : str
        "searched" (here), "reused" (searched in the cell `study`) or "published".
    study : str or None
        Cell whose search gave the parameters.
    full_fits : float or None
        What the search cost, in fits of all training images with the most trees or rounds; None
        where nothing was searched for this cell itself.
    """

    classifier: str
    parameters: dict[str, Any]
    cv_accuracy: float | None
    source: str
    study: str | None
    full_fits: float | None = None


def best_trial(trials: Sequence[Trial]) -> Trial:
    """Give the trial with the highest mean, the first of equals."""
    return max(trials, key=lambda trial: trial.mean)


def write_trials(path: Path, trials: Sequence[Trial], *, n_folds: int) -> None:
    """Write one line per trial: parameters as JSON, cost, accuracy of each fold, mean, sd, seconds.

    A trial that was judged out of bag has a mean and no folds.
    """
    folds = [f"fold_{fold + 1}" for fold in range(n_folds)]
    columns = ["trial", "stage", "parameters", "grown", "images", "full_fits"]
    lines = ["\t".join([*columns, *folds, "mean", "sd", "seconds"])]
    for number, trial in enumerate(trials):
        parameters = json.dumps(trial.parameters, sort_keys=True)
        cost = "" if trial.full_fits is None else f"{trial.full_fits:.4g}"
        known = ["" if value is None else str(value) for value in (trial.grown, trial.images)]
        scores = [""] * n_folds
        if len(trial.scores) == n_folds:
            scores = [*map(repr, trial.scores)]
        numbers = [repr(trial.mean), repr(statistics.pstdev(trial.scores))]
        fields = [str(number), trial.stage, parameters, *known, cost, *scores, *numbers]
        lines.append("\t".join([*fields, f"{trial.seconds:.3f}"]))
    write_text(path, "\n".join(lines) + "\n")


def cost_of(trials: Sequence[Trial]) -> float | None:
    """Add what trials cost, in full fits, to four digits; None where that is not known."""
    costs = [trial.full_fits for trial in trials]
    return None if None in costs else float(f"{sum(costs):.4g}")


def search_seconds(path: Path) -> float:
    """Add the seconds of all trials of a trials file."""
    header, *lines = Path(path).read_text(encoding="utf-8").splitlines()
    column = header.split("\t").index("seconds")
    return sum(float(line.split("\t")[column]) for line in lines)


def write_best(path: Path, best: Best) -> None:
    """Write a choice as YAML."""
    write_yaml(path, asdict(best))


def read_best(path: Path, *, classifier: str | None = None) -> Best:
    """Read a choice.

    Parameters
    ----------
    path : Path
    classifier : str, optional
        What the caller needs parameters for.

    Raises
    ------
    UserError
        If the file is missing, is not a choice, or is one for another classifier.
    """
    import yaml

    try:
        best = Best(**yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected the chosen hyperparameters of a cell. "
            "Delete it and run snakemake again."
        ) from error
    if classifier not in (None, best.classifier):
        raise UserError(
            f"{path}: holds hyperparameters of {best.classifier}, expected {classifier}. "
            "Check tuning_from in the config."
        )
    return best


def keep_published(
    classifier: str, parameters: dict[str, Any], *, trials: Path, best: Path
) -> Best:
    """Take the published hyperparameters; the file of trials holds its header only."""
    chosen = Best(classifier, parameters, None, "published", None)
    write_trials(trials, [], n_folds=0)
    write_best(best, chosen)
    return chosen


def reuse_study(study: Path, *, classifier: str, trials: Path, best: Path) -> Best:
    """Take over the choice of another cell, and a copy of its trials.

    Parameters
    ----------
    study : Path
        Folder of the cell that was searched.
    classifier : str
    trials, best : Path
        Files to write.

    Returns
    -------
    Best
        `cv_accuracy` is None: it was measured on other values. `study` names the searched cell.
    """
    found = read_best(study / "best.yaml", classifier=classifier)
    source = "published" if found.source == "published" else "reused"
    chosen = Best(classifier, found.parameters, None, source, found.study)
    write_text(trials, (study / "trials.tsv").read_text(encoding="utf-8"))
    write_best(best, chosen)
    return chosen
