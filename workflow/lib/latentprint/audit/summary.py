"""Tables of an audit: the files per split and class, and the baselines with their traits."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from latentprint.accuracy_tables import with_interval
from latentprint.audit.block_grid import OFF_GRID
from latentprint.audit.resampling import PEAK
from latentprint.audit.trait_table import Row
from latentprint.glossary import Words
from latentprint.table_formats import Column, Table

SHOWN = 3  # values of a trait that are named; the rest is counted


def summary(rows: Sequence[Row], audit: Mapping[str, Any], *, text: Words) -> Table:
    """Build the table of the files: a row per split and class.

    Parameters
    ----------
    rows : sequence of dict
        From traits.tsv.
    audit : mapping
        Content of audit.json; its near duplicates are told below the table.
    text : dict
        Words of one language, from `glossary.words`.

    Returns
    -------
    Table
    """
    groups = [
        (split, label, [row for row in rows if (row["split"], row["label"]) == (split, label)])
        for split in ("train", "test")
        for label in ("real", "fake")
    ]
    data = [
        {"split": split, "label": label, **_described(group)}
        for split, label, group in groups
        if group
    ]
    heads = (
        *("audit_split", "audit_class", "audit_images", "audit_size", "audit_quality"),
        *("audit_tables", "audit_sampling", "audit_format", "audit_pixels"),
        *("audit_resized", "audit_off_grid"),
    )
    texts = {"audit_split", "audit_class", "audit_sampling", "audit_format", "audit_pixels"}
    printed = [
        [
            text[f"audit_{record['split']}"],
            text[record["label"]],
            f"{record['n']}",
            _span(record, "n_bytes", ("q1", "median", "q3"), 1024),
            _span(record, "jpeg_quality", ("min", "median", "max"), 1),
            f"{record['n_tables']}",
            *(record[name] for name in ("sampling", "format", "pixels")),
            f"{record['resize_share']:.3f}",
            f"{record['off_grid_share']:.3f}",
        ]
        for record in data
    ]
    return Table(
        stem="summary",
        number="",
        caption=text["audit_summary"],
        columns=[Column(text[head], numeric=head not in texts) for head in heads],
        rows=printed,
        notes=[
            text["note_audit_summary"].format(peak=PEAK, off_grid=OFF_GRID),
            text["note_audit_duplicates"].format(**audit["near_duplicates"]),
        ],
        data=data,
        rules={k for k in range(1, len(data)) if data[k]["split"] != data[k - 1]["split"]},
        language=text["language"],
    )


def baselines(audit: Mapping[str, Any], *, text: Words) -> Table:
    """Build the table of the baselines: accuracies, then what each trait contributes.

    Parameters
    ----------
    audit : mapping
        Content of audit.json.
    text : dict

    Returns
    -------
    Table
        A column per baseline; traits that no baseline uses are left out.
    """
    found = audit["baselines"]
    data: list[dict[str, Any]] = [
        {"quantity": "accuracy"} | _with_ends(found),
        {"quantity": "cv_accuracy"} | {name: one["cv_accuracy"] for name, one in found.items()},
    ]
    printed = [
        [
            text["audit_accuracy"],
            *(with_interval(one["accuracy"], one["low"], one["high"]) for one in found.values()),
        ],
        [text["audit_cv"], *(_decimal(one["cv_accuracy"]) for one in found.values())],
    ]
    traits = dict.fromkeys(trait for one in found.values() for trait in one["importance"])
    for trait in traits:
        losses = {name: one["importance"].get(trait) for name, one in found.items()}
        if any(losses.values()):
            data.append({"quantity": trait} | losses)
            printed.append([trait, *(_decimal(loss, "+") for loss in losses.values())])
    return Table(
        stem="baselines",
        number="",
        caption=text["audit_baselines"],
        columns=[
            Column(text["audit_quantity"]),
            *(Column(text[f"audit_baseline_{name}"], numeric=True) for name in found),
        ],
        rows=printed,
        notes=[
            text["note_audit_baselines"].format(n_train=audit["n_train"], n_test=audit["n_test"])
        ],
        data=data,
        rules={2} if len(printed) > 2 else set(),
        language=text["language"],
    )


def _described(group: Sequence[Row]) -> dict[str, Any]:
    sizes = [row["n_bytes"] for row in group]
    qualities = [row["jpeg_quality"] for row in group if row["jpeg_quality"] is not None]
    quartiles = quantiles(sizes, n=4, method="inclusive") if len(sizes) > 1 else sizes * 3
    return {
        "n": len(group),
        **dict(zip(("n_bytes_q1", "n_bytes_median", "n_bytes_q3"), quartiles, strict=True)),
        "jpeg_quality_min": min(qualities, default=None),
        "jpeg_quality_median": median(qualities) if qualities else None,
        "jpeg_quality_max": max(qualities, default=None),
        "n_tables": len({row["jpeg_tables"] for row in group if row["jpeg_tables"]}),
        "sampling": _frequent([row["jpeg_sampling"] for row in group]),
        "format": _frequent([row["format"] for row in group]),
        "pixels": _frequent([f"{row['width']}x{row['height']}" for row in group]),
        "resize_share": _share([row["resize_both"] >= PEAK for row in group]),
        "off_grid_share": _share([row["grid_other"] >= OFF_GRID for row in group]),
    }


def _with_ends(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {
        f"{name}{end}": one[key]
        for name, one in found.items()
        for end, key in (("", "accuracy"), ("_low", "low"), ("_high", "high"))
    }


def _frequent(values: Sequence[str]) -> str:
    """Name the most frequent values: "4:2:0", or "4:2:0 90.0%, 4:4:4 10.0%"."""
    counts = Counter(value for value in values if value)
    order = sorted(counts, key=lambda value: (-counts[value], value))
    if not order:
        return ""
    if counts[order[0]] == len(values):
        return order[0]
    named = [f"{value} {counts[value] / len(values):.1%}" for value in order[:SHOWN]]
    more = len(order) - SHOWN
    return ", ".join(named + ([f"+ {more}"] if more > 0 else []))


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 6)


def _span(record: Mapping[str, Any], name: str, ends: Sequence[str], unit: int) -> str:
    """Write "11.0 (10.2-12.1)", or one number where the three are equal; "" where there is none."""
    low, middle, high = (record[f"{name}_{end}"] for end in ends)
    if middle is None:
        return ""
    shown = [f"{value / unit:.1f}" if unit > 1 else f"{value:g}" for value in (low, middle, high)]
    return shown[1] if low == high else f"{shown[1]} ({shown[0]}-{shown[2]})"


def _decimal(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.3f}"
