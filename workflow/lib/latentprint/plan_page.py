"""The plan of a run as a plain-text page for the terminal, and the refusal of a disk too small."""

import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentprint import grid, plan
from latentprint.errors import UserError
from latentprint.fit_times import FIT_SECONDS
from latentprint.grid import Config
from latentprint.image_folders import check_layout, class_counts
from latentprint.plan import Work
from latentprint.weight_files import entropy_files, transform_files

WIDTH = 96  # characters
LABEL = 10  # width of the left column
GIGABYTE = 1e9


@dataclass(frozen=True)
class Machine:
    """What the run may use.

    Attributes
    ----------
    cores : int
    memory_mb : int
    """

    cores: int
    memory_mb: int


def check_given(config: Config) -> None:
    """Look at images and weights, where they are given.

    Raises
    ------
    UserError
        If a list, a class folder or a weight file is missing, or there are too few images.
    """
    check = {key: config[key] or "-" for key in ("images_root", "weights")}
    grid.check(config | check)
    if config["images_root"] not in (None, "", "drawn"):
        root = Path(config["images_root"])
        check_layout(root)
        for split in grid.splits(config):
            there = 2 * min(class_counts(root, split).values())
            wanted = grid.n_images(config, split)
            if there < wanted:
                raise UserError(
                    f"config: n_{split} is {wanted}, expected at most {there}, twice the smaller "
                    f"class of {root}. Lower n_{split}, or say all"
                )
    if config["weights"]:
        for model in grid.models(config):
            transform_files(config["weights"], config["operating_point"], model)
            if grid.quantised(config):
                entropy_files(config["weights"], model)


def check_disk(config: Config, results: Path) -> None:
    """Refuse a disk that is too small for what is still to be written, whatever is matched.

    Raises
    ------
    UserError
        Says how much is missing, and what needs less.
    """
    sizes = plan.disk_bytes(config, plan.fewest_points(config))
    needed, free = still_needed(config, results, sizes), free_bytes(results)
    if needed > free:
        least = "at least" if grid.matched(config) else "about"
        raise UserError(
            f"{results}: the run writes {least} {needed / GIGABYTE:.1f} GB more, the disk has "
            f"{free / GIGABYTE:.1f} GB free. Free some, link results/ to a larger disk, or lower "
            "n_train, n_test, n_patches or the number of levels"
        )


def still_needed(config: Config, results: Path, sizes: Mapping[str, int]) -> int:
    """Give the bytes of `plan.disk_bytes` less those that the run's folder holds already."""
    folder = results / config["run"]
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return max(0, sum(sizes.values()) - held)


