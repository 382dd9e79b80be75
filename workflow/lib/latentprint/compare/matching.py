"""Two finished runs side by side: their cells matched, and tested on the images that both share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latentprint.compare.differences import paired_interval, unpaired_interval
from latentprint.compare.finished_runs import Run, predicted
from latentprint.errors import UserError
from latentprint.evaluate import holm, mcnemar
from latentprint.image_tables import Chosen
from latentprint.score_table import Key, Score, factors_of

PAIRINGS = ("bpp", "order")
LEVEL_OF_TEST = 0.05
# Columns of scores.tsv that say how a run was made, and their names on the page.
SETTINGS = {
    "images": "images",
    "n_train": "training images",
    "n_test": "test images",
    "weights": "weights",
    "operating_point": "operating point",
    "tools": "tools",
    "model": "model id",
    "beta": "displacement",
    "bpp_reached": "bpp reached",
    "protocol": "protocol",
    "n_rows": "training rows",
    "tuning": "tuning",
    "engine": "engine",
    "parameters": "parameters",
    "scored_by": "scored by",
}
SHOWN = 4  # values of one setting; with more of them only their number is told


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One cell of both runs. Differences are the second run minus the first.

    Attributes
    ----------
    first, second : Score
        Accuracy of each on all its own test images.
    by_patch : bool
        At least one was scored patch by patch: no test, and no interval of the difference.
    n_common : int
        Test images that both have; 0 where nothing is paired.
    common_first, common_second : int
        Images among them that each calls right.
    first_only, second_only : int
        Images among them that only one calls right.
    low, high : float or None
        95 % interval of the difference, paired where there are common images.
    p, p_holm : float or None, 0 to 1
        McNemar's exact test, plain and with Holm's correction over the pairs of fits.
    """

    first: Score
    second: Score
    by_patch: bool = False
    n_common: int = 0
    common_first: int = 0
    common_second: int = 0
    first_only: int = 0
    second_only: int = 0
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def paired(self) -> bool:
        """Whether the two were compared image by image."""
        return self.n_common > 0

    @property
    def difference(self) -> float:
        """Second minus first: on the common images where there are any, else each on its own."""
        if self.paired:
            return (self.second_only - self.first_only) / self.n_common
        return self.second.accuracy - self.first.accuracy

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart after Holm's correction."""
        return self.p_holm is not None and self.p_holm < LEVEL_OF_TEST

    @property
    def fits(self) -> tuple[Key, Key]:
        """What was fitted in each run: cells that share both are one test."""
        return (self.first.fit, self.second.fit)


@dataclass(frozen=True)
class Setting:
    """What one column of scores.tsv says about the matched cells of both runs."""

    label: str
    first: str
    second: str
    differs: bool


@dataclass(frozen=True)
class Comparison:
    """All that is said about two runs.

    Attributes
    ----------
    first, second : Run
    pairs : list of Pair
        In the order of the first run's cells.
    only_first, only_second : list of Score
        Cells without a partner.
    settings : list of Setting
    by_order : bool
        Whether levels of bpp were matched by their order.
    n_common, n_training : int
        Test images, and training images, that are the same file under the same id.
    n_other_file : int
        Test images with the same id and another file: no pairs.
    n_other_id : int
        Test images that are the same file under another id: no pairs either.
    """

    first: Run
    second: Run
    pairs: list[Pair]
    only_first: list[Score]
    only_second: list[Score]
    settings: list[Setting]
    by_order: bool
    n_common: int
    n_training: int
    n_other_file: int
    n_other_id: int

    @property
    def tested(self) -> list[Pair]:
        """One pair of cells for every distinct pair of fits that was tested."""
        return list({pair.fits: pair for pair in self.pairs if pair.p is not None}.values())

    @property
    def whole(self) -> bool:
        """Whether what was paired was paired on all test images of both runs."""
        return all(
            pair.first.n_test == pair.second.n_test == pair.n_common
            for pair in self.pairs
            if pair.paired
        )

    @property
    def shares_fits(self) -> bool:
        """Whether some pair of fits stands at several levels."""
        return len({pair.fits for pair in self.pairs}) < len(self.pairs)


def compare(first: Run, second: Run, *, by: str = "bpp") -> Comparison:
    """Match the cells of two runs and test them on the images that both have.

    Parameters
    ----------
    first, second : Run
    by : {"bpp", "order"}
        Cells are matched by all five factors. "order" matches the levels of bpp lowest with
        lowest, and so on.

    Raises
    ------
    UserError
        If no cell stands in both, `by` cannot be used, predictions are missing or are not those
        of scores.tsv, or an image has another label in the other run.
    """
    levels = _levels(first, second, by)
    partners = {_place(score, score.bpp): score for score in second.scores}
    pairs, only_first = [], []
    for score in first.scores:
        partner = partners.pop(_place(score, levels.get(score.bpp, score.bpp)), None)
        if partner is None:
            only_first.append(score)
        else:
            by_patch = "patch" in (score.scored_by, partner.scored_by)
            pairs.append(Pair(first=score, second=partner, by_patch=by_patch))
    if not pairs:
        raise UserError(_nothing_matched(first, second, by))
    common = _common(first.test_images, second.test_images)
    files = {image.sha256 for image in second.test_images.values()}
    shared = first.test_images.keys() & second.test_images.keys()
    return Comparison(
        first,
        second,
        pairs=_tested(pairs, first, second, common),
        only_first=only_first,
        only_second=list(partners.values()),
        settings=_settings(pairs, first, second),
        by_order=by == "order",
        n_common=len(common),
        n_training=len(_common(first.split("train"), second.split("train"))),
        n_other_file=len(shared) - len(common),
        n_other_id=sum(
            image.sha256 in files for image in first.test_images.values() if image.id not in common
        ),
    )


