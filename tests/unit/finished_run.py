"""A made-up finished run for the tests of comparisons: scores with the predictions behind them."""

import csv
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from latentprint.predictions import Predictions, read_predictions, write_predictions
from tests.unit.synthetic_run import SCORE_COLUMNS, wilson, write, write_run

N_TEST = 60


def finish_run(folder: Path, *, images: str = "a", first: int = 0, **more) -> Path:
    """Write scores.tsv, selection.tsv and all predictions of a run.

    `images` stands for the content of the files, `first` for the number of the first test image;
    `more` goes to `write_run`.
    """
    folder.mkdir(parents=True)
    write_run(folder, **({"n_test": N_TEST} | more))
    rows = read_rows(folder / "scores.tsv")
    ids = [f"{number:05d}" for number in range(first, first + int(rows[0]["n_test"]))]
    for row in rows:
        predictions = from_counts(row, ids)
        write_predictions(predictions_path(folder, row), predictions)
    lines = [
        *selected("train", [f"t{n:03d}" for n in range(160)], "a"),
        *selected("test", ids, images),
    ]
    write(folder / "selection.tsv", ["id", "label", "split", "path", "sha256"], lines)
    return folder


def from_counts(row: dict, ids: list[str]) -> Predictions:
    """Predictions with the counts of a row; which images are right depends on the fit alone."""
    fake = np.array([is_fake(name) for name in ids])
    right = np.zeros(len(ids), dtype=bool)
    name = "/".join(row[key] for key in ("point", "latent", "component", "feature", "classifier"))
    random = np.random.default_rng(list(name.encode()))
    for label, count in ((True, row["fake_fake"]), (False, row["real_real"])):
        right[random.permutation(np.flatnonzero(fake == label))[: int(count)]] = True
    return made(ids, fake, np.where(right, fake, ~fake))


def made(ids: list[str], fake: np.ndarray, predicted: np.ndarray) -> Predictions:
    """Predictions of whole images."""
    ones = np.ones(len(ids), dtype=np.int64)
    score = np.where(predicted, 0.75, 0.25)
    return Predictions(tuple(ids), fake, score, predicted.astype(np.int64), ones, predicted)


def is_fake(name: str) -> bool:
    """The label of an image: those with an even number are fake."""
    return int(name[-1]) % 2 == 0


def selected(split: str, ids: list[str], images: str) -> list[dict]:
    """Rows of selection.tsv."""
    return [
        {
            "id": name,
            "label": "fake" if is_fake(name) else "real",
            "split": split,
            "path": f"{split}/{name}.png",
            "sha256": sha256(f"{images}{name}".encode()).hexdigest(),
        }
        for name in ids
    ]


def change(folder: Path, edit: Callable[[Predictions], np.ndarray], **factors: str) -> None:
    """Replace what cells predict, in their predictions and in scores.tsv alike.

    `edit` gives the new `predicted`; `factors` names the cells, all of them where it is empty.
    """
    rows = read_rows(folder / "scores.tsv")
    for row in rows:
        if any(row[name] != value for name, value in factors.items()):
            continue
        path = predictions_path(folder, row)
        old = read_predictions(path)
        new = made(list(old.ids), old.fake, edit(old))
        write_predictions(path, new)
        right = int((new.predicted == new.fake).sum())
        row["accuracy"] = right / len(new.ids)
        row["accuracy_low"], row["accuracy_high"] = wilson(right, len(new.ids))
        for true, is_fake in (("fake", True), ("real", False)):
            for called, said in (("fake", True), ("real", False)):
                count = int(((new.fake == is_fake) & (new.predicted == said)).sum())
                row[f"{true}_{called}"] = count
    write(folder / "scores.tsv", SCORE_COLUMNS, rows)


def predictions_path(folder: Path, row: dict) -> Path:
    """Where the predictions of a cell are."""
    parts = (row[name] for name in ("latent", "component", "feature", "classifier"))
    return folder.joinpath("cells", f"bpp-{row['bpp']}", *parts, "predictions.tsv")


def read_rows(path: Path) -> list[dict]:
    """Rows of a tab-separated table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
