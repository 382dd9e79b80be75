"""What encoding costs: stages beside their multiply-accumulates, batches, the thesis' way.

    PYTHONPATH=workflow/lib python benchmarks/encode.py --weights FOLDER --images FOLDER
        [--n 16] [--parts A,B,C,D,E] [--threads 1,2] [--batches 1,4,16,64] [--device cuda]
        [--markdown docs/speed.md]

Prints Markdown tables; with `--markdown` they replace what stands in that page between the markers
of the same part, and the text around them stays. On a CPU costs are CPU seconds, which other
processes disturb least, with the wall time beside them; on a GPU they are wall seconds between two
synchronisations (the GPU paths are untested). Operating points of which the folder has no weights
are left out. Parts: A the machine's matrix rate at the shapes of the layers, B stages, C batches
and threads, D one image at a time as the thesis did, E extraction from files to stores. A module of
`encoding_cost` measures each. With the options above, all of them are about eight minutes on two
cores; C takes three quarters of it, and 7 GB of memory.
"""

import argparse
import datetime
import logging
import platform
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import torch
from benchtools.page import Table, facts, write
from benchtools.processes import machine
from encoding_cost import batches, extractions, matrix_rates, one_by_one, stages
from encoding_cost.setting import MODEL, Setting, able_points, chosen_files, has

from latentprint.codec import weights as weight_parts
from latentprint.errors import UserError, run
from latentprint.image_files import decode

logger = logging.getLogger("encode")

PARTS: Mapping[str, Callable[[Setting], list[Table]]] = {
    "A": matrix_rates.tables,
    "B": stages.tables,
    "C": batches.tables,
    "D": one_by_one.tables,
    "E": extractions.tables,
}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, required=True, help="folder, official layout")
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures of one size")
    parser.add_argument("--n", type=int, default=16, help="pictures; D takes a quarter of them")
    parser.add_argument("--parts", default=",".join(PARTS), help="of A,B,C,D,E")
    parser.add_argument("--threads", default="1,2", help="of A and C; a GPU has 1")
    parser.add_argument("--batches", default="1,4,16,64", help="of C; pictures may repeat")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--markdown", type=Path, help="page to write the tables to")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        raise UserError(
            f"--parts {options.parts}: {', '.join(sorted(unknown))} is no part, expected A,B,C,D,E"
        )
    if options.n < 1:
        raise UserError(f"--n {options.n}: expected a number of pictures, 1 or more")
    threads = counts("--threads", options.threads)
    setting = Setting(
        weights=options.weights,
        device=options.device,
        files=chosen_files(options.images, options.n),
        points=able_points(options.weights, options.device),
        threads=threads if options.device == "cpu" else (1,),
        batches=counts("--batches", options.batches),
    )
    described = conditions(setting, command(options))
    print(described)
    # Some parts alone leave the page's conditions as they are: they are those of the others.
    blocks = {"conditions": described} if set(parts) == set(PARTS) else {}
    for part in parts:
        blocks[part] = measured(setting, part)
        print(f"\n{part}. {blocks[part]}", flush=True)
    if options.markdown:
        write(options.markdown, "encode.py", blocks)


def counts(option: str, text: str) -> tuple[int, ...]:
    """Read numbers with commas, in growing order."""
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise UserError(f"{option} {text}: expected numbers with commas, such as 1,2")
    return tuple(sorted({int(count) for count in text.split(",")}))


def measured(setting: Setting, part: str) -> str:
    """Measure a part; its tables and when they were made."""
    logger.info("part %s", part)
    began = time.monotonic()
    with torch.no_grad():
        tables = PARTS[part](setting)
    logger.info("part %s: %.0f s", part, time.monotonic() - began)
    # Parts can be measured in runs of their own: each says when, and on how many pictures.
    of = f"*{len(setting.files)} pictures, {datetime.date.today().isoformat()}.*\n"
    return "\n".join([*(table.markdown() for table in tables), of])


def command(options: argparse.Namespace) -> str:
    """Give the command line, without the folders' names."""
    flags = [f"--n {options.n}", f"--parts {options.parts}", f"--threads {options.threads}"]
    if "C" in options.parts:
        flags.append(f"--batches {options.batches}")
    if options.device != "cpu":
        flags.append(f"--device {options.device}")
    return " ".join(["python benchmarks/encode.py --weights FOLDER --images FOLDER", *flags])


def conditions(setting: Setting, command: str) -> str:
    """Say on what, with what and when the tables were made."""
    gpu = "" if setting.device == "cpu" else f", {torch.cuda.get_device_name()}"
    height, width = decode(setting.files[0]).shape[:2]
    rows = {
        "date": datetime.date.today().isoformat(),
        "machine": machine() + gpu,
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"numpy {np.__version__}, h5py {h5py.__version__}",
        "pictures": f"{len(setting.files)} of {width} x {height}",
        **weights_used(setting),
        "command": f"`{command}`",
    }
    return facts(rows)


def weights_used(setting: Setting) -> dict[str, str]:
    """Say where the weights of model 3 come from, with the start of their digest."""
    named = {"official": "official", "embedded": "the product's own", "other": "synthetic or other"}
    wanted = [
        (f"{point} {kind}s", point, kind)
        for point in setting.points
        for kind in ("encoder", "decoder")
    ]
    wanted.append(("entropy files", setting.points[0], "entropy"))
    found = {}
    for name, point, kind in wanted:
        codec = setting.codec(point)
        if has(codec, kind):
            used = codec.used_parts((kind,), MODEL)
            source = named[weight_parts.source(setting.weights, used)]
            digest = weight_parts.digest(setting.weights, used)[:12]
            found[f"{name}, model {MODEL}"] = f"{source} (digest {digest})"
    return found


if __name__ == "__main__":
    run(main)
