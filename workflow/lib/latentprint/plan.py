"""What a run will cost, before anything runs: jobs, trials, hours, memory, disk.

Everything follows from the configuration and from a few rates, which were measured once. Hours are
right within a factor of two; numbers of jobs and trials are those of the workflow. With `rate:
match` it turns out only in the run which levels are one point: counted are, by default, levels that
all differ.
"""

import copy
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentprint import detector_plan, grid
from latentprint.fit_times import FIT_SECONDS, Rate, binning_seconds, screening_seconds
from latentprint.grid import Config
from latentprint.ladder import DEFAULTS, Rung, rungs
from latentprint.points import MIXED, MODEL, SPLITS, Points
from latentprint.weight_files import file_point

GRID_VALUES = 3  # of every hyperparameter in the grid that follows the random draws
EXTRACTION_MB = 3000  # what the rules of extraction ask for
EFFICIENCY = 0.8  # of more than one thread; assumed
EXTRA_BYTES = {"q": 2, "mu": 4}  # of a value, before compression; other extras are small


# Rules with more than one job, in the order in which they run.
RULES = (
    "make_demo_images",
    "analyse_images",
    "match_rates",
    "join_matched",
    "gather_latents",
    "extract_latents",
    "join_shards",
    "join_level",
    "build_features",
    "tune_classifier",
    "fit_classifier",
    "refit_classifier",
    "predict_valid",
    "share_cell",
    "evaluate_classifier",
)


# One thread of a shared AMD EPYC (Zen 3), torch 2.13, images of 256 x 256 pixels; those of fits
# stand in `fit_times.py`.
RATES = {
    "start": Rate(3.0, "CPU s a job", "Python with scikit-learn, or with torch"),
    "draw": Rate(0.075, "CPU s an image", "make_demo_images of the demo, 180 and 200 images"),
    "BOP": Rate(0.13, "CPU s an image", "analysis, both components, 12 images, random weights"),
    "HOP": Rate(0.77, "CPU s an image", "the same, at the same time"),
    "entropy": Rate(0.05, "CPU s an image", "extract_latents of the demo, 200 images, tools on"),
    "match": Rate(0.35, "CPU s an image", "8 faces, 0.21 at 6 and 12 bpp, 0.47 at 0.12"),
    # 20,000 rows of 256 values, leaves of 2 and of 8 rows.
    "nodes": Rate(0.9, "nodes x (min_samples_leaf + 2) a row and tree", "RandomForestClassifier"),
    "node": Rate(85, "bytes a node", "model.skops of a forest"),
    "round": Rate(20e3, "bytes a round", "model.skops of HistGradientBoosting, at most"),
}


# On 1,200 faces with the thesis' hyperparameters boosting stopped after 10 to 84 of 596 rounds.
ROUNDS_STOPPED = 90


@dataclass(frozen=True)
class Study:
    """A search for hyperparameters.

    Attributes
    ----------
    cell : str
        The cell that is searched, as in `Points.study`.
    draws, points : int
        Random draws; grid points at most, without the best draw, which is one of them.
    folds : int
    rungs : tuple of Rung
        Of halving, where `draws` are its candidates and there is no grid.
    """

    cell: str
    draws: int
    points: int
    folds: int
    rungs: tuple[Rung, ...] = ()

    @property
    def trials(self) -> int:
        """Trials at most."""
        if self.rungs:
            return sum(rung.candidates for rung in self.rungs)
        return self.draws + self.points

    @property
    def fits(self) -> int:
        """Fits at most: every trial is fitted once a fold; those to a share count as that share."""
        if self.rungs:
            return math.ceil(sum(rung.candidates * rung.share for rung in self.rungs) * self.folds)
        return self.trials * self.folds


