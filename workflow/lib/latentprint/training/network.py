"""The codec as training sees it: the same networks, rounding replaced by something with a slope.

The rate is estimated on latents with additive uniform noise, the synthesis and the context model
see straight-through rounded ones. The scale decoder runs in floating point, in units that
`export` turns into the integer network.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec import analysis, blocks, colour, context, gains, hyper, rate, synthesis
from latentprint.codec.layouts import CHANNELS
from latentprint.training.start import SCALE_UNIT

ACTIVATION_UNIT = 16.0  # steps of the integer network's activations in one unit
ACTIVATION_MAX = 127 / ACTIVATION_UNIT


@dataclass(frozen=True)
class Outcome:
    """Result of one pass over a batch.

    Attributes
    ----------
    rgb : Tensor, float32, (batch, 3, height, width)
        Decoded pictures, unclipped.
    bpp : Tensor, float32, scalar
        Estimated bits per pixel.
    """

    rgb: Tensor
    bpp: Tensor


def view(tensors: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Give the tensors of one file ("encoder", "decoder", "entropy") by the file's own keys."""
    prefix = f"{kind}/"
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }


def latents(rgb: Tensor, parameters: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Compute y of both components.

    Parameters
    ----------
    rgb : Tensor, uint8, (batch, 3, height, width)
    parameters : dict
        As `start.start` gives them.

    Returns
    -------
    dict of str to Tensor, float32
        "luma" (batch, 160, h, w), "chroma" (batch, 96, h, w).
    """
    y, u, v = colour.rgb_to_yuv(rgb)
    inputs = {"luma": y, "chroma": colour.chroma_input(y, u, v)}
    return {
        component: analysis.analyse(
            inputs[component].contiguous(memory_format=torch.channels_last),
            component=component,
            operating_point="BOP",
            weights=view(parameters[component], "encoder"),
        )
        for component in CHANNELS
    }


def run(rgb: Tensor, parameters: dict[str, dict[str, Tensor]], *, beta: int) -> Outcome:
    """Code and decode a batch at one displacement.

    Parameters
    ----------
    rgb : Tensor, uint8, (batch, 3, height, width)
        Sides multiples of 64.
    parameters : dict
    beta : int
        Displacement, -1069..702.

    Returns
    -------
    Outcome
    """
    bits = rgb.new_zeros((), dtype=torch.float32)
    rebuilt = {}
    for component, y in latents(rgb, parameters).items():
        weights = view(parameters[component], "entropy")
        y_hat, component_bits = _code(y, component, weights, beta)
        rebuilt[component] = y_hat
        bits = bits + component_bits
    size = (rgb.shape[-2], rgb.shape[-1])
    luma = blocks.apply(
        synthesis.STEPS["BOP"]["luma"],
        rebuilt["luma"],
        weights=view(parameters["luma"], "decoder"),
        size=size,
    )
    chroma = blocks.apply(
        synthesis.STEPS["BOP"]["chroma"],
        torch.cat([rebuilt["luma"], rebuilt["chroma"]], dim=1),
        weights=view(parameters["chroma"], "decoder"),
        size=size,
    )
    picture = colour.yuv_to_float_rgb(luma * 128 + 127.5, chroma * 128 + 127.5)
    return Outcome(picture, bits / (rgb.shape[0] * rgb.shape[2] * rgb.shape[3]))


def _code(
    y: Tensor, component: str, weights: dict[str, Tensor], beta: int
) -> tuple[Tensor, Tensor]:
    z = hyper.hyper_encode(y, weights=weights)
    noisy = z + torch.rand_like(z) - 0.5
    bits = -rate.factorised_likelihood(noisy, weights=weights).log2().sum()
    z_hat = round_through(z.clamp(-hyper.Z_LIMIT, hyper.Z_LIMIT))
    size = (y.shape[-2], y.shape[-1])
    log_gain = gains.gain_log(weights, beta=torch.tensor([beta]))[:, :, None, None]
    gain = gains.gain(log_gain)
    index = decode_scales(z_hat, weights) + log_gain
    scale = torch.exp(index * gains.LOG_K / gains.LEVEL_UNITS) * gains.SIGMA_MIN
    scale = scale.clamp(gains.SIGMA_MIN, gains.SIGMA_MAX)
    psi = hyper.decode_hyper(z_hat, latent_size=size, weights=weights)
    if component == "chroma":
        mu = context.chroma_mean(psi, size)
        return mu + round_through((y - mu) * gain) / gain, bits + _bits(y, mu, gain, scale)
    rebuilt: list[Tensor] = []
    phases = zip(
        context.split_phases(y), context.split_phases(scale), psi.chunk(4, dim=1), strict=True
    )
    for y_s, scale_s, psi_s in phases:
        mu = context.predict(psi_s, rebuilt, weights=weights)
        bits = bits + _bits(y_s, mu, gain, scale_s)
        rebuilt.append(mu + round_through((y_s - mu) * gain) / gain)
    return context.merge_phases(rebuilt), bits


def _bits(y: Tensor, mu: Tensor, gain: Tensor, scale: Tensor) -> Tensor:
    residual = (y - mu) * gain
    noisy = residual + torch.rand_like(residual) - 0.5
    return -rate.normal_likelihood(noisy, scale).log2().sum()


def decode_scales(z_hat: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """Run the scale decoder in floating point, activations on the integer network's grid.

    Parameters
    ----------
    z_hat : Tensor, float32 with integer values, (batch, channel, hz, wz)
    weights : mapping of str to Tensor
        The entropy tensors, scale decoder in floating point.

    Returns
    -------
    Tensor, float32, (batch, channel, 4 hz, 4 wz)
        Sigma index, 0..3967, not rounded.
    """
    x = z_hat
    for name in hyper.SCALE_LAYERS:
        key = f"hyper_scale_decoder.{name}"
        kernel = weights[f"{key}.weight"]
        x = F.conv2d(x, kernel, weights[f"{key}.bias"], padding=kernel.shape[-1] // 2)
        if name != hyper.SCALE_LAYERS[-1]:
            x = round_through(x.clamp(0, ACTIVATION_MAX) * ACTIVATION_UNIT) / ACTIVATION_UNIT
    index = F.pixel_shuffle(x, 4).abs() * (SCALE_UNIT * gains.LEVEL_UNITS)
    return index.clamp(0, hyper.SIGMA_INDEX_MAX)


def round_through(x: Tensor) -> Tensor:
    """Round; the gradient passes as if nothing had happened."""
    return x + (x.round() - x).detach()
