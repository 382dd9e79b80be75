"""The real class: a scene seen by a sensor with a colour mosaic, developed, made smaller.

scene -> white balance undone -> Bayer mosaic RGGB -> shot and read noise -> white balance
-> demosaicing -> sRGB curve -> sharpening -> final size
"""

import numpy as np

from latentprint.demo.canvas import Picture, Plane, resized

SHOT = 4.0e-4
"""Variance of the shot noise of a pixel at full exposure (1 / electrons), before the ISO factor."""
READ = 2.0e-3
"""Standard deviation of the read noise, full exposure = 1, before the ISO factor."""
ISO_SPREAD = 0.3
"""Standard deviation of the logarithm of the noise amplitude from image to image."""
SHARPENING = 0.35
"""Share of the high-pass signal added after demosaicing."""


def photograph(scene: Picture, rng: np.random.Generator, size: int) -> Picture:
    """Take a picture of a scene.

    Parameters
    ----------
    scene : float32, (3, side, side), linear light
        `side` even.
    rng : numpy Generator
        White balance and noise.
    size : int
        Edge of the result in pixels.

    Returns
    -------
    float32, (3, size, size)
        sRGB, nominally 0..1.
    """
    gains = np.array([rng.uniform(1.6, 2.2), 1.0, rng.uniform(1.4, 1.9)], np.float32)
    iso = float(np.exp(rng.normal(0, ISO_SPREAD)))
    raw = _mosaic(np.minimum(scene, 1) / gains.reshape(3, 1, 1))
    variance = (SHOT * iso * iso) * raw + (READ * iso) ** 2
    raw = raw + np.sqrt(variance) * rng.standard_normal(raw.shape, dtype=np.float32)
    raw[0::2, 0::2] *= gains[0]
    raw[1::2, 1::2] *= gains[2]
    picture = developed(_demosaiced(raw))
    return resized(_sharpened(picture), size, size)


def developed(light: Picture) -> Picture:
    """Turn linear light into sRGB values, clipped to 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _mosaic(picture: Picture) -> Plane:
    """Keep one colour per pixel: red at even rows and columns, blue at odd ones."""
    raw = picture[1].copy()
    raw[0::2, 0::2] = picture[0, 0::2, 0::2]
    raw[1::2, 1::2] = picture[2, 1::2, 1::2]
    return raw


def _demosaiced(raw: Plane) -> Picture:
    """Estimate the missing colours linearly, 5 x 5 (Malvar, He and Cutler 2004, figure 2).

    The missing colour is interpolated between its own samples and corrected by the curvature of
    the colour that is known at the pixel.
    """
    height, width = raw.shape
    # Mirrored without repeating the edge: the mosaic goes on in phase.
    padded = np.pad(raw, 2, mode="reflect")

    def at(down: int, right: int) -> Plane:
        return padded[2 + down : 2 + down + height, 2 + right : 2 + right + width]

    beside, above = at(0, -1) + at(0, 1), at(-1, 0) + at(1, 0)
    far_beside, far_above = at(0, -2) + at(0, 2), at(-2, 0) + at(2, 0)
    diagonal = at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1)
    far = far_beside + far_above

    green = (4 * raw + 2 * (beside + above) - far) * np.float32(1 / 8)
    along_row = (5 * raw + 4 * beside - diagonal - far_beside + 0.5 * far_above) * np.float32(1 / 8)
    along_column = (5 * raw + 4 * above - diagonal - far_above + 0.5 * far_beside) * np.float32(
        1 / 8
    )
    opposite = (6 * raw + 2 * diagonal - 1.5 * far) * np.float32(1 / 8)

    picture = np.stack([raw, raw, raw])
    red, blue = (slice(0, None, 2),) * 2, (slice(1, None, 2),) * 2
    green_by_red = (slice(0, None, 2), slice(1, None, 2))
    green_by_blue = (slice(1, None, 2), slice(0, None, 2))
    picture[1][red], picture[1][blue] = green[red], green[blue]
    picture[0][green_by_red], picture[2][green_by_red] = (
        along_row[green_by_red],
        along_column[green_by_red],
    )
    picture[0][green_by_blue], picture[2][green_by_blue] = (
        along_column[green_by_blue],
        along_row[green_by_blue],
    )
    picture[0][blue], picture[2][red] = opposite[blue], opposite[red]
    return picture


def _sharpened(picture: Picture) -> Picture:
    """Add a share of the difference from the mean of the four neighbours."""
    padded = np.pad(picture, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return picture + SHARPENING * (picture - 0.25 * around)
