"""Quantisation: how latents answer to rounding, channel by channel.

Latents of an image that JPEG AI coded before lie closer to the values that rounding gives. Even
latents that were never rounded correlate with their rounded values where they are large; the cue is
what exceeds that. The definition is ours, after the description by Bergmann, Brand and Riess
(2025): which tensor they round, and how they cut the short vector, was not at hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentprint.cues.trials import ALL, DETECTOR, Asked, Material, Pick, Trial
from latentprint.cues.versions import SOURCE, ai, then
from latentprint.errors import UserError

Latents = NDArray[np.floating]  # (channel, height, width)

QUESTION = "JPEG AI photograph rather than generated picture?"
CAUTION = "holds only if the picture is one of the two"
SHOWN = ("full", "trunc", "zero", "rms")
KINDS = ("full", "trunc", "zero", "rms")
FEATURE_SETS = {
    "full": ("full",),
    "trunc": ("trunc",),
    "extra": ("zero", "rms"),
    "all": KINDS,
}
LEAST_VARIANCE = 1e-12
CHANNELS = {"Y": 160, "YUV": 256}  # of luma alone, of luma and chroma


def features(u: Latents, kinds: Sequence[str] = KINDS) -> NDArray[np.float64]:
    """Give what rounding does to every channel.

    Parameters
    ----------
    u : ndarray, float, (channel, height, width)
        Latents on the scale on which the codec rounds them: distance of neighbouring values 1.
    kinds : sequence of str
        Of `KINDS`, in the order wanted.

    Returns
    -------
    ndarray, float64, (len(kinds) * channel,)
        One block of all channels for each kind. `full`: correlation of u with rint(u); `trunc`:
        with rint(u) cut to -1, 0, 1; both 0 where a channel or its rounded values are constant.
        `zero`: share of values that round to 0. `rms`: root of the mean squared distance to the
        rounded value, 0.289 where fractions are spread evenly.

    Raises
    ------
    UserError
        If `u` has another number of axes or a kind is unknown.
    """
    if u.ndim != 3:
        raise UserError(f"quantisation of an array {u.shape}: expected (channel, height, width)")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UserError(f"quantisation: {unknown[0]}, expected some of {', '.join(KINDS)}")
    values = u.reshape(len(u), -1).astype(float)
    rounded = np.rint(values)
    found = {
        "full": lambda: correlations(values, rounded),
        "trunc": lambda: correlations(values, rounded.clip(-1, 1)),
        "zero": lambda: (rounded == 0).mean(axis=1),
        "rms": lambda: np.sqrt(np.square(values - rounded).mean(axis=1)),
    }
    return np.concatenate([found[kind]() for kind in kinds])


def correlations(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give Pearson's correlation of each row, (channel, N) each; 0 where a row is constant."""
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    variances = np.square(a).mean(axis=1), np.square(b).mean(axis=1)
    varied = np.minimum(*variances) >= LEAST_VARIANCE
    scale = np.sqrt(np.where(varied, variances[0] * variances[1], 1))
    return np.where(varied, (a * b).mean(axis=1) / scale, 0.0)


def inner(u: Latents, border: int) -> Latents:
    """Leave out rows and columns at each side, whose values depend on what lies beyond a crop.

    Raises
    ------
    UserError
        If nothing would be left.
    """
    if 2 * border >= min(u.shape[1:]):
        raise UserError(
            f"cues.quantisation.border is {border}, but latents are {u.shape[1]} x {u.shape[2]}. "
            "Make it smaller"
        )
    return u[:, border : u.shape[1] - border, border : u.shape[2] - border]


