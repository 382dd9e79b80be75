"""From images to stored latents and back, with progress: what the steps of extraction share."""

import hashlib
import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentprint import gpus, store
from latentprint.codec import Coded, JpegAI, Latents, State
from latentprint.codec import weights as weight_parts
from latentprint.codec.layouts import CHANNELS
from latentprint.errors import UserError
from latentprint.image_files import decode, decoder_version
from latentprint.image_tables import Chosen, list_digest
from latentprint.pipeline import run_blocks
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

BLOCK = 8  # images read and written together, at least
GPU_LOADERS = 8  # threads that decode images for a GPU, at most; for a CPU one is ahead of it
NAMED = 5  # unusable images that an error names
PER_IMAGE = {
    "model": ((), np.int8),
    "bpp": ((), np.float64),
    "beta": ((2,), np.int16),
    "bits": ((4,), np.float64),
}
Y_HAT = {"after_lsbs": "y_hat", "before_lsbs": "y_hat_before_lsbs"}  # of the configuration
# What a store can hold beside y_hat, by the configuration's name; all that `rebuild` needs.
EXTRAS = {
    "q": ("q",),
    "gains": ("gain",),
    "z_hat": ("z_hat",),
    "mu": ("mu",),
    "flags": ("grfs", "cube"),
}
REBUILT_FROM = ("q", "z_hat", "grfs")
COMPRESSED = ("q", "z_hat")
CARRIED = "carried"

Planes = tuple[torch.Tensor, torch.Tensor]  # luma, chroma


def open_codec(weights: Path, *, operating_point: str, device: str) -> JpegAI:
    """Load the codec on the device that the configuration asks for, one thread.

    One thread: with more, the CPU sums in another order and last bits move (specification, 10);
    several jobs side by side use the cores.
    """
    torch.set_num_threads(1)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and torch.cuda.device_count() > 1:
        found = range(torch.cuda.device_count())
        taken = gpus.take([str(torch.cuda.get_device_properties(gpu).uuid) for gpu in found])
        device = f"cuda:{taken}"
    codec = JpegAI.load(weights, operating_point, device)
    logger.info("codec %s from %s on %s", operating_point, weights, device)
    return codec


