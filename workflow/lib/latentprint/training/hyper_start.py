"""Where the hyper networks start: a transform coder of the latents' local magnitudes.

The spread of a cosine coefficient varies a hundredfold between a flat and a busy place, and the
scale decoder learns of the place through z alone. Small random hyper networks are slow to find
that out: the noise that stands for rounding drowns what little they send. So they start as what a
designer would write down, in the tensors that the architecture has:

1. per latent position, the mean magnitude A of the coefficients in each of a few bands,
   and its logarithm L = log(1 + A / FLOOR) as a sum of leaky rectifiers with chosen knots;
2. the L of 4x4 positions gathered in one vector, turned to its principal components, divided by
   a step: z;
3. back in the decoder: components to L, and one straight line from L to the sigma index of every
   coefficient of its band.

Components, lines and the spread of z are fitted to latents of photographs, without a gradient.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec.gains import LOG_K, SIGMA_MIN
from latentprint.codec.hyper import LEAK
from latentprint.codec.rate import cumulative_logit
from latentprint.training.start import (
    BLOCK,
    SCALE_UNIT,
    CodecTensors,
    cosine_order,
)

FLOOR = 0.05  # magnitude below which a band counts as empty, in latents at displacement 0
STEP = 3.0  # of the components of L: 2 to 3 cost the fewest bits in all, measured on photographs
SIDE = 4  # latent positions on each side of one position of z
RADII = {"luma": (2.0, 3.6, 6.0, 9.0), "chroma": (2.0, 4.0)}  # borders of the bands
PLANES = {"luma": 1, "chroma": 2}
NARROWEST = 0.15  # spread of the model of a z that is nearly always zero
MEAN_LOG = 0.57  # by how much the logarithm of a mean magnitude exceeds the mean logarithm
QUIET = 0.02  # size of the random features that nothing reads yet


def bands(component: str) -> np.ndarray:
    """Give the band of every latent channel.

    Parameters
    ----------
    component : {"luma", "chroma"}

    Returns
    -------
    ndarray, int64, (channel,)
        Luma: ten bands, five radii by two directions; chroma: three radii for each plane.
    """
    count = {"luma": 160, "chroma": 48}[component]
    order = np.array(cosine_order(BLOCK)[:count], dtype=float)
    radius = np.searchsorted(RADII[component], np.hypot(*order.T), side="right")
    if component == "luma":
        return radius * 2 + (order[:, 0] > order[:, 1])
    return np.concatenate([radius, radius + len(RADII["chroma"]) + 1])


def fit(parameters: CodecTensors, latents: Mapping[str, Tensor]) -> None:
    """Write the hyper networks.

    Parameters
    ----------
    parameters : dict
        As `start.start` gives them, with the cosine transform in place; changed in place.
    latents : mapping of str to Tensor, float32, (batch, channel, h, w)
        y of photographs for "luma" and "chroma"; h and w multiples of 4.
    """
    for component, y in latents.items():
        _fit_component(parameters[component], component, y)


def _fit_component(tensors: dict[str, Tensor], component: str, y: Tensor) -> None:
    band = bands(component)
    count = int(band.max()) + 1
    channels = y.shape[1]
    averages = torch.zeros(count, channels)
    skipped = np.arange(0, channels, channels // PLANES[component])  # mean colour: not a spread
    for number in range(count):
        members = [c for c in np.flatnonzero(band == number) if c not in skipped]
        averages[number, members] = 1 / len(members)
    knots, weights = _logarithm(channels // count)
    _write_encoder(tensors, averages, knots, weights)
    with torch.no_grad():
        logs = F.pixel_unshuffle(_logs(y, averages, knots, weights), SIDE)
    vectors = logs.permute(0, 2, 3, 1).reshape(-1, channels)
    mean = vectors.mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov(vectors.T.double()))
    axes = axes.flip(1).float()  # largest first
    _write_components(tensors, axes, mean, count)
    spread = variances.flip(0).clamp(min=0).sqrt().float() / STEP
    _write_model_of_z(tensors, spread)
    _write_decoder(tensors, axes, mean)
    _write_lines(tensors, _logs(y, averages, knots, weights), y, band, skipped)


def _logarithm(count: int) -> tuple[Tensor, Tensor]:
    """Fit log(1 + A / FLOOR) by `count` leaky rectifiers; give their knots and weights."""
    knots = torch.cat([torch.zeros(1), torch.logspace(math.log10(0.05), math.log10(50), count - 1)])
    a = torch.cat([torch.linspace(0, 1, 400), torch.logspace(0, 2.3, 400)])
    features = F.leaky_relu(a[:, None] - knots, LEAK).double()
    wanted = (1 + a / FLOOR).log().double()
    weights = torch.linalg.lstsq(features, wanted[:, None]).solution[:, 0]
    return knots, weights.float()


def _logs(y: Tensor, averages: Tensor, knots: Tensor, weights: Tensor) -> Tensor:
    """Compute L as the written encoder does: (batch, band, h, w)."""
    magnitude = torch.einsum("bc,nchw->nbhw", averages, y.abs())
    rectified = F.leaky_relu(magnitude[..., None] - knots, LEAK)
    return F.leaky_relu(rectified @ weights, LEAK)


def _write_encoder(
    tensors: dict[str, Tensor], averages: Tensor, knots: Tensor, weights: Tensor
) -> None:
    count = len(averages)
    key = "entropy/hyper_encoder."
    first = tensors[f"{key}conv1.weight"].zero_()
    first[: count * len(knots), :, 1, 1] = averages.repeat_interleave(len(knots), dim=0)
    tensors[f"{key}conv1.bias"][: count * len(knots)] = -knots.repeat(count)
    second = _quiet(tensors[f"{key}conv2.weight"], count)
    for number in range(count):
        second[number, number * len(knots) : (number + 1) * len(knots), 1, 1] = weights
    third = _quiet(tensors[f"{key}conv3.weight"], 4 * count)
    for number in range(count):
        for row in range(2):
            for column in range(2):
                third[4 * number + 2 * row + column, number, 1 + row, 1 + column] = 1
    fourth = _quiet(tensors[f"{key}conv4.weight"], 4 * count)
    for channel in range(4 * count):
        fourth[channel, channel, 1, 1] = 1


def _quiet(kernel: Tensor, used: int) -> Tensor:
    """Clear the first `used` outputs; leave the others as small random features."""
    kernel *= QUIET
    kernel[:used].zero_()
    return kernel


def _write_components(tensors: dict[str, Tensor], axes: Tensor, mean: Tensor, count: int) -> None:
    last = tensors["entropy/hyper_encoder.conv5.weight"].zero_()
    for number in range(count):
        for row in range(SIDE):
            for column in range(SIDE):
                source = 4 * number + 2 * (row % 2) + column % 2
                entry = (number * SIDE + row) * SIDE + column
                last[:, source, 1 + row // 2, 1 + column // 2] = axes[entry] / STEP
    tensors["entropy/hyper_encoder.conv5.bias"].copy_(-(mean @ axes) / STEP)


def _write_model_of_z(tensors: dict[str, Tensor], spread: Tensor) -> None:
    """Give every z a smooth bump of its own spread around zero."""
    # The slope of a logistic distribution of spread 1 is pi / sqrt 3, shared by four layers.
    slope = (math.pi / math.sqrt(3) / spread.clamp(min=NARROWEST)) ** (1 / 4)
    for layer in range(4):
        matrix = tensors[f"entropy/hyper_entropy.matrices.{layer}"]
        wanted = slope / matrix.shape[2]
        matrix.copy_(wanted.expm1().log()[:, None, None].expand_as(matrix))
    weights = {key.removeprefix("entropy/"): value for key, value in tensors.items()}
    middle = cumulative_logit(torch.zeros(len(spread), 1, 1), weights)
    # Not quite zero: the likelihood's sign has no value at exactly opposite logits.
    tensors["entropy/hyper_entropy.biases.3"] += 0.01 - middle


def _write_decoder(tensors: dict[str, Tensor], axes: Tensor, mean: Tensor) -> None:
    key = "entropy/hyper_scale_decoder."
    tensors[f"{key}conv1.weight"].copy_((axes * STEP)[:, :, None, None])
    tensors[f"{key}conv1.bias"].copy_(mean)
    middle = tensors[f"{key}depthwise.weight"] * QUIET
    diagonal = torch.arange(len(mean))
    middle[diagonal, :, 1, 1] = 0
    middle[diagonal, diagonal, 1, 1] = 1
    tensors[f"{key}depthwise.weight"].copy_(middle)
    tensors[f"{key}depthwise.bias"].zero_()


def _write_lines(
    tensors: dict[str, Tensor], logs: Tensor, y: Tensor, band: np.ndarray, skipped: np.ndarray
) -> None:
    key = "entropy/hyper_scale_decoder.pointwise."
    weight, bias = tensors[f"{key}weight"].zero_(), tensors[f"{key}bias"].zero_()
    positions = torch.arange(SIDE * SIDE)
    for channel, number in enumerate(band):
        value = y[:, channel]
        if channel in skipped:  # what is left of it once its neighbour has predicted it
            value = value - value.roll(1, dims=-1)
        levels = (1 + value.abs() / SIGMA_MIN).log() / LOG_K
        x, target = logs[:, number].flatten(), levels.flatten() + MEAN_LOG / LOG_K
        slope = ((x - x.mean()) * (target - target.mean())).sum() / (x - x.mean()).square().sum()
        base = (target.mean() - slope * x.mean()).clamp(min=0)
        outputs = channel * SIDE * SIDE + positions
        weight[outputs, int(number) * SIDE * SIDE + positions, 0, 0] = slope / SCALE_UNIT
        bias[outputs] = base / SCALE_UNIT
