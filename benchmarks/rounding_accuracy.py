"""What TF32 or bfloat16 products in the analysis would do to the accuracy of one cell.

    PYTHONPATH=workflow/lib python benchmarks/rounding_accuracy.py --weights FOLDER --images FOLDER

Random forest on flatten Y of y, hyperparameters as the thesis printed them; trained and tested on
latents of the same rounding, and trained on float32 and tested on the rounded ones. `--images` has
train/ and test/, each with real/ and fake/. Rounding is that of `invariance.py`.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from invariance import rounded, tf32
from torch import Tensor

from latentprint.classifiers import CLASSIFIERS
from latentprint.codec import JpegAI
from latentprint.evaluate import wilson_interval
from latentprint.image_files import decode

ROUNDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "float32": lambda x: x,
    "TF32": tf32,
    "bfloat16": lambda x: x.bfloat16().float(),
}


def main() -> None:
    """Print one row a rounding."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--operating-point", default="BOP", choices=("BOP", "HOP"))
    parser.add_argument("--n-train", type=int, default=1200)
    parser.add_argument("--n-test", type=int, default=400)
    parser.add_argument("--trees", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    codec = JpegAI.load(options.weights, options.operating_point)

    parameters = CLASSIFIERS["RF"].published | {"n_estimators": options.trees}
    reference = None
    print("{:<12}{:>28}{:>30}".format("products", "same in training", "trained on float32"))
    for name, rounding in ROUNDINGS.items():
        with rounded(rounding):
            train, labels = _latents(codec, options.images / "train", options.n_train)
            test, truth = _latents(codec, options.images / "test", options.n_test)
        model = CLASSIFIERS["RF"].engines["sklearn"].make(parameters, 1, 1)
        model.fit(train, labels)
        reference = reference or model
        cells = [_accuracy(estimator.predict(test) == truth) for estimator in (model, reference)]
        print(f"{name:<12}{cells[0]:>28}{cells[1]:>30}", flush=True)


def _latents(codec: JpegAI, folder: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    rows, labels = [], []
    for label, name in enumerate(("real", "fake")):
        paths = sorted(path for path in (folder / name).iterdir() if path.is_file())
        for path in paths[: count // 2]:
            rgb = torch.from_numpy(decode(path)).permute(2, 0, 1)[None]
            rows.append(codec.encode(rgb, latents=("y",)).luma.y.flatten().numpy())
            labels.append(label)
    return np.stack(rows), np.array(labels)


def _accuracy(right: np.ndarray) -> str:
    low, high = wilson_interval(int(right.sum()), len(right))
    return f"{right.mean():.3f} ({low:.3f}-{high:.3f})"


if __name__ == "__main__":
    main()
