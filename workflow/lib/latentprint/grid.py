"""The factor grid of a run: its cells, what a fit of them needs, and what a schema cannot check.

Pure functions of the configuration, imported by the workflow's rules; nothing heavy is imported.
"""

import math
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from latentprint import shards
from latentprint.classifiers import CLASSIFIERS, HISTOGRAM, fit_bytes, way_out
from latentprint.configuration import meant
from latentprint.detectors.names import CODED, parsed
from latentprint.errors import UserError
from latentprint.image_folders import class_counts
from latentprint.protocol import FAITHFUL
from latentprint.space_check import check_space

Config = dict[str, Any]

MODELS = range(4)
THREADED_IMAGES = 2000  # below this, more cells at a time beat more threads a cell
FIT_THREADS = 8
SMALL_IS_LARGE = ("min_samples_leaf",)  # the smaller, the more memory
BYTES_OF_IMAGE = {"Y": 160 * 256 * 4, "YUV": 256 * 256 * 4}  # float32, 256 x 256 pixels
CARRIED = "carried"
SCREENED = "screened"  # the feature whose values a fit chooses among
VIEWS = ("flatten", SCREENED)  # features whose values are those of the store, not copied
LATENT = 16  # pixels on which a latent stands, in either direction
LARGEST_SIDE = 1024  # pixels; larger pictures are coded in tiles, which needs the pictures


@dataclass(frozen=True)
class Cell:
    """One combination of the factors.

    Attributes
    ----------
    bpp : str
        Level as in paths ("0.25", "6").
    latent, component, feature, classifier : str
    """

    bpp: str
    latent: str
    component: str
    feature: str
    classifier: str

    @property
    def path(self) -> str:
        """Folder of the cell below `cells/`."""
        return f"bpp-{self.bpp}/{self.latent}/{self.component}/{self.feature}/{self.classifier}"


def level(bpp: float | str) -> str:
    """Write a rate as in paths: shortest form, bits per pixel."""
    return f"{float(bpp):g}"


def levels(config: Config) -> list[str]:
    """Give the rates of the run, in the order of the configuration."""
    return [level(bpp) for bpp in config["bpp"]]


def operating_point(config: Config, bpp: str) -> tuple[int, int]:
    """Give model id and displacement of a level, from the table of the configuration."""
    table = {level(key): value for key, value in config["operating_points"].items()}
    model, beta = table[level(bpp)]
    return int(model), int(beta)


def matched(config: Config) -> bool:
    """Tell whether operating points are found for every image, or stand in the table."""
    return config["rate"] == "match"


def models(config: Config) -> list[int]:
    """Give the model ids that the run uses, in ascending order; the matcher tries all of them."""
    if matched(config):
        return list(MODELS)
    return sorted({operating_point(config, bpp)[0] for bpp in levels(config)})


def quantised(config: Config) -> bool:
    """Tell whether latents are quantised: for y_hat, or to know the rate that they would have."""
    return "y_hat" in config["latents"] or matched(config)


def cells(config: Config) -> list[Cell]:
    """Give every cell of the run, bpp slowest and classifier fastest.

    A classifier has no cells of features that it cannot be fitted to.
    """
    return [
        Cell(bpp, latent, component, feature, classifier)
        for bpp, latent, component, (feature, classifier) in product(
            levels(config), config["latents"], config["components"], pairs(config)
        )
    ]


def pairs(config: Config) -> list[tuple[str, str]]:
    """Give every feature with every classifier that can be fitted to it, features first."""
    return [
        (feature, classifier)
        for feature, classifier in product(config["features"], config["classifiers"])
        if CLASSIFIERS[classifier].takes(feature)
    ]


def fit_threads(config: Config) -> int:
    """Give the threads of one search or fit: 1 for small runs, whose cells run side by side."""
    return 1 if n_images(config, "train") < THREADED_IMAGES else FIT_THREADS


def fit_memory_mb(config: Config, component: str, feature: str, classifier: str) -> int:
    """Estimate the memory of one fit, megabytes.

    For images of 256 x 256 pixels, with the largest trees that the search may try.
    """
    rows, values = n_images(config, "train"), row_values(component, feature)
    if feature == "multiple":
        rows *= config["n_patches"]
    if config["tuning"] == "published":
        parameters = CLASSIFIERS[classifier].published
    else:
        space = config["search"][classifier]["space"]
        parameters = {name: _costliest(name, entry) for name, entry in space.items()}
    engine = config["engine"][classifier]
    need = fit_bytes(classifier, engine, rows, values, parameters | engine)
    if feature == SCREENED:  # the whole matrix, and what a fit makes of the values it chose
        chosen = _costliest("k", config["screening"]["k"])
        need = 4 * rows * values + fit_bytes(classifier, engine, rows, chosen, parameters | engine)
    return 1000 + round(need / 1e6)


def row_values(component: str, feature: str) -> int:
    """Count the values of a row, for images of 256 x 256 pixels."""
    values = BYTES_OF_IMAGE[component] // 4
    if feature in VIEWS:
        return values
    return values // 256 * (3 if feature == "gap" else 1)


