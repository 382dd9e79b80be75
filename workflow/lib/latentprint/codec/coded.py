"""What the codec gives back: latents, operating points and bits of a batch of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Latents:
    """Tensors of one component; those not asked for are None.

    Attributes
    ----------
    y : Tensor, float32, (batch, channel, h, w)
        Latents before quantisation.
    y_hat : Tensor, float32, (batch, channel, h, w)
        Latents after quantisation, the input of the synthesis.
    y_hat_before_lsbs : Tensor, float32, (batch, channel, h, w)
        The same before LSBS: prediction plus dequantised residual. Equal to y_hat without tools.
    q : Tensor, int16, (batch, channel, h, w)
        Quantised residual.
    z_hat : Tensor, int8, (batch, channel, hz, wz)
        Hyper latents.
    mu : Tensor, float32, (batch, channel, h, w)
        Mean prediction.
    gain : Tensor, float32, (batch, channel)
        Multiplier of the residual before rounding, without RVS and GRFS.
    grfs : Tensor, bool, (batch, channel)
        Channels raised by GRFS; all False without tools.
    cube : Tensor, bool, (batch, 4, hc, wc)
        Cube flags, True = no exception; second axis 2 * row parity + column parity.
    """

    y: Tensor | None = None
    y_hat: Tensor | None = None
    y_hat_before_lsbs: Tensor | None = None
    q: Tensor | None = None
    z_hat: Tensor | None = None
    mu: Tensor | None = None
    gain: Tensor | None = None
    grfs: Tensor | None = None
    cube: Tensor | None = None


KEPT = tuple(Latents.__dataclass_fields__)


@dataclass
class Coded:
    """A batch of coded images.

    Attributes
    ----------
    luma, chroma : Latents
    model : Tensor, int64, (batch,)
        Model id, 0..3.
    beta : Tensor, int64, (batch, 2)
        Displacement in effect for luma and chroma, -1069..702.
    bits : Tensor, float64, (batch, 4)
        Estimated bits of luma z, luma y, chroma z, chroma y; NaN where nothing was quantised.
    size : (int, int)
        Height and width of the pictures, pixels.
    tools : bool
        Whether RVS, GRFS and LSBS were on.
    """

    luma: Latents
    chroma: Latents
    model: Tensor
    beta: Tensor
    bits: Tensor
    size: tuple[int, int]
    tools: bool


def joined(pieces: Sequence[Coded]) -> Coded:
    """Put batches behind each other; all with the same size, tools and kinds of latents."""
    return Coded(
        luma=_joined([piece.luma for piece in pieces]),
        chroma=_joined([piece.chroma for piece in pieces]),
        model=torch.cat([piece.model for piece in pieces]),
        beta=torch.cat([piece.beta for piece in pieces]),
        bits=torch.cat([piece.bits for piece in pieces]),
        size=pieces[0].size,
        tools=pieces[0].tools,
    )


def _joined(pieces: Sequence[Latents]) -> Latents:
    whole = Latents()
    for name in KEPT:
        values = [getattr(piece, name) for piece in pieces]
        if values[0] is not None:
            setattr(whole, name, torch.cat(values))
    return whole


def with_y(coded: Coded, ys: Mapping[str, Tensor]) -> Coded:
    """Put y of "luma" and "chroma" beside what `coded` holds, in place."""
    for component, y in ys.items():
        getattr(coded, component).y = y
    return coded


def reordered(coded: Coded, order: Tensor) -> Coded:
    """Give the images in another order: row i of the result is row order[i]."""

    def rows(latents: Latents) -> Latents:
        found = {name: getattr(latents, name) for name in KEPT}
        return Latents(
            **{
                name: None if value is None else value[order.to(value.device)]
                for name, value in found.items()
            }
        )

    return Coded(
        luma=rows(coded.luma),
        chroma=rows(coded.chroma),
        model=coded.model[order],
        beta=coded.beta[order],
        bits=coded.bits[order],
        size=coded.size,
        tools=coded.tools,
    )