@dataclass(frozen=True)
class Work:
    """Jobs of one kind.

    Attributes
    ----------
    rule, kind : str
        Rule of the workflow; which of its jobs ("search RF single").
    jobs, trials, fits : int
        Numbers in all.
    core_s : float
        CPU seconds in all.
    longest_s : float
        CPU seconds of the longest job.
    threads, memory_mb : int
        Of one job, as the rule declares them.
    """

    rule: str
    kind: str
    jobs: int
    trials: int
    fits: int
    core_s: float
    longest_s: float
    threads: int
    memory_mb: int


def most_points(config: Config) -> Points:
    """Give points as if no two levels were one: all that `rate: match` can come to."""
    return Points(config, lambda bpp, split: _matched(f"{bpp} {split}", models=("0", "3")))


def fewest_points(config: Config) -> Points:
    """Give points as if all levels were one, of one model id: what targets out of reach come to."""
    return Points(config, lambda bpp, split: _matched(split, models=("3",)))


def _matched(digest: str, *, models: tuple[str, ...]) -> dict[str, Any]:
    """Stand in for the description of what was matched."""
    datasets = {name: {"sha256": digest} for name in ("model", "beta")}
    return {"datasets": datasets, "summary": {"model": dict.fromkeys(models, 1)}}


def fitted_cells(config: Config, points: Points | None = None) -> list[str]:
    """Name every cell that is fitted: those of levels that are one point count once."""
    points = points or most_points(config)
    return list(dict.fromkeys(points.fitted(cell) for cell in grid.cells(config)))


def studies(config: Config, points: Points | None = None) -> list[Study]:
    """List the searches of a run; none with published hyperparameters."""
    if config["tuning"] == "published":
        return []
    points = points or most_points(config)
    searched = dict.fromkeys(points.study(cell) for cell in fitted_cells(config, points))
    found = []
    for cell in searched:
        search = config["search"][cell.rpartition("/")[2]]
        if config["tuning"] == "halving":
            asked = DEFAULTS | search.get("halving", {})
            trained = grid.n_images(config, "train") * (search["folds"] - 1) // search["folds"]
            ladder = tuple(rungs(trained, asked))
            found.append(Study(cell, asked["candidates"], 0, search["folds"], ladder))
            continue
        values = (_distinct(search["space"][name]) for name in search["grid"])
        grid_points = math.prod(min(GRID_VALUES, count, search["draws"]) for count in values) - 1
        found.append(Study(cell, search["draws"], grid_points, search["folds"]))
    return found


def trials(config: Config) -> dict[str, int]:
    """Count the trials of every search, at most, by the cell that is searched."""
    return {study.cell: study.trials for study in studies(config)}


def jobs(config: Config, points: Points | None = None) -> dict[str, int]:
    """Count the jobs of every rule that has more than one in a run from nothing.

    Parameters
    ----------
    config : dict
    points : Points, optional
        Which levels are one point; by default no more than is sure.
    """
    points = points or most_points(config)
    fitted = fitted_cells(config, points)
    tuned = dict.fromkeys([*(study.cell for study in studies(config, points)), *fitted])
    gathered, quantised = _gathered(config, points), _quantised(config, points)
    splits = grid.splits(config)
    coded = sum(grid.coded_shards(config, split) for split in splits)
    joined = _analysed_points(config, points) | gathered | quantised
    counts = jobs_before_matching(config) | {
        "gather_latents": coded * len(gathered),
        "extract_latents": coded * len(quantised),
        "join_shards": len(splits) * len(joined),
        "build_features": len({cell.rpartition("/")[0] for cell in tuned}),
        "tune_classifier": len(tuned),
        "fit_classifier": len(fitted),
        "refit_classifier": (config["seeds"] - 1) * len(fitted),
        "predict_valid": len(fitted) if config["n_valid"] else 0,
    }
    order = [rule for rule in RULES if counts.get(rule)]
    return {rule: counts[rule] for rule in order}


