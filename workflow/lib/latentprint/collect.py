"""The tidy tables of a run: one row per cell, with what can be said only about all cells."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentprint.errors import UserError
from latentprint.evaluate import FACTORS, holm, mcnemar
from latentprint.files import write_text
from latentprint.predictions import Predictions, read_predictions

PAIRED = ("best_only", "cell_only", "mcnemar_p", "mcnemar_p_holm")
SCORE_COLUMNS = (
    *FACTORS,
    *("accuracy", "accuracy_low", "accuracy_high", "n_test", "n_train", "n_rows", "n_values"),
    *("cv_accuracy", "balanced_accuracy", "auc", "average_precision", "ece"),
    *("fake_fake", "fake_real", "real_fake", "real_real", "patch_accuracy", "ties"),
    *PAIRED,
    *("engine", "parameters", "tuning", "study", "run", "images", "weights"),
    *("operating_point", "tools", "model", "beta", "bpp_reached", "point"),
    *("protocol", "scored_by", "oob_accuracy", "n_iterations"),
    *("n_valid", "accuracy_valid", "accuracy_valid_low", "accuracy_valid_high"),
    *("n_seeds", "accuracy_mean", "accuracy_sd"),
)
COST_COLUMNS = (*FACTORS, "search_s", "fit_s", "predict_s", "cores", "peak_mb")


@dataclass(frozen=True)
class CellResult:
    """What the files of one cell say.

    Attributes
    ----------
    scores : dict
        Content of ``scores.json``.
    costs : dict
        Content of ``costs.json``.
    predictions : Predictions
    """

    scores: dict[str, Any]
    costs: dict[str, Any]
    predictions: Predictions


def read_cell(folder: Path) -> CellResult:
    """Read the files of one cell.

    Parameters
    ----------
    folder : Path
        It holds ``scores.json``, ``costs.json`` and ``predictions.tsv``.

    Raises
    ------
    UserError
        If a file is missing or unreadable.
    """
    return CellResult(
        _read_json(folder / "scores.json"),
        _read_json(folder / "costs.json"),
        read_predictions(folder / "predictions.tsv"),
    )


def score_rows(cells: Sequence[CellResult]) -> list[dict[str, Any]]:
    """Give the rows of `scores.tsv`: each cell is compared with the most accurate one.

    Parameters
    ----------
    cells : sequence of CellResult
        In the order of the grid; the first of equally accurate cells is compared with.

    Returns
    -------
    list of dict
        `best_only`, `cell_only`, `mcnemar_p` and `mcnemar_p_holm` are None for that cell and for
        the cells that share its fit. A fit that stands at several levels (y, where levels have one
        model id) is tested once, and Holm's correction is over the other fits. Cells scored by
        patch take no part: they say right or wrong of no image.

    Raises
    ------
    UserError
        If the cells were not tested on the same images.
    """
    by_image = [cell for cell in cells if cell.scores["scored_by"] == "image"]
    best = max(by_image, key=lambda cell: cell.scores["accuracy"], default=None)
    others = {fit_of(cell): cell for cell in reversed(by_image) if fit_of(cell) != fit_of(best)}
    tests = {fit: _compare(best, cell) for fit, cell in others.items()}
    corrected = holm([p for _, _, p in tests.values()])
    paired = {
        fit: (*test, p_holm) for (fit, test), p_holm in zip(tests.items(), corrected, strict=True)
    }
    return [
        {**cell.scores, **dict(zip(PAIRED, paired.get(fit_of(cell), (None,) * 4), strict=True))}
        for cell in cells
    ]


def fit_of(cell: CellResult) -> tuple[str, ...]:
    """Name what was fitted: cells of y at levels with one model id share it."""
    return tuple(cell.scores[name] for name in ("point", *FACTORS[1:]))


def check_images(first: CellResult, second: CellResult) -> None:
    """Refuse two cells that were not tested on the same images in the same order.

    Raises
    ------
    UserError
    """
    if first.predictions.ids != second.predictions.ids:
        raise UserError(
            f"cells {_name(first)} and {_name(second)}: were tested on other images or in another "
            "order. Delete the folder cells of this run and run snakemake again."
        )


def cost_rows(cells: Sequence[CellResult]) -> list[dict[str, Any]]:
    """Give the rows of `costs.tsv`."""
    return [{**{name: cell.scores[name] for name in FACTORS}, **cell.costs} for cell in cells]


def selected_cell(cells: Sequence[CellResult]) -> dict[str, Any]:
    """Choose the cell with the best cross-validated accuracy, never by the test images.

    Only cells that were searched themselves have one; the first of equals is chosen.

    Returns
    -------
    dict
        The factors, `cv_accuracy`, `searches` (their number) and a `note`; `cell: None` and a note
        where nothing was searched.
    """
    searched = [cell.scores for cell in cells if cell.scores["cv_accuracy"] is not None]
    if not searched:
        return {
            "cell": None,
            "note": "no cell was searched, so that none has a cross-validated accuracy",
        }
    best = max(searched, key=lambda scores: scores["cv_accuracy"])
    searches = len({scores["study"] for scores in searched})
    return {
        **{name: best[name] for name in FACTORS},
        "cv_accuracy": best["cv_accuracy"],
        "searches": searches,
        "note": f"the best of the {searches} searches made for the {len(cells)} cells",
    }


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as tab-separated text: floats in full, None as nothing, dicts as JSON."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_text(row[name]) for name in columns) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    text = repr(value) if isinstance(value, float) else str(value)
    if "\t" in text or "\n" in text:
        raise ValueError(f"{text!r} would break a line of a table")
    return text


def _compare(best: CellResult, cell: CellResult) -> tuple[int, int, float]:
    check_images(best, cell)
    first, second = best.predictions, cell.predictions
    return mcnemar(first.predicted == first.fake, second.predicted == second.fake)


def _name(cell: CellResult) -> str:
    return "/".join(str(cell.scores[name]) for name in FACTORS)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected a result of one cell. Delete it and run "
            "snakemake again."
        ) from error
