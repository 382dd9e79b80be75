"""The model card of the embedded weights: how they were made and how good they are."""

from collections.abc import Mapping, Sequence
from typing import Any


def text(record: Mapping[str, Any], *, facts: Mapping[str, Any], tables: Sequence[str]) -> str:
    """Write the card.

    Parameters
    ----------
    record : mapping
        What `record.written` wrote.
    facts : mapping
        What the measurement of the curve wrote beside its points.
    tables : sequence of str
        Tables of the curve, Markdown.

    Returns
    -------
    str
        Markdown.
    """
    settings = record["settings"]
    names = list(record["photographs"])
    lines = [
        "# Embedded codec weights",
        "",
        "JPEG AI architecture, operating point BOP, model id 3, luma and chroma, with the integer",
        "scale decoder; tensors as float16. Made by the rule `train_codec` of this project. These",
        "are not the weights of the JPEG AI reference software, and latents made with them are",
        "not those of a standard encoder.",
        "",
        "## Training",
        "",
        f"- {len(names)} photographs ({', '.join(_origins(names))}) and drawn pictures (discs,",
        "  bars, gradients, grain).",
        *_start(settings),
        "- Loss: bits per pixel + weight x mean squared RGB error, weight growing with the square",
        f"  of the gain ({settings['distortion_weight']} where the step of a cosine coefficient is",
        "  17 of 255); displacements drawn from all that there are.",
        f"- Batches of {settings['batch']} crops of {settings['crop']} pixels, seed "
        f"{settings['seed']};",
        f"  {settings['pool']} of them again and again while the encoder is not trained.",
        *(
            f"- Stage {number}: {stage['steps']} steps of {', '.join(stage['networks'])}, learning "
            f"rate {stage['learning_rate']:g}."
            for number, stage in enumerate(settings["stages"], start=1)
        ),
        "",
        "`training.json` holds the same for programs, with the digest of every photograph.",
        "",
        "## Quality",
        "",
        f"Measured by the rule `codec_rd_curve` on the {facts['n']} photographs of "
        f"`{facts['photographs']}`; no file of theirs was trained on.",
        "",
        "![Rate-distortion curves](rd_curve.png)",
        "",
        *(line for table in tables for line in (table.strip(), "")),
    ]
    return "\n".join(lines)


def _origins(names: Sequence[str]) -> list[str]:
    origins = [name.split("_")[0] for name in names]
    return [f"{origins.count(origin)} {origin}" for origin in dict.fromkeys(origins)]


def _start(settings: Mapping[str, Any]) -> list[str]:
    if settings["start"]:
        first = [
            "- Start: transforms and context model of the weights in this repository at commit",
            f"  {settings['start']}, and",
        ]
    else:
        first = ["- Start: a 16x16 cosine transform (`training/start.py`), and"]
    return [
        *first,
        "  a transform coder of the latents' magnitudes written into the hyper networks",
        "  (`training/hyper_start.py`).",
    ]
