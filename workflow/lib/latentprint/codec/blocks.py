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

HEADS = 4  # of the attention; each has a quarter of the channels


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


def depthwise(key: str) -> Step:
    """Convolve every channel with a 3x3 kernel of its own, without bias."""
    return lambda x, weights, size: F.conv2d(
        x, weights[f"{key}.weight"], padding=1, groups=x.shape[1]
    )


def up_conv(key: str) -> Step:
    """T4 and T3: transposed 4x4 or 3x3 convolution, stride 2, padding 1: exactly twice the size."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        kernel = weights[f"{key}.weight"]
        # The 3x3 kernel ends one row and column short of twice the size.
        return F.conv_transpose2d(
            x,
            kernel,
            weights[f"{key}.bias"],
            stride=2,
            padding=1,
            output_padding=kernel.shape[-1] % 2,
        )

    return step


def up_shuffle(key: str) -> Step:
    """U2: 2x2 convolution without bias to four times the channels, shuffled to twice the size."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        # One zero column right and one zero row below: the convolution keeps the size.
        return F.pixel_shuffle(F.conv2d(F.pad(x, (0, 1, 0, 1)), weights[f"{key}.weight"]), 2)

    return step


def shuffle(factor: int) -> Step:
    """Rearrange groups of factor**2 channels to a picture `factor` times larger."""
    return lambda x, weights, size: F.pixel_shuffle(x, factor)


def gated_residual(key: str, *, groups: int) -> Step:
    """ResAU: multiply x by 1 + mask, the mask from ReLU6(x) by a grouped 3x3 and a 1x1."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        mask = F.conv2d(F.relu6(x), weights[f"{key}.conv.weight"], padding=1, groups=groups)
        mask = F.conv2d(mask, weights[f"{key}.conv2.weight"])
        return mask.add_(1).mul_(x)

    return step


def rectified_residual(key: str) -> Step:
    """LRB: x + ReLU(3x3 convolution of x)."""
    convolve = conv(key)
    return lambda x, weights, size: x + F.relu(convolve(x, weights, size))


def mixed_input(key: str, *, kept: int) -> Step:
    """LCB: a 3x3 convolution of all channels beside the last `kept` channels of the input."""
    convolve = conv(key)
    return lambda x, weights, size: torch.cat([convolve(x, weights, size), x[:, -kept:]], dim=1)


def residual(key: str) -> Step:
    """RB: x + 3x3 convolution of ReLU(3x3 convolution of x)."""
    first, second = conv(f"{key}.conv1"), conv(f"{key}.conv2")
    return lambda x, weights, size: second(F.relu_(first(x, weights, size)), weights, size).add_(x)


def masked_residual(key: str) -> Step:
    """CAB: x + trunk times a mask of 0..1, the mask made at half the size."""
    trunk = (residual(f"{key}.residual_trunk.0"), residual(f"{key}.residual_trunk.1"))
    mask = (
        conv(f"{key}.subscale", stride=2),
        residual(f"{key}.residual_mask2.0"),
        residual(f"{key}.residual_mask3.0"),
        up_conv(f"{key}.upscale"),
    )

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        opened = apply(mask, x, weights=weights, size=size).sigmoid_()
        return apply(trunk, x, weights=weights, size=size).mul_(opened).add_(x)

    return step


def transformer(key: str, *, halved: bool) -> Step:
    """TAM: two transformer blocks, at half the size if `halved`."""
    blocks = (
        channel_attention(f"{key}.TABs.0"),
        feed_forward(f"{key}.TABs.0"),
        channel_attention(f"{key}.TABs.1"),
        feed_forward(f"{key}.TABs.1"),
    )
    if halved:
        blocks = (conv(f"{key}.ds_conv", stride=2), *blocks, up_conv(f"{key}.us_conv"))
    return lambda x, weights, size: apply(blocks, x, weights=weights, size=size)


def channel_attention(key: str) -> Step:
    """First half of a transformer block: every channel attends to the others, over all pixels."""
    prepare = (
        channel_norm(f"{key}.prep_data.norm1"),
        conv(f"{key}.prep_data.conv1"),
        depthwise(f"{key}.prep_data.conv2"),
    )
    project = conv(f"{key}.attn.project_out")

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        parts = apply(prepare, x, weights=weights, size=size).chunk(3, dim=1)
        q, k, v = (part.reshape(len(x), HEADS, x.shape[1] // HEADS, -1) for part in parts)
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)  # along the pixels
        likeness = (q @ k.transpose(-2, -1)) * weights[f"{key}.attn.temperature"]
        mixed = likeness.softmax(dim=-1) @ v
        return project(mixed.reshape(x.shape), weights, size).add_(x)

    return step


def feed_forward(key: str) -> Step:
    """Second half of a transformer block: one half of eightfold channels gates the other."""
    widen = (
        channel_norm(f"{key}.ffn.norm1"),
        conv(f"{key}.ffn.project_in"),
        depthwise(f"{key}.ffn.dwconv"),
    )
    project = conv(f"{key}.ffn.project_out")

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        a, b = apply(widen, x, weights=weights, size=size).chunk(2, dim=1)
        return project(F.elu(a).mul_(b), weights, size).add_(x)

    return step


def channel_norm(key: str) -> Step:
    """LayerNorm over the channels of each pixel."""

    def step(x: Tensor, weights: Weights, size: tuple[int, int]) -> Tensor:
        # Written out: the fused layer_norm of PyTorch gives other last bits.
        mean = x.mean(dim=1, keepdim=True)
        # `var` sums in float64, too, but one value after the other: 3 times the time.
        wide = x.double()
        spread = (wide - wide.mean(dim=1, keepdim=True)).square_()
        deviation = (spread.mean(dim=1, keepdim=True).float() + 1e-5).sqrt_()
        scale, shift = weights[f"{key}.weight"], weights[f"{key}.bias"]
        return (x - mean).div_(deviation).mul_(scale[:, None, None]).add_(shift[:, None, None])

    return step
