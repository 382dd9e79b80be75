"""How long Snakemake takes before the first job: a dry run of the thesis, a run with nothing to do.

    python benchmarks/start.py [--markdown docs/reruns.md]

Beside them what Snakemake needs to start at all. The dry run is of config/thesis.yaml on lists of
the data set's size without images; the other is of the demo, which has to be finished (make demo).
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchtools import page, processes
from benchtools.page import Table, number

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
ROWS = {"train": 100_000, "valid": 20_000, "test": 20_000}
BETAS = ("0.002", "0.012", "0.075", "0.5")
FILES = ("VM_hop/encoder_Y", "VM_hop/encoder_UV", "VM_common_int/Y", "VM_common_int/UV")


def main() -> None:
    """Measure each several times, in turn; print, and write into a page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--markdown", type=Path, help="page to write into")
    options = parser.parse_args()

    check_demo()
    with tempfile.TemporaryDirectory() as folder:
        given = skeleton(Path(folder))
        commands = {
            "`snakemake --version`": ["--version"],
            "dry run of `config/thesis.yaml`": [
                "--dry-run", "--quiet", "all", "--configfile", "config/thesis.yaml",
                "--config", *given,
            ],
            "the finished demo, nothing to do": ["--cores", "1", "--quiet", "all"],
        }  # fmt: skip
        seconds = {name: [] for name in commands}
        for _ in range(options.repeats):
            for name, arguments in commands.items():
                seconds[name].append(run(arguments))
    table = Table(
        "Before the first job",
        ["", "CPU s, median", "smallest", "largest", "wall s, median"],
        [row(name, found) for name, found in seconds.items()],
        f"{options.repeats} times in turn, {processes.machine()}.",
    )
    print(table.markdown())
    if options.markdown:
        page.write(options.markdown, Path(__file__).name, {"start": table.markdown()})


def skeleton(folder: Path) -> list[str]:
    """Make lists of images and names of weights; give the configuration that points at them."""
    for split, count in ROWS.items():
        lines = [",original_path,id,label,label_str,path"]
        for row in range(count):
            word, name = ("real", "fake")[row % 2], f"{split}{row:06d}"
            path = f"{split}/{word}/{name}.jpg"
            lines.append(f"{row},x/{name}.jpg,{name},{int(word == 'real')},{word},{path}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    for name in FILES:
        for beta in BETAS:
            path = folder / f"{name}_{beta}.pth"
            path.parent.mkdir(exist_ok=True)
            path.touch()
    return [f"images_root={folder}", f"weights={folder}"]


def run(arguments: list[str]) -> tuple[float, float]:
    """Give CPU and wall seconds of one Snakemake."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run([*SNAKEMAKE, *arguments], cwd=ROOT, capture_output=True, text=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise SystemExit(f"error: snakemake {' '.join(arguments)}:\n{ended.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def check_demo() -> None:
    """Stop where the demo has something to do: its jobs would be timed."""
    command = [*SNAKEMAKE, "--dry-run", "--quiet", "rules"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    if "Nothing to be done" not in found.stdout:
        raise SystemExit("error: the demo is not finished. Run make demo first")


def row(name: str, found: list[tuple[float, float]]) -> list[str]:
    """Write one line of the table."""
    cpu, wall = zip(*found, strict=True)
    middle = statistics.median
    return [name, *(number(value) for value in (middle(cpu), min(cpu), max(cpu), middle(wall)))]


if __name__ == "__main__":
    main()
