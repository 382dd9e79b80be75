"""Stores made of other stores: y of images that differ in model id, and the views of a level."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint import store
from latentprint.sidecar import read_sidecar, sidecar_path
from latentprint.weight_files import combined_digest

Y = ("luma/y", "chroma/y")
BLOCK = 32  # images


def gather(analysed: Sequence[Path], matched: Path, output: Path) -> None:
    """Copy the y of every image from the store of the image's own model id.

    Parameters
    ----------
    analysed : sequence of Path
        Stores of y, each of one model id, of all ids that occur.
    matched : Path
        Store that says which image has which.
    output : Path

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
        ) as writer:
            for start in range(0, len(choice), BLOCK):
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
