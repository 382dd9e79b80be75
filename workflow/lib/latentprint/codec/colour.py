"""Between 8-bit RGB and the networks' planes (specification, sections 3.2 to 3.4 and 8)."""

import torch
import torch.nn.functional as F
from torch import Tensor

# BT.709, full range.
KR, KG, KB = 0.2126, 0.7152, 0.0722
U_SCALE, V_SCALE = 1.8556, 1.5748


def rgb_to_yuv(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Convert 8-bit RGB to unrounded BT.709 planes.

    Parameters
    ----------
    rgb : Tensor, uint8, (batch, 3, height, width)

    Returns
    -------
    y, u, v : Tensor, float32, (batch, 1, height, width), 0..255 (chroma centred at 127.5)
    """
    red, green, blue = (rgb.float() / 255).split(1, dim=1)
    y = KR * red + KG * green + KB * blue
    u = (blue - y) / U_SCALE + 0.5
    v = (red - y) / V_SCALE + 0.5
    return y * 255, u * 255, v * 255


def chroma_input(y: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Stack the planes at half size, four offsets each: the chroma network's input.

    Parameters
    ----------
    y, u, v : Tensor, float32, (batch, 1, height, width)

    Returns
    -------
    Tensor, float32, (batch, 12, ceil(height / 2), ceil(width / 2))
        Y, U, V, each at (row, column) offsets (0,0), (0,1), (1,0), (1,1). Odd sides are
        replicate-padded first.
    """
    height, width = y.shape[-2:]
    planes = F.pad(torch.cat([y, u, v], dim=1), (0, width % 2, 0, height % 2), mode="replicate")
    return F.pixel_unshuffle(planes, 2)


def yuv_to_rgb(y: Tensor, uv: Tensor) -> Tensor:
    """Convert decoded planes to 8-bit RGB, rounding half to even.

    Parameters
    ----------
    y : Tensor, float32, (batch, 1, height, width), 0..255
    uv : Tensor, float32, (batch, 2, height, width), 0..255

    Returns
    -------
    Tensor, uint8, (batch, 3, height, width)
    """
    return yuv_to_float_rgb(y, uv).clamp(0, 255).round().to(torch.uint8)


def yuv_to_float_rgb(y: Tensor, uv: Tensor) -> Tensor:
    """Convert decoded planes to unrounded RGB.

    Parameters
    ----------
    y, uv : Tensor, float32
        As in `yuv_to_rgb`.

    Returns
    -------
    Tensor, float32, (batch, 3, height, width), nominally 0..255, not clipped
    """
    y = y / 255
    u, v = (uv / 255 - 0.5).split(1, dim=1)
    red = y + V_SCALE * v
    green = y - (KB * U_SCALE / KG) * u - (KR * V_SCALE / KG) * v
    blue = y + U_SCALE * u
    return torch.cat([red, green, blue], dim=1) * 255
