"""The head of a demo scene: shape, skin, eyes, brows, nose, mouth, ears, beard, glasses.

Every painter changes the picture in place, inside the window that it needs.
"""

from dataclasses import dataclass

import numpy as np

from latentprint.demo.canvas import (
    Colour,
    Light,
    Picture,
    Plane,
    Pose,
    bump,
    linear,
    paint,
    ramp,
    spot,
)

SKIN_LIGHT = ((246, 214, 192), (236, 196, 168), (222, 176, 140))
SKIN_DARK = ((176, 122, 86), (132, 86, 58), (92, 60, 44))
IRISES = ((74, 50, 34), (58, 38, 28), (96, 72, 44), (88, 110, 84), (96, 128, 156), (120, 134, 142))
LIPSTICKS = ((168, 60, 70), (190, 50, 60), (150, 60, 80), (200, 90, 90))
EYE = -0.12
"""Height v of the eyes."""


@dataclass(frozen=True)
class Face:
    """The traits of a face; lengths in head units, colours in linear light, shares 0..1."""

    tone: float
    width: float
    jaw: float
    skin: Colour
    shine: float
    blush: float
    freckles: float
    wrinkles: float
    eye_gap: float
    eye_width: float
    eye_open: float
    eye_slant: float
    iris: Colour
    gaze: tuple[float, float]
    brow_height: float
    brow_arch: float
    brow_thick: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_height: float
    smile: float
    gape: float
    lip_full: float
    lip: Colour
    beard: float
    moustache: float
    glasses: float


def sample_face(rng: np.random.Generator) -> Face:
    """Draw the traits of one face."""
    feminine = rng.random()
    tone = rng.beta(0.7, 1.2)
    light, dark = linear(*SKIN_LIGHT[rng.integers(3)]), linear(*SKIN_DARK[rng.integers(3)])
    skin = light ** np.float32(1 - tone) * dark ** np.float32(tone)
    red = rng.uniform(0.5, 0.7)
    lip = skin * np.array([0.9, red, red], np.float32).reshape(3, 1, 1)
    if feminine > 0.6 and rng.random() < 0.5:
        lip = linear(*LIPSTICKS[rng.integers(4)])
    hairy = feminine < 0.4 and rng.random() < 0.6
    return Face(
        tone=tone,
        width=rng.uniform(0.69, 0.81) - 0.03 * feminine,
        jaw=rng.uniform(0.18, 0.32) + 0.06 * feminine,
        skin=skin * np.float32(rng.uniform(0.92, 1.08)),
        shine=rng.uniform(0.03, 0.2),
        blush=rng.uniform(0.1, 0.9),
        freckles=rng.uniform(0.1, 0.4) if rng.random() < 0.2 else 0.0,
        wrinkles=rng.uniform(0, 0.9) ** 2,
        eye_gap=rng.uniform(0.30, 0.36),
        eye_width=rng.uniform(0.145, 0.18),
        eye_open=rng.uniform(0.32, 0.52),
        eye_slant=rng.normal(-0.05, 0.07),
        iris=linear(*IRISES[rng.integers(2 if tone > 0.5 else len(IRISES))]),
        gaze=(rng.normal(0, 0.12), rng.normal(0, 0.05)),
        brow_height=rng.uniform(0.16, 0.23),
        brow_arch=rng.uniform(0.02, 0.09),
        brow_thick=rng.uniform(0.024, 0.045) - 0.008 * feminine,
        nose_width=rng.uniform(0.11, 0.16),
        nose_length=rng.uniform(0.28, 0.40),
        mouth_width=rng.uniform(0.22, 0.32),
        mouth_height=rng.uniform(0.53, 0.62),
        smile=rng.uniform(-0.02, 0.10),
        gape=rng.uniform(0.4, 1.2) if rng.random() < 0.45 else 0.0,
        lip_full=rng.uniform(0.040, 0.065) + 0.012 * feminine,
        lip=lip.astype(np.float32),
        beard=rng.uniform(0.35, 0.95) if hairy else 0.0,
        moustache=rng.uniform(0.3, 0.95) if hairy and rng.random() < 0.8 else 0.0,
        glasses=rng.uniform(0.011, 0.020) if rng.random() < 0.2 else 0.0,
    )


