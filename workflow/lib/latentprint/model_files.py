"""Files of fitted models, in the format of skops: nothing is pickled."""

import io
import re
import sys
import zipfile
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from latentprint.errors import UserError
from latentprint.files import replacing

# The only types beyond skops' own list that a model file may hold.
TRUSTED_TYPES = [
    "latentprint.estimators.convolutional.ConvolutionalHead",
    "latentprint.estimators.kernel_machine.KernelMachine",
    "latentprint.estimators.linear.RidgeScores",
    "latentprint.estimators.screening.Screened",
    "latentprint.histograms.boosting.HistogramBoosting",
    "latentprint.histograms.forest.HistogramForest",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]


def save_model(path: Path, model: Any) -> None:
    """Write a model in the format of skops; equal models give equal files.

    skops names the parts of a file by addresses in memory and stamps them with the time. Here the
    addresses become running numbers and the time a constant.
    """
    skops_io = _skops_io()
    source = zipfile.ZipFile(io.BytesIO(skops_io.dumps(model)))
    schema = source.read("schema.json").decode("utf-8")
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers)))

    schema = re.sub(r'("__id__": |"file": ")(\d+)', number, schema)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as target:
        for name in source.namelist():
            stem, _, suffix = name.partition(".")
            content = schema.encode("utf-8") if name == "schema.json" else source.read(name)
            target.writestr(
                zipfile.ZipInfo(f"{numbers.get(stem, stem)}.{suffix}", (1980, 1, 1, 0, 0, 0)),
                content,
            )


def load_model(path: Path) -> Any:
    """Load a model of scikit-learn's types or ours; no others are accepted, nothing is unpickled.

    Raises
    ------
    UserError
        If the file is missing, damaged or holds other types.
    """
    skops_io = _skops_io()
    try:
        return skops_io.load(path, trusted=TRUSTED_TYPES)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: cannot be loaded as a model ({type(error).__name__}: {error}). Delete it and "
            "run snakemake again."
        ) from error


def _skops_io() -> Any:
    """Import skops.io without torch.

    It walks through all modules of scikit-learn, one of which imports torch where it is installed:
    3.0 instead of 0.7 CPU seconds.
    """
    refusal = _RefuseTorch()
    sys.meta_path.insert(0, refusal)
    try:
        import skops.io
    finally:
        sys.meta_path.remove(refusal)
    return skops.io


class _RefuseTorch(MetaPathFinder):
    """Lets the import of torch fail as if it were not installed; a loaded one stays."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError("torch is not needed here", name=name)
