"""Synthesis transforms g_s: latents y_hat to picture planes (specification, section 8).

Pictures of more than a megapixel are made in tiles, as section 9 says.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from latentprint.codec.blocks import (
    Step,
    Weights,
    apply,
    conv,
    crop,
    denormalise,
    gated_residual,
    masked_residual,
    mixed_input,
    rectified_residual,
    residual,
    shuffle,
    transformer,
    up_conv,
    up_shuffle,
)
from latentprint.codec.tiles import PICTURE, assemble, cut, windows

LATENT_STRIDE = 16  # picture samples on each side of a latent position, of both components

STEPS: dict[str, dict[str, tuple[Step, ...]]] = {
    "BOP": {
        "luma": (
            rectified_residual("first_stage.0.0.conv1"),
            up_conv("first_stage.1"),
            gated_residual("first_stage.2", groups=4),
            crop(3),
            up_conv("conv2_t"),
            crop(2),
            gated_residual("iact2", groups=4),
            conv("conv3"),
            gated_residual("iact3", groups=6),
            conv("conv4"),
            shuffle(4),
        ),
        "chroma": (
            mixed_input("first_stage.conv1", kept=96),
            up_conv("conv2_t"),
            crop(3),
            gated_residual("iact2", groups=4),
            conv("conv3"),
            gated_residual("iact3", groups=8),
            conv("conv4"),
            shuffle(8),
        ),
    },
    "SOP": {
        "luma": (
            rectified_residual("first_stage.0.0.conv1"),
            up_shuffle("first_stage.1.conv"),
            gated_residual("first_stage.2", groups=4),
            crop(3),
            up_shuffle("conv2_t.conv"),
            crop(2),
            gated_residual("iact2", groups=2),
            conv("conv3"),
            gated_residual("iact3", groups=2),
            conv("conv4"),
            shuffle(4),
        ),
        "chroma": (
            mixed_input("first_stage.conv1", kept=96),
            up_shuffle("conv2_t.conv"),
            crop(3),
            gated_residual("iact2", groups=2),
            conv("conv3"),
            gated_residual("iact3", groups=2),
            conv("conv4"),
            shuffle(8),
        ),
    },
    "HOP": {
        "luma": (
            residual("first_stage.0.0"),
            up_conv("first_stage.1"),
            gated_residual("first_stage.2", groups=4),
            crop(3),
            up_conv("conv2_t"),
            masked_residual("CAB"),
            crop(2),
            gated_residual("iact2", groups=4),
            conv("conv3_t"),
            shuffle(2),
            transformer("TAM", halved=True),
            crop(1),
            gated_residual("iact3", groups=4),
            up_conv("conv4_t"),
        ),
        "chroma": (
            mixed_input("first_stage.conv1", kept=96),
            up_conv("conv2_t"),
            masked_residual("CAB"),
            crop(3),
            gated_residual("iact2", groups=4),
            conv("conv3_t"),
            shuffle(2),
            transformer("TAM", halved=False),
            crop(2),
            gated_residual("iact3", groups=4),
            up_conv("conv4_t"),
            shuffle(2),
        ),
    },
}


def synthesise_luma(
    y_hat: Tensor, *, size: tuple[int, int], operating_point: str, weights: Weights
) -> Tensor:
    """Decode the luma plane.

    Parameters
    ----------
    y_hat : Tensor, float32, (batch, 160, h, w)
    size : (int, int)
        Height and width of the picture, pixels.
    operating_point : {"BOP", "SOP", "HOP"}
    weights : mapping of str to Tensor
        The luma decoder file.

    Returns
    -------
    Tensor, float32, (batch, 1, height, width), 0..255
    """
    return _in_tiles(STEPS[operating_point]["luma"], y_hat, size=size, weights=weights)


def synthesise_chroma(
    y_hat_luma: Tensor,
    y_hat_chroma: Tensor,
    *,
    size: tuple[int, int],
    operating_point: str,
    weights: Weights,
) -> Tensor:
    """Decode the two chroma planes at full size; the network sees the luma latents as well.

    Parameters
    ----------
    y_hat_luma : Tensor, float32, (batch, 160, h, w)
    y_hat_chroma : Tensor, float32, (batch, 96, h, w)
    size, operating_point, weights
        As in `synthesise_luma`; weights of the chroma decoder file.

    Returns
    -------
    Tensor, float32, (batch, 2, height, width), 0..255
        Planes U and V.
    """
    both = torch.cat([y_hat_luma, y_hat_chroma], dim=1)
    return _in_tiles(STEPS[operating_point]["chroma"], both, size=size, weights=weights)


def _in_tiles(
    steps: Sequence[Step], x: Tensor, *, size: tuple[int, int], weights: Weights
) -> Tensor:
    """Run a synthesis tile by tile, the whole picture at once up to the threshold."""
    steps = (*steps, denormalise(), crop(0))
    tiles = windows(*size, PICTURE)
    planes = (
        apply(
            steps,
            cut(x, tile, unit=LATENT_STRIDE),
            weights=weights,
            size=(tile.height, tile.width),
        )
        for tile in tiles
    )
    return assemble(planes, tiles, size=size, unit=1, drop=PICTURE.margin)
