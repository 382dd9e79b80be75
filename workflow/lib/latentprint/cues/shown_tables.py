"""Tables of the cues: the material, and what forests said, task by task. In English."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from latentprint.accuracy_tables import with_interval
from latentprint.cues.sources import Source
from latentprint.table_formats import Column, Table

Row = Mapping[str, str]

ASIDE = (
    "other steps",
    "halved planes",
    "altered",
    "elsewhere",
)  # tasks about what the forest was not made for
CAPTIONS = {
    "colour": "Colour correlations: compressed with JPEG AI, or not at all",
    "rd": "Rate and distortion over three more compressions: compressed twice, or once",
    "quantisation": "Quantisation: JPEG AI photograph, or generated picture",
}
# What the authors report, as quoted by others: their tables were not at hand.
REPORTED = {
    "colour": "Reported elsewhere: 85.6 % at 0.06 bpp, lower at higher rates.",
    "rd": (
        "Reported elsewhere: 87 to 92 % where the first compression is strong; fails above "
        "0.75 bpp."
    ),
    "quantisation": (
        "Reported elsewhere: more than 91.0 % at every rate with the full vector, 91.7 to 98.5 % "
        "in all, 94 to 98 % against diffusion models; a ResNet50 reaches 66.1 % at best."
    ),
}
OWN = (
    "The cue is described by Bergmann, Brand and Riess (2025); filters, vectors and splits are our "
    "own definitions (docs/cues.md), and the pictures are others: the numbers say whether the cue "
    "works here, not whether theirs are right."
)
NOTE = (
    "Right: share of answers at 0.5, by forests fitted without the image asked about (folds of "
    "images), with a 95 % interval by drawing images. Where only one class is asked about, a "
    "forest that always gives that answer would be right about all."
)


def material_table(
    sources: Sequence[Source], refused: Sequence[Mapping[str, str]], *, origin: str
) -> Table:
    """Build the table of what pictures there are and what they went through before."""
    rows, data = [], []
    for kind, name in dict.fromkeys((one.kind, one.source) for one in sources):
        some = [one for one in sources if (one.kind, one.source) == (kind, name)]
        sizes = sorted({f"{one.width}x{one.height}" for one in some})
        formats = sorted({one.path.rpartition(".")[2].lower() for one in some if "." in one.path})
        found = {
            "class": kind,
            "source": name,
            "n": len(some),
            "images": len({one.image_id for one in some}),
            "sizes": ", ".join(sizes[:3]) + (", others" if len(sizes) > 3 else ""),
            "formats": ", ".join(formats) or "drawn",
            "stored_jpeg": sum(bool(one.jpeg_sampling) for one in some),
            "once_jpeg": sum(one.jpeg >= 0.15 for one in some),
            "confounded": sum(bool(one.confounded) for one in some),
        }
        data.append(found)
        rows.append([str(value) for value in found.values()])
    heads = (
        "Class", "Source", "Pictures", "Images", "Size", "Format", "JPEG files", "Once JPEG",
        "Confounded",
    )  # fmt: skip
    return Table(
        stem="material",
        number="",
        caption="Pictures that the cues are tried on",
        columns=[Column(head, numeric=head in heads[2:4] + heads[6:]) for head in heads],
        rows=rows,
        notes=[
            "Once JPEG: cosine coefficients of 8x8 blocks lie at multiples of a step. Confounded: "
            "chroma planes were halved before; the colour cue neither learns from these pictures "
            "nor scores them. Decoded pictures show halved planes by their decoder.",
            f"{len(refused)} pictures refused"
            + (f", the first: {refused[0]['reason']}." if refused else "."),
            origin,
        ],
        data=data,
        language="en",
    )


def cue_tables(cue: str, accuracy: Sequence[Row], *, origin: str) -> list[Table]:
    """Build the two tables of a cue: its own question, and pictures of another kind or history.

    Parameters
    ----------
    cue : str
    accuracy : sequence of mapping
        Rows of accuracy.tsv.
    origin : str
        Sentence about pictures and weights.
    """
    own = [row for row in accuracy if row["task"] not in ASIDE]
    aside = [row for row in accuracy if row["task"] in ASIDE]
    caption = CAPTIONS.get(cue, cue)
    notes = [NOTE, OWN, *([REPORTED[cue]] if cue in REPORTED else []), origin]
    return [
        _table(cue, caption, own, notes=notes),
        _table(f"{cue}_elsewhere", f"{caption}: asked about other pictures", aside, notes=notes),
    ]


def _table(stem: str, caption: str, rows: Sequence[Row], *, notes: list[str]) -> Table:
    sets = list(dict.fromkeys(row["features"] for row in rows))
    groups: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        key = row["task"], row["trained_on"], row["test"]
        groups.setdefault(key, {})[row["features"]] = row
    lines, breaks, before = [], set(), ("", "")
    for (task, trained_on, test), found in groups.items():
        if before[0] not in ("", task):
            breaks.add(len(lines))
        first = next(iter(found.values()))
        auc = next((row["auc"] for row in found.values() if row["auc"]), "")
        lines.append(
            [
                "" if task == before[0] else task,
                "" if (task, trained_on) == before else trained_on,
                test,
                first["n"],
                *(_right(found.get(name)) for name in sets),
                f"{float(auc):.3f}" if auc else "",
                f"{float(first['called_positive']):.1%}",
            ]
        )
        before = task, trained_on
    if not lines:
        lines = [["no such pictures were given", *[""] * (5 + len(sets))]]
    return Table(
        stem=stem,
        number="",
        caption=caption,
        columns=[
            Column("Task"),
            Column("Learnt from"),
            Column("Asked about"),
            Column("Pictures", numeric=True),
            *(Column(f"Right, {name}", numeric=True) for name in sets),
            Column("AUC" if len(sets) < 2 else f"AUC, {sets[0]}", numeric=True),
            Column("Called yes", numeric=True),
        ],
        rows=lines,
        notes=notes,
        data=[dict(row) for row in rows] or [{"task": "none"}],
        rules=breaks,
        language="en",
    )


def _right(row: Row | None) -> str:
    if row is None:
        return ""
    return with_interval(
        *(float(row[name]) for name in ("accuracy", "accuracy_low", "accuracy_high"))
    )


def chosen(rows: Iterable[Row], **wanted: str) -> list[Row]:
    """Choose rows by the text of some columns."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def number(row: Mapping[str, Any], name: str) -> float:
    """Read a number of a row; NaN where it is empty."""
    return float(row[name]) if row[name] else float("nan")