def _levels(first: Run, second: Run, by: str) -> dict[str, str]:
    """Give for each level of the first run the level of the second that stands beside it."""
    if by not in PAIRINGS:
        raise UserError(f"BY: expected one of {', '.join(PAIRINGS)}, got {by!r}.")
    if by == "bpp":
        return {}
    mine, theirs = (factors_of(run.scores)["bpp"] for run in (first, second))
    if len(mine) != len(theirs):
        raise UserError(
            f"BY=order: expected as many levels of bpp in both runs, got {', '.join(mine)} in "
            f"{first.name} and {', '.join(theirs)} in {second.name}. Leave BY out."
        )
    return dict(zip(mine, theirs, strict=True))


def _place(score: Score, bpp: str) -> tuple[float, str, str, str, str]:
    """Name a cell with its level as a number: 1 and 1.0 bpp are one level."""
    return (float(bpp), *score.key[1:])


def _nothing_matched(first: Run, second: Run, by: str) -> str:
    mine, theirs = factors_of(first.scores), factors_of(second.scores)
    for name, levels in mine.items():
        if name == "bpp":
            apart = {float(level) for level in levels}.isdisjoint(map(float, theirs[name]))
            apart = apart and by == "bpp"
        else:
            apart = set(levels).isdisjoint(theirs[name])
        if apart:
            orderly = name == "bpp" and len(levels) == len(theirs[name])
            more = " BY=order matches the lowest with the lowest, and so on." if orderly else ""
            return (
                f"RUNS: no cell stands in both runs, got {name} {', '.join(levels)} in "
                f"{first.name} and {', '.join(theirs[name])} in {second.name}.{more}"
            )
    return f"RUNS: no cell stands in both {first.name} and {second.name}."


def _common(mine: dict[str, Chosen], theirs: dict[str, Chosen]) -> frozenset[str]:
    """Give the ids that stand for the same file in both; the same id alone proves nothing."""
    common = set()
    for image in mine.values():
        other = theirs.get(image.id)
        if other is not None and other.sha256 == image.sha256:
            if other.label != image.label:
                raise UserError(
                    f"image {image.id}: is {image.label} in the first run and {other.label} in the "
                    "second, expected one label for one file. Mend the list of images."
                )
            common.add(image.id)
    return frozenset(common)


def _tested(pairs: Sequence[Pair], first: Run, second: Run, common: frozenset[str]) -> list[Pair]:
    """Compare every distinct pair of fits once, then correct for their number."""
    done: dict[tuple[Key, Key], Pair] = {}
    for pair in pairs:
        if pair.fits not in done and not pair.by_patch:
            done[pair.fits] = _compared(pair, first, second, common)
    tests = {fits: pair for fits, pair in done.items() if pair.p is not None}
    corrected = dict(zip(tests, holm([pair.p for pair in tests.values()]), strict=True))
    return [
        pair
        if pair.by_patch
        else replace(
            done[pair.fits],
            first=pair.first,
            second=pair.second,
            p_holm=corrected.get(pair.fits),
        )
        for pair in pairs
    ]


def _compared(pair: Pair, first: Run, second: Run, common: frozenset[str]) -> Pair:
    mine, theirs = predicted(first, pair.first), predicted(second, pair.second)
    if not common:
        counts = [(int(np.count_nonzero(right)), len(right)) for _, right in (mine, theirs)]
        low, high = unpaired_interval(*counts)
        return replace(pair, low=low, high=high)
    order = {image: index for index, image in enumerate(theirs[0])}
    places = [(index, order[image]) for index, image in enumerate(mine[0]) if image in common]
    rows, columns = map(list, zip(*places, strict=True))
    right_first, right_second = mine[1][rows], theirs[1][columns]
    first_only, second_only, p = mcnemar(right_first, right_second)
    low, high = paired_interval(first_only, second_only, n=len(places))
    return replace(
        pair,
        n_common=len(places),
        common_first=int(np.count_nonzero(right_first)),
        common_second=int(np.count_nonzero(right_second)),
        first_only=first_only,
        second_only=second_only,
        low=low,
        high=high,
        p=p,
    )


def _settings(pairs: Sequence[Pair], first: Run, second: Run) -> list[Setting]:
    """Compare the matched cells column by column; what neither run records is left out."""
    settings = []
    for column, label in SETTINGS.items():
        values = [
            (_recorded(first, pair.first, column), _recorded(second, pair.second, column))
            for pair in pairs
        ]
        mine, theirs = ({value for value in side if value} for side in zip(*values, strict=True))
        if not mine and not theirs:
            continue
        others = sum(one != other for one, other in values)
        shown = [_shown(mine), _shown(theirs)]
        if (others and shown[0] == shown[1]) or column == "parameters":
            told = f"other in {others} of {len(pairs)} cells" if others else "the same"
            shown = [told, told]
        settings.append(Setting(label, *shown, differs=others > 0))
    return settings


def _recorded(run: Run, score: Score, column: str) -> str:
    text = run.recorded[score.key].get(column) or ""
    return f"{float(text):.3f}" if column == "bpp_reached" and text else text


def _shown(values: set[str]) -> str:
    if len(values) > SHOWN:
        return f"{len(values)} values"
    return " and ".join(sorted(values, key=lambda text: (len(text), text))) or "not recorded"