def names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the values: kind, channel, level of the analysis."""
    count = CHANNELS[settings["quantisation"]["components"]]
    return tuple(
        f"{kind}_{'y' if c < CHANNELS['Y'] else 'uv'}{c % CHANNELS['Y']:03d}@{level}"
        for level in analysis_levels(settings)
        for kind in KINDS
        for c in range(count)
    )


def analysis_levels(settings: Mapping[str, Any]) -> list[str]:
    """Give the levels that pictures are analysed at; those with one setting of the codec once."""
    asked = settings["quantisation"]["analysis_bpp"]
    wanted = settings["rates"] if asked == ALL else [asked]
    points = settings["operating_points"]
    return list({tuple(points[level]): level for level in reversed(wanted)}.values())[::-1]


def columns(found: Sequence[str], feature_set: str) -> NDArray[np.bool_]:
    """Tell which values belong to a feature set."""
    kinds = FEATURE_SETS[feature_set]
    return np.array([name.partition("_")[0] in kinds for name in found])


def measure(pictures: NDArray[np.uint8], asked: Asked) -> NDArray[np.float64]:
    """Measure pictures, uint8 (batch, height, width, 3); values in the order of `names`."""
    own = asked.settings["quantisation"]
    count = CHANNELS[own["components"]]
    levels = analysis_levels(asked.settings)
    rounding = asked.compressor.rounding(pictures, levels, own["space"])
    return np.stack(
        [
            np.concatenate(
                [features(inner(rounding[level][k][:count], own["border"])) for level in levels]
            )
            for k in range(len(pictures))
        ]
    )


def silence(picture: NDArray[np.uint8], jpeg_sampling: str) -> str:
    """Say why the cue does not speak of a picture: it always does."""
    return ""


def trials(settings: Mapping[str, Any], material: Material) -> Iterator[Trial]:
    """Make up the trials: JPEG AI against generators, one by one, together, and altered."""
    rates, own = settings["rates"], settings["quantisation"]
    coded = {level: Pick(ai(level), "uncompressed", True) for level in rates}
    generated = {name: Pick(SOURCE, "synthetic", False, name) for name in material.generators}
    pooled = tuple(
        Pick(ai(level), "uncompressed", True, turn=(k, len(rates))) for k, level in enumerate(rates)
    )
    against = own["against"] or material.generators[0]
    if against not in generated:
        raise UserError(
            f"config: cues.quantisation.against is {against!r}, expected one of "
            f"{', '.join(material.generators)}"
        )
    chosen = own["features"]
    of_generators = {name: (*pooled, pick) for name, pick in generated.items()}
    for feature_set in FEATURE_SETS:
        for name in generated:
            train = (*pooled, generated[name])
            yield Trial("generators", name, train, of_generators, feature_set)
        for level in rates:
            pair = (coded[level], generated[against])
            yield Trial("rates", level, pair, {level: pair}, feature_set)
    for left_out in generated if len(generated) > 1 else ():
        others = (pick for name, pick in generated.items() if name != left_out)
        asked = {left_out: of_generators[left_out]}
        yield Trial("generator left out", f"without {left_out}", (*pooled, *others), asked, chosen)
    every = (*pooled, *generated.values())
    untouched = {level: (coded[level], *generated.values()) for level in rates}
    steps = settings["alterations"]
    altered = {
        f"{step}, {level}": (
            _then(coded[level], step),
            *(_then(one, step) for one in generated.values()),
        )
        for step in steps
        for level in rates
    }
    with_altered = (*every, *(_then(pick, step) for step in steps for pick in every))
    either = {f"none, {level}": picks for level, picks in untouched.items()} | altered
    yield Trial("altered", "untouched", every, either, chosen)
    if steps:
        yield Trial("altered", "altered as well", with_altered, either, chosen)
    elsewhere = {
        f"decoded: {name}": (Pick(SOURCE, "decoded", True, name),) for name in material.decoded
    }
    elsewhere |= {"uncompressed": (Pick(SOURCE, "uncompressed", False),)}
    yield Trial("elsewhere", ALL, every, elsewhere, chosen)
    yield Trial(DETECTOR, ALL, every, {ALL: every}, chosen)


def _then(pick: Pick, step: str) -> Pick:
    return Pick(
        then(pick.version, step), pick.kind, pick.positive, pick.source, pick.confounded, pick.turn
    )
