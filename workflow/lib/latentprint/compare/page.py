"""The comparison of two runs as a plain-text page for the terminal, and its sentences."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from latentprint.accuracy_tables import TABLE_FEATURES, position, with_interval
from latentprint.compare.matching import Comparison, Pair, Setting
from latentprint.evaluate import wilson_interval
from latentprint.figure_plan import table_order
from latentprint.score_table import Score, factors_of

WIDTH = 96  # characters
NAME = 19  # characters of a column of accuracies: 0.875 (0.822-0.914)

Cells = Sequence[Callable[[Pair], str]]


def page(comparison: Comparison, folder: Path) -> str:
    """Write what differs between two runs, and both accuracies of every cell.

    Parameters
    ----------
    comparison : Comparison
    folder : Path
        Where the files of the comparison are.

    Returns
    -------
    str
        Lines of at most 96 characters, unless a path or a setting is longer.
    """
    first, second = comparison.first, comparison.second
    lines = [
        f"{first.name} and {second.name} side by side",
        "",
        *_folders(comparison),
        "",
        *_settings(comparison),
        "",
        *_blocks(comparison),
        *(line for text in sentences(comparison) for line in _wrapped(text)),
        "",
        *_without_partner(comparison),
        f"Table    {folder}/comparison.md  (html, tsv)",
        f"Figure   {folder}/comparison.svg  (png)",
    ]
    return "\n".join(lines) + "\n"


def sentences(comparison: Comparison) -> list[str]:
    """Say in words what was paired, what was tested and what came out."""
    first, second = comparison.first.name, comparison.second.name
    counts = [len(run.test_images) for run in (comparison.first, comparison.second)]
    found = []
    if comparison.n_common:
        found.append(_outcome(comparison))
        found.append(
            f"{comparison.n_common} test images are in both runs ({counts[0]} in {first}, "
            f"{counts[1]} in {second}): the same id and the same file. The cells were compared "
            "image by image on them."
        )
        found.append(
            "Difference: with Tango's 95 % interval for paired shares, for each cell by itself. "
            "p: McNemar's exact test with Holm's correction over the "
            f"{len(comparison.tested)} distinct pairs of fits. Both hold for these fits: what "
            "another training sample or seed would give is not in them."
        )
    else:
        found.append(
            f"The runs have no test image in common ({counts[0]} in {first}, {counts[1]} in "
            f"{second}), so nothing is tested: accuracies stand side by side. Difference: with "
            "Newcombe's 95 % interval for independent sets of images; what the images and what "
            "the settings contribute to it cannot be told apart."
        )
    if comparison.n_other_file:
        found.append(
            f"{comparison.n_other_file} test images have an id of the other run but are another "
            "file (sha256): an id alone pairs nothing."
        )
    if comparison.n_other_id:
        found.append(
            f"{comparison.n_other_id} test images of {first} are in {second} under another id: "
            "they were not paired."
        )
    patches = sum(pair.by_patch for pair in comparison.pairs)
    if patches:
        found.append(
            f"{patches} cells were scored patch by patch: they stand side by side, without a test."
        )
    if comparison.shares_fits:
        once = " and one test" if comparison.tested else ""
        found.append(f"Levels with one model id share y: its cells are equal there{once}.")
    if comparison.by_order:
        found.append("Levels of bpp were matched by their order, not by their value.")
    elif comparison.only_first and comparison.only_second and _as_many_levels(comparison):
        found.append("BY=order would match the levels of bpp lowest with lowest, and so on.")
    return found


def _outcome(comparison: Comparison) -> str:
    tested = comparison.tested
    if not tested:
        return "No cell could be tested."
    differ = [pair for pair in tested if pair.differs]
    if not differ:
        same = all(not pair.first_only and not pair.second_only for pair in tested)
        if same:
            return f"All {len(tested)} pairs of fits are right and wrong on the same images."
        return f"None of the {len(tested)} pairs of fits can be told apart (5 %)."
    better = sum(pair.difference > 0 for pair in differ)
    return (
        f"{len(differ)} of the {len(tested)} pairs of fits can be told apart (5 %): "
        f"{comparison.second.name} is more accurate in {better}, {comparison.first.name} in "
        f"{len(differ) - better}."
    )


def _as_many_levels(comparison: Comparison) -> bool:
    mine, theirs = (factors_of(run.scores)["bpp"] for run in (comparison.first, comparison.second))
    return len(mine) == len(theirs) and list(map(float, mine)) != list(map(float, theirs))


def in_order(pairs: Sequence[Pair]) -> list[Pair]:
    """Sort pairs as the tables of a run are: classifier, component, bpp, feature, latent."""
    classifiers = table_order({pair.first.classifier for pair in pairs})

    def place(pair: Pair) -> tuple[object, ...]:
        score = pair.first
        feature = (position(score.feature, TABLE_FEATURES), score.feature)
        component = (classifiers.index(score.classifier), score.component)
        return (*component, float(score.bpp), *feature, score.latent)

    return sorted(pairs, key=place)


def level_text(pair: Pair) -> str:
    """Name the level of a pair: "0.25", or "0.25 | 6" where the runs' levels differ."""
    mine, theirs = pair.first.bpp, pair.second.bpp
    return mine if float(mine) == float(theirs) else f"{mine} | {theirs}"