def jobs_before_matching(config: Config) -> dict[str, int]:
    """Count the jobs that are known before rates are matched, of rules that have more than one.

    A dry run shows no others until then.
    """
    levels, cells = len(config["bpp"]), len(grid.cells(config))
    splits = grid.splits(config)
    analysed = sum(grid.analysed_shards(config, split) for split in splits)
    coded = sum(grid.coded_shards(config, split) for split in splits)
    counts = {
        "make_demo_images": len(SPLITS) if config["images_root"] == "drawn" else 0,
        "analyse_images": analysed * len(grid.models(config)),
        "match_rates": coded * levels if grid.matched(config) else 0,
        "join_matched": len(splits) * levels if grid.matched(config) else 0,
        "join_level": len(SPLITS) * levels,
        "share_cell": cells,
        "evaluate_classifier": cells,
    }
    return {rule: count for rule, count in counts.items() if count}


def _gathered(config: Config, points: Points) -> set[str]:
    """Name the points of y whose images differ in model id; the level's store shows them too."""
    named = {points.of(bpp, "y") for bpp in grid.levels(config)}
    return {name for name in named if re.fullmatch(MIXED, name)}


def _analysed_points(config: Config, points: Points) -> set[str]:
    """Name the points of one model id whose y is read as one store.

    By the levels, and where state goes through all images, by what quantises them.
    """
    if config["state"] == grid.CARRIED and grid.matched(config):
        return {f"model-{model}" for model in grid.models(config)}
    named = {points.of(bpp, "y") for bpp in grid.levels(config)}
    return {name for name in named if re.fullmatch(MODEL, name)}


def _quantised(config: Config, points: Points) -> set[str]:
    """Name the points of y_hat."""
    if "y_hat" not in config["latents"]:
        return set()
    return {points.of(bpp, "y_hat") for bpp in grid.levels(config)}


def work(config: Config, points: Points | None = None) -> list[Work]:
    """List the jobs that take time, in the order in which they run.

    Parameters
    ----------
    config : dict
        A whole configuration. Where its hyperparameters are searched, a fit counts with the middle
        of every range.
    points : Points, optional
        As for `jobs`.
    """
    points = points or most_points(config)
    counts = jobs(config, points)
    images = {split: grid.n_images(config, split) for split in grid.splits(config)}

    def per_image(rule: str, rate: float) -> Work:
        # Of each store, one job a part of a split: the whole split where images are drawn.
        if rule == "make_demo_images":
            parts, memory = len(SPLITS), 1000
        else:
            count = grid.analysed_shards if rule == "analyse_images" else grid.coded_shards
            parts, memory = sum(count(config, split) for split in images), EXTRACTION_MB
        start = RATES["start"].value
        total = counts[rule] * start + counts[rule] / parts * rate * sum(images.values())
        largest = max(images.values())
        if parts > len(images):
            largest = min(largest, config["store"]["shard_images"])
        return Work(rule, "", counts[rule], 0, 0, total, start + rate * largest, 1, memory)

    rates = {
        "make_demo_images": RATES["draw"],
        "analyse_images": RATES[file_point("encoder", config["operating_point"])],
        "match_rates": RATES["match"],
        "extract_latents": RATES["entropy"],
    }
    found = [per_image(rule, rate.value) for rule, rate in rates.items() if rule in counts]
    found += _searches(config, points)
    found += _fits(config, points)
    return found


def _searches(config: Config, points: Points) -> list[Work]:
    """Group the searches by classifier and feature."""
    groups: dict[tuple[str, str], list[Study]] = {}
    for study in studies(config, points):
        _, _, _, feature, classifier = study.cell.split("/")
        groups.setdefault((classifier, feature), []).append(study)
    found = []
    for (classifier, feature), members in groups.items():
        seconds = []
        for study in members:
            one = fit_seconds(config, study.cell, share=1 - 1 / study.folds)
            seconds.append(_before_fits(config, study.cell) + study.fits * one)
        found.append(
            Work(
                "tune_classifier",
                f"search {classifier} {feature}",
                len(members),
                sum(study.trials for study in members),
                sum(study.fits for study in members),
                sum(seconds),
                max(seconds),
                grid.fit_threads(config),
                _memory(config, [study.cell for study in members]),
            )
        )
    return found