def free_bytes(folder: Path) -> int:
    """Give the free bytes of the disk on which a folder is, or will be."""
    folder = folder.resolve()
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def page(config: Config, machine: Machine, *, files: Sequence[str], results: Path) -> str:
    """Write what a run will do and cost.

    Parameters
    ----------
    config : dict
        A whole configuration; `images_root` and `weights` may be empty.
    machine : Machine
    files : sequence of str
        The configuration files, for the heading.
    results : Path
        Folder of all runs.

    Returns
    -------
    str
        Lines of at most 96 characters, unless a path is longer.
    """
    found = plan.work(config)
    parts = [
        [f"Plan of the run {config['run']} ({', then '.join(files)}); nothing has been started"],
        [
            *_labelled("Images", _images(config)),
            *_labelled("Weights", [_weights(config)]),
            *_labelled("Levels", _levels(config)),
            *_labelled("Cells", _cells(config)),
        ],
        _table(config, found),
        [
            *_labelled("Searches", _searches(config)),
            *_labelled("Detectors", _detectors(config)),
            *_labelled("Time", _time(config, found, machine)),
            *_labelled("Memory", _memory(found, machine)),
            *_labelled("Disk", _disk(config, results)),
        ],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _labelled(label: str, lines: Iterable[str]) -> list[str]:
    wrapped: list[str] = []
    for line in lines:
        wrapped += textwrap.wrap(
            line, WIDTH - LABEL, break_long_words=False, break_on_hyphens=False
        )
    if not wrapped:
        return []
    margins = [label.ljust(LABEL)] + [" " * LABEL] * (len(wrapped) - 1)
    return [margin + line for margin, line in zip(margins, wrapped, strict=True)]


def _images(config: Config) -> list[str]:
    root = config["images_root"]
    counts = " and ".join(
        f"{grid.n_images(config, split):,} {name}"
        for split, name in zip(grid.splits(config), ("training", "test", "valid"), strict=False)
    )
    lines = [f"{counts} images, {config['sampling']} choice"]
    if root == "drawn":
        return [f"{lines[0]}, drawn by the product"]
    if root:
        for split in grid.splits(config):
            there = class_counts(Path(root), split)
            each = ", ".join(f"{count:,} {label}" for label, count in there.items())
            lines.append(f"{split}: {each} in {root}")
        return lines
    lines.append("images_root is not given: images were not looked for")
    if "all" in (config["n_train"], config["n_test"]):
        lines.append(
            "`all` cannot be counted before it is given; the numbers above stand in for it"
        )
    return lines


def _weights(config: Config) -> str:
    models = ", ".join(str(model) for model in grid.models(config))
    needed = f"{config['operating_point']}, model {models}"
    where = config["weights"]
    return (
        f"{needed}: {where}" if where else f"{needed}: weights is not given, files not looked for"
    )


def _levels(config: Config) -> list[str]:
    if grid.matched(config):
        targets = " and ".join(grid.levels(config))
        return [
            f"{targets} bpp: model and displacement are matched for every image",
            "Which levels come out as one point, and are quantised and fitted once, is known then. "
            "Numbers below are for levels that all differ.",
        ]
    points: dict[tuple[int, int], list[str]] = {}
    for bpp in grid.levels(config):
        points.setdefault(grid.operating_point(config, bpp), []).append(bpp)
    lines = [
        f"{' and '.join(names)} bpp: model {model}, displacement {beta}"
        for (model, beta), names in points.items()
    ]
    if len(points) < len(config["bpp"]):
        lines.append("Equal operating points give equal latents, which are fitted once.")
    return lines


def _cells(config: Config) -> list[str]:
    cells, fits = len(grid.cells(config)), len(plan.fitted_cells(config))
    if grid.matched(config):
        fewest = len(plan.fitted_cells(config, plan.fewest_points(config)))
        lines = [f"{cells}, from at most {fits} fits; {fewest} if all levels are one point"]
    else:
        lines = [f"{cells}, from {fits} fits" + (" (y once per model)" if fits < cells else "")]
    rateless = [
        name
        for name in config["classifiers"]
        if (name, config["engine"][name]["name"]) not in FIT_SECONDS
    ]
    if rateless:
        lines.append(f"{', '.join(rateless)}: time and models are not estimated")
    return lines


def _table(config: Config, found: Sequence[Work]) -> list[str]:
    """Tabulate the jobs: those that take time by kind, the others by rule."""
    name, unit = ("hours", 3600) if sum(one.core_s for one in found) > 3 * 3600 else ("min", 60)
    rows = [["rule", "", "jobs", "trials", "fits", f"core {name}", "longest", "GB a job"]]
    counts = plan.jobs(config)
    left = dict(counts)
    for one in found:
        left[one.rule] -= one.jobs
        rows.append(
            [
                one.rule,
                one.kind,
                f"{one.jobs:,}",
                f"{one.trials:,}" if one.trials else "",
                f"{one.fits:,}" if one.fits else "",
                f"{one.core_s / unit:,.1f}",
                f"{one.longest_s / unit:,.1f}",
                f"{one.memory_mb / 1000:.1f}",
            ]
        )
    searched = config["tuning"] != "published"
    names = {"tune_classifier": "takes another's" if searched else "published values"}
    for rule, count in left.items():
        if count:
            rows.append([rule, names.get(rule, ""), f"{count:,}", *[""] * 5])
    rows.sort(key=lambda row: -1 if row[0] == "rule" else list(counts).index(row[0]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    printed = [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, printed))
    note = "The longest job in core hours. Rules not listed have one job each, of minutes."
    notes = [note.replace("hours", name)]
    if grid.matched(config):
        known = plan.jobs_before_matching(config)
        total = f"{sum(known.values()):,} of these {sum(counts.values()):,} jobs"
        notes.append(f"Until rates are matched, snakemake -n shows {total}: {', '.join(known)}.")
    wrapped = [line for note in notes for line in textwrap.wrap(note, WIDTH)]
    return [printed[0], rule, *printed[1:], rule, *wrapped]


def _detectors(config: Config) -> list[str]:
    spent = plan.detector_seconds(config)
    if not spent:
        return []
    hours = {name: f"{seconds / 3600:,.1f}" for name, seconds in spent.items()}
    asked = config["detectors"]
    return [
        f"the {asked['examined']} best by cross-validation are looked into: at most "
        f"{hours['fits']} core hours of fits if the costliest cells are the best, "
        f"{hours['images']} of altered test images for each model id, {hours['pixels']} of the "
        "network on pixels. Not in the table."
    ]


def _searches(config: Config) -> list[str]:
    found = plan.studies(config)
    if not found:
        return ["none: the published hyperparameters"]
    total = sum(study.trials for study in found)
    fits = sum(study.fits for study in found)
    counted = "fits of all images" if found[0].rungs else "fits"
    lines = [f"{len(found)}, at most {total:,} trials and {fits:,} {counted}"]
    for classifier in config["classifiers"]:
        own = [study for study in found if study.cell.endswith(f"/{classifier}")]
        if own:
            one = own[0]
            if one.rungs:
                lines.append(
                    f"{classifier}: {len(own)} halvings of {one.draws} candidates on "
                    f"{len(one.rungs)} rungs, {one.folds} folds each"
                )
                continue
            lines.append(
                f"{classifier}: {len(own)} searches of {one.draws} draws and at most {one.points} "
                f"grid points, {one.folds} folds each"
            )
    return lines


def _time(config: Config, found: Sequence[Work], machine: Machine) -> list[str]:
    note = "Right within a factor of 2. The codec is counted on a CPU: no GPU was measured."
    stopping = plan.stopping_early(config)
    if stopping is None:
        lines = [f"{_hours(found, machine)}. {note}"]
    else:
        lines = [
            f"{_hours(plan.work(stopping), machine)}, where boosting stops after "
            f"{plan.ROUNDS_STOPPED} rounds (1,200 faces: 10 to 84); with all its rounds, "
            f"{_hours(found, machine)}. {note}"
        ]
    if grid.matched(config):
        counted = stopping or config
        one = plan.work(counted, plan.fewest_points(counted))
        lines.append(f"If all levels are one point: {_hours(one, machine)}.")
    return lines


def _hours(found: Sequence[Work], machine: Machine) -> str:
    wall = plan.wall_seconds(list(found), cores=machine.cores, memory_mb=machine.memory_mb)
    total = sum(one.core_s for one in found)
    return f"{_duration(total)} of one core; about {_duration(wall)} on {machine.cores} cores"


def _memory(found: Sequence[Work], machine: Machine) -> list[str]:
    largest = max(found, key=lambda one: one.memory_mb)
    name = f"{largest.rule} {largest.kind}".strip()
    threads = min(largest.threads, machine.cores)
    at_once = min(machine.cores // threads, machine.memory_mb // largest.memory_mb, largest.jobs)
    has = f"--cores {machine.cores} --resources mem_mb={machine.memory_mb}"
    needs = f"{largest.memory_mb / 1000:.1f} GB for the largest job, {name};"
    if at_once:
        return [f"{needs} {at_once} of them at a time with {has}"]
    return [f"{needs} more than {has} allows: lower max_bins, max_leaf_nodes or n_train"]


def _disk(config: Config, results: Path) -> list[str]:
    sizes = plan.disk_bytes(config)
    each = ", ".join(f"{kind} {_size(size)}" for kind, size in sizes.items())
    needed, free = still_needed(config, results, sizes), free_bytes(results)
    lines = [
        f"{_size(sum(sizes.values()))}: {each}",
        f"{_size(needed)} still to be written, {_size(free)} free at {results}/",
    ]
    if grid.matched(config):
        fewest = sum(plan.disk_bytes(config, plan.fewest_points(config)).values())
        lines.append(f"If all levels are one point: {_size(fewest)}.")
    return lines


def _size(size: float) -> str:
    return f"{size / GIGABYTE:,.1f} GB"


def _duration(seconds: float) -> str:
    """Write seconds as minutes, hours or days, two digits or more."""
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    hours = seconds / 3600
    if hours < 48:
        return f"{hours:.1f} h"
    return f"{hours:,.0f} h ({hours / 24:.0f} days)"
