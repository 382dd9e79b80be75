"""What is said about a store whose rows are all there: its attributes and its sidecar file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from latentprint.sidecar import FORMAT
from latentprint.store.digests import content_digest, dataset_digest
from latentprint.store.layout import OWN_ATTRIBUTES, SCHEMA, dataset_names, encoded


def check_attributes(path: Path, attributes: Mapping[str, Any]) -> None:
    """Raise ValueError if attributes have names that the store itself uses."""
    reserved = set(attributes).intersection(OWN_ATTRIBUTES)
    if reserved:
        raise ValueError(f"{path}: attributes {sorted(reserved)} are set by the store itself")


def finish(
    file: h5py.File, sidecar_file: Path, ids: Sequence[str], attributes: Mapping[str, Any]
) -> None:
    """Write the attributes of a store whose rows are all there, and its sidecar file."""
    names = dataset_names(file)
    sidecar = {
        "format": FORMAT,
        "schema": SCHEMA,
        "digest": content_digest(file, ids, names),
        "n_images": len(ids),
        "datasets": {
            name: {
                "shape": list(file[name].shape),
                "dtype": file[name].dtype.name,
                "sha256": dataset_digest(file, name),
            }
            for name in names
        },
        "summary": summary(file, names),
        "attributes": dict(attributes),
    }
    for key, value in attributes.items():
        file.attrs[key] = encoded(value)
    for key in ("format", "schema", "digest"):
        file.attrs[key] = sidecar[key]
    file.flush()
    file.attrs["complete"] = True
    sidecar_file.write_text(
        json.dumps(sidecar, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def summary(file: h5py.File, names: Sequence[str]) -> dict[str, Any]:
    """Say in a few numbers which operating points the images got."""
    found: dict[str, Any] = {}
    if "model" in names:
        models, counts = np.unique(file["model"][:], return_counts=True)
        found["model"] = {
            str(model): int(count) for model, count in zip(models, counts, strict=True)
        }
    if "beta" in names and len(file["beta"]):
        beta = file["beta"][:]
        found["beta"] = {
            "luma": [int(beta[:, 0].min()), int(beta[:, 0].max())],
            "chroma": [int(beta[:, 1].min()), int(beta[:, 1].max())],
        }
    if "bpp" in names:
        bpp = file["bpp"][:]
        numbers = (None,) * 3
        if len(bpp) and np.isfinite(bpp).all():
            numbers = (float(bpp.mean()), float(bpp.min()), float(bpp.max()))
        found["bpp"] = dict(zip(("mean", "min", "max"), numbers, strict=True))
    if "found" in names:
        found["found"] = int(file["found"][:].sum())
    return found
