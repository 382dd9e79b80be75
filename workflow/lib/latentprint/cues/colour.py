"""Colour correlations: how alike the high frequencies of red, green and blue are.

A codec that halves the chroma planes leaves one high-frequency residual, that of luma, to all three
channels. So does every other step that halves them, JPEG with 4:2:0 above all (`history`).

The definition is ours, after the description by Bergmann, Brand and Riess (2025): their paper's
filters and the order of its features were not at hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.cues.history import confounded, traces
from latentprint.cues.trials import ALL, DETECTOR, Asked, Material, Pick, Trial
from latentprint.cues.versions import SOURCE, ai, then
from latentprint.errors import UserError

Pixels = NDArray[np.uint8]  # (height, width, 3)
Plane = NDArray[np.float64]

QUESTION = "Was it compressed with JPEG AI?"
CAUTION = ""
SHOWN = ("c_rg", "c_rb", "c_gb")
LEAST_SIDE = 64  # pixels
LEAST_VARIANCE = 1e-12  # below it a plane is constant and correlates with nothing
CHANNELS = ("r", "g", "b")
OFFSETS = ((0, 1), (1, 0), (1, 1))  # rows, columns
CORE = ("c_rg", "c_rb", "c_gb")
SHIFTED = tuple(f"c_{i}{j}_{dy}{dx}" for i in CHANNELS for j in CHANNELS for dy, dx in OFFSETS)
NAMES = CORE + SHIFTED
FEATURE_SETS = {"core3": CORE, "full30": NAMES}

# Zero-sum kernels; borders are left out.
FILTERS: dict[str, list[list[float]]] = {
    "kv3": [[-1, 2, -1], [2, -4, 2], [-1, 2, -1]],
    "lap4": [[0, -1, 0], [-1, 4, -1], [0, -1, 0]],
    "hh": [[1, -1], [-1, 1]],
}
BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16
FILTER_NAMES = (*FILTERS, "gauss")


def residual(plane: Plane, filter_name: str = "kv3") -> Plane:
    """Filter one channel so that smooth content vanishes.

    Parameters
    ----------
    plane : ndarray, float64, (height, width)
    filter_name : {"kv3", "lap4", "hh", "gauss"}
        `gauss`: the plane minus its 5-tap binomial blur.

    Returns
    -------
    ndarray, float64
        Smaller by the kernel's extent: nothing is assumed beyond the borders.
    """
    if filter_name == "gauss":
        kernel = -np.outer(BINOMIAL, BINOMIAL)
        kernel[2, 2] += 1
    else:
        kernel = np.array(FILTERS[filter_name], float)
    rows, columns = (side - size + 1 for side, size in zip(plane.shape, kernel.shape, strict=True))
    found = np.zeros((rows, columns))
    # All kernels are the same turned by half a circle: convolution and correlation are one.
    for down, right in np.ndindex(*kernel.shape):
        found += kernel[down, right] * plane[down : down + rows, right : right + columns]
    return found


def correlation(a: Plane, b: Plane) -> float:
    """Give Pearson's correlation of two planes; 0 where one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    variances = float(np.square(a).mean()), float(np.square(b).mean())
    if min(variances) < LEAST_VARIANCE:
        return 0.0
    return float((a * b).mean() / np.sqrt(variances[0] * variances[1]))


def features(rgb: Pixels, filter_name: str = "kv3") -> NDArray[np.float64]:
    """Give the correlations between the residuals of the three channels.

    Parameters
    ----------
    rgb : ndarray, uint8, (height, width, 3)
        At least 64 x 64 pixels, never resampled.
    filter_name : {"kv3", "lap4", "hh", "gauss"}

    Returns
    -------
    ndarray, float64, (30,), -1 to 1
        In the order of `NAMES`: red-green, red-blue, green-blue; then every ordered pair of
        channels with the second one moved by one pixel to the right, down, and both.

    Raises
    ------
    UserError
        If the picture is not as above.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise UserError(
            f"colour correlations of an array {rgb.shape}, {rgb.dtype}: expected (height, width, "
            "3), uint8"
        )
    if min(rgb.shape[:2]) < LEAST_SIDE:
        raise UserError(
            f"colour correlations of {rgb.shape[1]} x {rgb.shape[0]} pixels: expected at least "
            f"{LEAST_SIDE} x {LEAST_SIDE}"
        )
    planes = [residual(rgb[..., channel].astype(float), filter_name) for channel in range(3)]
    found = [correlation(planes[i], planes[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    for first in planes:
        for second in planes:
            for down, right in OFFSETS:
                height, width = first.shape
                found.append(
                    correlation(first[: height - down, : width - right], second[down:, right:])
                )
    return np.array(found)


def names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of the values, whatever the settings."""
    return NAMES


