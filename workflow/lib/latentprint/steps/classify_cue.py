"""Step of the rule classify_cue: all trials of a cue, and the forest that scores pictures."""

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latentprint.cues import detector
from latentprint.cues.explaining import importance, projection
from latentprint.cues.forest import Answers, Rows, folds_of, measures, new_forest, run_trial
from latentprint.cues.measured import Measured, read_measured
from latentprint.cues.registry import CUES
from latentprint.cues.sources import Source, read_list
from latentprint.cues.trials import DETECTOR, Trial, material
from latentprint.errors import run
from latentprint.image_tables import write_table
from latentprint.model_files import save_model
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

MEASURES = (
    "n_images", "n", "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "auc",
    "called_positive",
)  # fmt: skip
WIDE = 64  # values of a picture above which no table for people is written


def main() -> None:
    """Write accuracies, answers, importance, a projection, and the forest for scoring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cue", choices=tuple(CUES), required=True)
    parser.add_argument("--list", type=Path, required=True, help="sources.tsv")
    parser.add_argument("--versions", nargs="+", required=True, help="in the order of --measured")
    parser.add_argument("--measured", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the key cues")
    parser.add_argument("--trained-on", required=True, help="sources in a few words")
    parser.add_argument("--weights-named", required=True, help="in a few words")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()

    settings = options.settings
    module = CUES[options.cue].load()
    sources = read_list(options.list)
    measured = {
        version: read_measured(path)
        for version, path in zip(options.versions, options.measured, strict=True)
    }
    names = next(iter(measured.values())).names
    folds = folds_of(sources, settings["folds"], seed=options.seed)
    fitting = {"n_trees": settings["trees"], "seed": options.seed, "threads": options.threads}
    trials = list(module.trials(settings, material(sources)))
    progress = Progress(len(trials), "forests")
    table, said = [], []
    own: tuple[Trial, Rows, Answers] | None = None
    for trial in trials:
        rows = Rows(measured, sources, module.columns(names, trial.features))
        for test, answers in run_trial(trial, rows, folds, **fitting).items():
            found = measures(answers, seed=options.seed)
            head = (trial.task, trial.trained_on, test, trial.features)
            table.append((*head, *(_text(found[name]) for name in MEASURES)))
            said += _lines(head, answers)
            if trial.task == DETECTOR:
                own = trial, rows, answers
        progress.advance(1)
    assert own is not None, f"{options.cue} has no trial '{DETECTOR}'"
    head = ("task", "trained_on", "test", "features")
    write_table(options.output / "accuracy.tsv", (*head, *MEASURES), rows=table)
    columns = (*head, "id", "version", "positive", "score")
    write_table(options.output / "answers.tsv", columns, rows=said)
    _explain(options, own, folds, names, fitting)
    _write_values(options.output / "features.tsv", sources, measured)
    logger.info("wrote %s (%d forests, %d tests)", options.output, len(trials), len(table))


def _explain(
    options: argparse.Namespace,
    own: tuple[Trial, Rows, Answers],
    folds: dict[str, int],
    names: tuple[str, ...],
    fitting: dict[str, int],
) -> None:
    """Write the forest of all pictures, what it uses, and how they lie."""
    trial, rows, answers = own
    chosen = CUES[options.cue].load().columns(names, trial.features)
    used = [name for name, kept in zip(names, chosen, strict=True) if kept]
    found = importance(trial, rows, folds, used, **fitting)
    lines = [(name, f"{mean:.5f}", f"{spread:.5f}") for name, mean, spread in found]
    write_table(options.output / "importance.tsv", ("name", "lost_auc", "spread"), rows=lines)
    sources, versions, positive, values = rows.take(trial.train)
    places, method = projection(values, seed=options.seed)
    write_table(
        options.output / "projection.tsv",
        ("id", "version", "source", "positive", "x", "y", "method"),
        rows=[
            (one.id, version, one.source, int(said), f"{x:.3f}", f"{y:.3f}", method)
            for one, version, said, (x, y) in zip(
                sources, versions, positive, places.tolist(), strict=True
            )
        ],
    )
    forest = new_forest(**{k: v for k, v in fitting.items()}).fit(values, positive)
    forest.set_params(n_jobs=1)  # in a file that is the same whatever the cores
    save_model(options.output / detector.MODEL, forest)
    facts = detector.describe(
        answers, cue=options.cue, names=used, settings=options.settings,
        trained_on=options.trained_on, weights=options.weights_named, seed=options.seed,
    )  # fmt: skip
    detector.write_facts(options.output / detector.FACTS, facts)


def _lines(head: tuple[str, ...], answers: Answers) -> Iterator[tuple[object, ...]]:
    for one, version, positive, score in zip(
        answers.sources, answers.versions, answers.positive, answers.score, strict=True
    ):
        yield (*head, one.id, version, int(positive), f"{score:.5f}")


def _write_values(path: Path, sources: list[Source], measured: dict[str, Measured]) -> None:
    """Write the values for people to read; of wide cues only a line that says where they are."""
    names = next(iter(measured.values())).names
    of = {source.id: source for source in sources}
    head = ("id", "image_id", "kind", "source", "version", "confounded")
    shown = names if len(names) <= WIDE else ()
    rows = (
        (
            name, of[name].image_id, of[name].kind, of[name].source, version,
            of[name].confounded, *(f"{value:.6g}" for value in values[: len(shown)]),
        )
        for version, one in measured.items()
        for name, values in zip(one.ids, one.values.tolist(), strict=True)
    )  # fmt: skip
    write_table(path, (*head, *shown), rows=rows)


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.5f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run(main)
