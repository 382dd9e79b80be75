"""Gains and sigma indices (specification, sections 5.2 and 5.5), in integers but for S itself."""

import math

import torch
from torch import Tensor

from latentprint.codec.blocks import Weights
from latentprint.errors import UserError

SIGMA_MIN, SIGMA_MAX, SIGMA_LEVELS = 0.11, 54.82, 32
LEVEL_UNITS = 128  # steps of the sigma index in one level
LOG_K = (math.log(SIGMA_MAX) - math.log(SIGMA_MIN)) / (SIGMA_LEVELS - 1)
BETA_MIN, BETA_MAX = -1069, 702
GAIN_LOG_MIN = -2048
GAIN_KEY = "vr_vec.c"


def gain_log(weights: Weights, *, beta: Tensor) -> Tensor:
    """Give the logarithmic gain of every channel at the displacement of every image.

    Parameters
    ----------
    weights : mapping of str to Tensor
        An entropy file; its gain table has one populated column.
    beta : Tensor, integer, (batch,)
        Displacement, 1/128 of a sigma level; clipped to -1069..702.

    Returns
    -------
    Tensor, int32, (batch, channel)
        On the CPU.

    Raises
    ------
    UserError
        If the table has no single populated column.
    """
    table = weights[GAIN_KEY].cpu().float()
    columns = torch.nonzero(table.mean(dim=0) != 0).flatten()
    if len(columns) != 1:
        raise UserError(
            f"gain table {GAIN_KEY} has {len(columns)} populated columns, expected exactly 1. "
            "Use an entropy file of the release IS"
        )
    base = (table[:, columns[0]] * LEVEL_UNITS).round().int().clamp(min=GAIN_LOG_MIN)
    return base + beta.cpu().clamp(BETA_MIN, BETA_MAX).int()[:, None]


def gain(log_gain: Tensor) -> Tensor:
    """Give the multiplier S of the residual, a multiple of 1/1024.

    Parameters
    ----------
    log_gain : Tensor, int32, (batch, channel)

    Returns
    -------
    Tensor, float32, (batch, channel), positive
        Computed on the CPU whatever the device, so that devices cannot disagree.
    """
    exponent = log_gain.cpu().float() * LOG_K / LEVEL_UNITS
    return (exponent.exp() * 1024).round() / 1024


def sigma(index: Tensor) -> Tensor:
    """Give the standard deviation of the level that codes a sigma index (section 7.1).

    Parameters
    ----------
    index : Tensor, int32
        Sigma index after the gain, 1/128 of a level; any value.

    Returns
    -------
    Tensor, float32, 0.11..54.82, units of the quantisation step
    """
    level = ((index + LEVEL_UNITS // 2) >> 7).clamp(0, SIGMA_LEVELS - 1)
    return (level.float() * LOG_K + math.log(SIGMA_MIN)).exp().clamp(min=SIGMA_MIN)
