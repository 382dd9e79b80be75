"""Portrait scenes of the demo: a person before a background, in linear light.

Every trait (pose, light, face, hair, clothes, background, exposure) is drawn from one distribution,
whichever class the picture will belong to: the classes differ only by what happens to the scene
afterwards (`camera` or `generator`).
"""

import numpy as np

from latentprint.demo.canvas import Picture, Plane, Pose, blurred, grid, paint, sample_light
from latentprint.demo.face import draw_ears, draw_face, draw_neck, sample_face
from latentprint.demo.hair import dress, sample_hair
from latentprint.demo.setting import draw_backdrop, draw_clothes


def draw_scene(rng: np.random.Generator, side: int) -> Picture:
    """Draw one portrait.

    Parameters
    ----------
    rng : numpy Generator
        The only source of what differs between scenes.
    side : int
        Pixels along each edge, even.

    Returns
    -------
    float32, (3, side, side)
        Linear light, at least 0, exposed so that its mean lies near 0.2; highlights may exceed 1.
    """
    light = sample_light(rng)
    face = sample_face(rng)
    hair = sample_hair(rng, beard=face.beard > 0, tone=face.tone)
    pose = _sample_pose(rng, side)
    picture = draw_backdrop(rng, side)
    locks = dress(hair, pose, light, width=face.width, rng=rng)
    window = picture[:, *locks.where]
    window[...] = paint(window, locks.picture * 0.75, locks.behind)
    draw_neck(picture, face, pose, light)
    draw_clothes(picture, pose, light, rng)
    draw_ears(picture, face, pose, light)
    front = np.zeros((side, side), np.float32)
    front[locks.where] = locks.front
    shadow = _shadow(front, shift=(-0.04 * light.y, -0.04 * light.x))
    draw_face(picture, face, pose, light, hair=hair.colour, shadow=shadow, rng=rng)
    window[...] = paint(window, locks.picture, locks.front)
    return _exposed(picture, rng)


def _sample_pose(rng: np.random.Generator, side: int) -> Pose:
    x, y = grid(side)
    scale = rng.uniform(0.54, 0.66)
    tilt = np.radians(rng.normal(0, 5))
    cos, sin = float(np.cos(tilt)) / scale, float(np.sin(tilt)) / scale
    x, y = x - rng.normal(0, 0.04), y - rng.normal(0.08, 0.03)
    return Pose(
        u=x * cos + y * sin,
        v=y * cos - x * sin,
        yaw=float(np.clip(rng.normal(0, 0.10), -0.22, 0.22)),
        pitch=rng.normal(0, 0.03),
        pixel=2 / side / scale,
    )


def _shadow(front: Plane, shift: tuple[float, float]) -> Plane:
    """Blur the hair in front and move it away from the light (`shift` in canvas edges)."""
    side = front.shape[0]
    steps = tuple(round(part * side) for part in shift)
    return np.clip(blurred(np.roll(front, steps, axis=(0, 1)), 0.02 * side), 0, 1)


def _exposed(picture: Picture, rng: np.random.Generator) -> Picture:
    target = np.exp(rng.normal(np.log(0.21), 0.2))
    # Three quarters of the way: night scenes stay darker than beaches, as with a camera's meter.
    gain = (target / float(picture.mean())) ** 0.75
    return np.maximum(picture * np.float32(gain), 0)