def own_accuracy(score: Score) -> str:
    """Write a cell's accuracy on all its test images with its interval."""
    return with_interval(score.accuracy, score.accuracy_low, score.accuracy_high)


def common_accuracy(correct: int, n: int) -> str:
    """Write an accuracy on the common images with its interval; empty where there are none."""
    return with_interval(correct / n, *wilson_interval(correct, n)) if n else ""


def difference_text(pair: Pair) -> str:
    """Write the difference with its interval, "+0.040 (-0.012 to +0.089)"."""
    interval = "" if pair.low is None else f" ({signed(pair.low)} to {signed(pair.high)})"
    return signed(pair.difference) + interval


def signed(value: float) -> str:
    """Write a difference with its sign; what rounds to zero has none."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def p_text(p: float | None) -> str:
    """Write a p value with three decimals."""
    if p is None:
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _folders(comparison: Comparison) -> list[str]:
    runs = (comparison.first, comparison.second)
    rows = [(run.name, str(run.folder), run.origin) for run in runs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _settings(comparison: Comparison) -> list[str]:
    differing = [setting for setting in comparison.settings if setting.differs]
    equal = [setting for setting in comparison.settings if not setting.differs]
    train = [len(run.split("train")) for run in (comparison.first, comparison.second)]
    lines = []
    if differing:
        wide = max(len("What differs"), *(len(setting.label) for setting in differing))
        lines += _beside(wide, "What differs", comparison.first.name, comparison.second.name)
        lines.append("-" * WIDTH)
        for setting in differing:
            lines += _beside(wide, setting.label, setting.first, setting.second)
        lines.append("-" * WIDTH)
    else:
        lines.append("The settings that scores.tsv records are identical.")
    if equal:
        lines += _wrapped(f"Equal: {'; '.join(map(_equal, equal))}.")
    lines += _wrapped(
        f"Training images in common: {comparison.n_training} (of {train[0]} and {train[1]})."
    )
    return lines


def _equal(setting: Setting) -> str:
    return f"{setting.label} {setting.first}"


def _beside(wide: int, *texts: str) -> list[str]:
    """Write a label and two texts in three columns; long texts go on below."""
    room = (WIDTH - wide - 6) // 2
    label, *values = texts
    columns = [textwrap.wrap(text, room, break_on_hyphens=False) for text in values]
    return [
        f"{label if not index else '':<{wide}}   {one:<{room}}   {other}".rstrip()
        for index, (one, other) in enumerate(zip_longest(*columns, fillvalue=""))
    ]


def _blocks(comparison: Comparison) -> Iterator[str]:
    """Write the cells: once, or on all images and again on the common ones if these are fewer."""
    first, second = (_short(run.name) for run in (comparison.first, comparison.second))
    names = [f"{first:<{NAME}}", f"{second:<{NAME}}"]
    own = [lambda pair: own_accuracy(pair.first), lambda pair: own_accuracy(pair.second)]
    shared = [
        lambda pair: common_accuracy(pair.common_first, pair.n_common),
        lambda pair: common_accuracy(pair.common_second, pair.n_common),
    ]
    differences = [lambda pair: f"{_aligned(difference_text(pair)):<25}"]
    tests = [lambda pair: p_text(pair.p_holm) + (" *" if pair.differs else "")]
    heads = [*names, f"{'difference':<25}"]
    marks = ["* can be told apart (p with Holm's correction < 0.05)"]
    marks = [*marks, ""] if any(pair.differs for pair in comparison.pairs) else [""]
    if not comparison.n_common:
        yield "Accuracy of each run on its own test images (95 % intervals)"
        yield from _block(comparison.pairs, heads, [*own, *differences])
        yield ""
        return
    if comparison.whole:
        yield f"Accuracy on the {comparison.n_common} test images of both runs (95 % intervals)"
        yield from _block(comparison.pairs, [*heads, "p"], [*own, *differences, *tests])
        yield from marks
        return
    yield "Accuracy of each run on all its own test images (95 % intervals)"
    yield from _block(comparison.pairs, names, own)
    yield ""
    paired = [pair for pair in comparison.pairs if pair.paired]
    if paired:
        yield f"Accuracy on the {comparison.n_common} test images of both runs (95 % intervals)"
        yield from _block(paired, [*heads, "p"], [*shared, *differences, *tests])
        yield from marks


def _block(pairs: Sequence[Pair], heads: Sequence[str], cells: Cells) -> Iterator[str]:
    """Write a row per pair below a line per classifier, component and level."""
    ordered = in_order(pairs)
    features = max(len("feature"), *(len(pair.first.feature) for pair in ordered))
    head = f"  {'feature':<{features}}  latent " + "  ".join(heads).rstrip()
    yield ""
    yield head
    yield "-" * WIDTH
    group = None
    for pair in ordered:
        score = pair.first
        own = (score.classifier, score.component, level_text(pair))
        if own != group:
            if group is not None:
                yield ""
            yield f"{score.classifier}, {score.component}, {own[2]} bpp"
            group = own
        texts = [cell(pair).ljust(NAME) for cell in cells]
        yield "  ".join([f"  {score.feature:<{features}}", f"{score.latent:<5}", *texts]).rstrip()
    yield "-" * WIDTH


def _aligned(text: str) -> str:
    return text if text.startswith(("+", "-")) else f" {text}"


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 3]}..."


def _without_partner(comparison: Comparison) -> list[str]:
    """List the cells that stand in one run only."""
    lines = []
    for run, scores in (
        (comparison.first, comparison.only_first),
        (comparison.second, comparison.only_second),
    ):
        if scores:
            lines += _wrapped(f"{len(scores)} cells only in {run.name}:")
            lines += [f"  {text}" for text in grouped(scores)]
    return [*lines, ""] if lines else []


def grouped(scores: Sequence[Score]) -> list[str]:
    """Name cells in few words: "0.25 bpp, y/y_hat, YUV, single, RF/GB" stands for four."""
    boxes = [tuple((level,) for level in score.key) for score in scores]
    # Cells that are equal in all other factors are joined, one factor after the other.
    for place in reversed(range(len(boxes[0]))):
        joined: dict[tuple[object, ...], list[str]] = {}
        for box in boxes:
            joined.setdefault(box[:place] + box[place + 1 :], []).extend(box[place])
        boxes = [(*key[:place], tuple(levels), *key[place:]) for key, levels in joined.items()]
    return [", ".join(["/".join(bpp) + " bpp", *map("/".join, others)]) for bpp, *others in boxes]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
