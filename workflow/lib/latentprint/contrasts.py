"""Contrasts within a run: two levels of one factor, over all cells that are equal in the others.

Every cell has the same test images, so that the levels are compared image by image.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.collect import CellResult, check_images, fit_of
from latentprint.compare.differences import paired_interval
from latentprint.evaluate import FACTORS, holm, mcnemar
from latentprint.figure_plan import Contrast, contrasts_planned
from latentprint.seeds import rng

RESAMPLES = 2000
COLUMNS = (
    *("factor", "first", "second", "within", *FACTORS, "point_first", "point_second", "n_test"),
    *("accuracy_first", "accuracy_second", "difference", "difference_low", "difference_high"),
    *("first_only", "second_only", "mcnemar_p", "mcnemar_p_holm"),
    *("mean_difference", "mean_low", "mean_high"),
)


def contrast_rows(cells: Sequence[CellResult]) -> list[dict[str, Any]]:
    """Give the rows of `contrasts.tsv`: one per contrast and pair of cells.

    Parameters
    ----------
    cells : sequence of CellResult
        In the order of the grid. Those scored by patch take no part.

    Returns
    -------
    list of dict
        Keys are `COLUMNS`. Differences are first minus second: of the pair, with Tango's interval,
        and `mean_difference` over the pairs of the contrast, with `bootstrap_interval`; that and
        Holm's correction count a pair of fits once, at however many levels of bpp it stands. The
        column of the contrast's own factor is None. Pairs with one fit on both sides are equal by
        construction and left out.

    Raises
    ------
    UserError
        If the cells were not tested on the same images.
    """
    by_image = [cell for cell in cells if cell.scores["scored_by"] == "image"]
    levels = {name: {cell.scores[name] for cell in by_image} for name in FACTORS}
    planned = contrasts_planned(
        bpp=levels["bpp"],
        latents=levels["latent"],
        components=levels["component"],
        features=levels["feature"],
        classifiers=levels["classifier"],
    )
    return [row for contrast in planned for row in _rows(contrast, by_image)]


def bootstrap_interval(
    totals: NDArray[np.int64], generator: np.random.Generator
) -> tuple[float, float]:
    """Give the 95 % percentile interval of a sum over images.

    Images are drawn with replacement, each with all its pairs of cells: pairs share images, and
    their outcomes on one image hang together.

    Parameters
    ----------
    totals : ndarray, int64, (N,)
        Per image, pairs that only the first level gets right minus those that only the second does.
    generator : Generator

    Returns
    -------
    low, high : float
        Of the sum of N images.
    """
    n = len(totals)
    sums = [totals[generator.integers(n, size=n)].sum() for _ in range(RESAMPLES)]
    low, high = np.quantile(sums, (0.025, 0.975))
    return float(low), float(high)


def _rows(contrast: Contrast, cells: Sequence[CellResult]) -> list[dict[str, Any]]:
    pairs = _pairs(contrast, cells)
    if not pairs:
        return []
    distinct: dict[tuple[Any, Any], tuple[CellResult, CellResult]] = {}
    for first, second in pairs:
        check_images(first, second)
        distinct.setdefault((fit_of(first), fit_of(second)), (first, second))
    tests = {fits: mcnemar(*map(_right, pair)) for fits, pair in distinct.items()}
    corrected = dict(zip(tests, holm([p for _, _, p in tests.values()]), strict=True))

    won = [_right(first).astype(np.int64) - _right(second) for first, second in distinct.values()]
    totals = np.sum(won, axis=0)
    n_test, outcomes = len(totals), totals.size * len(distinct)
    # A name for each contrast, and none of the run: the interval depends on predictions alone.
    low, high = bootstrap_interval(totals, rng(0, "contrasts", *contrast))
    mean = {
        "mean_difference": int(totals.sum()) / outcomes,
        "mean_low": low / outcomes,
        "mean_high": high / outcomes,
    }
    rows = []
    for first, second in pairs:
        fits = (fit_of(first), fit_of(second))
        first_only, second_only, p = tests[fits]
        interval = paired_interval(second_only, first_only, n=n_test)  # gives second minus first
        rows.append(
            {
                **contrast._asdict(),
                **{name: first.scores[name] for name in FACTORS},
                contrast.factor: None,
                "point_first": first.scores["point"],
                "point_second": second.scores["point"],
                "n_test": n_test,
                "accuracy_first": first.scores["accuracy"],
                "accuracy_second": second.scores["accuracy"],
                "difference": (first_only - second_only) / n_test,
                "difference_low": interval[0],
                "difference_high": interval[1],
                "first_only": first_only,
                "second_only": second_only,
                "mcnemar_p": p,
                "mcnemar_p_holm": corrected[fits],
                **mean,
            }
        )
    return rows


def _pairs(contrast: Contrast, cells: Sequence[CellResult]) -> list[tuple[CellResult, CellResult]]:
    """Match the cells of both levels; one fit on both sides is no pair."""
    found = {
        tuple(cell.scores[name] for name in FACTORS): cell
        for cell in cells
        if contrast.within in ("", cell.scores["feature"])
    }
    place = FACTORS.index(contrast.factor)
    pairs = []
    for key, first in found.items():
        second = found.get((*key[:place], contrast.second, *key[place + 1 :]))
        if key[place] == contrast.first and second and fit_of(first) != fit_of(second):
            pairs.append((first, second))
    return pairs


def _right(cell: CellResult) -> NDArray[np.bool_]:
    return cell.predictions.predicted == cell.predictions.fake