def draw_neck(picture: Picture, face: Face, pose: Pose, light: Light) -> None:
    """Paint the neck with the shadow of the chin."""
    pose, where = pose.window(-1, 1, 0.3, 2.2)
    u, v = pose.u + 0.3 * pose.yaw, pose.v
    half = (0.62 * face.width) * (1 + 0.45 * ramp(v, 1.15, 1.75))
    across = u / half
    cover = pose.edge(half - np.abs(u)) * ramp(v, 0.3, 0.5)
    bulge = np.sqrt(np.maximum(1 - across * across, 0.03))
    shade = light.mix(light.x * across + light.z * bulge)
    tendons = 0.06 * bump(np.abs(u) - 0.22 * (1.9 - v), 0.05)
    # The chin shades the neck, farther away from the light.
    shadow = 1 - 0.72 * ramp(v + 0.35 * np.abs(u) + 0.3 * light.x * u, 1.50, 1.12)
    value = shade * (face.skin * ((0.92 - tendons) * shadow))
    picture[:, *where] = paint(picture[:, *where], value, cover)


def draw_ears(picture: Picture, face: Face, pose: Pose, light: Light) -> None:
    """Paint both ears; face and hair later cover what they hide."""
    for side in (-1, 1):
        middle = side * face.width - 0.3 * pose.yaw
        ear, where = pose.window(middle - 0.2, middle + 0.2, -0.3, 0.35)
        u = (ear.u - middle) * (1 / 0.11)
        v = (ear.v - 0.02 - 0.022 * side * u) * (1 / 0.2)
        inside = 1 - np.sqrt(u * u + v * v)
        fold = 0.72 + 0.35 * bump(inside - 0.25, 0.14) - 0.3 * bump(inside - 0.6, 0.2)
        shade = light.mix(np.full_like(u, 0.45 + 0.4 * side * light.x))
        picture[:, *where] = paint(
            picture[:, *where], shade * face.skin * fold, ear.edge(inside * 0.1)
        )


def draw_face(
    picture: Picture,
    face: Face,
    pose: Pose,
    light: Light,
    *,
    hair: Colour,
    shadow: Plane,
    rng: np.random.Generator,
) -> None:
    """Paint the face without the hair that falls over it.

    Parameters
    ----------
    picture : float32, (3, side, side)
        Changed in place.
    face, pose, light : Face, Pose, Light
    hair : float32, (3, 1, 1)
        Colour of brows and beard.
    shadow : float32, (side, side), 0..1
        Share of the light that the hair above takes away.
    rng : numpy Generator
        For the fine structure of the skin.
    """
    pose, where = pose.window(-0.86, 0.86, -1.05, 1.08)
    distance = _radius(face, pose)
    pores = pose.noise(rng, 2 * pose.pixel)
    blotches = pose.noise(rng, 0.25, octaves=3)
    height = _relief(face, pose, distance) + 0.0005 * pores
    shade, highlight = light.on(height, pose.unit, gloss=face.shine)

    skin = _skin(face, pose, 1 + 0.05 * blotches + 0.025 * pores, rng)
    for painter in (_beard, _nostrils, _mouth, _brows):
        painter(skin, face, pose, hair, rng)
    skin = skin * shade + highlight * light.tint
    _eyes(skin, face, pose, light)
    skin *= 1 - 0.5 * shadow[where]
    if face.glasses:
        _glasses(skin, face, pose, light)
    cover = pose.edge((1 - distance) * face.width)
    picture[:, *where] = paint(picture[:, *where], skin, cover)


def _radius(face: Face, pose: Pose) -> Plane:
    """Give the distance from the middle of the head, 1 on its outline."""
    narrow = 1 - face.jaw * ramp(pose.v, 0.0, 1.15)
    a = pose.u / (face.width * narrow)
    b = np.where(pose.v < 0, pose.v * (1 / 0.98), pose.v)
    a, b = a * a, b * b
    # Between an ellipse and a rounded rectangle.
    return np.sqrt(0.75 * (a + b) + 0.25 * (a * a + b * b))


