"""Block means of the tools, repeated over their positions, as the reference's vectors hold them."""

from torch import Tensor

from latentprint.codec import tools


def spread_means(index: Tensor) -> Tensor:
    """Average a sigma index over blocks and repeat the means: (batch, channel, h, w)."""
    size = (index.shape[-2], index.shape[-1])
    return tools.spread(tools.block_means(index), size, side=tools.BLOCK)