def _fits(config: Config, points: Points) -> list[Work]:
    """Group the fits of the cells by classifier and feature."""
    groups: dict[tuple[str, str], list[str]] = {}
    for cell in fitted_cells(config, points):
        _, _, _, feature, classifier = cell.split("/")
        groups.setdefault((classifier, feature), []).append(cell)
    found = []
    for (classifier, feature), members in groups.items():
        seconds = [_before_fits(config, cell) + fit_seconds(config, cell) for cell in members]
        for rule, times in (("fit_classifier", 1), ("refit_classifier", config["seeds"] - 1)):
            if times:
                found.append(
                    Work(
                        rule,
                        f"{classifier} {feature}",
                        times * len(members),
                        0,
                        times * len(members),
                        times * sum(seconds),
                        max(seconds),
                        grid.fit_threads(config),
                        _memory(config, members),
                    )
                )
    return found


def detector_seconds(config: Config) -> dict[str, float]:
    """Estimate the CPU seconds that are spent on the best cells, at most; see `detector_plan`."""
    fit = {
        names: fit_seconds(config, "/".join(("", "", *names)))
        for names in detector_plan.combinations(config)
    }
    analysis = RATES[file_point("encoder", config["operating_point"])].value
    found = detector_plan.seconds(config, fit, analysis)
    return found | {"fits": found["fits"] + _validation(config)} if found else {}


def _validation(config: Config) -> float:
    """Give the CPU seconds of cross-validating the cells that are not searched themselves."""
    points = most_points(config)
    given = [cell for cell in fitted_cells(config, points) if not points.searched(cell)]
    return sum(
        (config["search"][cell.rpartition("/")[2]]["folds"] - 1) * fit_seconds(config, cell)
        for cell in given
    )


def _memory(config: Config, cells: list[str]) -> int:
    """Give the memory of the largest of these fits, megabytes."""
    return max(grid.fit_memory_mb(config, *cell.split("/")[2:]) for cell in cells)


def fit_seconds(config: Config, cell: str, *, share: float = 1.0) -> float:
    """Estimate the CPU seconds of one fit; 0 for a classifier that has no rate.

    Parameters
    ----------
    config : dict
    cell : str
        "<point>/<latent>/<component>/<feature>/<classifier>".
    share : float
        Of the training images that the fit sees.
    """
    _, _, component, feature, classifier = cell.split("/")
    rows, values = _shape(config, component, feature)
    seconds = FIT_SECONDS.get((classifier, config["engine"][classifier]["name"]))
    if not seconds:
        return 0
    screened = 0.0
    if feature == grid.SCREENED:
        screened = screening_seconds(share * rows, values)
        values = min(values, round(_middle(config["screening"]["k"])))
    return screened + seconds(share * rows, values, _middle_parameters(config, classifier))


def _before_fits(config: Config, cell: str) -> float:
    """Estimate the CPU seconds before the first fit of a job: its start, and bins for all fits."""
    _, _, component, feature, classifier = cell.split("/")
    engine = config["engine"][classifier]["name"]
    return RATES["start"].value + binning_seconds(engine, *_shape(config, component, feature))


def stopping_early(config: Config) -> Config | None:
    """Give the configuration of a run whose boosting stops early; None where none may stop.

    Only for `work`, which then counts `ROUNDS_STOPPED` rounds.
    """
    early = [
        name for name, engine in config["engine"].items() if engine.get("early_stopping", False)
    ]
    if not set(early) & set(config["classifiers"]):
        return None
    changed = copy.deepcopy(config)
    for name in early:
        changed["engine"][name]["max_iter"] = ROUNDS_STOPPED
    return changed


