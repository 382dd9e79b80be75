"""What training costs: scikit-learn beside the engine on bins, on the same cores in one run.

    PYTHONPATH=workflow/lib python benchmarks/train.py [--latents FEATURES] [--n 4000]
        [--values 65536] [--parts forest,accuracy,boosting] [--seeds 3] [--threads 1] [--trees 100]
        [--markdown docs/training.md]

Rows are drawn (they look like latents and have a weak signal), or come from a flatten features file
of a finished run. Prints Markdown tables; with `--markdown` they replace what stands in that page
between the markers of the same part, and the text around them stays. Every fit has a process of its
own; costs are CPU seconds of all its threads, which other work on the machine disturbs least, with
the wall time beside them, without start and compilation. A module of `training_cost` measures each
part.
"""

import argparse
import datetime
import importlib
import importlib.metadata
import logging
import platform
import time
from collections.abc import Mapping
from pathlib import Path

from benchtools.page import facts, write
from benchtools.processes import machine
from training_cost.setting import Setting

from latentprint.errors import UserError, run

logger = logging.getLogger("train")

PARTS: Mapping[str, str] = {
    "forest": "training_cost.forests",
    "accuracy": "training_cost.accuracy",
    "boosting": "training_cost.boosting",
}
OWN_FLAGS: Mapping[str, tuple[str, ...]] = {
    "forest": ("trees", "candidates", "search_trees"),
    "accuracy": ("trees",),
    "boosting": ("rounds",),
}
VERSIONS = ("numpy", "scikit-learn", "numba")


def main() -> None:
    """Run the parts that were asked for."""
    default = Setting()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--latents", type=Path, help="features file, flatten; else rows are drawn")
    parser.add_argument("--n", type=int, default=default.n, help="rows to fit")
    parser.add_argument("--n-test", type=int, default=default.n_test, help="rows to ask")
    parser.add_argument("--values", type=int, default=default.values, help="of rows that are drawn")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--seeds", type=int, default=len(default.seeds), help="repetitions")
    parser.add_argument("--threads", type=int, default=default.threads)
    parser.add_argument("--trees", type=int, default=default.trees, help="of one fit")
    parser.add_argument("--candidates", type=int, default=default.candidates, help="of the search")
    parser.add_argument("--search-trees", type=int, default=default.search_trees)
    parser.add_argument("--rounds", type=int, default=default.rounds, help="of one fit of boosting")
    parser.add_argument("--markdown", type=Path, help="page to write the tables to")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        raise UserError(
            f"--parts {options.parts}: {', '.join(sorted(unknown))} is no part, expected "
            f"{','.join(PARTS)}"
        )
    numbers = {
        name: getattr(options, name)
        for name in ("n", "n_test", "threads", "trees", "candidates", "search_trees", "rounds")
    }
    for name, number in {**numbers, "seeds": options.seeds}.items():
        if number < 1:
            raise UserError(f"--{name.replace('_', '-')} {number}: expected 1 or more")
    setting = Setting(
        features=options.latents,
        values=options.values,
        seeds=tuple(range(options.seeds)),
        **numbers,
    )
    blocks = {}
    for part in parts:
        blocks[part] = measured(setting, part)
        print(f"\n{part}. {blocks[part]}", flush=True)
    if options.markdown:
        write(options.markdown, "train.py", blocks)


def measured(setting: Setting, part: str) -> str:
    """Measure a part; on what and when, and its tables."""
    logger.info("part %s", part)
    began = time.monotonic()
    tables = importlib.import_module(PARTS[part]).tables(setting)
    seconds = time.monotonic() - began
    logger.info("part %s: %.0f s", part, seconds)
    # Parts can be measured in runs of their own: each says on what.
    return "\n".join([conditions(setting, part, seconds), *(one.markdown() for one in tables)])


def conditions(setting: Setting, part: str, seconds: float) -> str:
    """Say on what, with what and when the tables were made."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS)
    flags = {
        "latents": "FEATURES" if setting.features else None,
        "n": setting.n,
        "n-test": setting.n_test,
        "values": None if setting.features else setting.values,
        "parts": part,
        "seeds": len(setting.seeds),
        "threads": setting.threads,
        **{name.replace("_", "-"): getattr(setting, name) for name in OWN_FLAGS[part]},
    }
    given = " ".join(f"--{name} {value}" for name, value in flags.items() if value is not None)
    return facts(
        {
            "date": f"{datetime.date.today().isoformat()}, {seconds:.0f} s",
            "machine": machine(),
            "versions": f"Python {platform.python_version()}, {versions}",
            "rows": setting.described(),
            "command": f"`python benchmarks/train.py {given}`",
        }
    )


if __name__ == "__main__":
    run(main)
