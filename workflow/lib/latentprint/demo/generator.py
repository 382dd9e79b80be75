"""The synthetic class: a scene rebuilt by a small convolutional decoder, as image generators do.

    scene -> final size -> strided convolutions ->  1/2, 1/4, 1/8
    1/8 -> [transposed convolution + detail of the level + noise of the level] x 3 -> picture

A transposed convolution of stride 2 is four interleaved filters, one per parity of row and column.
Unless their weights agree exactly, the four differ in gain: a checkerboard locked to the pixel
grid, as strong as the signal below it is bright. The levels above carry it along, so that the
picture holds patterns of period 8, 4 and 2 pixels. Noise enters at every level, as in StyleGAN,
and is shaped by the filters above it.
"""

import numpy as np
from numpy.typing import NDArray

from latentprint.demo.camera import developed
from latentprint.demo.canvas import Picture, resized

TRACE = 1.4
"""Strength of the up-sampling trace as a whole, 0 for none: the knob for difficulty.

Measured with random forests of 60 trees on 180 images, 200 for the test, latents of the embedded
codec half-way through its training, spread 1.2, flatten, luma: y 0.84 and 0.88 at a strength of 1.0
and 1.7, y_hat at about 1 bpp 0.63 and 0.70. File sizes of the classes then differ on average, and
`NOISE` must follow: at the values below by 0.1 % over three seeds (standard deviation 12 %).
"""
TRACE_LEVELS = (0.004, 0.008, 0.008)
"""Uneven gain of the transposed convolutions, relative, for periods 2, 4 and 8 pixels."""
TRACE_SPREAD = 1.1
"""Standard deviation of the logarithm of the strength from image to image.

Large: strong traces survive the quantisation, weak ones hide even before it.
"""
NOISE = 0.0057
"""Standard deviation of the noise of a typical image, black to white = 1."""
NOISE_SHARED = (1.0, 0.3, 0.15)
"""Noise in all three colours alike at full, half and quarter size, relative to `NOISE`."""
NOISE_COLOUR = (0.35, 1.5, 0.4)
"""Noise in each colour by itself, at the same sizes."""
NOISE_SPREAD = 0.27
"""Standard deviation of the logarithm of the noise from image to image."""
DETAIL = (1.36, 1.06, 0.95)
"""Share of its detail that a level restores, from full to quarter size; above 1 sharpens."""

KERNEL_SEED = 1912
"""The decoder's weights are fixed: they are the same in every image, like those of a model."""

BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 16
"""Kernel of 4 x 4 whose transposed convolution of stride 2 interpolates linearly."""


def generate(scene: Picture, rng: np.random.Generator, size: int) -> Picture:
    """Rebuild a scene by a decoder.

    Parameters
    ----------
    scene : float32, (3, side, side), linear light
    rng : numpy Generator
        Noise and strength of the trace.
    size : int
        Edge of the result in pixels, a multiple of 8.

    Returns
    -------
    float32, (3, size, size)
        sRGB, nominally 0..1.
    """
    levels = [resized(developed(scene), size, size)]
    for _ in DETAIL:
        levels.append(_strided(levels[-1]))
    strength = TRACE * float(np.exp(rng.normal(0, TRACE_SPREAD)))
    noise = NOISE * float(np.exp(rng.normal(0, NOISE_SPREAD)))
    uneven = _uneven_kernels()
    picture = levels[-1]
    for level in reversed(range(len(DETAIL))):
        detail = levels[level] - _transposed(levels[level + 1], BILINEAR)
        flaw = (strength * TRACE_LEVELS[level]) * uneven[level]
        picture = _transposed(picture, BILINEAR) + np.stack(
            [_transposed(channel, kernel) for channel, kernel in zip(picture, flaw, strict=True)]
        )
        picture += DETAIL[level] * detail
        picture += noise * _grain(rng, picture, level)
    return picture


def _uneven_kernels() -> NDArray[np.float32]:
    """Give what sets the kernels apart from linear interpolation, float32, (level, 3, 4, 4).

    The mean of the four gains is 0, so that no level changes the brightness; their root mean
    square is 1 in green.
    """
    rng = np.random.default_rng(KERNEL_SEED)
    shared = rng.standard_normal((len(DETAIL), 1, 4, 4))
    kernels = shared + 0.5 * rng.standard_normal((len(DETAIL), 3, 4, 4))
    # Parity of an output pixel = parity of the tap.
    gains = kernels.reshape(-1, 3, 2, 2, 2, 2).sum(axis=(2, 4))
    mean = gains.mean(axis=(2, 3), keepdims=True)
    kernels = kernels - np.tile(mean / 4, (1, 1, 4, 4))
    gains = gains - mean
    scale = np.sqrt((gains[:, 1] ** 2).mean(axis=(1, 2)))
    return (kernels / scale[:, None, None, None]).astype(np.float32)


def _strided(picture: Picture) -> Picture:
    """Convolve with (1, 2, 1) / 4 both ways at every second pixel: little against aliasing."""
    padded = np.pad(picture, ((0, 0), (1, 0), (1, 0)), mode="edge")
    rows = padded[:, 0:-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]
    return (rows[:, :, 0:-2:2] + 2 * rows[:, :, 1:-1:2] + rows[:, :, 2::2]) * np.float32(1 / 16)


def _transposed(picture: Picture, kernel: NDArray[np.float32]) -> Picture:
    """Convolve transposed, kernel 4 x 4, stride 2, padding 1: twice the size.

    Parameters
    ----------
    picture : float32, (..., height, width)
    kernel : float32, (4, 4)

    Returns
    -------
    float32, (..., 2 height, 2 width)
    """
    height, width = picture.shape[-2:]
    edges = [(0, 0)] * (picture.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(picture, edges, mode="edge")
    out = np.empty((*picture.shape[:-2], 2 * height, 2 * width), np.float32)
    for row in (0, 1):
        for column in (0, 1):
            # Output pixel 2i + r takes input i with tap r + 1 and, for r = 0, input i - 1 with
            # tap 3, for r = 1 input i + 1 with tap 0.
            total = np.float32(0)
            for down, tap_row in ((1, row + 1), (2 * row, 3 - 3 * row)):
                for right, tap_column in ((1, column + 1), (2 * column, 3 - 3 * column)):
                    total = (
                        total
                        + kernel[tap_row, tap_column]
                        * (padded[..., down : down + height, right : right + width])
                    )
            out[..., row::2, column::2] = total
    return out


def _grain(rng: np.random.Generator, picture: Picture, level: int) -> Picture:
    """Draw the noise of a level in units of `NOISE`, stronger in the dark like a sensor's."""
    grain = NOISE_COLOUR[level] * rng.standard_normal(picture.shape, dtype=np.float32)
    grain += NOISE_SHARED[level] * rng.standard_normal(picture.shape[1:], dtype=np.float32)
    return grain * (1.45 - 0.75 * picture)
