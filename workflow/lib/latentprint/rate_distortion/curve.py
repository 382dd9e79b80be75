"""Points of rate-distortion curves, their file and their means over photographs."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from latentprint.errors import UserError
from latentprint.files import write_text

# Names of the codecs in the file and in the order of tables and legends.
OWN, JPEG, WEBP, TRANSFORMS = "jpegai", "jpeg", "webp", "transforms"
CODECS = (OWN, JPEG, WEBP, TRANSFORMS)


@dataclass(frozen=True)
class Point:
    """One photograph at one setting of one codec.

    Attributes
    ----------
    codec : str
        Of `CODECS`.
    setting : str
        Displacement, quality, or model id and gain.
    photograph : str
        File name without suffix.
    bpp : float
        Bits per pixel.
    psnr : float
        Peak signal-to-noise ratio over all RGB samples, decibels.
    """

    codec: str
    setting: str
    photograph: str
    bpp: float
    psnr: float


def write(points: Iterable[Point], path: Path) -> None:
    """Write points as tsv."""
    text = io.StringIO()
    names = [field.name for field in fields(Point)]
    writer = csv.DictWriter(text, names, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for point in points:
        record = asdict(point)
        writer.writerow(record | {"bpp": f"{point.bpp:.6f}", "psnr": f"{point.psnr:.4f}"})
    write_text(path, text.getvalue())


def read(path: Path) -> list[Point]:
    """Read what `write` has written.

    Raises
    ------
    UserError
        If a column is missing or a number is none.
    """
    with path.open(encoding="utf-8", newline="") as file:
        try:
            return [
                Point(
                    row["codec"],
                    row["setting"],
                    row["photograph"],
                    float(row["bpp"]),
                    float(row["psnr"]),
                )
                for row in csv.DictReader(file, delimiter="\t")
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: is not a table of rate-distortion points ({error!r}). Delete it and make "
                "it again with the rule codec_rd_curve"
            ) from error


def photographs(points: Sequence[Point]) -> list[str]:
    """List the photographs in the order of the file."""
    return list(dict.fromkeys(point.photograph for point in points))


def of_photograph(
    points: Sequence[Point], codec: str, photograph: str, settings: Collection[str]
) -> np.ndarray:
    """Give the curve of one photograph: float64, (settings, 2), bits per pixel and decibels."""
    found = [
        (point.bpp, point.psnr)
        for point in points
        if (point.codec, point.photograph) == (codec, photograph) and point.setting in settings
    ]
    return np.array(sorted(found), dtype=float).reshape(-1, 2)


def mean(points: Sequence[Point], codec: str) -> tuple[list[str], np.ndarray]:
    """Average over photographs, setting by setting.

    Settings that another one beats in rate and quality are left out: of several model ids at
    several displacements the curve is what the best of them reach.

    Returns
    -------
    settings : list of str
        By rising rate.
    values : ndarray, float64, (settings, 2)
        Bits per pixel and decibels.
    """
    settings: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        if point.codec == codec:
            settings.setdefault(point.setting, []).append((point.bpp, point.psnr))
    kept: list[tuple[float, float, str]] = []
    for bpp, psnr, name in sorted(
        (*map(float, np.mean(values, axis=0)), name) for name, values in settings.items()
    ):
        if not kept or psnr > kept[-1][1]:
            kept.append((bpp, psnr, name))
    return [name for _, _, name in kept], np.array([value[:2] for value in kept], dtype=float)
