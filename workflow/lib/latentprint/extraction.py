"""From images to stored latents, with progress: what the steps of extraction share."""

import hashlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentprint import store
from latentprint.codec import JpegAI
from latentprint.codec import weights as weight_parts
from latentprint.codec.layouts import CHANNELS
from latentprint.errors import UserError
from latentprint.image_files import decode
from latentprint.image_tables import Chosen
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

BLOCK = 8  # images read and written together, at least
PER_IMAGE = {
    "model": ((), np.int8),
    "bpp": ((), np.float64),
    "beta": ((2,), np.int16),
    "bits": ((4,), np.float64),
}


def open_codec(weights: Path, *, operating_point: str, device: str) -> JpegAI:
    """Load the codec on the device that the configuration asks for, one thread.

    One thread: with more, the CPU sums in another order and last bits move (specification, 10);
    several jobs side by side use the cores.
    """
    torch.set_num_threads(1)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    codec = JpegAI.load(weights, operating_point, device)
    logger.info("codec %s from %s on %s", operating_point, weights, device)
    return codec


def attributes(codec: JpegAI, *, kinds: Sequence[str], model: int) -> dict[str, Any]:
    """Say how latents were made: codec, digest and source of its weights, device, versions.

    Parameters
    ----------
    codec : JpegAI
    kinds : sequence of str
        Weight files used: "encoder", "entropy".
    model : int
        Model id.

    Returns
    -------
    dict
        Attributes of a store.
    """
    used = codec.used_parts(kinds, model)
    return {
        "operating_point": codec.operating_point,
        "model": model,
        "weights": weight_parts.source(codec.folder, used),
        "weights_digest": weight_parts.digest(codec.folder, used),
        "device": codec.device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


def analyse(
    codec: JpegAI, chosen: Sequence[Chosen], *, root: Path, size: int, model: int, output: Path
) -> None:
    """Encode images to y and write the store, complete or not at all.

    Parameters
    ----------
    codec : JpegAI
    chosen : sequence of Chosen
        Images of one split, in the order of the store.
    root : Path
        Folder of the data set.
    size : int
        Width and height, pixels.
    model : int
        Model id.
    output : Path

    Raises
    ------
    UserError
        If an image cannot be read as it was when it was indexed.
    """
    latent = -(-size // 16)
    datasets = {
        f"{component}/y": ((channels, latent, latent), np.float32)
        for component, channels in CHANNELS.items()
    }
    described = attributes(codec, kinds=("encoder",), model=model) | {
        "image_size": size,
        "images_digest": _list_digest(chosen),
    }
    batch = max(BLOCK, codec.batch(size * size))
    progress = Progress(len(chosen), "images")
    began = time.monotonic()
    with store.create(
        output,
        ids=[image.id for image in chosen],
        datasets=datasets | {"model": ((), np.int8)},
        attributes=described,
    ) as writer:
        for start in range(0, len(chosen), batch):
            rows = chosen[start : start + batch]
            pixels = np.stack([_unchanged(root, image, size) for image in rows])
            rgb = torch.from_numpy(pixels).permute(0, 3, 1, 2)
            coded = codec.encode(rgb, model=model, latents=("y",))
            arrays = {f"{name}/y": getattr(coded, name).y.cpu().numpy() for name in CHANNELS}
            writer.write(start, arrays | {"model": np.full(len(rows), model)})
            progress.advance(len(rows))
    logger.info("wrote %s (%d images, %.0f s)", output, len(chosen), time.monotonic() - began)


def _list_digest(chosen: Sequence[Chosen]) -> str:
    lines = [f"{image.id} {image.label} {image.sha256}" for image in chosen]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _unchanged(root: Path, image: Chosen, size: int) -> np.ndarray:
    path = root / image.path
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != image.sha256:
            raise UserError(
                f"{path}: has changed since it was indexed. Delete images.tsv of the run and run "
                "snakemake again"
            )
    return decode(path, size)


def describe_level(
    codec: JpegAI, analysed: Path, *, beta: int, output: Path, settings: dict[str, Any]
) -> dict[str, Any]:
    """Write what a level adds where nothing is quantised: model, displacement, no known rate.

    Parameters
    ----------
    codec, analysed, beta, output, settings
        As for `quantise`.

    Returns
    -------
    dict
        Attributes of the level's store.
    """
    with store.open_store(analysed) as source:
        described = dict(source.attributes) | settings
        count = len(source)
        with store.create(
            output, ids=source.ids, datasets=PER_IMAGE, attributes=described
        ) as writer:
            writer.write(
                0,
                {
                    "model": source.read("model"),
                    "beta": np.full((count, 2), beta),
                    "bits": np.full((count, 4), np.nan),
                    "bpp": np.full(count, np.nan),
                },
            )
    return described


def quantise(
    codec: JpegAI, analysed: Path, *, beta: int, output: Path, settings: dict[str, Any]
) -> dict[str, Any]:
    """Make y_hat of every image of a store of y, at one displacement.

    Parameters
    ----------
    codec : JpegAI
    analysed : Path
        Store of y; its model id is used.
    beta : int
        Displacement of luma and chroma.
    output : Path
        Store of y_hat, model, displacement and estimated rate; not of y.
    settings : dict
        Attributes to be kept with it.

    Returns
    -------
    dict
        Attributes of the level's store.
    """
    model = store.read_sidecar(store.sidecar_path(analysed))["attributes"]["model"]
    encoder = weight_parts.digest(codec.folder, codec.used_parts(("encoder",), model))
    with store.open_store(analysed, weights_digest=encoder) as source:
        size = source.attributes["image_size"]
        latent = -(-size // 16)
        described = attributes(codec, kinds=("encoder", "entropy"), model=model) | settings
        described |= {key: source.attributes[key] for key in ("image_size", "images_digest")}
        y_hat = {
            f"{component}/y_hat": ((channels, latent, latent), np.float32)
            for component, channels in CHANNELS.items()
        }
        progress = Progress(len(source), "images")
        with store.create(
            output, ids=source.ids, datasets=y_hat | PER_IMAGE, attributes=described
        ) as writer:
            rows = max(BLOCK, codec.batch(size * size))
            for start, stop, y in source.blocks(["luma/y", "chroma/y"], rows=rows):
                coded = codec.quantise(
                    torch.from_numpy(y["luma/y"]),
                    torch.from_numpy(y["chroma/y"]),
                    model=model,
                    beta=(beta, beta),
                )
                bits = coded.bits.numpy()
                arrays = {
                    f"{name}/y_hat": getattr(coded, name).y_hat.cpu().numpy() for name in CHANNELS
                }
                arrays |= {"model": coded.model.numpy(), "beta": coded.beta.numpy()}
                arrays |= {"bits": bits, "bpp": bits.sum(axis=1) / size**2}
                writer.write(start, arrays)
                progress.advance(stop - start)
    return described