def _relief(face: Face, pose: Pose, distance: Plane) -> Plane:
    """Model the height of the face in head units."""
    u, v = pose.at_depth(0.55)
    au = np.abs(u)
    tip, mouth = face.nose_length, face.mouth_height
    height = 0.62 * np.sqrt(np.maximum(1 - distance * distance, 0) + 0.02)
    # Eye sockets, brow ridge, cheeks, chin and the hollow above it.
    height -= 0.060 * spot(au - face.eye_gap, v - EYE, 0.15, 0.10)
    height += 0.030 * spot(au - 0.25, v + 0.33, 0.24, 0.07)
    height += (0.040 + 0.12 * face.smile) * spot(au - 0.40, v - 0.26, 0.15, 0.17)
    height += 0.040 * spot(u, v - 0.86, 0.13, 0.09)
    height -= 0.020 * spot(u, v - mouth - 0.13, 0.15, 0.04)
    height -= 0.015 * spot(u, v - mouth + 0.11, 0.028, 0.035)
    # The fold from the nose to the corner of the mouth.
    depth = 0.008 + 0.020 * face.wrinkles + 0.07 * max(face.smile, 0)
    crease = au - (face.nose_width + 0.05) - 0.30 * (v - tip)
    height -= depth * spot(crease, v - 0.5 * (tip + mouth), 0.025, 0.10)
    if face.wrinkles > 0.15:
        lines = np.sin(v * 55 + 6 * u * u) * spot(u, v + 0.52, 0.25, 0.07)
        height += 0.0022 * face.wrinkles * lines

    nose, where = pose.window(-0.5, 0.5, -0.4, 0.7)
    u, v = nose.at_depth(0.75)
    ridge = ramp(v, -0.22, tip - 0.02) * ramp(v, tip + 0.17, tip + 0.01)
    height[where] += ridge * (0.16 * bump(u, 0.062) + 0.05 * bump(u, 0.12))
    height[where] += 0.06 * spot(u, v - tip, 0.07, 0.06)
    height[where] += 0.055 * spot(np.abs(u) - 0.85 * face.nose_width, v - tip - 0.03, 0.042, 0.05)

    lips, where = pose.window(-0.6, 0.6, mouth - 0.25, mouth + 0.3)
    u, v = lips.at_depth(0.62)
    curve = v - mouth - face.smile * (0.5 - 8 * u * u)
    swell = 0.024 * bump(curve + 0.035, 0.026) + 0.034 * bump(curve - 0.05, 0.034)
    swell -= 0.030 * bump(curve, 0.015)
    height[where] += swell * ramp(np.abs(u), face.mouth_width * 1.05, face.mouth_width * 0.4)
    return height


def _skin(face: Face, pose: Pose, texture: Plane, rng: np.random.Generator) -> Picture:
    """Colour the bare skin."""
    u, v = pose.at_depth(0.55)
    au = np.abs(u)
    red = spot(au - 0.42, v - 0.28, 0.16, 0.15) + 0.7 * spot(u, v - 0.30, 0.10, 0.12)
    tired = 0.22 * spot(au - face.eye_gap, v + 0.02, 0.14, 0.055)
    skin = face.skin * (texture * (1 - tired))
    skin[1:] *= 1 - (0.21 * face.blush) * red
    if face.freckles:
        dots = ramp(pose.noise(rng, 0.03), 1.0, 1.8) * spot(u, v - 0.15, 0.5, 0.2)
        skin *= 1 - face.freckles * dots
        skin[1:] *= 1 - 0.5 * face.freckles * dots
    return skin


