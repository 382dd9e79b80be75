"""Building blocks of the transforms (specification, sections 4.1, 4.2 and 8).

A network is a sequence of steps; a step is a function of the picture so far, the network's
weights and the declared picture size. Each function below makes one step. Weights are a mapping
from key to tensor, so that the same steps serve the trained files and the training itself.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = Mapping[str, Tensor]
Step = Callable[[Tensor, Weights, tuple[int, int]], Tensor]


def apply(steps: Sequence[Step], x: Tensor, *, weights: Weights, size: tuple[int, int]) -> Tensor:
    """Run a network.

    Parameters
    ----------
    steps : sequence of Step
    x : Tensor, float32, (batch, channel, height, width)
    weights : mapping of str to Tensor
        The network's tensors by key.
    size : (int, int)
        Declared height and width, to which padding and cropping levels refer.

    Returns
    -------
    Tensor, float32
    """
    for step in steps:
        x = step(x, weights, size)
    return x


def level_size(size: tuple[int, int], level: int) -> tuple[int, int]:
    """Give height and width at a resolution level: the size over 2**level, rounded up."""
    return -(-size[0] >> level), -(-size[1] >> level)


def pad(level: int) -> Step:
    """Replicate-pad right and bottom where the size at this level is odd (section 4.2)."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        height, width = level_size(size, level)
        if height % 2 == 0 and width % 2 == 0:
            return x
        return F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")

    return step


def crop(level: int) -> Step:
    """Keep the top left part that belongs to this level (section 8)."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        height, width = level_size(size, level)
        return x[..., :height, :width]

    return step


def normalise() -> Step:
    """Map samples 0..255 to about -1..1."""
    return lambda x, weights, size: (x - 127.5) / 128


def denormalise() -> Step:
    """Map network output back to samples and clip to 0..255."""
    return lambda x, weights, size: (x * 128 + 127.5).clamp(0, 255)


def conv(key: str, *, stride: int = 1) -> Step:
    """Convolve with a 3x3 (zero padding 1) or 1x1 kernel, with bias where the file has one."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        kernel = weights[f"{key}.weight"]
        return F.conv2d(
            x, kernel, weights.get(f"{key}.bias"), stride=stride, padding=kernel.shape[-1] // 2
        )

    return step


def up_conv(key: str) -> Step:
    """Transposed 4x4 convolution, stride 2, padding 1: exactly twice the size."""
    return lambda x, weights, size: F.conv_transpose2d(
        x, weights[f"{key}.weight"], weights[f"{key}.bias"], stride=2, padding=1
    )


def shuffle(factor: int) -> Step:
    """Rearrange groups of factor**2 channels to a picture `factor` times larger."""
    return lambda x, weights, size: F.pixel_shuffle(x, factor)


def gated_residual(key: str, *, groups: int) -> Step:
    """ResAU: multiply x by 1 + mask, the mask from ReLU6(x) by a grouped 3x3 and a 1x1."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        mask = F.conv2d(F.relu6(x), weights[f"{key}.conv.weight"], padding=1, groups=groups)
        mask = F.conv2d(mask, weights[f"{key}.conv2.weight"])
        return x * (1 + mask)

    return step


def rectified_residual(key: str) -> Step:
    """LRB: x + ReLU(3x3 convolution of x)."""
    convolve = conv(key)
    return lambda x, weights, size: x + F.relu(convolve(x, weights, size))


def mixed_input(key: str, *, kept: int) -> Step:
    """LCB: a 3x3 convolution of all channels beside the last `kept` channels of the input."""
    convolve = conv(key)
    return lambda x, weights, size: torch.cat([convolve(x, weights, size), x[:, -kept:]], dim=1)
