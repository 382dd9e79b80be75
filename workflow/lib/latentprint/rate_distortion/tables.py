"""Tables of a rate-distortion curve: the points of the codec, and its rate beside others'."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latentprint.glossary import Words
from latentprint.rate_distortion.bjontegaard import RateDifference, compare
from latentprint.rate_distortion.curve import JPEG, OWN, TRANSFORMS, WEBP, Point, mean
from latentprint.rate_distortion.figure import codec_name
from latentprint.table_formats import Column, Table

COMPARED = ((OWN, JPEG), (OWN, WEBP), (TRANSFORMS, JPEG), (TRANSFORMS, WEBP), (OWN, TRANSFORMS))
SEED = 1  # of the resampling of photographs


def differences(points: Sequence[Point], facts: Mapping[str, Any], *, text: Words) -> Table:
    """Build the table of rate differences at equal quality.

    Parameters
    ----------
    points : sequence of Point
    facts : mapping
        What was written beside the points.
    text : dict
        Words of one language.

    Returns
    -------
    Table
    """
    present = {point.codec for point in points}
    data, printed = [], []
    for codec, anchor in COMPARED:
        if {codec, anchor} <= present:
            found = compare(points, codec, anchor, seed=SEED)
            data.append({"codec": codec, "against": anchor, **vars(found)})
            names = [codec_name(name, facts, text) for name in (codec, anchor)]
            printed.append([*names, *_printed(found, text), f"{found.photographs}"])
    heads = ("rd_codec", "rd_against", "rd_of_means", "rd_typical", "rd_range", "rd_photographs")
    return Table(
        stem="rd_differences",
        number="",
        caption=text["rd_differences"],
        columns=[Column(text[head], numeric=at > 1) for at, head in enumerate(heads)],
        rows=printed,
        notes=[text["note_rd_differences"], *_notes(points, facts, text)],
        data=data,
        language=text["language"],
    )


def points_of_codec(points: Sequence[Point], facts: Mapping[str, Any], *, text: Words) -> Table:
    """Build the table of the codec's own mean points; parameters as for `differences`."""
    settings, values = mean(points, OWN)
    return Table(
        stem="rd_points",
        number="",
        caption=text["rd_points"],
        columns=[Column(text[head], numeric=True) for head in ("rd_setting", "bpp", "rd_psnr")],
        rows=[
            [setting, f"{bpp:.3f}", f"{psnr:.2f}"]
            for setting, (bpp, psnr) in zip(settings, values, strict=True)
        ],
        notes=_notes(points, facts, text)[:1],
        data=[
            {"setting": setting, "bpp": float(bpp), "psnr": float(psnr)}
            for setting, (bpp, psnr) in zip(settings, values, strict=True)
        ],
        language=text["language"],
    )


def _printed(found: RateDifference, text: Words) -> list[str]:
    if not np.isfinite(found.of_means):
        return [text["rd_no_overlap"], "", ""]
    typical = f"{found.typical:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
    return [
        f"{found.of_means:+.1f}",
        typical if np.isfinite(found.typical) else "",
        f"{found.from_psnr:.1f} .. {found.to_psnr:.1f}",
    ]


def _notes(points: Sequence[Point], facts: Mapping[str, Any], text: Words) -> list[str]:
    weights = text[f"weights_{facts['weights']}"]
    present = {point.codec for point in points}
    notes = [text["note_rd_source"].format(**facts | {"weights": weights})]
    if present & {JPEG, WEBP}:
        notes.append(text["note_rd_files"].format(**facts))
    if TRANSFORMS in present:
        name = codec_name(TRANSFORMS, facts, text)
        notes.append(text["note_rd_transforms"].format(name=name))
    return notes
