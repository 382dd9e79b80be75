"""What surrounds the head in a demo scene: the background and the clothes."""

import numpy as np

from latentprint.demo.canvas import (
    Colour,
    Light,
    Picture,
    Plane,
    Pose,
    blurred,
    bump,
    grid,
    linear,
    noise,
    paint,
    ramp,
    resized,
)

GARMENTS = ("plain", "stripes", "check", "knit", "suit", "print")


def draw_backdrop(rng: np.random.Generator, side: int) -> Picture:
    """Draw a background: studio, lights, foliage, room or sky out of focus, or a sharp wall.

    Parameters
    ----------
    rng : numpy Generator
    side : int
        Pixels along each edge.

    Returns
    -------
    float32, (3, side, side)
    """
    kind = rng.integers(6)
    if kind == 0:
        return _wall(*grid(side), rng)
    # The others are soft: half the pixels along each edge show the same.
    x, y = grid(side // 2)
    picture = (_studio, _sky, _lights, _nature, _room)[kind - 1](x, y, rng)
    if kind >= 3:
        picture = blurred(picture, side / 384 * np.exp(rng.uniform(0.7, 2.6)))
    return np.maximum(resized(picture, side, side), 0)


def _colour(rng: np.random.Generator, *, chroma: float, low: float, high: float) -> Colour:
    """Draw a colour whose level lies between `low` and `high`."""
    hue = rng.uniform(0, 2 * np.pi)
    tint = 1 + chroma * np.cos(hue - np.array([0, 2.09, 4.19]))
    level = np.exp(rng.uniform(np.log(low), np.log(high)))
    return (level * tint).clip(0.003, 1).astype(np.float32).reshape(3, 1, 1)


def _scaled(colour: Colour, low: float, high: float, rng: np.random.Generator) -> Colour:
    return colour * np.float32(rng.uniform(low, high))


def _gradient(x: Plane, y: Plane, rng: np.random.Generator, first: Colour, last: Colour) -> Picture:
    angle = rng.uniform(0, 2 * np.pi)
    share = ramp(x * float(np.cos(angle)) + y * float(np.sin(angle)), -1.2, 1.2)
    return first + (last - first) * share


def _studio(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    base = _colour(rng, chroma=rng.uniform(0, 0.5), low=0.03, high=0.7)
    picture = _gradient(x, y, rng, base, _scaled(base, 0.4, 1.3, rng))
    dx, dy = x - rng.uniform(-0.6, 0.6), y - rng.uniform(-0.6, 0.4)
    glow = bump(np.sqrt(dx * dx + dy * dy), rng.uniform(0.5, 1.0))
    mottle = (0.12 * rng.random()) * noise(rng, x.shape, x.shape[0] / 5, octaves=4)
    return picture * (0.7 + 0.6 * glow + mottle)


def _sky(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    side = x.shape[0]
    top = linear(70 + 60 * rng.random(), 120 + 40 * rng.random(), 200)
    low = linear(190 + 50 * rng.random(), 205, 225 - 60 * rng.random())
    picture = top + (low - top) * ramp(y, -1.1, 0.4)
    cloud = noise(rng, x.shape, side / 3, octaves=5) + rng.uniform(-0.6, 0.6)
    picture = paint(
        picture, _scaled(linear(244, 242, 240), 0.6, 1, rng), 0.85 * ramp(cloud, 0, 1.6)
    )
    hills = resized(rng.standard_normal((1, 12), dtype=np.float32), 1, side)
    ground = ramp(y - rng.uniform(0.1, 0.7) + 0.07 * hills, 0.0, 0.03)
    land = _colour(rng, chroma=0.4, low=0.03, high=0.3)
    return paint(picture, land * np.exp(0.25 * noise(rng, x.shape, side / 12, octaves=4)), ground)


def _lights(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    first = _colour(rng, chroma=0.6, low=0.01, high=0.12)
    picture = _gradient(x, y, rng, first, _colour(rng, chroma=0.6, low=0.02, high=0.2))
    for _ in range(int(rng.integers(12, 30))):
        cx, cy, r = rng.uniform(-1, 1), rng.uniform(-1, 0.7), rng.uniform(0.04, 0.17)
        where = _around(x.shape[0], cx, cy, r)
        dx, dy = x[where] - cx, y[where] - cy
        d = np.sqrt(dx * dx + dy * dy) * (1 / r)
        disc = ramp(d, 1, 0.88) * (0.75 + 0.35 * ramp(d, 0.6, 0.9))
        picture[:, *where] += disc * _colour(rng, chroma=0.6, low=0.05, high=0.5)
    return picture


def _around(side: int, cx: float, cy: float, r: float) -> tuple[slice, slice]:
    """Give rows and columns of the square around a disc."""
    unit = side / 2
    row, column, reach = (cy + 1) * unit, (cx + 1) * unit, r * unit + 2
    return (
        slice(max(int(row - reach), 0), max(int(row + reach), 1)),
        slice(max(int(column - reach), 0), max(int(column + reach), 1)),
    )


def _nature(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    side = x.shape[0]
    leaf = linear(40 + 90 * rng.random(), 80 + 40 * rng.random(), 30 + 30 * rng.random())
    clumps = noise(rng, x.shape, side / rng.uniform(3, 8), octaves=5)
    picture = _scaled(leaf, 0.6, 1.8, rng) * np.exp(0.55 * clumps)
    gaps = ramp(noise(rng, x.shape, side / rng.uniform(6, 14), octaves=3), 0.9, 1.6)
    sun = _scaled(linear(220, 225, 160 + 60 * rng.random()), 0.5, 1.0, rng)
    picture = paint(picture, sun, gaps * ramp(y, 0.6, -0.6))
    for _ in range(int(rng.integers(0, 4))):
        half = rng.uniform(0.03, 0.12)
        trunk = ramp(np.abs(x - rng.uniform(-1, 1) - 0.1 * rng.normal() * y), half, half * 0.8)
        picture = paint(picture, _scaled(linear(70, 52, 38), 0.4, 1.2, rng), trunk)
    return picture


def _room(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    base = _colour(rng, chroma=0.3, low=0.05, high=0.5)
    picture = _gradient(x, y, rng, base, _scaled(base, 0.4, 1.0, rng))
    for _ in range(int(rng.integers(6, 16))):
        cx, cy = rng.uniform(-1.1, 1.1), rng.uniform(-1.1, 1)
        inside = (np.abs(x - cx) < rng.uniform(0.05, 0.5)) & (
            np.abs(y - cy) < rng.uniform(0.05, 0.6)
        )
        thing = _colour(rng, chroma=0.5, low=0.02, high=0.7)
        picture = paint(picture, thing * (1 + 0.3 * y), inside.astype(np.float32))
    return picture


def _wall(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    side = x.shape[0]
    base = _colour(rng, chroma=rng.uniform(0, 0.35), low=0.08, high=0.7)
    picture = _gradient(x, y, rng, base * np.float32(1.15), _scaled(base, 0.5, 0.9, rng))
    tone = 1 + 0.04 * noise(rng, x.shape, 3) + 0.05 * noise(rng, x.shape, side / 9, octaves=4)
    kind = rng.integers(4)
    if kind == 0:
        tone += _bricks(x, y, rng)
    elif kind == 1:
        tone += _boards(x, y, rng)
    elif kind == 2:
        f, g = rng.uniform(8, 22), rng.choice([0, 1])
        tone += rng.uniform(0.04, 0.15) * np.sin(f * x) * np.cos(f * g * y)
    return picture * np.maximum(tone, 0.05)


def _bricks(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    rows = (y + 4) * rng.uniform(4, 7)
    row = rows.astype(np.int32)
    columns = (x + 4) * rng.uniform(1.5, 2.6) + 0.5 * (row % 2)
    each = rng.standard_normal((64, 64), dtype=np.float32)[row % 64, columns.astype(np.int32) % 64]
    # Distance to the nearest joint, in brick heights; a brick is about three times as wide.
    joint = np.minimum(0.5 - np.abs(rows % 1 - 0.5), 3 * (0.5 - np.abs(columns % 1 - 0.5)))
    return 0.12 * each + rng.choice([-0.35, 0.35]) * ramp(joint, 0.10, 0.04)


def _boards(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    side = x.shape[0]
    upright = rng.random() < 0.5
    lines = ((x if upright else y) + 4) * rng.uniform(1.5, 4)
    fibre = resized(rng.standard_normal((6, 120), dtype=np.float32), side, side)
    each = rng.standard_normal(64).astype(np.float32)[lines.astype(np.int32) % 64]
    gap = ramp(np.abs(lines % 1 - 0.5), 0.47, 0.495)
    return 0.08 * each + 0.05 * (fibre if upright else fibre.T) - 0.4 * gap


def draw_clothes(picture: Picture, pose: Pose, light: Light, rng: np.random.Generator) -> None:
    """Paint shoulders in one of `GARMENTS`, with a neckline, in place.

    Parameters
    ----------
    picture : float32, (3, side, side)
    pose : Pose
        Of the whole canvas.
    light : Light
    rng : numpy Generator
    """
    pose, where = pose.window(-4, 4, 1.15, 4)
    u, v = pose.u + 0.35 * pose.yaw, pose.v
    au = np.abs(u)
    wide, slope = rng.uniform(1.45, 1.95), rng.uniform(0.12, 0.24)
    shoulder = 1.22 + slope * au + 0.9 * ramp(au, wide * 0.75, wide * 1.2)
    depth, opening = rng.uniform(0.12, 0.55), rng.uniform(0.42, 0.62)
    pointed = rng.random() < 0.5
    share = au * (1 / opening)
    profile = 1 - share if pointed else np.sqrt(np.maximum(1 - share * share, 0))
    neckline = np.where(share < 1, 1.22 + slope * opening + depth * profile, shoulder)
    inside = v - np.maximum(shoulder, neckline)

    kind = GARMENTS[rng.integers(len(GARMENTS))]
    cloth = _cloth(kind, u, v, pose, rng)
    across = np.clip(u * (1 / wide), -1, 1)
    fall = resized(rng.standard_normal((3, 14), dtype=np.float32), *pose.shape)
    height = 0.5 * np.sqrt(np.maximum(1.05 - across * across, 0.02))
    height += 0.020 * pose.noise(rng, 0.8, octaves=3) + 0.02 * fall
    height += 0.25 * ramp(v - shoulder, 0.0, 0.45)
    shade, _ = light.on(height, pose.unit)
    seam = 1 - 0.3 * bump(inside - 0.05, 0.012) - 0.1 * (1 - pose.edge(inside - 0.05))
    under_chin = 1 - 0.3 * bump(au, 0.5) * ramp(v, 1.7, 1.2)
    window = paint(picture[:, *where], cloth * shade * (seam * under_chin), pose.edge(inside))
    if kind == "suit":
        window = _shirt(window, u, v, light, rng)
    picture[:, *where] = window


def _cloth(kind: str, u: Plane, v: Plane, pose: Pose, rng: np.random.Generator) -> Picture:
    first = _colour(rng, chroma=rng.uniform(0, 0.9), low=0.015, high=0.7)
    second = _colour(rng, chroma=rng.uniform(0, 0.9), low=0.015, high=0.7)
    cloth = first * (1 + 0.06 * pose.noise(rng, 2 * pose.pixel))
    warp = 0.03 * pose.noise(rng, 0.9)
    f = rng.uniform(8, 26)
    if kind == "stripes":
        along = (v if rng.random() < 0.5 else u) + warp
        return paint(cloth, second, ramp(np.sin(f * along), 0.1, 0.4))
    if kind == "check":
        bars = ramp(np.sin(0.8 * f * (u + warp)), -0.1, 0.2)
        return paint(cloth, second, 0.45 * (bars + ramp(np.sin(0.8 * f * (v + warp)), -0.1, 0.2)))
    if kind == "knit":
        rows = (v + warp) * 22
        return cloth * (1 + 0.22 * np.sin(46 * u + 2 * np.abs(rows % 2 - 1)) * np.sin(np.pi * rows))
    if kind == "print":
        return paint(cloth, second, ramp(pose.noise(rng, rng.uniform(0.15, 0.4)), 0.7, 0.8))
    return cloth


def _shirt(picture: Picture, u: Plane, v: Plane, light: Light, rng: np.random.Generator) -> Picture:
    """Add shirt, lapels and perhaps a tie to a suit."""
    shade = light.mix(np.full_like(u, 0.6))
    lapel = 0.46 - 0.62 * (v - 1.25) - np.abs(u)
    collar = ramp(v + 0.3 * np.abs(u), 1.28, 1.31)
    shirt = _colour(rng, chroma=0.2, low=0.4, high=0.85)
    picture = paint(picture, shirt * shade, ramp(lapel, 0, 0.015) * collar)
    picture *= 1 - 0.5 * bump(lapel, 0.015) * collar
    if rng.random() < 0.6:
        stripes = 1 + 0.3 * rng.choice([0, 1]) * np.sign(np.sin(28 * (u + v)))
        half = 0.075 + 0.10 * ramp(v, 1.45, 2.1) - 0.02 * ramp(v, 1.38, 1.45)
        cover = ramp(half - np.abs(u), 0, 0.015) * ramp(v, 1.33, 1.35)
        tie = _colour(rng, chroma=0.9, low=0.02, high=0.3)
        picture = paint(picture, tie * shade * stripes, cover)
    return picture