def attributes(
    codec: JpegAI, *, kinds: Sequence[str], models: Sequence[int], size: int
) -> dict[str, Any]:
    """Say how latents were made: codec, digest and source of its weights, device, versions.

    Parameters
    ----------
    codec : JpegAI
    kinds : sequence of str
        Weight files used: "encoder", "entropy".
    models : sequence of int
        Model ids.
    size : int
        Width and height of the images, pixels: of them depends how many pass together on a GPU,
        and with it the last bits there.

    Returns
    -------
    dict
        Attributes of a store.
    """
    used = [part for model in models for part in codec.used_parts(kinds, model)]
    return {
        "operating_point": codec.operating_point,
        "models": [int(model) for model in models],
        "weights": weight_parts.source(codec.folder, used),
        "weights_digest": weight_parts.digest(codec.folder, used),
        "weight_files": weight_parts.digests(codec.folder, used),
        "device": codec.device.type,
        "batch": codec.batch(size * size),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


def coding(*, tools: bool, state: str) -> dict[str, Any]:
    """Say how images were coded, as attributes of a store.

    Parameters
    ----------
    tools : bool
    state : {"fresh", "carried"}
        What is carried from image to image depends on their order, which is then said as well: that
        of the ids, of which `images_digest` is the digest.
    """
    order = {"image_order": "that of the dataset id"} if state == CARRIED else {}
    return {"tools": tools, "state": state} | order


def resumption(code: str | None, state: str = "fresh", **others: Any) -> dict[str, Any] | None:
    """Say what the rows of a store depend on beside its attributes, as `store.create` takes it.

    Parameters
    ----------
    code : str or None
        Digest of the code; None where nothing is to be resumed.
    state : {"fresh", "carried"}
        What is carried from image to image is lost with the job that carried it.
    **others : JSON values

    Returns
    -------
    dict or None
    """
    if code is None:
        return None
    if state == CARRIED:
        logger.info(
            "state: carried: an image depends on those before it. If this job is stopped, it "
            "starts over"
        )
        return None
    return {"code": code} | others


def machine(codec: JpegAI) -> str:
    """Name what computes, where last bits depend on it: a GPU's model, a CPU's instructions."""
    if codec.device.type == "cuda":
        return torch.cuda.get_device_name(codec.device)
    return f"{_cpu_model()}, {torch.backends.cpu.get_cpu_capability()}"


def _cpu_model() -> str:
    """Name the CPU as Linux does: libraries choose their algorithms by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def row_blocks(batch: int, *, done: int, total: int) -> list[tuple[int, int]]:
    """Divide rows into the blocks that are worked on together: start and stop.

    The blocks are the same whether or not images are done, since on a GPU last bits depend on the
    neighbours in a batch; a block of which a part is done is done again.
    """
    if done == total:
        return []
    rows = max(BLOCK, batch)
    return [(start, min(start + rows, total)) for start in range(done // rows * rows, total, rows)]


def analyse(
    codec: JpegAI,
    chosen: Sequence[Chosen],
    *,
    root: Path,
    size: int,
    model: int,
    output: Path,
    code: str | None = None,
) -> None:
    """Encode images to y and write the store, complete or not at all.

    Parameters
    ----------
    codec : JpegAI
    chosen : sequence of Chosen
        Images of one shard, in the order of the store; there may be none.
    root : Path
        Folder of the data set.
    size : int
        Width and height, pixels.
    model : int
        Model id.
    output : Path
    code : str, optional
        Digest of the code. With it, what is done stays beside the output when the job is stopped,
        and the next one with the same request goes on there.

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
    described = attributes(codec, kinds=("encoder",), models=[model], size=size) | {
        "image_size": size,
        "images_digest": list_digest(chosen),
    }
    began = time.monotonic()
    with store.create(
        output,
        ids=[image.id for image in chosen],
        datasets=datasets | {"model": ((), np.int8)},
        attributes=described,
        resume=resumption(code, decoder=decoder_version()),
        machine=machine(codec),
    ) as writer:
        blocks = row_blocks(described["batch"], done=writer.done, total=len(chosen))
        progress = Progress(len(chosen), "images", done=blocks[0][0] if blocks else len(chosen))

        def load(block: tuple[int, int]) -> NDArray[np.uint8]:
            return _read_images(root, chosen[slice(*block)], size)

        def encode(block: tuple[int, int], pixels: NDArray[np.uint8]) -> Coded:
            rgb = torch.from_numpy(pixels).permute(0, 3, 1, 2)
            return codec.encode(rgb, model=model, latents=("y",))

        def write(block: tuple[int, int], coded: Coded) -> None:
            # Copied from a GPU here, so that the next batch need not wait for it.
            arrays = {f"{name}/y": getattr(coded, name).y.cpu().numpy() for name in CHANNELS}
            count = len(coded.model)
            writer.write(block[0], arrays | {"model": np.full(count, model)})
            progress.advance(count)

        run_blocks(
            blocks,
            load=load,
            work=encode,
            write=write,
            loaders=_loaders(codec),
        )
    logger.info("wrote %s (%d images, %.0f s)", output, len(chosen), time.monotonic() - began)


def _loaders(codec: JpegAI) -> int:
    """Give the number of threads that decode images: one image takes 1 to 2 ms."""
    if codec.device.type != "cuda":
        return 1
    return min(GPU_LOADERS, len(os.sched_getaffinity(0)))


def _read_images(root: Path, chosen: Sequence[Chosen], size: int) -> NDArray[np.uint8]:
    """Decode the images of a block, (n, size, size, 3).

    Raises
    ------
    UserError
        Names all that are not what was indexed, or the first ones and how many there are.
    """
    pixels, unusable = [], []
    for image in chosen:
        try:
            pixels.append(_unchanged(root / image.path, image.sha256, size))
        except UserError as error:
            unusable.append(str(error).rstrip(". "))
    if unusable:
        others = len(unusable) - NAMED
        named = "; ".join(unusable[:NAMED]) + (f"; and {others} more" if others > 0 else "")
        which = "the image" if len(unusable) == 1 else "these images"
        raise UserError(
            f"{named}. Restore {which} and run snakemake again, or delete images.tsv of the run "
            "first to go on without"
        )
    return np.stack(pixels)


def _unchanged(path: Path, sha256: str, size: int) -> NDArray[np.uint8]:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if found != sha256:
        raise UserError(f"{path}: has changed since it was indexed")
    return decode(path, size, advice="")


@contextmanager
def analysed_stores(codec: JpegAI, paths: Sequence[Path]) -> Iterator[dict[int, store.Store]]:
    """Open stores of y of the same images, by the one model id that each has.

    Raises
    ------
    UserError
        If one is missing or damaged, was made with other weights or from other images.
    """
    with ExitStack() as stack:
        opened: dict[int, store.Store] = {}
        images = None
        for path in paths:
            sidecar = store.read_sidecar(store.sidecar_path(path))
            (model,) = sidecar["attributes"]["models"]
            encoder = weight_parts.digest(codec.folder, codec.used_parts(("encoder",), model))
            opened[model] = stack.enter_context(
                store.open_store(path, images_digest=images, weights_digest=encoder)
            )
            images = opened[model].attributes["images_digest"]
        yield opened


def quantise(
    codec: JpegAI,
    analysed: Sequence[Path],
    *,
    models: NDArray[np.integer],
    betas: NDArray[np.integer],
    output: Path,
    tools: bool = True,
    state: str = "fresh",
    y_hat: str = "after_lsbs",
    extras: Sequence[str] = (),
    code: str | None = None,
) -> None:
    """Make y_hat of every image, each with its own model id and displacement.

    Parameters
    ----------
    codec : JpegAI
    analysed : sequence of Path
        Stores of y, of every model id that occurs in the whole split.
    models : ndarray, integer, (N,)
        Model ids, 0..3.
    betas : ndarray, integer, (N, 2)
        Displacement of luma and chroma.
    output : Path
        Store of y_hat, model, displacement, estimated rate and extras; not of y.
    tools : bool
    state : {"fresh", "carried"}
        With "carried" the first image fixes the GRFS flags of every model id: the matcher has tried
        them all on it.
    y_hat : {"after_lsbs", "before_lsbs"}
    extras : sequence of str
        Keys of `EXTRAS`.
    code : str, optional
        As in `analyse`. With `state` "carried" a job that is stopped starts over.

    Raises
    ------
    UserError
        As `analysed_stores`, or if files of the codec are missing.
    """
    carried = State() if state == CARRIED else None
    kept = [Y_HAT[y_hat], *(name for extra in extras for name in EXTRAS[extra])]
    with analysed_stores(codec, analysed) as sources:
        used = sorted(sources)
        first = sources[used[0]]
        size = first.attributes["image_size"]
        described = attributes(codec, kinds=("encoder", "entropy"), models=used, size=size)
        described |= {key: first.attributes[key] for key in ("image_size", "images_digest")}
        described |= coding(tools=tools, state=state) | {"y_hat": y_hat, "extras": list(extras)}
        if carried:
            for model in np.unique(models).tolist():
                y = _read_y(sources[model], 0, 1)
                codec.quantise(*y, model, tools=tools, size=(size, size), state=carried)
        points = np.column_stack([models, betas]).astype("<i8")
        with store.create(
            output,
            ids=first.ids,
            datasets=_datasets(kept, size) | PER_IMAGE,
            attributes=described,
            compressed=[f"{part}/{name}" for part in CHANNELS for name in COMPRESSED],
            machine=machine(codec),
            resume=resumption(
                code,
                state,
                y=[sources[model].digest for model in used],
                points=hashlib.sha256(points.tobytes()).hexdigest(),
            ),
        ) as writer:
            blocks = row_blocks(described["batch"], done=writer.done, total=len(first))
            progress = Progress(len(first), "images", done=blocks[0][0] if blocks else len(first))

            def load(block: tuple[int, int]) -> dict[int, tuple[NDArray[np.intp], Planes]]:
                here = models[slice(*block)]
                return {
                    model: (np.flatnonzero(here == model), _read_y(sources[model], *block))
                    for model in np.unique(here).tolist()
                }

            def code_block(
                block: tuple[int, int], ys: dict[int, tuple[NDArray[np.intp], Planes]]
            ) -> list[tuple[NDArray[np.intp], Coded]]:
                return [
                    (
                        rows,
                        codec.quantise(
                            luma[rows],
                            chroma[rows],
                            model,
                            torch.from_numpy(betas[slice(*block)][rows].astype(np.int64)),
                            tools,
                            kept,
                            size=(size, size),
                            state=carried,
                        ),
                    )
                    for model, (rows, (luma, chroma)) in ys.items()
                ]

            def write(block: tuple[int, int], pieces: list[tuple[NDArray[np.intp], Coded]]) -> None:
                count = block[1] - block[0]
                arrays: dict[str, NDArray[Any]] = {}
                for rows, coded in pieces:
                    for name, values in _arrays(coded, kept).items():
                        shape = (count, *values.shape[1:])
                        arrays.setdefault(name, np.empty(shape, values.dtype))[rows] = values
                writer.write(block[0], arrays)
                progress.advance(count)

            run_blocks(
                blocks,
                load=load,
                work=code_block,
                write=write,
            )


def rebuild(
    codec: JpegAI, path: Path, rows: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rebuild y_hat of some images from their symbols alone, as a decoder does.

    Parameters
    ----------
    codec : JpegAI
        With the entropy files that the store was made with.
    path : Path
        A store with the extras q, z_hat and flags; y_hat itself is not read.
    rows : sequence of int

    Returns
    -------
    luma, chroma : ndarray, float32, (rows, 160 or 96, h, w)
        What the store holds as y_hat: after or before LSBS. On a CPU with one thread equal to it to
        the last bit, if it was made so.

    Raises
    ------
    UserError
        If the store does not hold the symbols or was made with other weights.
    """
    with store.open_store(path) as source:
        needed = [f"{part}/{name}" for part in CHANNELS for name in REBUILT_FROM]
        missing = [name for name in needed if name not in source.names]
        if missing:
            raise UserError(
                f"{path}: no dataset {', '.join(missing)}, which y_hat is rebuilt from. Run "
                "snakemake with store.extras: [q, z_hat, flags]"
            )

        def read(name: str) -> torch.Tensor:
            return torch.from_numpy(
                np.concatenate([source.read(name, row, row + 1) for row in rows])
            )

        model = read("model").long()
        _check_entropy_files(codec, source, model.unique().tolist())
        size = source.attributes["image_size"]
        latents = {
            part: Latents(
                q=read(f"{part}/q"), z_hat=read(f"{part}/z_hat"), grfs=read(f"{part}/grfs").bool()
            )
            for part in CHANNELS
        }
        coded = codec.rebuild(
            Coded(
                **latents,
                model=model,
                beta=read("beta").long(),
                bits=read("bits"),
                size=(size, size),
                tools=source.attributes["tools"],
            )
        )
        kind = Y_HAT[source.attributes["y_hat"]]
    luma, chroma = (getattr(getattr(coded, part), kind).cpu().numpy() for part in CHANNELS)
    return luma, chroma


def _check_entropy_files(codec: JpegAI, source: store.Store, models: Sequence[int]) -> None:
    used = [part for model in models for part in codec.used_parts(("entropy",), model)]
    for name, digest in weight_parts.digests(codec.folder, used).items():
        if source.attributes["weight_files"].get(name) != digest:
            raise UserError(
                f"{codec.folder / name}: is not the file that {source.path} was made with. Name "
                "the folder of that run as weights"
            )


def _read_y(source: store.Store, start: int, stop: int) -> Planes:
    luma, chroma = (torch.from_numpy(source.read(f"{part}/y", start, stop)) for part in CHANNELS)
    return luma, chroma


def _datasets(kept: Sequence[str], size: int) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Give shape of one image and dtype of what is kept of the latents of both components."""
    side = -(-size // 16)
    hyper, cube = -(-side // 4), -(-side // 16)
    found: dict[str, tuple[tuple[int, ...], Any]] = {}
    for part, channels in CHANNELS.items():
        known = {
            "q": ((channels, side, side), np.int16),
            "z_hat": ((channels, hyper, hyper), np.int8),
            "gain": ((channels,), np.float32),
            "grfs": ((channels,), np.int8),
            "cube": ((4, cube, cube), np.int8),
        }
        for name in kept:
            stored = "y_hat" if name in Y_HAT.values() else name
            found[f"{part}/{stored}"] = known.get(name, ((channels, side, side), np.float32))
    return found


def _arrays(coded: Coded, kept: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Give what a store holds of coded images."""
    bits = coded.bits.numpy()
    arrays = {
        "model": coded.model.numpy(),
        "beta": coded.beta.numpy(),
        "bits": bits,
        "bpp": bits.sum(axis=1) / (coded.size[0] * coded.size[1]),
    }
    for part in CHANNELS:
        for name in kept:
            stored = "y_hat" if name in Y_HAT.values() else name
            arrays[f"{part}/{stored}"] = getattr(getattr(coded, part), name).cpu().numpy()
    return arrays
