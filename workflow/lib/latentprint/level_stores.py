"""Stores made of other stores: shards, y of images that differ in model id, views of a level."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint import store
from latentprint.errors import UserError
from latentprint.image_tables import Chosen, list_digest
from latentprint.sidecar import read_sidecar, sidecar_path
from latentprint.weight_files import combined_digest

Y = ("luma/y", "chroma/y")
BLOCK = 32  # images


# Of jobs, not of latents: where shards differ in them, the joined store says all values.
OF_JOBS = ("device", "batch", "threads", "torch", "numpy")


def join_shards(output: Path, shards: Sequence[Path], chosen: Sequence[Chosen]) -> None:
    """Show shards as one store.

    Parameters
    ----------
    output : Path
    shards : sequence of Path
        In order; those at the end may be empty.
    chosen : sequence of Chosen
        All images of the split, in order.

    Raises
    ------
    UserError
        If a shard is missing or damaged, was made otherwise than the first, or if together they
        are not the images of the list.
    """
    described: list[dict[str, Any]] = []
    ids: list[str] = []
    for shard in shards:
        with store.open_store(shard) as opened:
            described.append(dict(opened.attributes))
            ids += opened.ids
    if ids != [image.id for image in chosen]:
        raise UserError(
            f"{output}: its {len(shards)} shards hold {len(ids)} images, expected the "
            f"{len(chosen)} of the selection, in that order. Delete {shards[0].parent} and run "
            "snakemake again"
        )
    first = dict(described[0])
    for shard, other in zip(shards, described, strict=True):
        differing = sorted(
            key
            for key in first.keys() | other.keys()
            if key not in ("images_digest", *OF_JOBS) and first.get(key) != other.get(key)
        )
        if differing:
            raise UserError(
                f"{shard}: differs from {shards[0]} in {', '.join(differing)}, expected shards of "
                f"one store. Delete {shards[0].parent} and run snakemake again"
            )
    joined = {key: _all_values(key, described) for key in OF_JOBS if key in first}
    attributes = first | joined | {"images_digest": list_digest(chosen)}
    store.join(output, shards, attributes=attributes)


def _all_values(key: str, described: Sequence[Mapping[str, Any]]) -> Any:
    """Give the value of a key, or all values in order where there are several."""
    values = list(dict.fromkeys(one[key] for one in described))
    return values[0] if len(values) == 1 else sorted(values)


def gather(
    analysed: Sequence[Path], matched: Path, output: Path, *, code: str | None = None
) -> None:
    """Copy the y of every image from the store of the image's own model id.

    Parameters
    ----------
    analysed : sequence of Path
        Stores of y, each of one model id, of all ids that occur.
    matched : Path
        Store that says which image has which.
    output : Path
    code : str, optional
        As in `extraction.analyse`.

    Raises
    ------
    UserError
        If a store is missing, damaged or of other images.
    """
    with ExitStack() as stack:
        choice = stack.enter_context(store.open_store(matched))
        images = choice.attributes["images_digest"]
        sources: dict[int, store.Store] = {}
        for path in analysed:
            opened = stack.enter_context(store.open_store(path, images_digest=images))
            (model,) = opened.attributes["models"]
            sources[model] = opened
        models = choice.read("model")
        first = sources[min(sources)]
        with store.create(
            output,
            ids=choice.ids,
            datasets={name: (first.shape(name)[1:], np.float32) for name in Y}
            | {"model": ((), np.int8)},
            attributes=_together([sources[model].attributes for model in sorted(sources)]),
            resume=None
            if code is None
            else {
                "code": code,
                "y": [sources[model].digest for model in sorted(sources)],
                "choice": choice.digest_of("model"),
            },
        ) as writer:
            for start in range(writer.done, len(choice), BLOCK):
                here = models[start : start + BLOCK]
                arrays: dict[str, NDArray[Any]] = {"model": here}
                for name in Y:
                    rows = np.empty((len(here), *first.shape(name)[1:]), dtype=np.float32)
                    for model in np.unique(here).tolist():
                        of_model = sources[model].read(name, start, start + len(here))
                        rows[here == model] = of_model[here == model]
                    arrays[name] = rows
                writer.write(start, arrays)


def join_level(
    output: Path,
    *,
    y: Path,
    y_hat: Path | None,
    found: Path | None,
    level: str,
    rate: str,
    beta: int | None = None,
    same_as: Sequence[str] = (),
) -> None:
    """Show a level as one store: views of y and y_hat, and the numbers of every image.

    Parameters
    ----------
    output : Path
    y : Path
        Store of y.
    y_hat : Path or None
        Store of y_hat with its rates; None where nothing is quantised: rates are then unknown
        (NaN) unless they were matched.
    found : Path or None
        What was matched; None with rates from the table.
    level : str
        The level's name, bits per pixel.
    rate : {"match", "table"}
    beta : int, optional
        The table's displacement, needed where neither `y_hat` nor `found` is given.
    same_as : sequence of str
        Levels before this one that give every image the same model id and displacement.

    Raises
    ------
    UserError
        If a store is missing, damaged or of other images.
    """
    sidecar = read_sidecar(sidecar_path(y_hat or y))
    made = sidecar["attributes"]
    images = made["images_digest"]
    target = float(level)
    views = {name: [y] for name in Y}
    arrays: dict[str, NDArray[Any]] = {}
    if found:
        with store.open_store(found, images_digest=images) as matched:
            target = matched.attributes["target_bpp"]
            # Where nothing is quantised the matching alone says tools, state and entropy files.
            made = made if y_hat else matched.attributes
        views |= {name: [found] for name in ("found", "trials")}
    if not y_hat:
        count = sidecar["n_images"]
        arrays["bits"] = np.full((count, 4), np.nan)
        if found:
            views |= {name: [found] for name in ("model", "beta", "bpp")}
        else:
            arrays["beta"] = np.full((count, 2), beta, dtype=np.int16)
            arrays["bpp"] = np.full(count, np.nan)
    with store.open_store(y, images_digest=images):
        pass
    described = {"level": level, "target_bpp": target, "rate": rate, "same_as": list(same_as)}
    store.join(
        output,
        [y_hat or y],
        attributes=dict(made) | described,
        views=views,
        arrays=arrays,
    )


def _together(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Describe a store whose images come from several, made with other files of one codec."""
    files = {name: digest for one in attributes for name, digest in one["weight_files"].items()}
    sources = {one["weights"] for one in attributes}
    return dict(attributes[0]) | {
        "models": sorted(model for one in attributes for model in one["models"]),
        "weights": sources.pop() if len(sources) == 1 else "other",
        "weights_digest": combined_digest(files),
        "weight_files": dict(sorted(files.items())),
    }
