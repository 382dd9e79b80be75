"""Step: two finished runs -> a page on the terminal with both, and its table and figure."""

import argparse
from pathlib import Path

from latentprint.compare.finished_runs import find_runs
from latentprint.compare.matching import compare
from latentprint.compare.page import page
from latentprint.errors import run


def main() -> None:
    """Compare two runs, write the files of the comparison, print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="two names of runs, or folders: ONE,OTHER")
    parser.add_argument("--by", default="bpp", help="match levels of bpp by value (bpp) or order")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all runs")
    options = parser.parse_args()

    first, second = find_runs(options.runs, options.results)
    comparison = compare(first, second, by=options.by)
    folder = options.results / "compare" / f"{first.name}-vs-{second.name}"
    from latentprint.compare.files import write_comparison  # after all refusals: it loads slowly

    write_comparison(comparison, folder)
    print(page(comparison, folder), end="")


if __name__ == "__main__":
    run(main)
