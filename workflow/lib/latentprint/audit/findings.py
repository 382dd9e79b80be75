"""What an audit found: the numbers of audit.json, and sentences for the top of the report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from latentprint.audit.baseline import Baseline
from latentprint.audit.block_grid import OFF_GRID
from latentprint.audit.duplicates import (
    KINDS,
    MAX_DISTANCE,
    MIN_CORRELATION,
    NearDuplicate,
)
from latentprint.audit.resampling import PEAK
from latentprint.audit.trait_table import Row
from latentprint.evaluate import wilson_interval

LABELS = ("real", "fake")
CHANCE = 0.5  # select_images takes as many of each class
_NAMES = {
    "file": "File traits alone",
    "traces": "With traces of resizing and of earlier compression they",
}
_ABOVE = {
    "file": "above chance, the files betray the label to some extent",
    "traces": "above chance, by the files' history or by marks of the generator itself",
}


def findings(
    rows: Sequence[Row], pairs: Sequence[NearDuplicate], baselines: Mapping[str, Baseline]
) -> dict[str, Any]:
    """Gather everything of an audit.

    Parameters
    ----------
    rows : sequence of dict
        Traits of all images of the run.
    pairs : sequence of NearDuplicate
    baselines : mapping of str to Baseline

    Returns
    -------
    dict
        Content of audit.json. `near_duplicates` counts pairs by kind; `tables` tells the distinct
        sets of quantisation tables per class, how many both have, and the share of images whose
        tables the other class never has; all but `sentences` is numbers.
    """
    splits = Counter(row["split"] for row in rows)
    kinds = Counter(pair.kind for pair in pairs)
    found: dict[str, Any] = {
        "n_train": splits["train"],
        "n_test": splits["test"],
        "baselines": {name: baseline.as_dict() for name, baseline in baselines.items()},
        "near_duplicates": {kind: kinds[kind] for kind in KINDS},
        "tables": _compared(rows, "jpeg_tables"),
        "samplings": _compared(rows, "jpeg_sampling"),
        "formats": _compared(rows, "format"),
        "median_bytes": {
            label: median(row["n_bytes"] for row in rows if row["label"] == label)
            for label in LABELS
        },
        "limits": {
            "near_duplicate_bits": MAX_DISTANCE,
            "near_duplicate_correlation": MIN_CORRELATION,
            "resize_peak": PEAK,
            "off_grid": OFF_GRID,
        },
    }
    return found | {"sentences": _sentences(found)}


def _compared(rows: Sequence[Row], name: str) -> dict[str, Any]:
    """Count the distinct values of a trait per class, and who has what the other never has."""
    values = {
        label: Counter(row[name] for row in rows if row["label"] == label) for label in LABELS
    }
    shared = set(values["real"]) & set(values["fake"])
    alone = sum(
        count for label in LABELS for value, count in values[label].items() if value not in shared
    )
    return {
        **{label: len([value for value in values[label] if value]) for label in LABELS},
        "shared": len([value for value in shared if value]),
        "share_alone": round(alone / len(rows), 6),
    }


def _sentences(found: Mapping[str, Any]) -> list[str]:
    return [
        *(
            _reach(name, baseline, n_train=found["n_train"])
            for name, baseline in found["baselines"].items()
        ),
        _duplicates(found["near_duplicates"]),
        _settings(found),
    ]


def _reach(name: str, baseline: Mapping[str, Any], *, n_train: int) -> str:
    """Say what a baseline reaches; above chance only where training images agree with test images.

    Two baselines are asked, so that one interval above chance alone is weak evidence.
    """
    low, high, folds = baseline["low"], baseline["high"], baseline["cv_accuracy"]
    folds_low, _ = wilson_interval(round(folds * n_train), n_train)
    crossed = f"{folds:.3f} in cross-validation"
    if low > CHANCE and folds_low > CHANCE:
        verdict = f"{_ABOVE[name]} ({crossed})"
    elif low > CHANCE:
        verdict = f"weak evidence, since chance is not excluded by the {crossed}"
    elif high < CHANCE:
        verdict = f"below chance, where traits that tell nothing seldom end ({crossed})"
    else:
        verdict = f"no better than guessing as far as {baseline['n']} images tell ({crossed})"
    return (
        f"{_NAMES[name]} reach {baseline['accuracy']:.3f} ({low:.3f}-{high:.3f}) on the test "
        f"images: {verdict}."
    )


def _duplicates(counts: Mapping[str, int]) -> str:
    if not any(counts.values()):
        return "No near duplicates were found, neither across nor within the splits."
    return (
        f"Near duplicates: {_pairs(counts['across_splits'])} across training and test images, "
        f"{_pairs(counts['across_classes'])} of real and fake, {_pairs(counts['within_class'])} "
        "within one split and class."
    )


def _pairs(count: int) -> str:
    return {0: "none", 1: "1 pair"}.get(count, f"{count} pairs")


def _settings(found: Mapping[str, Any]) -> str:
    formats, tables, samplings = (found[name] for name in ("formats", "tables", "samplings"))
    differ = [
        f"{what} that the other class never has: {counts['share_alone']:.1%} of the images"
        for what, counts in (
            ("file formats", formats),
            ("quantisation tables", tables),
            ("a chroma sampling", samplings),
        )
        if counts["share_alone"]
    ]
    if differ:
        return f"File settings differ by class ({'; '.join(differ)})."
    if not tables["shared"]:
        return "No file is a JPEG, so there are no quantisation tables and chroma samplings."
    if tables["shared"] == samplings["shared"] == formats["shared"] == 1:
        return "All files share one set of quantisation tables and one chroma sampling."
    return (
        f"Both classes have the same file settings ({tables['shared']} sets of quantisation "
        f"tables, {samplings['shared']} chroma samplings, {formats['shared']} formats); the "
        "baselines see whether they are as frequent in both."
    )
