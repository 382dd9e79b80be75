"""Drawing tools of the demo scenes: soft edges, smooth noise, blur, colour, light on a relief."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float32]
"""One value per pixel, float32, (height, width)."""

Picture = NDArray[np.float32]
"""Linear light per pixel, float32, (3, height, width); 1 is diffuse white, highlights exceed it.

Colour comes first because numpy then multiplies a plane into it several times faster.
"""

Colour = NDArray[np.float32]
"""One colour, linear light, float32, (3, 1, 1)."""


def grid(side: int) -> tuple[Plane, Plane]:
    """Give the x (right) and y (down) coordinate of every pixel centre, both from -1 to 1.

    Parameters
    ----------
    side : int
        Pixels along each edge.

    Returns
    -------
    x, y : float32, (side, side)
    """
    axis = ((np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    return x, y


def ramp(value: Plane, low: float, high: float) -> Plane:
    """Rise smoothly from 0 at `low` to 1 at `high`; fall if `low` is the larger one."""
    share = np.clip((value - low) * (1 / (high - low)), 0, 1)
    return share * share * (3 - 2 * share)


def bump(value: Plane, width: float) -> Plane:
    """Give a bell, 1 at value 0; `width` is its standard deviation."""
    return np.exp(value * value * (-0.5 / (width * width)))


def spot(u: Plane, v: Plane, width: float, height: float) -> Plane:
    """Give a bell in two directions, 1 at (0, 0): one exponential instead of two."""
    return np.exp(u * u * (-0.5 / (width * width)) + v * v * (-0.5 / (height * height)))


def resized(plane: Plane, height: int, width: int) -> Plane:
    """Resample to height x width pixels by cubic interpolation, low-pass filtered where it shrinks.

    Parameters
    ----------
    plane : float32, (height, width) or (3, height, width)
    height, width : int

    Returns
    -------
    float32, the same number of dimensions
    """
    if plane.ndim == 3:
        return np.stack([resized(channel, height, width) for channel in plane])
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def blurred(plane: Plane, sigma: float) -> Plane:
    """Blur a plane or a picture by a bell of about `sigma` pixels; cheap, as it works on fewer."""
    height, width = plane.shape[-2:]
    if sigma < 1:
        return plane
    shrink = max(1.0, sigma / 1.5)
    small = resized(plane, max(4, round(height / shrink)), max(4, round(width / shrink)))
    for axis in (-2, -1):
        small = _smoothed(_smoothed(small, axis), axis)
    return resized(small, height, width)


def _smoothed(plane: Plane, axis: int) -> Plane:
    """Filter along one axis with (1, 4, 6, 4, 1) / 16, which has unit variance."""
    length = plane.shape[axis]
    edges = [(0, 0)] * plane.ndim
    edges[axis] = (2, 2)
    padded = np.moveaxis(np.pad(plane, edges, mode="edge"), axis, 0)
    taps = [padded[k : k + length] for k in range(5)]
    total = (taps[0] + taps[4] + 4 * (taps[1] + taps[3]) + 6 * taps[2]) * np.float32(1 / 16)
    return np.moveaxis(total, 0, axis)


def noise(
    rng: np.random.Generator, shape: tuple[int, int], pitch: float, *, octaves: int = 1
) -> Plane:
    """Draw smooth noise of mean 0 and standard deviation near 1.

    Parameters
    ----------
    rng : numpy Generator
    shape : (int, int)
        Height and width of the result.
    pitch : float
        Pixels between the independent values of the coarsest octave; each further octave has
        half the pitch and 0.6 of the amplitude.
    octaves : int

    Returns
    -------
    float32, `shape`
    """
    total = np.zeros(shape, np.float32)
    power = 0.0
    for octave in range(octaves):
        step = max(pitch / 2**octave, 1.0)
        weight = 0.6**octave
        coarse = rng.standard_normal(
            (max(2, round(shape[0] / step)), max(2, round(shape[1] / step))), dtype=np.float32
        )
        # Cubic interpolation takes away about a third of the amplitude.
        total += (1.3 * weight) * resized(coarse, *shape)
        power += weight * weight
    return total * float(1 / np.sqrt(power))


def linear(red: float, green: float, blue: float) -> Colour:
    """Turn one sRGB colour, 0..255, into linear light, float32, (3, 1, 1), 0..1."""
    value = np.array([red, green, blue], np.float32).reshape(3, 1, 1) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def paint(picture: Picture, value: Colour | Picture, cover: Plane) -> Picture:
    """Lay a colour or a picture over `picture` where `cover` (0..1) says so."""
    return picture + (value - picture) * cover


@dataclass(frozen=True)
class Light:
    """One soft key light and the light of the surroundings.

    Parameters
    ----------
    x, y, z : float
        Unit vector towards the key light: right, down, towards the viewer.
    key, ambient : float
        Strength of both.
    tint, sky : float32, (3, 1, 1)
        Colour of the key light, colour of the surroundings.
    """

    x: float
    y: float
    z: float
    key: float
    ambient: float
    tint: Colour
    sky: Colour

    def on(self, height: Plane, unit: float, *, gloss: float = 0.0) -> tuple[Picture, Plane]:
        """Light a relief: wrapped Lambert shading and a broad highlight.

        Parameters
        ----------
        height : float32, (height, width)
        unit : float
            Pixels per unit of `height`.
        gloss : float
            Strength of the highlight.

        Returns
        -------
        shade : float32, (3, height, width)
            Light that a white surface gives back.
        highlight : float32, (height, width)
        """
        slope_x = np.empty_like(height)
        slope_y = np.empty_like(height)
        slope_x[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * (unit / 2)
        slope_y[1:-1] = (height[2:] - height[:-2]) * (unit / 2)
        slope_x[:, [0, -1]] = slope_x[:, [1, -2]]
        slope_y[[0, -1]] = slope_y[[1, -2]]
        norm = 1 / np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
        towards = -self.x * slope_x - self.y * slope_y
        shade = self.mix((self.z + towards) * norm)
        if not gloss:
            return shade, np.zeros_like(height)
        # Half-way vector between the light and the viewer, who is at (0, 0, 1).
        half = (1 + self.z + towards) * norm * float(1 / np.sqrt(2 + 2 * self.z))
        for _ in range(4):
            half = half * half
        return shade, gloss * half

    def mix(self, cosine: Plane) -> Picture:
        """Turn the cosine to the key light into coloured light, float32, (3, height, width)."""
        # Wrapped by 0.25: skin and cloth scatter light past the edge of the shadow.
        direct = np.maximum((cosine + 0.25) * (self.key / 1.25), 0)
        around = (0.25 * self.ambient) * cosine + 0.75 * self.ambient
        return direct * self.tint + around * self.sky


def sample_light(rng: np.random.Generator) -> Light:
    """Draw a light: side, height, hardness and colour temperature."""
    azimuth = np.radians(rng.uniform(-65, 65))
    elevation = np.radians(rng.uniform(5, 55))
    warm = rng.normal(0, 0.10)
    cool = -warm * rng.uniform(0, 0.8) + rng.normal(0, 0.03)
    key = rng.uniform(0.55, 1.0)
    return Light(
        x=float(np.sin(azimuth) * np.cos(elevation)),
        y=float(-np.sin(elevation)),
        z=float(np.cos(azimuth) * np.cos(elevation)),
        key=key,
        ambient=(1.15 - key) * rng.uniform(0.6, 1.1),
        tint=np.array([1 + warm, 1, 1 - warm], np.float32).reshape(3, 1, 1),
        sky=np.array([1 + cool, 1, 1 - cool], np.float32).reshape(3, 1, 1),
    )


@dataclass(frozen=True)
class Pose:
    """Where the head is and how it is turned, for the whole canvas or a window of it.

    Parameters
    ----------
    u, v : float32, (height, width)
        Head coordinates: right and down, 0 in the middle of the face, 1 = half the face height.
    yaw, pitch : float
        Turn to the right and downwards: shift of a point of unit depth, in head units.
    pixel : float
        Size of a pixel in head units.
    """

    u: Plane
    v: Plane
    yaw: float
    pitch: float
    pixel: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.u.shape

    @property
    def unit(self) -> float:
        """Pixels per head unit."""
        return 1 / self.pixel

    def at_depth(self, depth: float) -> tuple[Plane, Plane]:
        """Give u and v for details that lie `depth` above the middle plane of the head."""
        return self.u - self.yaw * depth, self.v - self.pitch * depth

    def edge(self, distance: Plane) -> Plane:
        """Turn a signed distance (head units, positive inside) into cover, one pixel soft."""
        return np.clip(distance * (self.unit / 1.5) + 0.5, 0, 1)

    def noise(self, rng: np.random.Generator, pitch: float, *, octaves: int = 1) -> Plane:
        """Draw smooth noise for this window, `pitch` in head units."""
        return noise(rng, self.shape, pitch * self.unit, octaves=octaves)

    def window(
        self, left: float, right: float, top: float, bottom: float
    ) -> tuple["Pose", tuple[slice, slice]]:
        """Cut out the smallest window that holds a box of head coordinates.

        Parameters
        ----------
        left, right, top, bottom : float
            Box in u and v.

        Returns
        -------
        pose : Pose
            Of the window.
        where : (slice, slice)
            Rows and columns of the window.
        """
        # Tilt and scale are the same everywhere: read them off three pixels.
        u0, v0 = float(self.u[0, 0]), float(self.v[0, 0])
        a, b = float(self.u[0, 1]) - u0, float(self.v[0, 1]) - v0
        corners_u = np.array([left, right, left, right]) - u0
        corners_v = np.array([top, top, bottom, bottom]) - v0
        size = a * a + b * b
        columns = (corners_u * a + corners_v * b) / size
        rows = (corners_v * a - corners_u * b) / size
        where = (_span(rows, self.shape[0]), _span(columns, self.shape[1]))
        return Pose(self.u[where], self.v[where], self.yaw, self.pitch, self.pixel), where


def _span(positions: NDArray[np.float64], length: int) -> slice:
    """Give a slice around `positions`, inside 0..length and at least four wide."""
    first = min(max(int(positions.min()) - 1, 0), length - 4)
    return slice(first, max(min(int(positions.max()) + 3, length), first + 4))
