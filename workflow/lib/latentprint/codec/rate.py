"""Estimated bits from the likelihoods of the symbols (specification, section 7.1)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec.blocks import Weights
from latentprint.codec.gains import sigma

LIKELIHOOD_MIN = 1e-9


def residual_bits(q: Tensor, index: Tensor) -> Tensor:
    """Estimate the bits of the quantised residual; skipped symbols count as zeros.

    Parameters
    ----------
    q : Tensor, float32 or integer, (batch, channel, h, w)
    index : Tensor, int32, shape of q
        Sigma index that selects the probability model.

    Returns
    -------
    Tensor, float64, (batch,)
    """
    return total_bits(normal_likelihood(q.float(), sigma(index)))


def normal_likelihood(value: Tensor, scale: Tensor) -> Tensor:
    """Give the probability of the unit interval around a value under a zero-mean normal.

    Parameters
    ----------
    value, scale : Tensor, float32
        Scale is the standard deviation, positive.

    Returns
    -------
    Tensor, float32, 1e-9..1
        By the complementary error function of the magnitude: other forms lose the tails.
    """
    magnitude = value.abs()
    upper = _normal_integral((0.5 - magnitude) / scale)
    lower = _normal_integral((-0.5 - magnitude) / scale)
    return (upper - lower).clamp(LIKELIHOOD_MIN, 1)


def _normal_integral(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(-x / math.sqrt(2))


def hyper_bits(z_hat: Tensor, *, weights: Weights) -> Tensor:
    """Estimate the bits of the hyper latents.

    Parameters
    ----------
    z_hat : Tensor, int8, (batch, channel, hz, wz)
    weights : mapping of str to Tensor
        An entropy file.

    Returns
    -------
    Tensor, float64, (batch,)
    """
    return total_bits(factorised_likelihood(z_hat.float(), weights=weights))


def factorised_likelihood(z: Tensor, *, weights: Weights) -> Tensor:
    """Give the probability of the unit interval around z in the factorised model.

    Parameters
    ----------
    z : Tensor, float32, (batch, channel, hz, wz)
    weights : mapping of str to Tensor
        An entropy file.

    Returns
    -------
    Tensor, float32, shape of z, 1e-9..1
    """
    batch, channels, height, width = z.shape
    flat = z.permute(1, 0, 2, 3).reshape(channels, 1, -1)
    upper = cumulative_logit(flat + 0.5, weights)
    lower = cumulative_logit(flat - 0.5, weights)
    # The sign keeps both logits on the side where the sigmoid does not saturate.
    sign = -torch.sign(upper + lower).detach()
    p = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
    p = p.clamp(LIKELIHOOD_MIN, 1)
    return p.reshape(channels, batch, height, width).permute(1, 0, 2, 3)


def cumulative_logit(u: Tensor, weights: Weights) -> Tensor:
    """Give the logit of the cumulative distribution of z, channel by channel.

    Parameters
    ----------
    u : Tensor, float32, (channel, 1, values)
    weights : mapping of str to Tensor
        An entropy file.

    Returns
    -------
    Tensor, float32, shape of u
    """
    for layer in range(4):
        matrix = weights[f"hyper_entropy.matrices.{layer}"]
        u = F.softplus(matrix) @ u + weights[f"hyper_entropy.biases.{layer}"]
        if layer < 3:
            u = u + torch.tanh(weights[f"hyper_entropy.factors.{layer}"]) * torch.tanh(u)
    return u


def total_bits(likelihood: Tensor) -> Tensor:
    """Sum -log2 of the likelihoods of each image.

    Parameters
    ----------
    likelihood : Tensor, float32, (batch, ...), positive

    Returns
    -------
    Tensor, float64, (batch,)
    """
    return -torch.log2(likelihood).double().flatten(1).sum(dim=1)
