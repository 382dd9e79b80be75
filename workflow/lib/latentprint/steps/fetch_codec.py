"""Step: a folder of codec weights -> what it holds, what it can run, how to get the rest."""

import argparse
from pathlib import Path

from latentprint.errors import run
from latentprint.weight_check import able, inspect, unused
from latentprint.weight_page import HOW_TO_GET, render


def main() -> None:
    """Print to standard output; exit status 0 if something can be run, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="folder in the official layout")
    options = parser.parse_args()

    if options.weights is None:
        print(HOW_TO_GET)
        raise SystemExit(1)
    found = inspect(options.weights)
    print(render(options.weights, found, unused(options.weights)))
    if not any(ids for points in able(found).values() for ids in points.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    run(main)