def _shape(config: Config, component: str, feature: str) -> tuple[int, int]:
    """Give rows and values of the training matrix."""
    values = grid.row_values(component, feature)
    rows = grid.n_images(config, "train")
    if feature in grid.VIEWS:
        return rows, values * (config["image_size"] // 16) ** 2 // 256
    return rows * (config["n_patches"] if feature == "multiple" else 1), values


def _middle_parameters(config: Config, classifier: str) -> dict[str, Any]:
    """Give hyperparameters and engine settings, in the middle of what is searched."""
    if config["tuning"] == "published":
        parameters: Mapping[str, Any] = grid.CLASSIFIERS[classifier].published
    else:
        space = config["search"][classifier]["space"]
        parameters = {name: _middle(entry) for name, entry in space.items()}
    return {**parameters, **config["engine"][classifier]}


def _middle(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((kind, values),) = entry.items()
    if kind == "choice":
        return values[len(values) // 2]
    low, high = values
    return math.sqrt(low * high) if kind == "loguniform" else (low + high) / 2


def _distinct(entry: Any) -> float:
    """Count the values that a range can take; the upper end of integers is exclusive."""
    ((kind, values),) = entry.items()
    if kind == "choice":
        return len({repr(value) for value in values})
    return values[1] - values[0] if kind == "integers" else math.inf


def wall_seconds(found: list[Work], *, cores: int, memory_mb: int) -> float:
    """Estimate the time that the work takes on a machine.

    The rules follow each other, and the jobs of one rule run side by side: as many as cores and
    memory allow, and no shorter than the longest of them.
    """
    total = 0.0
    for rule in dict.fromkeys(one.rule for one in found):
        kinds = [one for one in found if one.rule == rule]
        by_cores = by_memory = longest = 0.0
        for one in kinds:
            threads = min(one.threads, cores)
            speed = threads * (EFFICIENCY if threads > 1 else 1.0)
            at_once = max(1, memory_mb // one.memory_mb)
            by_cores += one.core_s / (cores * speed / threads)
            by_memory += one.core_s / speed / at_once
            longest = max(longest, one.longest_s / speed)
        total += max(by_cores, by_memory, longest)
    return total


def disk_bytes(config: Config, points: Points | None = None) -> dict[str, int]:
    """Estimate what the run writes, by kind; what takes megabytes only is left out."""
    points = points or most_points(config)
    images = {split: grid.n_images(config, split) for split in grid.splits(config)}
    both = sum(images.values())
    pixels = config["image_size"] ** 2
    image = grid.BYTES_OF_IMAGE["YUV"] * pixels // 256**2
    quantised = len(_quantised(config, points)) * both
    extras = sum(EXTRA_BYTES.get(extra, 0) for extra in config["store"]["extras"])
    found = {
        "latents y": (len(grid.models(config)) + len(_gathered(config, points))) * both * image,
        "latents y_hat": quantised * image,
        "extras": quantised * image * extras // 4,
        "features": 0,
        "models": 0,
    }
    fitted = fitted_cells(config, points)
    tuned = [*(study.cell for study in studies(config, points)), *fitted]
    for name in {cell.rpartition("/")[0] for cell in tuned}:
        _, _, component, feature = name.split("/")
        if feature in grid.VIEWS:
            continue
        rows, values = _shape(config, component, feature)
        tested = 0 if feature == "multiple" else images["test"]  # all positions: in the store
        found["features"] += 4 * values * (rows + tested)
    # One at the point, and a copy at each of its levels.
    for cell in [*fitted, *(points.fitted(cell) for cell in grid.cells(config))]:
        found["models"] += _model_bytes(config, cell)
    return {kind: size for kind, size in found.items() if size}


def _model_bytes(config: Config, cell: str) -> int:
    _, _, component, feature, classifier = cell.split("/")
    parameters = _middle_parameters(config, classifier)
    if classifier == "RF":
        rows, _ = _shape(config, component, feature)
        nodes = RATES["nodes"].value * rows / (parameters.get("min_samples_leaf", 1) + 2)
        return round(parameters.get("n_estimators", 100) * nodes * RATES["node"].value)
    if classifier == "SVM":  # the training rows that carry weight, nearly all of them
        rows, values = _shape(config, component, feature)
        return 4 * rows * values
    rounds = parameters.get("max_iter", 100) if classifier == "GB" else 0
    return round(rounds * RATES["round"].value)
