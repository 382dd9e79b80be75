"""Step of the rule index_sources: the pictures that the cues are tried on, one region of each."""

import argparse
import json
import logging
from pathlib import Path

from latentprint.cues import sources
from latentprint.errors import UserError, run
from latentprint.image_tables import Excluded, write_table

logger = logging.getLogger(__name__)


def main() -> None:
    """Write the regions as PNG, the list of them and of what was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folders", type=json.loads, help="JSON: class, name, folder")
    parser.add_argument("--manifest", type=Path, help="in place of folders")
    parser.add_argument("--drawn", type=int, help="in place of both: pictures of each class")
    parser.add_argument("--most", type=int, default=0, help="of each source; 0 = all")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", type=int, required=True, help="side of a region, pixels")
    parser.add_argument("--pictures", type=Path, required=True, help="output: folder")
    parser.add_argument("--list", type=Path, required=True, help="output: sources.tsv")
    parser.add_argument("--exclusions", type=Path, required=True, help="output")
    options = parser.parse_args()

    refused: list[tuple[str, str]] = []
    if options.drawn:
        rows = sources.drawn_sources(
            options.drawn, seed=options.seed, size=options.size, pictures=options.pictures
        )
    else:
        if options.manifest:
            found = sources.read_manifest(options.manifest)
        else:
            found = sources.find(options.folders)
        found = sources.first_of(found, options.most)
        rows, refused = sources.write_sources(found, size=options.size, pictures=options.pictures)
    for kind in ("uncompressed", "synthetic"):
        if not any(row.kind == kind for row in rows):
            raise UserError(
                f"cues: of {len(rows) + len(refused)} pictures none is {kind} and can be used. "
                f"See {options.exclusions} after the next run, or name folders: cues.{kind}"
            )
    sources.write_list(options.list, rows)
    write_table(options.exclusions, Excluded._fields, rows=refused)
    confounded = sum(bool(row.confounded) for row in rows)
    logger.info(
        "wrote %s (%d pictures, %d refused, %d confounded for the colour cue)",
        options.list, len(rows), len(refused), confounded,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
