"""Compare every file of a run with what was made: `make verify`."""

import argparse
from pathlib import Path

from latentprint import run_records
from latentprint.errors import UserError, run
from latentprint.progress import Progress
from latentprint.store.reading import verify


def main() -> None:
    """Name every file that is missing or not what was made; say how it is made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    options = parser.parse_args()

    made = run_records.read(options.results)
    if not made:
        raise UserError(
            f"{options.results / run_records.NAME}: no such file, expected the records of a run "
            "that has ended. Start the run again: it is written at its end"
        )
    progress = Progress(sum(one.size for one in made), "bytes")
    faults = 0
    for one in made:
        fault = _fault(options.results, one)
        if fault:
            faults += 1
            print(f"error: {fault}", flush=True)
        progress.advance(one.size)
    stores = sum(_is_store(options.results, one) for one in made)
    if faults:
        raise UserError(
            f"{options.results}: {faults} of {len(made)} files are not what was made; see above"
        )
    print(f"{options.results}: {len(made)} files, {stores} of them stores, are what was made")


def _is_store(results: Path, made: run_records.Made) -> bool:
    return run_records.is_store(results, Path(made.path)) and made.path.endswith(".h5")


def _fault(results: Path, made: run_records.Made) -> str:
    """Say what is wrong with a file; empty where nothing is."""
    path = Path(made.path)
    if not path.exists():
        return f"{path}: is missing. Run the same command again with -- {path} at the end"
    fault = run_records.difference(results, made)
    if fault:
        return f"{path}: {fault}. {run_records.mending(made.path)}"
    if _is_store(results, made):
        try:
            verify(path, behind=False)
        except UserError as error:
            return str(error)
    return ""


if __name__ == "__main__":
    run(main)
