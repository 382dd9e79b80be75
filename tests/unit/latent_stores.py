"""Made-up latents in stores, for the tests of store, features and learning."""

from pathlib import Path
from typing import Any

import numpy as np

from latentprint import store

LUMA, CHROMA = 10, 6  # channels; 16 x 16 positions, so that an image fills a chunk
KINDS = {
    "luma/y": ((LUMA, 16, 16), "float32"),
    "chroma/y": ((CHROMA, 16, 16), "float32"),
    "model": ((), "int8"),
    "bpp": ((), "float64"),
    "beta": ((2,), "int16"),
    "bits": ((4,), "float64"),
}


def content(n: int, *, seed: int = 0, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Arrays of n images; every second one, from the second, is shifted in two channels."""
    random = np.random.default_rng(seed)
    arrays = {
        "luma/y": random.laplace(size=(n, LUMA, 16, 16)).astype(np.float32),
        "chroma/y": random.laplace(size=(n, CHROMA, 16, 16)).astype(np.float32),
        "model": np.full(n, 3, dtype=np.int8),
        "bpp": 0.25 + 0.01 * np.arange(n),
        "beta": np.column_stack([np.arange(n), -np.arange(n)]).astype(np.int16),
        "bits": np.full((n, 4), np.nan),
    }
    arrays["luma/y"][1::2, :2] += shift
    return arrays


def names(n: int, prefix: str = "image") -> list[str]:
    """Ids that are not plain ASCII."""
    return [f"{prefix}-é{index}" for index in range(n)]


def write(
    path: Path,
    arrays: dict[str, np.ndarray],
    ids: list[str],
    *,
    start: int = 0,
    stop: int | None = None,
    step: int = 3,
    attributes: dict[str, Any] | None = None,
) -> Path:
    """Write the images start to stop in pieces of `step`."""
    chosen = ids[start:stop]
    kinds = {name: KINDS[name] for name in arrays}
    with store.create(
        path, ids=chosen, datasets=kinds, attributes=attributes or {"images_digest": "a"}
    ) as writer:
        for first in range(0, len(chosen), step):
            last = min(first + step, len(chosen))
            writer.write(
                first,
                {name: array[start + first : start + last] for name, array in arrays.items()},
            )
    return path


def write_selection(path: Path, splits: dict[str, list[str]]) -> Path:
    """Write a selection in which every second image of a split, from the second, is fake."""
    lines = ["id\tlabel\tsplit\tpath\tsha256"]
    for split, ids in splits.items():
        for index, image in enumerate(ids):
            lines.append(f"{image}\t{'fake' if index % 2 else 'real'}\t{split}\t-\t-")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
