"""What the layout of the store costs, what features cost, and what rounding to float16 changes.

    PYTHONPATH=workflow/lib python benchmarks/store.py --weights FOLDER --images FOLDER [--n 2000]
        [--work FOLDER] [--run FOLDER ...] [--parts layouts,features,float16] [--threads 1]
        [--markdown docs/storage.md]

Prints Markdown tables; with `--markdown` they replace what stands in that page between the markers
of the same part, and the text around them stays. Latents are those of the pictures; where there are
fewer than `--n`, pictures are taken again, flipped by chance. Costs are CPU seconds, which other
processes disturb least, with the wall time beside them, from memory ("warm") and after the system
was asked to forget the files ("cold"). `--run` names finished runs, of which float16 fits every
cell once more. A module of `store_cost` measures each part. 2,000 images need 0.5 GB of disk for
the latents and as much again for the layout that is being measured.
"""

import argparse
import datetime
import importlib
import importlib.metadata
import logging
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchtools.page import facts, write
from benchtools.processes import machine
from store_cost.setting import Setting

from latentprint.errors import UserError, run

logger = logging.getLogger("store")

PARTS: Mapping[str, str] = {
    "layouts": "store_cost.layouts",
    "features": "store_cost.feature_sets",
    "float16": "store_cost.rounding",
}
VERSIONS = ("numpy", "h5py", "scikit-learn")


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, help="folder, official layout")
    parser.add_argument("--images", type=Path, help="folder of pictures of one size")
    parser.add_argument("--n", type=int, default=2000, help="images of layouts and features")
    parser.add_argument(
        "--work", type=Path, help="folder for the files, kept; else a temporary one"
    )
    parser.add_argument("--run", type=Path, nargs="+", default=[], help="finished runs, of float16")
    parser.add_argument("--parts", default=",".join(PARTS), help="of layouts,features,float16")
    parser.add_argument("--threads", type=int, default=1, help="of float16")
    parser.add_argument("--markdown", type=Path, help="page to write the tables to")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        raise UserError(
            f"--parts {options.parts}: {', '.join(sorted(unknown))} is no part, expected "
            f"{','.join(PARTS)}"
        )
    if {"layouts", "features"} & set(parts) and not (options.weights and options.images):
        raise UserError("--weights and --images are needed for layouts and features")
    if "float16" in parts and not options.run:
        raise UserError("--run: float16 needs the folder of a finished run, or several")
    if options.n < 4 or options.threads < 1:
        raise UserError(f"--n {options.n}, --threads {options.threads}: expected 4 and 1 or more")
    blocks = {}
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(
            weights=options.weights,
            images=options.images,
            n=options.n,
            work=options.work or Path(folder),
            runs=tuple(options.run),
            threads=options.threads,
        )
        for part in parts:
            blocks[part] = measured(setting, part)
            print(f"\n{part}. {blocks[part]}", flush=True)
    if options.markdown:
        write(options.markdown, "store.py", blocks)


def measured(setting: Setting, part: str) -> str:
    """Measure a part; on what and when, and its tables."""
    logger.info("part %s", part)
    began = time.monotonic()
    module = importlib.import_module(PARTS[part])
    tables = module.tables(setting)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS)
    described = facts(
        {
            "date": f"{datetime.date.today().isoformat()}, {time.monotonic() - began:.0f} s",
            "machine": machine(),
            "versions": f"Python {platform.python_version()}, {versions}",
            "latents": module.described(setting),
            "command": f"`{command(setting, part)}`",
        }
    )
    return "\n".join([described, *(table.markdown() for table in tables)])


def command(setting: Setting, part: str) -> str:
    """Give the command line, without the folders' names."""
    given = f"--weights FOLDER --images FOLDER --n {setting.n}"
    if part == "float16":
        given = f"--run {' '.join(['FOLDER'] * len(setting.runs))} --threads {setting.threads}"
    return f"python benchmarks/store.py {given} --parts {part}"


if __name__ == "__main__":
    run(main)
