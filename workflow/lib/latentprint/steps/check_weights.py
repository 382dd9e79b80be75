"""Step: a folder of codec weights -> which official files it holds, one line per file."""

import argparse
from collections import Counter
from pathlib import Path

from latentprint.errors import run
from latentprint.weight_check import states, usable


def main() -> None:
    """Print the state of every file to standard output; nothing is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="folder in the official layout")
    options = parser.parse_args()

    found = states(options.weights)
    for path, state in found.items():
        print(f"{state:<8} {path}")
    counts = ", ".join(f"{count} {state}" for state, count in Counter(found.values()).items())
    print(f"\n{len(found)} official files: {counts}")
    for what, models in usable(found).items():
        named = ", ".join(str(model) for model in models)
        print(f"{what:<10} model ids {named}" if models else f"{what:<10} none")


if __name__ == "__main__":
    run(main)
