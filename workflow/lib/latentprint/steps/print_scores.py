"""Step: the scores of a folder -> a few lines on the terminal, and where table and page are."""

import argparse
import csv
from collections import Counter
from pathlib import Path

from latentprint.errors import UserError, run
from latentprint.scoring.listing import scores_name


def main() -> None:
    """Print counts of a table of scores to standard output; nothing is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument("--images", type=Path, required=True, help="folder that was scored")
    options = parser.parse_args()

    folder = options.results / "scores_of" / scores_name(options.images)
    counts: Counter[str] = Counter()
    try:
        with (folder / "scores.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                counts[row["threshold"] or "not scored"] += 1
    except OSError as error:
        raise UserError(
            f"{folder / 'scores.tsv'}: cannot be read ({error.strerror}). Run make score again."
        ) from error
    for words, count in sorted(counts.items()):
        print(f"{count:6d}  {words}")
    print(f"\nPage   {folder / 'index.html'}\nTable  {folder / 'scores.tsv'}")


if __name__ == "__main__":
    run(main)
