"""How batch size, threads and the rounding of products change latents, on real pictures.

    PYTHONPATH=workflow/lib python benchmarks/invariance.py --weights FOLDER --images FOLDER

Prints one row a variant, against one picture at a time on one thread in float32, as the product
computes on a CPU: the largest difference of y over its root mean square, images and symbols that
differ. TF32 and bfloat16 are made by rounding what is multiplied, sums staying float32, as GPUs do.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec import Coded, JpegAI
from latentprint.codec import codec as order
from latentprint.image_files import decode

COMPONENTS = ("luma", "chroma")
TF32_DROPPED = 13  # of 23 bits of the fraction


def main() -> None:
    """Print the table of one operating point."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures of one size")
    parser.add_argument("--operating-point", default="BOP", choices=("BOP", "HOP"))
    parser.add_argument("--n", type=int, default=16, help="pictures")
    parser.add_argument("--model", type=int, default=3)
    options = parser.parse_args()

    paths = sorted(path for path in options.images.rglob("*") if path.suffix in (".jpg", ".png"))
    rgb = torch.stack([torch.from_numpy(decode(path)) for path in paths[: options.n]])
    rgb = rgb.permute(0, 3, 1, 2)
    codec = JpegAI.load(options.weights, options.operating_point)

    def code(batch: int = 1, threads: int = 1) -> Coded:
        order.CPU_BATCH = batch
        torch.set_num_threads(threads)
        return codec.encode(rgb, model=options.model, latents=("y", "q", "z_hat", "y_hat"))

    began = time.process_time()
    base = code()
    spent = (time.process_time() - began) / len(rgb)
    print(
        f"{options.operating_point}, model {options.model}, {len(rgb)} pictures of "
        f"{rgb.shape[-1]} x {rgb.shape[-2]}, {spent:.2f} CPU s a picture"
    )
    heading = ("variant", "y, of RMS", "images", "z_hat", "q", "y_hat, largest")
    print("{:<28}{:>12}{:>9}{:>8}{:>9}{:>16}".format(*heading))
    for batch in (2, 4, 8, 16):
        show(f"batch {batch}", base, code(batch))
    show("2 threads", base, code(threads=2))
    show("batch 16, 2 threads", base, code(16, 2))
    with rounded(tf32):
        show("TF32 products", base, code())
    with rounded(lambda x: x.bfloat16().float()):
        show("bfloat16 products", base, code())


def show(name: str, base: Coded, other: Coded) -> None:
    """Print one row; `images` are those of which a symbol differs."""
    worst = {"y": 0.0, "y_hat": 0.0}
    changed = torch.zeros(len(base.model), dtype=torch.bool)
    symbols = {"z_hat": 0, "q": 0}
    for component in COMPONENTS:
        ours, theirs = getattr(base, component), getattr(other, component)
        rms = float(ours.y.square().mean().sqrt())
        worst["y"] = max(worst["y"], float((ours.y - theirs.y).abs().max()) / rms)
        worst["y_hat"] = max(worst["y_hat"], float((ours.y_hat - theirs.y_hat).abs().max()))
        for kind in symbols:
            differ = getattr(ours, kind) != getattr(theirs, kind)
            symbols[kind] += int(differ.sum())
            changed |= differ.flatten(1).any(dim=1)
    print(
        f"{name:<28}{worst['y']:>12.1e}{int(changed.sum()):>9}{symbols['z_hat']:>8}"
        f"{symbols['q']:>9}{worst['y_hat']:>16.2g}",
        flush=True,
    )


def tf32(x: Tensor) -> Tensor:
    """Round float32 to the 10 bits of fraction that TF32 keeps, half to even."""
    bits = x.contiguous().view(torch.int32)
    half = (1 << (TF32_DROPPED - 1)) - 1 + ((bits >> TF32_DROPPED) & 1)
    return (((bits + half) >> TF32_DROPPED) << TF32_DROPPED).view(torch.float32)


@contextmanager
def rounded(rounding: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Round both factors of every convolution of float32 tensors; attention stays as it is."""
    kept = {name: getattr(F, name) for name in ("conv2d", "conv_transpose2d")}

    def wrapped(name: str) -> Callable[..., Tensor]:
        def convolve(x: Tensor, kernel: Tensor, *rest: Any, **options: Any) -> Tensor:
            if x.dtype == torch.float32:
                x, kernel = rounding(x), rounding(kernel)
            return kept[name](x, kernel, *rest, **options)

        return convolve

    try:
        for name in kept:
            setattr(F, name, wrapped(name))
        yield
    finally:
        for name, function in kept.items():
            setattr(F, name, function)


if __name__ == "__main__":
    main()