def _beard(skin: Picture, face: Face, pose: Pose, hair: Colour, rng: np.random.Generator) -> None:
    if not face.beard and not face.moustache:
        return
    pose, where = pose.window(-0.85, 0.85, 0.0, 1.08)
    u, v = pose.at_depth(0.5)
    au = np.abs(u)
    mouth = face.mouth_height
    ragged = 0.03 * pose.noise(rng, 0.06, octaves=2)
    fall = v - (0.16 + 0.75 * (0.62 - au)) - ragged
    zone = face.beard * ramp(fall, 0.0, 0.16)
    around = (u * (1 / (face.mouth_width + 0.08))) ** 2 + ((v - mouth) * (1 / 0.13)) ** 2
    zone *= 0.15 + 0.85 * ramp(around, 0.8, 1.1)
    upper = bump(v - mouth + 0.10 - 0.35 * u * u + 0.3 * ragged, 0.035)
    upper *= face.moustache * ramp(au, face.mouth_width + 0.05, 0.15)
    strands = 0.85 + 0.15 * pose.noise(rng, 0.018)
    cover = np.clip(np.maximum(zone, upper) * strands, 0, 1)
    skin[:, *where] = paint(skin[:, *where], hair * (0.8 * strands), cover)


def _nostrils(
    skin: Picture, face: Face, pose: Pose, hair: Colour, rng: np.random.Generator
) -> None:
    pose, where = pose.window(-0.5, 0.5, 0.1, 0.75)
    u, v = pose.at_depth(0.75)
    au = np.abs(u)
    v = v - face.nose_length
    hole = spot(au - 0.58 * face.nose_width, v - 0.075 - 0.2 * (au - 0.06), 0.030, 0.016)
    under = spot(u, v - 0.11, face.nose_width, 0.03)
    skin[:, *where] *= 1 - 0.8 * hole - 0.12 * under


def _mouth(skin: Picture, face: Face, pose: Pose, hair: Colour, rng: np.random.Generator) -> None:
    pose, where = pose.window(-0.6, 0.6, face.mouth_height - 0.25, face.mouth_height + 0.3)
    u, v = pose.at_depth(0.62)
    a = u * (1 / face.mouth_width)
    inside = np.maximum(1 - a * a, 0)
    curve = v - face.mouth_height - face.smile * (0.55 - a * a)
    cupid = 1 - 0.35 * bump(a, 0.10) + 0.15 * bump(np.abs(a) - 0.24, 0.12)
    gap = (0.045 * face.gape) * inside
    upper = pose.edge(curve + 0.4 * gap + face.lip_full * cupid * inside)
    lower = pose.edge(gap + (1.35 * face.lip_full) * np.sqrt(inside) - curve)
    furrows = 1 + 0.08 * np.sin(u * 160 + 3 * pose.noise(rng, 0.1))
    window = paint(
        skin[:, *where], face.lip * furrows, 0.9 * upper * lower * ramp(inside, 0.0, 0.12)
    )
    if face.gape:
        opening = pose.edge(curve + 0.4 * gap) * pose.edge(gap - curve) * ramp(inside, 0, 0.05)
        teeth = 0.62 - 0.25 * np.abs(a) - 0.16 * bump((np.abs(u) * 14) % 1 - 0.5, 0.09)
        teeth = teeth * ramp(curve - gap * 0.6, 0.012, -0.004)
        cavity = np.array([0.10, 0.03, 0.03], np.float32).reshape(3, 1, 1)
        window = paint(window, cavity + teeth * linear(250, 244, 230), opening)
    else:
        window *= 1 - 0.65 * bump(curve, 0.011) * ramp(inside, -0.02, 0.10)
    skin[:, *where] = window


def _brows(skin: Picture, face: Face, pose: Pose, hair: Colour, rng: np.random.Generator) -> None:
    pose, where = pose.window(-0.8, 0.8, -0.65, -0.1)
    u, v = pose.at_depth(0.58)
    a = (np.abs(u) - face.eye_gap) * (1 / (face.eye_width * 1.5))
    centre = EYE - face.brow_height - face.brow_arch * (1 - (a - 0.25) ** 2)
    thick = face.brow_thick * (1.15 - 0.55 * np.clip(a, -1, 1))
    texture = 0.85 + 0.15 * pose.noise(rng, 0.016)
    cover = ramp(np.abs(v - centre) / thick, 1.5, 0.4) * ramp(np.abs(a), 1.08, 0.8)
    cover = np.clip(0.85 * cover * texture, 0, 1)
    skin[:, *where] = paint(skin[:, *where], hair * np.float32(0.55), cover)


