"""The index of a data set and the balanced choice from it.

An image is used only if its file decodes to 8-bit RGB of the right size without loss of meaning
(`image_files.py`) and if no other image of the run has the same pixels.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from latentprint.errors import UserError
from latentprint.image_files import Checked, RefusedImage, check
from latentprint.image_folders import LABELS, Listed
from latentprint.image_tables import Chosen, Excluded, Indexed, write_table
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

SAMPLINGS = ("stratified", "listed", "first")
# Of equal images the training copy stays: a copy in the test set would be known to the classifier.
KEPT_FIRST = {"train": 0, "test": 1, "valid": 2}
BLOCK = 512
REASONS_SHOWN = 10


def index_images(
    root: Path, listed: Sequence[Listed], *, size: int, threads: int = 1
) -> tuple[list[Indexed], list[Excluded]]:
    """Check every listed file once and separate the usable images from the others.

    Parameters
    ----------
    root : Path
        Folder that the paths are relative to.
    listed : sequence of Listed
        From `image_folders.find`.
    size : int
        Width and height of an image, in pixels.
    threads : int
        Files decoded at a time; Pillow decodes without holding the interpreter's lock.

    Returns
    -------
    images : list of Indexed
        In the order of `listed`, whatever the number of threads.
    excluded : list of Excluded
        The others, in the same order.
    """
    results: list[Checked | str] = []
    progress = Progress(len(listed), "images")
    refused = 0
    with ThreadPoolExecutor(max_workers=threads) as pool:
        # In blocks, so that neither 140,000 waiting jobs nor their pixels are held at once.
        for start in range(0, len(listed), BLOCK):
            paths = [Path(root) / image.path for image in listed[start : start + BLOCK]]
            block = list(pool.map(lambda path: _check_or_reason(path, size), paths))
            results += block
            refused += sum(isinstance(result, str) for result in block)
            progress.advance(len(block), note=f"{refused} excluded")

    reasons = _duplicate_reasons(listed, results)
    images, excluded = [], []
    for k, (image, result) in enumerate(zip(listed, results, strict=True)):
        if isinstance(result, str):
            excluded.append(Excluded(image.path, result))
        elif k in reasons:
            excluded.append(Excluded(image.path, reasons[k]))
        else:
            images.append(Indexed(*image, *result[:-1]))
    return images, excluded


def check_exclusions(
    excluded: Sequence[Excluded], n_listed: int, *, max_excluded: float, full_list: Path
) -> None:
    """Log the first exclusions; stop if there are more than the run allows.

    Parameters
    ----------
    excluded : sequence of Excluded
        Files that are not used.
    n_listed : int
        Files in all.
    max_excluded : float, 0 to 1
        Largest share of excluded files.
    full_list : Path
        Where the table is written if the run stops; removed if it does not. It is no output of
        the rule, because Snakemake deletes the outputs of a rule that fails.

    Raises
    ------
    UserError
        If the share is larger.
    """
    if not 0 <= max_excluded <= 1:
        raise UserError(f"max_excluded: expected a share from 0 to 1, got {max_excluded}.")
    for image in excluded[:REASONS_SHOWN]:
        logger.info("excluded: %s %s", image.path, image.reason)
    if len(excluded) > REASONS_SHOWN:
        logger.info("excluded: %d more", len(excluded) - REASONS_SHOWN)
    share = len(excluded) / n_listed
    if share <= max_excluded:
        Path(full_list).unlink(missing_ok=True)
        return
    write_table(full_list, Excluded._fields, rows=excluded)
    first = "; ".join(f"{image.path} {image.reason}" for image in excluded[:2])
    raise UserError(
        f"{len(excluded)} of {n_listed} images cannot be used ({share:.2%}), max_excluded allows "
        f"{max_excluded:.2%}: {first}{'; ...' if len(excluded) > 2 else ''}. "
        f"All reasons: {full_list}. Repair the files, correct image_size, or raise max_excluded."
    )


def choose(
    images: Iterable[Chosen],
    *,
    sampling: str,
    n_train: int | str,
    n_test: int | str,
    seed: int,
    n_valid: int | str = 0,
) -> list[Chosen]:
    """Choose the images of a run, half of each class, training images before test images.

    Parameters
    ----------
    images : iterable of Chosen
        The index; other splits than those asked for are left out.
    sampling : str
        "stratified": a random sample per split and class, real and fake in turn. Each image has
        its rank from a hash of seed and id, so that the choice depends neither on the order of
        the files nor on the other split, and a larger choice begins with the smaller one.
        "listed": the first rows of each class, real and fake in turn, so that rows added at the
        end of a list come behind all others.
        "first": the first rows of each class, all reals before all fakes.
    n_train, n_test : int or str
        Images of a split in all; "all" is twice the smaller class.
    seed : int
        Used by "stratified" only.
    n_valid : int or str
        Of the second test split, after the test images; 0 for none.

    Returns
    -------
    list of Chosen
        In the order of encoding.

    Raises
    ------
    UserError
        If a number is odd, not positive or larger than the data set allows.
    """
    if sampling not in SAMPLINGS:
        raise UserError(f"sampling: expected one of {', '.join(SAMPLINGS)}, got '{sampling}'.")
    groups: dict[tuple[str, str], list[Chosen]] = defaultdict(list)
    for image in images:
        groups[image.split, image.label].append(image)
    chosen: list[Chosen] = []
    wanted_of = {"train": n_train, "test": n_test}
    if n_valid:
        wanted_of["valid"] = n_valid
    for split, wanted in wanted_of.items():
        classes = [groups[split, label] for label in LABELS]
        half = _per_class(split, wanted, counts=[len(members) for members in classes])
        if sampling == "stratified":
            classes = [sorted(members, key=lambda image: _rank(image, seed)) for members in classes]
        halves = [members[:half] for members in classes]
        # Thesis: no seed, the first rows of the csv file with label 1, then those with 0.
        rows = halves if sampling == "first" else zip(*halves, strict=True)
        chosen += [image for row in rows for image in row]
    return chosen


def _check_or_reason(path: Path, size: int) -> Checked | str:
    try:
        return check(path, size)
    except RefusedImage as reason:
        return str(reason)


def _duplicate_reasons(
    listed: Sequence[Listed], results: Sequence[Checked | str]
) -> dict[int, str]:
    """Return the position and the reason of every image that another one makes unusable."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for k, result in enumerate(results):
        if not isinstance(result, str):
            groups[result.pixels].append(k)
    reasons = {}
    for members in groups.values():
        members.sort(key=lambda k: (KEPT_FIRST[listed[k].split], k))
        kept = listed[members[0]]
        other = next((listed[k] for k in members if listed[k].label != kept.label), None)
        if other is None:
            for k in members[1:]:
                reasons[k] = f"same pixels as {kept.id} in {kept.split}"
            continue
        # Nobody can say which label is wrong, so that no copy is used.
        for k in members:
            against = other if listed[k].label == kept.label else kept
            reasons[k] = f"same pixels as {against.id} in {against.split}, labelled {against.label}"
    return reasons


def _rank(image: Chosen, seed: int) -> tuple[bytes, str]:
    name = f"select/{seed}/{image.id}".encode()
    return hashlib.blake2b(name, digest_size=8).digest(), image.id


def _per_class(split: str, wanted: int | str, *, counts: Sequence[int]) -> int:
    """Return how many images of each class a split gets, from the number asked for."""
    found = " and ".join(f"{n} {label}" for n, label in zip(counts, LABELS, strict=True))
    if wanted == "all":
        if min(counts) == 0:
            raise UserError(f"n_{split}: 'all' needs images of both classes, found {found}.")
        return min(counts)
    try:
        number = int(wanted)
    except ValueError:
        number = 0
    if number < 2 or number % 2:
        raise UserError(
            f"n_{split}: expected an even number from 2 (half real, half fake) or 'all', "
            f"got '{wanted}'."
        )
    most = 2 * min(counts)
    if number > most:
        raise UserError(
            f"n_{split}: {number} images need {number // 2} of each class, found {found} usable. "
            f"{f'Ask for at most {most}, or add images' if most else 'Add images of both classes'}."
        )
    return number // 2
