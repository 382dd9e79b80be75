"""Model id and displacement of every image for a target rate, from stored y, with progress."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from latentprint import store
from latentprint.codec import JpegAI, State
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.matcher import Decision, check_target
from latentprint.extraction import (
    CARRIED,
    analysed_stores,
    attributes,
    coding,
    machine,
    resumption,
    row_blocks,
)
from latentprint.pipeline import run_blocks
from latentprint.progress import Progress

logger = logging.getLogger(__name__)

Planes = dict[int, torch.Tensor]  # of every model id

FOUND = {
    "model": ((), np.int8),
    "beta": ((2,), np.int16),
    "bpp": ((), np.float64),
    "found": ((), np.int8),
    "trials": ((), np.int16),
}


def match_rates(
    codec: JpegAI,
    analysed: Sequence[Path],
    *,
    bpp: float,
    output: Path,
    tools: bool = True,
    state: str = "fresh",
    code: str | None = None,
) -> None:
    """Find the operating point of every image, and write it to a small store.

    Parameters
    ----------
    codec : JpegAI
    analysed : sequence of Path
        Stores of y of all four model ids.
    bpp : float
        Target, hundredths of a bit per pixel.
    output : Path
        Store of model id, displacement and rate of every image; `found`: 1 where the search
        accepted a rate, 0 where the last one that it tried stands; `trials`: rates that it asked
        for, one fewer than the reference software computes wherever it searches (the end of the
        bracket that cannot matter).
    tools : bool
    state : {"fresh", "carried"}
        With "carried" GRFS flags and tolerances are carried from image to image, in the order of
        the stores; a job that is stopped then starts over.
    code : str, optional
        Digest of the code. With it, what is done stays beside the output when the job is stopped,
        and the next one with the same request goes on there.

    Raises
    ------
    UserError
        If a store or a file of the codec is missing or wrong.
    """
    carried = State() if state == CARRIED else None
    with analysed_stores(codec, analysed) as sources:
        first = next(iter(sources.values()))
        size = first.attributes["image_size"]
        described = attributes(
            codec, kinds=("encoder", "entropy"), models=sorted(sources), size=size
        )
        described |= {key: first.attributes[key] for key in ("image_size", "images_digest")}
        described |= coding(tools=tools, state=state) | {"target_bpp": check_target(bpp)}
        with store.create(
            output,
            ids=first.ids,
            datasets=FOUND,
            attributes=described,
            resume=resumption(code, state, y=[sources[m].digest for m in sorted(sources)]),
            machine=machine(codec),
        ) as writer:
            blocks = row_blocks(described["batch"], done=writer.done, total=len(first))
            progress = Progress(len(first), "images", done=blocks[0][0] if blocks else len(first))

            def load(block: tuple[int, int]) -> list[Planes]:
                return [
                    {
                        model: torch.from_numpy(source.read(f"{part}/y", *block))
                        for model, source in sources.items()
                    }
                    for part in CHANNELS
                ]

            def decide(block: tuple[int, int], planes: list[Planes]) -> list[Decision]:
                return codec.match(*planes, bpp, size=(size, size), tools=tools, state=carried)

            def write(block: tuple[int, int], decisions: list[Decision]) -> None:
                writer.write(
                    block[0],
                    {
                        "model": np.array([decision.model for decision in decisions]),
                        "beta": np.array([[decision.beta] * 2 for decision in decisions]),
                        "bpp": np.array([decision.bpp for decision in decisions]),
                        "found": np.array([decision.found for decision in decisions]),
                        "trials": np.array([len(decision.trials) for decision in decisions]),
                    },
                )
                progress.advance(len(decisions))

            run_blocks(
                blocks,
                load=load,
                work=decide,
                write=write,
            )
    with store.open_store(output) as made:
        found = zip(made.read("model").tolist(), made.read("found").tolist(), strict=True)
        ended = Counter(found)
    for (model, found), count in sorted(ended.items()):
        how = "accepted" if found else "out of reach, the last one tried stands"
        logger.info("%g bpp, model id %d: %d images, rate %s", bpp, model, count, how)
