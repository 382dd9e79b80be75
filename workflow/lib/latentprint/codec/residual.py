"""Quantiser of the residual, its inverse, the skip mask and the cube flags (5.7 and 5.8)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from latentprint.codec import tools

SKIP_THRESHOLD = 382
CUBE_ERROR = 3.0
CUBE = 8  # side of a cube in positions of one phase
SYMBOL_MIN, SYMBOL_MAX = -32768, 32767


def skip_mask(index: Tensor) -> Tensor:
    """Tell which latents are coded by their sigma alone.

    Parameters
    ----------
    index : Tensor, int32, (batch, channel, h, w)
        Sigma index after the gain.

    Returns
    -------
    Tensor, bool
        True = coded; False = skipped, its residual is 0.
    """
    return index > SKIP_THRESHOLD


@dataclass(frozen=True)
class Scales:
    """What the residual is multiplied with before rounding, and what undoes it.

    Attributes
    ----------
    gain : Tensor, float32, (batch, channel, 1, 1), positive
    forward, backward : Tensor, float32, (batch, channel, h, w), or None
        Factors of RVS and GRFS (`tools.Scaling`); None where these tools are off.
    """

    gain: Tensor
    forward: Tensor | None = None
    backward: Tensor | None = None

    def parts(self, cut: Callable[[Tensor], list[Tensor]]) -> list["Scales"]:
        """Cut the factors in four as the latents are cut."""
        if self.forward is None or self.backward is None:
            return [self] * 4
        pairs = zip(cut(self.forward), cut(self.backward), strict=True)
        return [Scales(self.gain, forward, backward) for forward, backward in pairs]


def symbols(residual: Tensor, scales: Scales) -> Tensor:
    """Scale and round the residual, as if nothing were skipped.

    Parameters
    ----------
    residual : Tensor, float32, (batch, channel, h, w)
        y - mu.
    scales : Scales

    Returns
    -------
    Tensor, float32 with integer values, -32768..32767
        q where the mask lets it be coded; elsewhere q is 0.
    """
    scaled = residual * scales.gain
    if scales.forward is not None:
        scaled.mul_(scales.forward)
    return scaled.clamp_(SYMBOL_MIN, SYMBOL_MAX).round_()


def dequantise(q: Tensor, scales: Scales) -> Tensor:
    """Scale symbols back; a true division, since a reciprocal changes last bits.

    Parameters
    ----------
    q : Tensor, float32 or integer, (batch, channel, h, w)
    scales : Scales

    Returns
    -------
    r_hat : Tensor, float32
    """
    scaled = q.float()
    if scales.backward is not None:
        scaled = scaled * scales.backward
    return scaled / (scales.gain + 1e-9)


def cube_flags(error: Tensor) -> Tensor:
    """Tell which cubes of one phase may skip: largest error of all channels at most 3.

    Parameters
    ----------
    error : Tensor, float32, (batch, channel, h, w), not negative
        Absolute error of one phase if only the skip mask acts.

    Returns
    -------
    Tensor, bool, (batch, 1, ceil(h / 8), ceil(w / 8))
    """
    height, width = error.shape[-2:]
    worst = error.amax(dim=1, keepdim=True)
    worst = F.pad(worst, (0, -width % CUBE, 0, -height % CUBE))
    return F.max_pool2d(worst, CUBE) <= CUBE_ERROR


def spread_flags(flags: Tensor, size: tuple[int, int]) -> Tensor:
    """Repeat each cube's flag over its positions.

    Parameters
    ----------
    flags : Tensor, bool, (batch, 1, hc, wc)
    size : (int, int)
        Rows and columns of the phase.

    Returns
    -------
    Tensor, bool, (batch, 1, h, w)
    """
    return tools.spread(flags, size, side=CUBE)