def machine_memory_mb() -> int:
    """Give the memory that the jobs of a run may use together: nine tenths of this machine's."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return round(0.9 * physical / 1e6)


def check_memory(config: Config, limit_mb: int) -> None:
    """Refuse a run of which a fit needs more memory than its jobs may use.

    Raises
    ------
    UserError
        Names the fit, what it needs and what lowers the need.
    """
    needs = {
        (component, feature, classifier): fit_memory_mb(config, component, feature, classifier)
        for component, (feature, classifier) in product(config["components"], pairs(config))
    }
    largest = max(needs, key=lambda fit: needs[fit])
    if needs[largest] > limit_mb:
        component, feature, classifier = largest
        lower = way_out(classifier, config["engine"][classifier])
        raise UserError(
            f"{classifier} on {feature} {component} needs {needs[largest] / 1000:.1f} GB, the jobs "
            f"may use {limit_mb / 1000:.1f} GB. {lower}, or state what this machine has with "
            "--resources mem_mb=N"
        )


def _costliest(name: str, entry: Any) -> Any:
    """Give the value that a search may try and that needs the most memory, or the fixed one."""
    if not isinstance(entry, dict):
        return entry
    (values,) = entry.values()
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return values[0]
    return min(numbers) if name in SMALL_IS_LARGE else max(numbers)


def n_images(config: Config, split: str) -> int:
    """Give the number of images of a split, half of each class.

    `all` is counted in the lists or folders of the data set; where no data set is given it counts
    as a large run.
    """
    wanted = config[f"n_{split}"]
    if wanted != "all":
        return int(wanted)
    if not config["images_root"] or not Path(config["images_root"]).is_dir():
        return THREADED_IMAGES
    return 2 * min(class_counts(Path(config["images_root"]), split).values())


def splits(config: Config) -> tuple[str, ...]:
    """Give the splits of the run: training and test images, and the second test where asked for."""
    return ("train", "test", "valid") if config["n_valid"] else ("train", "test")


def analysed_shards(config: Config, split: str) -> int:
    """Count the shards of y of a split: with `all` images, as many as there can be at most."""
    return shards.count(n_images(config, split), config["store"]["shard_images"])


def coded_shards(config: Config, split: str) -> int:
    """Count the shards of what is matched or quantised: one where state goes through all images."""
    return 1 if config["state"] == CARRIED else analysed_shards(config, split)


def check(config: Config) -> None:
    """Check what a schema cannot: keys that must agree with each other.

    Raises
    ------
    UserError
        Names the key, what was expected and what was found.
    """
    for key in ("images_root", "weights"):
        if not config[key]:
            raise UserError(
                f"config: {key} is empty. Give a folder in the config file or with "
                f"--config {key}=FOLDER; config/README.md says what it must hold"
            )
    if config["images_root"] == "drawn" and config["n_valid"]:
        raise UserError(
            f"config: n_valid is {config['n_valid']}, expected 0 where images are drawn"
        )
    for key in ("n_valid", "seeds"):
        if config["protocol"] == FAITHFUL and config[key] not in (0, 1):
            raise UserError(
                f"config: {key} is {config[key]}, expected none with protocol faithful, which does "
                "what the thesis' code did. Leave it out"
            )
    for key in ("n_train", "n_test", "n_valid"):
        if config[key] != "all" and int(config[key]) % 2:
            raise UserError(
                f"config: {key} is {config[key]}, expected an even number (half of each class)"
            )
        if config["images_root"] == "drawn" and config[key] == "all":
            raise UserError(f"config: {key} is all, expected a number where images are drawn")
    if config["images_root"] == "drawn" and config["image_size"] % 16:
        raise UserError(
            f"config: image_size is {config['image_size']}, expected a multiple of 16 where images "
            "are drawn"
        )
    for bpp in config["bpp"]:
        written = level(bpp)  # infinity is a number in YAML
        if not math.isfinite(bpp) or float(written) != float(bpp) or "e" in written:
            raise UserError(f"config: bpp {bpp}, expected at most 6 digits, from 0.0001 to 99999")
    named = [level(bpp) for bpp in config["bpp"]]
    if len(set(named)) != len(named):
        raise UserError(f"config: bpp {config['bpp']} names a level twice. Give each level once")
    _check_levels(config)
    _check_codec(config)
    positions = (-(-config["image_size"] // LATENT)) ** 2
    if "multiple" in config["features"] and config["n_patches"] > positions:
        raise UserError(
            f"config: n_patches is {config['n_patches']}, expected at most {positions}, the "
            f"positions of a latent of {config['image_size']} pixels"
        )
    _check_reuse(config)
    _check_detectors(config)
    for classifier in config["classifiers"]:
        if classifier not in CLASSIFIERS:
            raise UserError(
                f"config: classifiers names {classifier}, expected some of "
                f"{', '.join(CLASSIFIERS)}. Add an entry to classifiers.py for a new one"
            )
        for key in ("search", "engine"):
            if classifier not in config[key]:
                raise UserError(f"config: {key} has no entry for {classifier}. Add one")
        _check_engine(config, classifier)
        _check_space(config, classifier)
        _check_published(config, classifier)
    check_space("screening", config["screening"], ())
    named = ", ".join(config["classifiers"])
    for feature in config["features"]:
        if not any(CLASSIFIERS[name].takes(feature) for name in config["classifiers"]):
            raise UserError(
                f"config: features names {feature}, to which none of {named} can be fitted. Leave "
                "it out, or add a classifier"
            )
    for classifier in config["classifiers"]:
        if not any(CLASSIFIERS[classifier].takes(feature) for feature in config["features"]):
            raise UserError(
                f"config: classifiers names {classifier}, which is fitted to "
                f"{' or '.join(CLASSIFIERS[classifier].features)} alone. Add one to features"
            )
    for classifier, search in config["search"].items():
        for name in search["grid"]:
            if not isinstance(search["space"].get(name), dict):
                raise UserError(
                    f"config: search.{classifier}.grid names {name}, which search.{classifier}"
                    ".space does not search. Give it a range there, or leave it out of the grid"
                )


def _check_engine(config: Config, classifier: str) -> None:
    """Check that a classifier has the engine that is asked for."""
    name, known = config["engine"][classifier]["name"], CLASSIFIERS[classifier].engines
    if name not in known:
        raise UserError(
            f"config: engine.{classifier}.name is {name}, expected {' or '.join(known)}. See "
            "config/README.md, key engine"
        )
    if name == HISTOGRAM and config["protocol"] == FAITHFUL:
        raise UserError(
            f"config: engine.{classifier}.name is {name}, expected sklearn with protocol faithful, "
            "which does what the thesis' code did. Set the one or the other"
        )


def _check_published(config: Config, classifier: str) -> None:
    """Check that what is to be taken from the thesis is there."""
    if config["tuning"] != "published":
        return
    if not CLASSIFIERS[classifier].published:
        raise UserError(
            f"config: tuning is published, but the thesis has no hyperparameters of {classifier}. "
            "Take tuning: search, or leave it out of classifiers"
        )
    if SCREENED in config["features"]:
        raise UserError(
            f"config: tuning is published, but the thesis has no feature {SCREENED}. Take tuning: "
            "search, or leave it out of features"
        )


def _check_space(config: Config, classifier: str) -> None:
    """Check that the space of a search can be drawn from and that its names mean something."""
    space = config["search"][classifier]["space"]
    check_space(classifier, space, ())
    name = config["engine"][classifier]["name"]
    known = CLASSIFIERS[classifier].engines[name].names
    for parameter in space:
        if known and parameter not in known:
            raise UserError(
                f"config: search.{classifier}.space.{parameter} is not a hyperparameter of engine "
                f"{name} ({meant(parameter, known)})"
            )


def _check_detectors(config: Config) -> None:
    """Check that every alteration can be made."""
    asked = config["detectors"]
    levels = asked["recompression"]["levels"]
    for name in asked["alterations"]:
        kind, number = parsed(name)
        if kind == CODED and str(number) not in levels:
            raise UserError(
                f"config: detectors.alterations names {name}, which detectors.recompression.levels "
                f"does not have ({', '.join(levels)}). Add its model id and displacement"
            )


def _check_levels(config: Config) -> None:
    """Check that every level can be matched, or stands in the table."""
    if matched(config):
        for bpp in config["bpp"]:
            hundredths = round(float(bpp) * 100)
            if hundredths < 1 or abs(float(bpp) * 100 - hundredths) > 1e-6:
                raise UserError(
                    f"config: bpp {bpp}, expected hundredths of a bit per pixel, 0.01 or more, "
                    "where rates are matched. Round it, or set rate to table"
                )
        return
    table = {level(key) for key in config["operating_points"]}
    for bpp in levels(config):
        if bpp not in table:
            raise UserError(
                f"config: bpp {bpp} has no line in operating_points, which has "
                f"{', '.join(sorted(table))}. Add its model id and displacement"
            )


def _check_codec(config: Config) -> None:
    """Check what is asked of the quantiser."""
    if quantised(config) and config["image_size"] > LARGEST_SIDE:
        raise UserError(
            f"config: image_size is {config['image_size']}, expected at most {LARGEST_SIDE} where "
            'latents are quantised. Take latents: ["y"] and rate: table, or smaller images'
        )
    extras = config["store"]["extras"]
    if extras and "y_hat" not in config["latents"]:
        raise UserError(
            f"config: store.extras names {', '.join(extras)}, expected none without y_hat, with "
            "which they are stored. Add y_hat to latents, or leave extras empty"
        )


def _check_reuse(config: Config) -> None:
    """Check that what is reused is searched itself; it need not be a feature of the run."""
    reuse = {key: value for key, value in config["tuning_from"].items() if isinstance(value, str)}
    for key, source in reuse.items():
        if reuse.get(source, source) != source:
            raise UserError(
                f"config: tuning_from.{key} is {source}, which takes its own search from "
                f"{reuse[source]}. Name the feature that is searched"
            )
