"""What a folder of weights holds and what it can run, on one screen."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from latentprint.codec.weight_set import OPERATING_POINTS
from latentprint.codec.weights import EMBEDDED_CARD
from latentprint.weight_check import (
    BROKEN,
    MISSING,
    OTHER,
    PARTS,
    POINTER,
    Found,
    able,
    can_match_rates,
    folder_meant,
)
from latentprint.weight_files import BETAS, LETTERS

WIDTH = 96  # characters

GROUPS = (
    "VM_bop/encoder_",
    "VM_bop/decoder_",
    "VM_hop/encoder_",
    "VM_hop/decoder_",
    "VM_sop/decoder_",
    "VM_common_int/",
)
REASONS_SHOWN = 6
HOW_TO_GET = """\
How to get the files
  git clone https://gitlab.com/wg1/jpeg-ai/jpeg-ai-reference-software    (install git-lfs first)
  Its folder models/ itself holds all of VM_bop and VM_sop, and VM_hop/decoder_UV_*.
  VM_hop/encoder_*, VM_hop/decoder_Y_* and VM_common_int/* lie outside of git: its README names
  the tool that fetches them. Keep the names. Every name, size and use: docs/data.md
  Then: make fetch-codec WEIGHTS=jpeg-ai-reference-software/models"""


def render(folder: Path, found: Mapping[str, Found], unused: list[str]) -> str:
    """Write the page.

    Parameters
    ----------
    folder : Path
    found : mapping of str to Found
        What `weight_check.inspect` gives.
    unused : list of str
        Files for training alone that are there.

    Returns
    -------
    str
        Lines without a last line feed.
    """
    blocks = [_files(folder, found, unused), _wrong(folder, found), _runs(found)]
    if not all(one.usable for one in found.values()):
        blocks.append(HOW_TO_GET)
    return "\n\n".join(block for block in blocks if block)


def _files(folder: Path, found: Mapping[str, Found], unused: list[str]) -> str:
    lines = [f"Weights in {folder}"]
    for group in GROUPS:
        of_group = {name: one for name, one in found.items() if name.startswith(group)}
        usable = sum(one.usable for one in of_group.values())
        lines.append(f"  {group + '*':<17} {usable} of {len(of_group)}  {_remark(of_group)}")
    if unused:
        lines.append(f"  {'VM_common/*':<17} {len(unused)} of 8  not used: for training alone")
    if any(one.state != MISSING for one in found.values()):
        ids = ", ".join(f"{model} = {beta}" for model, beta in enumerate(BETAS))
        lines.append(f"  (Y luma, UV chroma; model ids and their file names: {ids})")
    return "\n".join(lines)


def _remark(of_group: Mapping[str, Found]) -> str:
    remarks = []
    for state, words in (
        (OTHER, "not of the release"),
        (MISSING, "missing"),
        (POINTER, "Git LFS pointers"),
        (BROKEN, "wrong"),
    ):
        names = [name for name, one in of_group.items() if one.state == state]
        if len(names) == len(of_group):
            return f"all {words}"
        if names:
            remarks.append(f"{words}: {_short(names)}")
    return "; ".join(remarks) or "official"


def _short(names: list[str]) -> str:
    """Name files by component and model id, as "Y 0 1 3, UV 2"."""
    by_letter: dict[str, list[str]] = {letter: [] for letter in LETTERS.values()}
    for name in names:
        part = PARTS[name]
        by_letter[LETTERS[part.component]].append(str(part.model))
    return ", ".join(f"{key} {' '.join(ids)}" for key, ids in by_letter.items() if ids)


def _wrong(folder: Path, found: Mapping[str, Found]) -> str:
    lines = [f"{name}: {one.reason}" for name, one in found.items() if one.state == BROKEN]
    if len(lines) > REASONS_SHOWN:
        lines[REASONS_SHOWN:] = [f"and {len(lines) - REASONS_SHOWN} more"]
    states = {one.state for one in found.values()}
    if POINTER in states:
        lines.append(
            "Git LFS pointers: the files themselves were not fetched. Run `git lfs pull` where "
            "they come from"
        )
    if OTHER in states:
        lines.append(
            f"{EMBEDDED_CARD} is there: weights that this product trained, not those of the release"
            if (folder / EMBEDDED_CARD).is_file()
            else "Files not of the release run, but give latents and pictures that are not those "
            "of the release"
        )
    if states == {MISSING} and (meant := folder_meant(folder)):
        lines.append(f"There are weights in {meant}: name that folder")
    wrapped = (
        textwrap.fill(
            line,
            WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines
    )
    return "\n".join(["Notes", *wrapped]) if lines else ""


def _runs(found: Mapping[str, Found]) -> str:
    models = able(found)
    if not any(ids for points in models.values() for ids in points.values()):
        return "Nothing can be run with this folder"
    rows = [("What can be run: model ids", *OPERATING_POINTS)]
    for what, label in (
        ("y", "y"),
        ("y_hat", "y_hat, its rate"),
        ("pictures", "pictures of y_hat"),
    ):
        ids = [" ".join(map(str, models[what][point])) or "none" for point in OPERATING_POINTS]
        rows.append((f"  {label}", *ids))
    matched = ["yes" if can_match_rates(models, point) else "no" for point in OPERATING_POINTS]
    rows.append(("  rate matching (all four)", *matched))
    return "\n".join(
        f"{label:<28}" + "".join(f"{cell:<10}" for cell in cells).rstrip() for label, *cells in rows
    )
