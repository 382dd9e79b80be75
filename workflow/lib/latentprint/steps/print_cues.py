"""Print what the forensic cues of a run found, and where tables and figures are."""

import argparse
from pathlib import Path

from latentprint.cues.registry import CUES
from latentprint.cues.trials import DETECTOR
from latentprint.detectors.names import read_rows
from latentprint.errors import run


def main() -> None:
    """Write a few lines to the terminal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder cues of a run")
    options = parser.parse_args()

    for cue, entry in CUES.items():
        table = options.results / cue / "accuracy.tsv"
        if not table.is_file():
            continue
        rows = [row for row in read_rows(table) if row["task"] == DETECTOR]
        for row in rows:
            share, low, high = (
                float(row[name]) for name in ("accuracy", "accuracy_low", "accuracy_high")
            )
            print(
                f"{cue:<13} {entry.load().QUESTION:<52} right {share:.1%} "
                f"(95 %: {low:.1%} to {high:.1%}) of {row['n']} pictures"
            )
    print(f"tables and figures: {options.results / 'shown'}")


if __name__ == "__main__":
    run(main)