def columns(found: Sequence[str], feature_set: str) -> NDArray[np.bool_]:
    """Tell which values belong to a feature set."""
    return np.isin(found, FEATURE_SETS[feature_set])


def measure(pictures: NDArray[np.uint8], asked: Asked) -> NDArray[np.float64]:
    """Measure pictures, uint8 (batch, height, width, 3); (batch, 30)."""
    return np.stack([features(one, asked.settings["colour"]["filter"]) for one in pictures])


def silence(picture: Pixels, jpeg_sampling: str) -> str:
    """Say why the cue does not speak of a picture; "" where it does.

    Parameters
    ----------
    picture : ndarray, uint8, (height, width, 3)
    jpeg_sampling : str
        Of a JPEG file; "" of others.
    """
    return confounded(traces(picture), jpeg_sampling=jpeg_sampling)


def trials(settings: Mapping[str, Any], material: Material) -> Iterator[Trial]:
    """Make up the trials: every level against every level, and pictures with another history."""
    rates, own = settings["rates"], settings["colour"]
    plain = Pick(SOURCE, "uncompressed", False, confounded=False)
    coded = {level: Pick(ai(level), "uncompressed", True, confounded=False) for level in rates}
    tests = {level: (plain, coded[level]) for level in rates}
    pooled = tuple(
        Pick(ai(level), "uncompressed", True, confounded=False, turn=(k, len(rates)))
        for k, level in enumerate(rates)
    )
    for feature_set in FEATURE_SETS:
        for level in rates:
            train = (plain, coded[level])
            yield Trial("rates", level, train, tests, feature_set)
        yield Trial("rates", ALL, (plain, *pooled), tests, feature_set)
    chosen = own["features"]
    others = {
        version: (plain, Pick(version, "uncompressed", True, confounded=False))
        for version in ("half-420", "full-444", *own["jpeg"])
    }
    yield Trial("other steps", ALL, (plain, *pooled), others, chosen)
    # What the paper names as the cause: chroma planes halved, whatever the codec does else.
    halved = (plain, Pick("half-420", "uncompressed", True, confounded=False))
    asked = {"half-420": halved} | _elsewhere(material)
    asked |= {version: others[version] for version in own["jpeg"]}
    for feature_set in FEATURE_SETS:
        yield Trial("halved planes", "half-420", halved, asked, feature_set)
    altered = {
        f"{step}, {level}": (
            Pick(then(SOURCE, step), "uncompressed", False, confounded=False),
            Pick(then(ai(level), step), "uncompressed", True, confounded=False),
        )
        for step in settings["alterations"]
        for level in rates
    }
    yield Trial("altered", ALL, (plain, *pooled), altered, chosen)
    yield Trial("elsewhere", ALL, (plain, *pooled), _elsewhere(material), chosen)
    yield Trial(DETECTOR, ALL, (plain, *pooled), {ALL: (plain, *pooled)}, chosen)


def _elsewhere(material: Material) -> dict[str, tuple[Pick, ...]]:
    """Pictures that no forest learns from: other decoders, generators, confounded photographs."""
    decoded = {
        f"decoded: {name}": (Pick(SOURCE, "decoded", True, name),) for name in material.decoded
    }
    generated = {
        f"generator: {name}": (Pick(SOURCE, "synthetic", False, name),)
        for name in material.generators
    }
    confounded_ones = {
        f"confounded: {name}": (Pick(SOURCE, "uncompressed", False, name, confounded=True),)
        for name in material.photographs
    }
    return decoded | generated | confounded_ones
