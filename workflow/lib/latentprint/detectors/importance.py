"""Which channels and which positions of the latents carry the signal.

Two questions are asked of every channel (all its positions) and of every position (all channels):

- drop: how much probability of the true class a detector loses when these values are exchanged
  among images that it did not see. It says what the detector uses; of two channels that tell the
  same it may use one.
- alone: the area under the ROC of a ridge regression that sees these values only, cross-validated.
  It says what is there.

Each repetition divides the images anew and fits with other random numbers, so that repetitions tell
how stable the picture is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.evaluate import area_under_roc
from latentprint.progress import Progress

ASKED_IMAGES = 128  # that values are exchanged among, at most; of equal classes
HELD_SHARE = 0.25  # of the images, that a detector does not see
RIDGE = 100.0  # penalty of `alone`, on standardised values
COLUMNS = ("kind", "index", "component", "row", "column", "repetition", "drop", "alone")


@dataclass(frozen=True)
class Group:
    """A channel or a position.

    Attributes
    ----------
    kind : {"channel", "position"}
    index : int
        Channel, luma first; or position, row by row.
    columns : ndarray, int64
        Columns of the matrix that belong to it.
    row, column : int or None
        Of a position.
    """

    kind: str
    index: int
    columns: NDArray[np.int64]
    row: int | None = None
    column: int | None = None


def groups_of(n_values: int, grid: tuple[int, int], feature: str) -> list[Group]:
    """Give channels and positions of a row.

    Parameters
    ----------
    n_values : int
        Columns of the matrix.
    grid : tuple of int
        Height and width of the latents.
    feature : str
        "flatten" and "screened": channels and positions. "gap", "single" and "multiple": channels.

    Returns
    -------
    list of Group
    """
    if feature in ("flatten", "screened"):
        height, width = grid
        positions = height * width
        numbers = np.arange(n_values).reshape(-1, positions)
        return [
            *(Group("channel", channel, numbers[channel]) for channel in range(len(numbers))),
            *(
                Group("position", place, numbers[:, place], place // width, place % width)
                for place in range(positions)
            ),
        ]
    if feature == "gap":
        return [
            Group("channel", channel, columns) for channel, columns in enumerate(_gap(n_values))
        ]
    return [Group("channel", channel, np.array([channel])) for channel in range(n_values)]


def _gap(n_values: int) -> Iterator[NDArray[np.int64]]:
    """Give the three statistics of every channel: luma's stand before chroma's."""
    channels = n_values // 3
    luma = min(160, channels)
    for first, count in ((0, luma), (3 * luma, channels - luma)):
        for channel in range(count):
            yield first + channel + count * np.arange(3)


def divide(
    fake_images: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Divide images: which a detector is fitted to, and some of the others to ask about.

    Returns
    -------
    fitted : ndarray, bool, (N,)
        Three quarters of each class.
    asked : ndarray, int64
        Of the others, equally many of each class, together at most `ASKED_IMAGES`.
    """
    fitted = np.ones(len(fake_images), dtype=bool)
    held = []
    for label in (False, True):
        images = generator.permutation(np.flatnonzero(fake_images == label))
        held.append(images[: max(1, round(HELD_SHARE * len(images)))])
        fitted[held[-1]] = False
    each = min(ASKED_IMAGES // 2, *map(len, held))
    return fitted, np.sort(np.concatenate([images[:each] for images in held]))


def drops(
    ask: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    values: NDArray[np.float32],
    fake: NDArray[np.bool_],
    groups: Sequence[Group],
    *,
    per_image: int,
    generator: np.random.Generator,
) -> list[float]:
    """Give the loss of probability of the true class for every group.

    Parameters
    ----------
    ask : callable (rows, P) -> (rows,)
        Probability of fake.
    values : ndarray, float32, (rows, P)
        Rows of images that the detector did not see; left as they are.
    fake : ndarray, bool, (images,)
    groups : sequence of Group
    per_image : int
        Rows of an image; they move together.
    generator : Generator
        One exchange of images is drawn for all groups.

    Returns
    -------
    list of float, -1 to 1
        Mean over images; positive where the values were of use.
    """

    def truth(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        score = ask(rows).reshape(-1, per_image).mean(axis=1)
        return np.where(fake, score, 1 - score)

    before = truth(values)
    exchange = _rows(generator.permutation(len(fake)), per_image)
    work = np.array(values, order="F")
    progress = Progress(len(groups), "groups")
    found = []
    for group in groups:
        kept = work[:, group.columns]
        work[:, group.columns] = kept[exchange]
        found.append(float((before - truth(work)).mean()))
        work[:, group.columns] = kept
        progress.advance(1)
    return found


def _rows(images: NDArray[np.int64], per_image: int) -> NDArray[np.int64]:
    return (images[:, None] * per_image + np.arange(per_image)).ravel()


def alone(
    values: NDArray[np.float32],
    fake: NDArray[np.bool_],
    folds: Sequence[NDArray[np.bool_]],
    groups: Sequence[Group],
    *,
    per_image: int,
) -> list[float]:
    """Give the area under the ROC of a ridge regression on each group alone.

    Parameters
    ----------
    values : ndarray, float32, (rows, P)
    fake : ndarray, bool, (images,)
    folds : sequence of ndarray, bool, (images,)
    groups : sequence of Group
    per_image : int
        Rows of an image, whose estimates are averaged.

    Returns
    -------
    list of float, 0 to 1
        Mean over folds.
    """
    from sklearn.linear_model import Ridge

    truth = np.repeat(np.where(fake, 1.0, -1.0), per_image)
    progress = Progress(len(groups), "groups")
    found = []
    for group in groups:
        columns = np.asarray(values[:, group.columns], dtype=np.float64)
        spread = columns.std(axis=0)
        columns = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)
        areas = []
        for fold in folds:
            tested = np.repeat(fold, per_image)
            model = Ridge(RIDGE).fit(columns[~tested], truth[~tested])
            score = model.predict(columns[tested]).reshape(-1, per_image).mean(axis=1)
            areas.append(area_under_roc(fake[fold], score))
        found.append(float(np.mean(areas)))
        progress.advance(1)
    return found


def rows_of(
    group: Group, *, luma: int, repetition: int, drop: float | None, area: float
) -> dict[str, Any]:
    """Give one line of ``importance.tsv``; `luma` is the number of luma channels."""
    component = ("luma" if group.index < luma else "chroma") if group.kind == "channel" else ""
    return {
        "kind": group.kind, "index": group.index, "component": component, "row": group.row,
        "column": group.column, "repetition": repetition, "drop": drop, "alone": area,
    }  # fmt: skip
