"""The codec as training sees it: the same networks, rounding replaced by something with a slope.

Rounded values are what the rate is estimated on, what the context model and the synthesis see; the
gradient passes the rounding as if it were not there. (The usual uniform noise in place of rounding
charges for coefficients that are always zero, and so makes the scales too wide at low rates.) The
scale decoder runs in floating point, in units that `export` turns into the integer network.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec import analysis, blocks, colour, context, gains, hyper, rate, synthesis
from latentprint.codec.layouts import CHANNELS
from latentprint.training.start import SCALE_UNIT

ACTIVATION_UNIT = 16.0  # steps of the integer network's activations in one unit
ACTIVATION_MAX = 127 / ACTIVATION_UNIT


def view(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Give the tensors of one file ("encoder", "decoder", "entropy") by the file's own keys."""
    prefix = f"{kind}/"
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }


# Last steps of the analysis transforms: what training starts from as a cosine transform. All before
# them moves pixels into channels.
END = {"luma": 2, "chroma": 3}
END_LAYERS = {"luma": ("conv4", "conv5"), "chroma": ("conv3", "act3", "conv5")}


def part_of(key: str, component: str) -> str:
    """Give the part that a tensor belongs to.

    Returns
    -------
    {"encoder_begin", "encoder_end", "decoder", "entropy"}
    """
    kind, name = key.split("/")
    if kind != "encoder":
        return kind
    return "encoder_end" if name.split(".")[0] in END_LAYERS[component] else "encoder_begin"


def prepare(rgb: Tensor, parameters: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Run the analysis transforms up to their end.

    Parameters
    ----------
    rgb : Tensor, uint8, (batch, 3, height, width)
        Sides multiples of 64.
    parameters : mapping
        As `start.start` gives them.

    Returns
    -------
    dict of str to Tensor, float32, (batch, 128, height / 8, width / 8)
    """
    y, u, v = colour.rgb_to_yuv(rgb)
    inputs = {"luma": y, "chroma": colour.chroma_input(y, u, v)}
    return {
        component: blocks.apply(
            analysis.STEPS["BOP"][component][: -END[component]],
            inputs[component].contiguous(memory_format=torch.channels_last),
            weights=view(parameters[component], "encoder"),
            size=(rgb.shape[-2], rgb.shape[-1]),
        )
        for component in CHANNELS
    }


def finish(
    prepared: Mapping[str, Tensor], parameters: Mapping[str, Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """Run the end of the analysis transforms.

    Parameters
    ----------
    prepared : mapping of str to Tensor
        As `prepare` gives it.
    parameters : mapping

    Returns
    -------
    dict of str to Tensor, float32
        y: "luma" (batch, 160, h, w), "chroma" (batch, 96, h, w).
    """
    return {
        component: blocks.apply(
            analysis.STEPS["BOP"][component][-END[component] :],
            x,
            weights=view(parameters[component], "encoder"),
            size=(8 * x.shape[-2], 8 * x.shape[-1]),
        )
        for component, x in prepared.items()
    }


def latents(rgb: Tensor, parameters: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Compute y of both components: `finish` after `prepare`."""
    return finish(prepare(rgb, parameters), parameters)


def code(
    y: Mapping[str, Tensor],
    parameters: Mapping[str, Mapping[str, Tensor]],
    *,
    beta: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """Quantise the latents of both components and estimate their bits.

    Parameters
    ----------
    y : mapping of str to Tensor, float32
        As `latents` gives them, height and width multiples of 4.
    parameters : mapping
    beta : int
        Displacement, -1069..702.

    Returns
    -------
    rebuilt : dict of str to Tensor, float32
        y_hat.
    bits : Tensor, float32, scalar
        Of the whole batch.
    """
    rebuilt, bits = {}, torch.zeros(())
    for component, values in y.items():
        weights = view(parameters[component], "entropy")
        rebuilt[component], of_component = _code(values, component, weights, beta)
        bits = bits + of_component
    return rebuilt, bits


def decode(rebuilt: Mapping[str, Tensor], parameters: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
    """Turn y_hat of both components into pictures.

    Parameters
    ----------
    rebuilt : mapping of str to Tensor, float32
        As `code` gives it.
    parameters : mapping

    Returns
    -------
    rgb : Tensor, float32, (batch, 3, height, width)
        0..255 and beyond: not clipped.
    """
    size = (16 * rebuilt["luma"].shape[-2], 16 * rebuilt["luma"].shape[-1])
    luma = blocks.apply(
        synthesis.STEPS["BOP"]["luma"],
        rebuilt["luma"].contiguous(memory_format=torch.channels_last),
        weights=view(parameters["luma"], "decoder"),
        size=size,
    )
    chroma = blocks.apply(
        synthesis.STEPS["BOP"]["chroma"],
        torch.cat([rebuilt["luma"], rebuilt["chroma"]], dim=1),
        weights=view(parameters["chroma"], "decoder"),
        size=size,
    )
    return colour.yuv_to_float_rgb(luma * 128 + 127.5, chroma * 128 + 127.5)


def _code(
    y: Tensor, component: str, weights: dict[str, Tensor], beta: int
) -> tuple[Tensor, Tensor]:
    z = hyper.hyper_encode(y, weights=weights)
    z_hat = round_through(z.clamp(-hyper.Z_LIMIT, hyper.Z_LIMIT))
    bits = -rate.factorised_likelihood(z_hat, weights=weights).log2().sum()
    size = (y.shape[-2], y.shape[-1])
    log_gain = gains.gain_log(weights, beta=torch.tensor([beta]))[:, :, None, None]
    gain = gains.gain(log_gain)
    index = decode_scales(z_hat, weights) + log_gain
    scale = torch.exp(index * gains.LOG_K / gains.LEVEL_UNITS) * gains.SIGMA_MIN
    scale = scale.clamp(gains.SIGMA_MIN, gains.SIGMA_MAX)
    psi = hyper.decode_hyper(z_hat, latent_size=size, weights=weights)
    if component == "chroma":
        mu = context.chroma_mean(psi, size)
        q = round_through((y - mu) * gain)
        return mu + q / gain, bits + _bits(q, scale)
    rebuilt: list[Tensor] = []
    phases = zip(
        context.split_phases(y), context.split_phases(scale), psi.chunk(4, dim=1), strict=True
    )
    for y_s, scale_s, psi_s in phases:
        mu = context.predict(psi_s, rebuilt, weights=weights)
        q = round_through((y_s - mu) * gain)
        bits = bits + _bits(q, scale_s)
        rebuilt.append(mu + q / gain)
    return context.merge_phases(rebuilt), bits


def _bits(q: Tensor, scale: Tensor) -> Tensor:
    return -rate.normal_likelihood(q, scale).log2().sum()


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
