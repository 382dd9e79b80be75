"""What a large run costs: its stages, and fits on more and more of its images.

    PYTHONPATH=workflow/lib python benchmarks/scale.py --run results/scale --markdown docs/scale.md

Stages are read from what Snakemake timed in a finished run of `config/scale.yaml`; the fits are run
here, each in a process of its own.
"""

import argparse
import datetime
import logging
import tempfile
from pathlib import Path

import yaml
from benchtools import page, processes
from scale_cost import fits, stages

from latentprint import store
from latentprint.errors import UserError, run

logger = logging.getLogger(__name__)

SCRIPT = "scale.py"
CASES = {
    "RF, histogram engine, the thesis' hyperparameters": fits.Case(
        "RF", {"name": "histogram", "max_bins": 255}
    ),
    "RF, scikit-learn, 40 of the thesis' 463 trees": fits.Case(
        "RF", {"name": "sklearn"}, {"n_estimators": 40}
    ),
    # Copies of one image on both sides would keep early stopping from stopping.
    "GB, histogram engine, 20 of the thesis' 596 rounds": fits.Case(
        "GB", {"name": "histogram", "max_bins": 63}, {"max_iter": 20}
    ),
}


def main() -> None:
    """Measure, print, and write into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a finished run")
    parser.add_argument("--sizes", default="2000,4000,8000", help="training images of the fits")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", type=Path, help="page that the tables are written into")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]

    blocks = {"conditions": conditions(options.run, options.threads)}
    (point,) = points = sorted({path.parts[-3] for path in options.run.glob(
        "latents/model-*_beta-*/shards/train-0.h5"
    )}) or [None]  # fmt: skip
    if point is None or len(points) != 1:
        raise UserError(f"{options.run}: expected a finished run with one level. Run make scale")
    found = stages.stages(options.run)
    blocks["stages"] = stages.table(found, images_of(options.run, point)).markdown()
    with tempfile.TemporaryDirectory(dir=options.run, prefix="fits-") as scratch:
        features = {
            size: fits.subset(options.run, point, "y_hat", size, Path(scratch, str(size)))
            for size in sizes
        }
        for number, (title, case) in enumerate(CASES.items()):
            fitted = []
            for size in sizes:
                fitted.append(
                    processes.in_child(
                        fits.fit, features[size], case, options.threads, preload=fits.PRELOAD
                    )
                )
                logger.info("%s, %d images: %s", title, size, fitted[-1])
            blocks[f"fits {number + 1}"] = fits.table(title, fitted, case).markdown()
    for name, text in blocks.items():
        print(f"\n{name}\n\n{text}")
    if options.markdown:
        page.write(options.markdown, SCRIPT, blocks)


def images_of(folder: Path, point: str) -> int:
    """Count the images of both splits."""
    return sum(
        store.read_sidecar(folder / f"latents/{point}/{split}.json")["n_images"]
        for split in ("train", "test")
    )


def conditions(folder: Path, threads: int) -> str:
    """Say on what the tables were made."""
    settings = yaml.safe_load((folder.parents[1] / "config/scale.yaml").read_text())
    (sidecar,) = list(folder.glob("latents/model-*_beta-*/train.json"))[:1]
    made = store.read_sidecar(sidecar)["attributes"]
    return page.facts(
        {
            "date": datetime.date.today().isoformat(),
            "machine": processes.machine(),
            "images": "shifted and flipped copies (benchmarks only: accuracies mean nothing)",
            "codec": f"{made['operating_point']}, weights: {made['weights']}, {made['device']}",
            "images of a shard": str(settings["store"]["shard_images"]),
            "threads of the fits here": str(threads),
            "command": "`make scale ROOT=FOLDER`",
        }
    )


if __name__ == "__main__":
    run(main)
