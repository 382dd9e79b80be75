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
        "random" or "grid".
    parameters : dict
    scores : tuple of float
        Accuracy of every fold, by image.
    seconds : float
    """

    stage: str
    parameters: dict[str, Any]
    scores: tuple[float, ...]
    seconds: float

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
    """

    classifier: str
    parameters: dict[str, Any]
    cv_accuracy: float | None
    source: str
    study: str | None


def best_trial(trials: Sequence[Trial]) -> Trial:
    """Give the trial with the highest mean, the first of equals."""
    return max(trials, key=lambda trial: trial.mean)


def write_trials(path: Path, trials: Sequence[Trial], *, n_folds: int) -> None:
    """Write one line per trial: parameters as JSON, accuracy of each fold, mean, sd, seconds."""
    folds = [f"fold_{fold + 1}" for fold in range(n_folds)]
    lines = ["\t".join(["trial", "stage", "parameters", *folds, "mean", "sd", "seconds"])]
    for number, trial in enumerate(trials):
        parameters = json.dumps(trial.parameters, sort_keys=True)
        numbers = [*trial.scores, trial.mean, statistics.pstdev(trial.scores)]
        fields = [str(number), trial.stage, parameters, *map(repr, numbers), f"{trial.seconds:.3f}"]
        lines.append("\t".join(fields))
    write_text(path, "\n".join(lines) + "\n")


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
