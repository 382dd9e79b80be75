"""The tools that change latents: RVS, GRFS and LSBS (specification, section 6).

RVS scales the residual before rounding by a factor that depends on the predicted spread of an
8x8 block; GRFS chooses, channel by channel, between two sets of these factors; LSBS scales the
rebuilt latents once more before synthesis, outside the prediction loop.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec.gains import LEVEL_UNITS, LOG_K, SIGMA_MIN

BLOCK = 8  # side of the blocks of the statistic, latent positions
BORDER_INDEX = 1411  # of a position beyond the border: sigma 1.0
BLOCK_INDEX_MAX = 4351

# Of model ids 0 to 3: the segments' factors over 128, and where they meet, in 2**-13 of sigma.
RVS_FACTORS = (
    (115, 125, 146, 160),
    (115, 122, 125, 160),
    (115, 130, 156, 175),
    (115, 130, 156, 160),
)
RVS_THRESHOLDS = (
    (4325, 7471, 18667),
    (4325, 6575, 17855),
    (4325, 7782, 18599),
    (4325, 6849, 17855),
)
FACTOR_ONE, INVERSE_ONE = 128, 65536
THRESHOLD_SIGMA_MAX = 100.0  # of the table in which thresholds are looked up
GRFS_FACTORS = (0.98, 1.06)  # of an ordinary and of a raised channel
GRFS_CHANNELS = {"luma": (5, 24, 35, 64), "chroma": (10, 10, 10, 10)}  # raised, model ids 0 to 3

LSBS_THRESHOLDS = (1378, 1411)
LSBS_ONE = 8192
LSBS_MEAN = ((23, 0, 46), (17, 0, 34), (12, 0, 23), (9, 0, 28))
LSBS_RESIDUAL = ((28, 0, 56), (23, 0, 46), (17, 0, 34), (12, 0, 26))


@dataclass(frozen=True)
class Scaling:
    """What RVS and GRFS do to a component; each (batch, channel, h, w), or a value a block.

    Attributes
    ----------
    forward : Tensor, float32
        Factor of the residual before rounding, a multiple of 1/128.
    backward : Tensor, float32
        Factor after it, a multiple of 1/65536.
    offset : Tensor, int32
        What is added to the sigma index that selects the probability model.
    """

    forward: Tensor
    backward: Tensor
    offset: Tensor


def block_means(index: Tensor) -> Tensor:
    """Average the sigma index over blocks of 8x8 positions of a channel.

    Parameters
    ----------
    index : Tensor, int32, (batch, channel, h, w)
        Sigma index after the gain; may be negative.

    Returns
    -------
    Tensor, int32, (batch, channel, ceil(h / 8), ceil(w / 8)), 0..4351
        Rounded means; `spread` repeats them over their blocks.
    """
    height, width = index.shape[-2:]
    padded = F.pad(index, (0, -width % BLOCK, 0, -height % BLOCK), value=BORDER_INDEX)
    rows, columns = padded.shape[-2] // BLOCK, padded.shape[-1] // BLOCK
    blocks = padded.reshape(*index.shape[:2], rows, BLOCK, columns, BLOCK)
    sums = blocks.sum(dim=3).sum(dim=4)  # half the time of both at once
    return ((sums + BLOCK * BLOCK // 2) >> 6).clamp(0, BLOCK_INDEX_MAX).int()


def spread(values: Tensor, size: tuple[int, int], *, side: int) -> Tensor:
    """Repeat the value of each square block over its positions.

    Parameters
    ----------
    values : Tensor, (batch, channel, rows, columns)
        One for each block.
    size : (int, int)
        h and w; the last blocks may be cut.
    side : int
        Of a block, positions.

    Returns
    -------
    Tensor, dtype of values, (batch, channel, h, w)
    """
    wide = values.repeat_interleave(side, dim=3).repeat_interleave(side, dim=2)
    return wide[..., : size[0], : size[1]].contiguous()


def raised_channels(index: Tensor, *, component: str, model: int) -> Tensor:
    """Choose the channels whose factors GRFS raises: those with the largest mean sigma index.

    Parameters
    ----------
    index : Tensor, int32, (batch, channel, h, w)
        Sigma index after the gain; adding a constant to it changes nothing.
    component : {"luma", "chroma"}
    model : int
        Model id, 0..3.

    Returns
    -------
    Tensor, bool, (batch, channel)
        At equal means the higher channel is taken, as in the vectors of the reference software,
        whose own sort is not stable.
    """
    channels = index.shape[1]
    sums = index.flatten(2).sum(dim=2)
    distinct = sums * channels + torch.arange(channels, device=index.device)
    chosen = distinct.topk(GRFS_CHANNELS[component][model], dim=1).indices
    return torch.zeros_like(sums, dtype=torch.bool).scatter_(1, chosen, True)


def residual_scaling(blocks: Tensor, raised: Tensor, *, model: int) -> Scaling:
    """Look up what RVS and GRFS do at every position, or in every block.

    Parameters
    ----------
    blocks : Tensor, int32, (batch, channel, h, w)
        From `block_means`, spread or not.
    raised : Tensor, bool, (batch, channel)
        GRFS flags.
    model : int
        Model id, 0..3.
    """
    entries = torch.tensor(
        [scaling_table(model, raised=False), scaling_table(model, raised=True)],
        device=blocks.device,
    )  # (flag, segment, kind)
    limits = torch.tensor(thresholds(model), device=blocks.device, dtype=blocks.dtype)
    segment = torch.bucketize(blocks, limits)
    found = entries[raised.long()[:, :, None, None], segment]
    forward, offset, backward = found.unbind(dim=-1)
    return Scaling(
        forward=forward.float() / FACTOR_ONE,
        backward=backward.float() / INVERSE_ONE,
        offset=offset.int(),
    )


def scaling_table(model: int, *, raised: bool) -> list[tuple[int, int, int]]:
    """Give factor (over 128), index offset and inverse factor (over 65536) of the four segments."""
    factors = [round(GRFS_FACTORS[raised] * factor) for factor in RVS_FACTORS[model]]
    return [
        (
            factor,
            round(math.log(factor / FACTOR_ONE) / (LOG_K / LEVEL_UNITS)),
            round(FACTOR_ONE * INVERSE_ONE / factor),
        )
        for factor in factors
    ]


@cache  # 4,352 exponentials, 2 ms
def thresholds(model: int) -> tuple[int, ...]:
    """Give the block indices up to which the first three segments reach."""
    table = [threshold_entry(i) for i in range(BLOCK_INDEX_MAX + 1)]
    return tuple(
        next(i for i, entry in enumerate(table) if entry >= 16 * limit)
        for limit in RVS_THRESHOLDS[model]
    )


def threshold_entry(index: int) -> int:
    """Give sigma of a block index in the thresholds' own table, in units of 2**-17."""
    span = math.log(THRESHOLD_SIGMA_MAX / SIGMA_MIN) / (BLOCK_INDEX_MAX + 1)
    return round(2**17 * math.exp(index * span + math.log(SIGMA_MIN)))


def scale_latents(rebuilt: Tensor, residual: Tensor, blocks: Tensor, *, model: int) -> Tensor:
    """LSBS: scale prediction and residual before synthesis, each by at most 0.7 %.

    Parameters
    ----------
    rebuilt : Tensor, float32, (batch, channel, h, w)
        mu + r_hat.
    residual : Tensor, float32, shape of rebuilt
        Dequantised residual r_hat.
    blocks : Tensor, int32, shape of rebuilt
        From `block_means`, spread.
    model : int
        Model id, 0..3.

    Returns
    -------
    y_hat : Tensor, float32, shape of rebuilt
    """
    limits = torch.tensor(LSBS_THRESHOLDS, device=blocks.device, dtype=blocks.dtype)
    segment = torch.bucketize(blocks, limits)
    of_mean = rebuilt.new_tensor(LSBS_MEAN[model])[segment]
    of_residual = rebuilt.new_tensor(LSBS_RESIDUAL[model])[segment]
    # The mean by subtraction, not mu itself: the last bit is the reference's.
    change = of_mean * (rebuilt - residual) + of_residual * residual
    return rebuilt + change / LSBS_ONE
