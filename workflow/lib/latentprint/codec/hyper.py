"""The hyper networks: h_a, the integer scale decoder h_s, the hyper decoder h_d (section 5)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec.blocks import Weights

Z_LIMIT = 31
SIGMA_INDEX_MAX = 3967
LEAK = 0.01
SCALE_LAYERS = ("conv1", "depthwise", "pointwise")


def hyper_encode(y: Tensor, *, weights: Weights) -> Tensor:
    """Transform the magnitudes of the latents to hyper latents z (section 5.1).

    Parameters
    ----------
    y : Tensor, float32, (batch, channel, h, w)
    weights : mapping of str to Tensor
        An entropy file (`VM_common_int`).

    Returns
    -------
    z : Tensor, float32, (batch, channel, ceil(h / 4), ceil(w / 4))
    """

    def layer(x: Tensor, name: str, stride: int) -> Tensor:
        key = f"hyper_encoder.{name}"
        return F.conv2d(
            x, weights[f"{key}.weight"], weights[f"{key}.bias"], stride=stride, padding=1
        )

    x = F.leaky_relu(layer(y.abs(), "conv1", 1), LEAK)
    x = _pad_to_even(layer(x, "conv2", 1))
    x = F.leaky_relu(layer(x, "conv3", 2), LEAK)
    x = _pad_to_even(layer(x, "conv4", 1))
    return layer(x, "conv5", 2)


def _pad_to_even(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    return F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")


def round_z(z: Tensor) -> Tensor:
    """Clip and round hyper latents to their symbols.

    Parameters
    ----------
    z : Tensor, float32

    Returns
    -------
    z_hat : Tensor, int8, shape of z, -31..31
    """
    return z.clamp(-Z_LIMIT, Z_LIMIT).round().to(torch.int8)


def decode_scales(z_hat: Tensor, *, latent_size: tuple[int, int], weights: Weights) -> Tensor:
    """Derive the sigma index of every latent, in exact integer arithmetic (section 5.3).

    Parameters
    ----------
    z_hat : Tensor, int8, (batch, channel, hz, wz)
    latent_size : (int, int)
        h and w of the latents.
    weights : mapping of str to Tensor
        An entropy file with the quantised scale decoder.

    Returns
    -------
    Tensor, int32, (batch, channel, h, w), 0..3967
        Index I; sigma = 0.11 exp(I log_k / 128), see `gains`.

    Notes
    -----
    Sums reach 2.3e7: too large for float32, exact in float64, which every device convolves.
    """
    x = z_hat
    for name in SCALE_LAYERS:
        x = _integer_layer(x, f"hyper_scale_decoder.{name}", weights)
        if name != SCALE_LAYERS[-1]:
            x = x.clamp(min=0)
    x = F.pixel_shuffle(x, 4)[..., : latent_size[0], : latent_size[1]]
    return x.abs().clamp(0, SIGMA_INDEX_MAX).int()


def _integer_layer(x: Tensor, key: str, weights: Weights) -> Tensor:
    kernel = weights[f"{key}.weight"]
    bias = weights[f"{key}.bias"]
    shifts = weights[f"{key}.per_channel_shifts"]
    sums = F.conv2d(
        x.clamp(-128, 127).double(),
        kernel.double(),
        bias.double(),
        padding=kernel.shape[-1] // 2,
    )
    # Rounded: a GPU may convolve by another algorithm, whose sums are whole but for the last bits.
    return sums.round().to(torch.int64) >> shifts.to(torch.int64)


def prepared(weights: Weights) -> dict[str, Tensor]:
    """Turn the scale decoder's integers into the types that it computes with, once for all calls.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Any file; only the layers of the integer scale decoder change, to equal numbers.
    """
    types = {"weight": torch.float64, "bias": torch.float64, "per_channel_shifts": torch.int64}
    found = dict(weights)
    for name in SCALE_LAYERS:
        for kind, dtype in types.items():
            key = f"hyper_scale_decoder.{name}.{kind}"
            if key in found:
                found[key] = found[key].to(dtype)
    return found


def decode_hyper(z_hat: Tensor, *, latent_size: tuple[int, int], weights: Weights) -> Tensor:
    """Derive the explicit prediction psi (section 5.4).

    Parameters
    ----------
    z_hat : Tensor, int8 or float32 with integer values, (batch, channel, hz, wz)
    latent_size : (int, int)
        h and w of the latents.
    weights : mapping of str to Tensor
        An entropy file.

    Returns
    -------
    psi : Tensor, float32, (batch, 4 channel, ceil(h / 2), ceil(w / 2))
        Four chunks, one for each phase of `context`.
    """

    def weight(name: str) -> Tensor:
        return weights[f"hyper_decoder.{name}"]

    x = F.conv2d(z_hat.float(), weight("conv1.weight"))
    x = F.conv_transpose2d(x, weight("conv2.weight"), weight("conv2.bias"), stride=2, padding=1)
    x = F.relu6(x[..., : -(-latent_size[0] // 2), : -(-latent_size[1] // 2)])
    x = F.relu6(F.conv2d(x, weight("conv3.weight"), weight("conv3.bias"), padding=1))
    return F.conv2d(x, weight("conv4.weight"), weight("conv4.bias"), padding=1)