def _eyes(skin: Picture, face: Face, pose: Pose, light: Light) -> None:
    whole = pose
    for side in (-1, 1):
        u = side * face.eye_gap + 0.52 * whole.yaw
        pose, where = whole.window(u - 0.25, u + 0.25, EYE - 0.25, EYE + 0.2)
        skin[:, *where] = _eye(skin[:, *where], face, pose, light, side)


def _eye(skin: Picture, face: Face, pose: Pose, light: Light, side: int) -> Picture:
    """Paint one eye (side -1 left, 1 right) into its window; lengths in half eye widths."""
    u, v = pose.at_depth(0.52)
    right = (u - side * face.eye_gap) * (1 / face.eye_width)
    outward = side * right
    down = (v - EYE) * (1 / face.eye_width)
    upright = down - face.eye_slant * outward
    inside = np.maximum(1 - outward * outward, 0)
    lid = face.eye_open * np.sqrt(inside) * (0.75 + 0.25 * inside)
    top, bottom = upright + lid, 0.62 * lid - upright
    cover = pose.edge(top * face.eye_width) * pose.edge(bottom * face.eye_width)

    # Both irises turn the same way, so the gaze moves them with u, not outwards.
    right, down = right - face.gaze[0], down + 0.06 - face.gaze[1]
    r = np.sqrt(right * right + down * down)
    shade = light.mix(0.55 + 0.3 * light.x * right) * (1 - 0.45 * ramp(top, 0.22, 0.0))
    ball = linear(226, 220, 214) * shade
    rays = 0.75 + 0.1 * np.sin(9 * np.arctan2(down, right)) + 0.5 * ramp(r, 0.1, 0.35)
    ball = paint(ball, face.iris * (1.7 * rays) * shade, ramp(r, 0.47, 0.42))
    ball *= 1 - 0.7 * bump(r - 0.44, 0.035) - 0.95 * ramp(r, 0.22, 0.17) * (r < 0.3)
    glint = spot(right - 0.22 * light.x, down - 0.2 * light.y, 0.07, 0.07)
    skin = paint(skin, ball + (1.2 * light.key) * glint, cover)

    lash = 0.85 * bump(top, 0.075) * ramp(inside, 0.0, 0.25)
    lash = np.maximum(lash, 0.35 * bump(bottom, 0.05) * ramp(inside, 0, 0.25))
    crease = 0.35 * bump(upright + lid * 1.25 + 0.13, 0.05) * ramp(inside, -0.05, 0.3)
    corner = 0.4 * spot(outward + 0.97, upright, 0.06, 0.08)
    return skin * (1 - np.clip(lash + crease + corner, 0, 0.92))


def _glasses(skin: Picture, face: Face, pose: Pose, light: Light) -> None:
    pose, where = pose.window(-0.86, 0.86, -0.4, 0.25)
    u, v = pose.at_depth(0.68)
    side = np.sign(u)
    a = np.abs(u) - face.eye_gap
    b = v - EYE - 0.03
    lens = np.sqrt(np.sqrt((a * (1 / 0.245)) ** 4 + (b * (1 / 0.185)) ** 4))
    rim = pose.edge(face.glasses - np.abs(lens - 1) * 0.2)
    bridge = pose.edge(face.glasses - np.abs(b + 0.04 + 0.6 * u * u)) * (a < -0.22)
    temple = pose.edge(face.glasses - np.abs(b + 0.06)) * (a > 0.235)
    glare = 0.05 * ramp(np.abs(a * side + 0.8 * b - 0.1 * light.x), 0.05, 0.02) * (lens < 0.95)
    window = skin[:, *where]
    window = paint(window, window * 0.86 + 0.015, pose.edge((1 - lens) * 0.2)) + glare
    frame = np.full((3, 1, 1), 0.012 + 0.02 * light.key, np.float32)
    skin[:, *where] = paint(window, frame, np.maximum(np.maximum(rim, bridge), temple))
