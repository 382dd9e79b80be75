"""The hair of a demo scene: cut, colour, strands; what lies behind the face and before it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentprint.demo.canvas import Colour, Light, Picture, Plane, Pose, bump, linear, ramp, resized

COLOURS = (
    (28, 24, 24), (38, 30, 26), (58, 40, 30), (84, 56, 38), (112, 76, 48), (150, 148, 146),
    (206, 202, 196), (146, 106, 66), (186, 148, 98), (212, 180, 130), (128, 62, 36), (150, 80, 44),
)  # fmt: skip
DARK = 7
"""Faces of dark skin take one of this many first colours."""
TABLE = (512, 256)
"""Rows and columns of the table of strands."""
FRINGES = ("back", "part", "sweep", "full", "curtain")


@dataclass(frozen=True)
class Hair:
    """A haircut; lengths in head units.

    Parameters
    ----------
    colour : float32, (3, 1, 1)
        Linear light.
    volume : float
        Thickness above the skull.
    end : float
        Height v at which the hair ends at the sides: below 0.4 short, above 1.2 long.
    flare : float
        Widening per unit of v below the temples.
    line : float
        Height v of the hairline over the middle of the forehead.
    fringe : str
        One of `FRINGES`.
    part : float
        Where the hair parts, from -1 (left) to 1.
    wave, curl : float
        Amplitude of the waves of the strands; 0 to 1 for tight curls instead of strands.
    strands : float
        Strands per half-width of the head.
    bun : bool
        Hair tied up above the head.
    bald : bool
        Only a shadow of stubble.
    """

    colour: Colour
    volume: float
    end: float
    flare: float
    line: float
    fringe: str
    part: float
    wave: float
    curl: float
    strands: float
    bun: bool
    bald: bool


def sample_hair(rng: np.random.Generator, *, beard: bool, tone: float) -> Hair:
    """Draw a haircut; with a beard mostly a short one, with dark skin (tone 0..1) a dark one."""
    colour = COLOURS[rng.integers(DARK if tone > 0.5 else len(COLOURS))]
    cut = rng.choice(["short", "bob", "long"], p=[0.8, 0.08, 0.12] if beard else [0.3, 0.2, 0.5])
    end = {
        "short": rng.uniform(-0.15, 0.15),
        "bob": rng.uniform(0.55, 1.0),
        "long": rng.uniform(1.4, 2.6),
    }[cut]
    short = cut == "short"
    curl = rng.uniform(0.5, 1.0) if rng.random() < (0.45 if tone > 0.5 else 0.15) else 0.0
    bun = short and not beard and rng.random() < 0.3
    bald = short and not bun and rng.random() < 0.15
    fringe = FRINGES[rng.integers(4 if short else 5)]
    return Hair(
        colour=linear(*colour) * np.float32(rng.uniform(0.85, 1.15)),
        volume=0.03 if bald else rng.uniform(0.10, 0.22) + 0.25 * curl * rng.random(),
        end=end,
        flare=0.0 if short else rng.uniform(-0.05, 0.22),
        line=rng.uniform(-0.74, -0.58),
        fringe="back" if bald or bun else fringe,
        part=rng.uniform(-0.45, 0.45),
        wave=rng.uniform(0, 0.05 if short else 0.12),
        curl=curl,
        strands=rng.uniform(30, 70),
        bun=bun,
        bald=bald,
    )


@dataclass(frozen=True)
class Locks:
    """Hair ready to be painted: a window of the canvas, its light, the cover of both parts.

    Parameters
    ----------
    where : (slice, slice)
        Rows and columns of the window.
    picture : float32, (3, height, width)
    behind, front : float32, (height, width), 0..1
    """

    where: tuple[slice, slice]
    picture: Picture
    behind: Plane
    front: Plane


def dress(hair: Hair, pose: Pose, light: Light, *, width: float, rng: np.random.Generator) -> Locks:
    """Lay the hair around a head of half-width `width` (head units); `rng` for ragged edges."""
    reach = width + hair.volume + 0.35 + 0.5 * hair.curl
    top = -1.75 if hair.bun else -1.3 - hair.volume - 0.3 * hair.curl
    pose, where = pose.window(-reach, reach, top, hair.end + 0.5)
    u, v = pose.u + 0.10 * pose.yaw, pose.v
    ragged = pose.noise(rng, 0.5, octaves=3)
    half = _half_width(hair, v, width)
    strands = _strands(hair, pose, half=half, ragged=ragged, rng=rng)
    # Single locks end here and there, so every edge of the hair follows the strands.
    frayed = 0.7 * strands.coarse + 0.7 * strands.fine
    loose = 0.03 + 0.06 * hair.curl + 0.2 * hair.wave
    outline = half - np.abs(u) + loose * ragged + 0.015 * frayed
    tips = hair.end + 0.10 * ragged + 0.06 * frayed - v
    if hair.end < 0.4:
        tips = tips + 0.25 * (np.abs(u) - width)
    behind = pose.edge(outline) * pose.edge(tips) * (half > 0)
    front = behind * pose.edge(0.8 * (_hairline(hair, u, width) + 0.04 * frayed - v))
    if hair.bald:
        front = front * 0.35
    if hair.bun:
        a, b = u * (1 / 0.38), (v + 1.32) * (1 / 0.30)
        knot = pose.edge(0.3 * (1 - np.sqrt(a * a + b * b)) + 0.01 * frayed)
        behind = np.maximum(behind, knot)
    return Locks(where, _lit(hair, pose, light, strands, ragged), behind, front)


def _half_width(hair: Hair, v: Plane, width: float) -> Plane:
    """Give half the width of the hair at every height, 0 above the head."""
    middle = -0.20
    rise = (v - middle) * (1 / (0.80 + hair.volume))
    full = width + hair.volume
    dome = full * np.sqrt(np.maximum(1 - rise * rise, 0))
    below = width + hair.volume * (0.9 if hair.end > 0.4 else 0.6) + hair.flare * (v - middle)
    if hair.end < 0.4:
        below = below - 0.22 * ramp(v, middle, 0.2)
    low = np.where(v < middle, full, below)
    return np.maximum(dome + (low - dome) * ramp(v, middle - 0.25, middle + 0.25), 0)


def _hairline(hair: Hair, u: Plane, width: float) -> Plane:
    """Give the height above which hair covers the head."""
    a = np.abs(u) * (1 / width)
    temples = hair.line + 0.10 * a * a + 0.75 * ramp(a, 0.72, 1.02)
    swept = (u - hair.part * width) * (1 if hair.part < 0 else -1)
    if hair.fringe == "full":
        return np.maximum(temples, -0.40 + 0.05 * a)
    if hair.fringe == "part":
        return temples + 0.32 * ramp(swept, 0.0, 0.9)
    if hair.fringe == "sweep":
        return temples + 0.50 * bump(swept - 0.35, 0.3)
    if hair.fringe == "curtain":
        return hair.line + 1.15 * np.abs(u - 0.4 * hair.part * width)
    return temples


@dataclass(frozen=True)
class _Strands:
    """Structure of the hair: position across the head, -1.6..1.6, and relief of mean 0."""

    across: Plane
    fine: Plane
    coarse: Plane


def _strands(
    hair: Hair, pose: Pose, *, half: Plane, ragged: Plane, rng: np.random.Generator
) -> _Strands:
    """Let strands follow the outline from crown to tips."""
    u, v = pose.u, pose.v
    crown = (0.4 * hair.part) * ramp(v, -0.1, -1.0)
    across = np.clip((u - crown) / np.maximum(half, 0.15), -1.6, 1.6)
    bend = hair.wave * np.sin(v * 7 + rng.uniform(0, 6.3) + 1.2 * ragged) + 0.05 * ragged
    # One column of the table per strand, 72 rows per head unit of its length; the strands turn
    # about nine times as slowly as that, the locks twenty times.
    table = resized(rng.standard_normal((40, TABLE[1]), dtype=np.float32), *TABLE) * 1.3
    row = np.clip((v + 2) * 72, 0, TABLE[0] - 1)
    column = across + bend + 2
    fine = _looked_up(table, row, column * hair.strands)
    coarse = _looked_up(table, row * 0.45, column * (hair.strands / 6))
    if hair.curl:
        rings = pose.noise(rng, 0.12 + 0.1 * hair.curl, octaves=3)
        coarse = coarse * (1 - hair.curl) + rings * hair.curl
        fine = fine * (1 - 0.6 * hair.curl)
    return _Strands(across, fine, coarse)


def _lit(hair: Hair, pose: Pose, light: Light, strands: _Strands, ragged: Plane) -> Picture:
    """Colour and light the hair everywhere in the window."""
    v, across, fine, coarse = pose.v, strands.across, strands.fine, strands.coarse
    bulge = np.clip(across, -1, 1)
    rise = np.clip((v + 0.2) * (1 / (0.8 + hair.volume)), -1, 0)
    depth = np.sqrt(np.maximum(1 - bulge * bulge - rise * rise, 0.02))
    cosine = light.x * bulge + light.y * rise + light.z * depth
    # Hair below the ears lies in the shade of head and neck.
    shaded = 1 - 0.45 * ramp(v, 0.1, 1.3) * ramp(np.abs(across), 1.0, 0.4)
    tone = np.clip(1 + 0.34 * coarse + 0.26 * fine, 0.15, 2.2) * shaded
    band = bump(v + 0.78 + 0.12 * ragged + 0.25 * light.x * across, 0.11)
    if hair.end > 0.6:
        band = band + 0.5 * bump(v - 0.55 + 0.15 * ragged, 0.18)
    gleam = 0.11 * band * np.maximum(cosine, 0) * np.clip(0.6 + 0.5 * fine + 0.4 * coarse, 0, 2)
    sheen = light.tint * (0.45 + 0.55 * np.sqrt(hair.colour))
    return light.mix(cosine) * tone * hair.colour + gleam * sheen


def _looked_up(table: NDArray[np.float32], row: Plane, column: Plane) -> Plane:
    """Read a strand table at the nearest row, smooth between the columns, which are cyclic."""
    low = column.astype(np.int32)
    share = column - low
    share = share * share * (3 - 2 * share)
    # Flat indices and take(): half the time of table[row, low].
    first_column = row.astype(np.int32) * TABLE[1]
    left = first_column + low % TABLE[1]
    right = first_column + (low + 1) % TABLE[1]
    first = table.take(left)
    return first + (table.take(right) - first) * share
