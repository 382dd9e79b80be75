"""Phases, mean prediction and the closed loop of prediction and quantisation (5.6, 5.8, 5.9)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentprint.codec.blocks import Weights
from latentprint.codec.residual import Scales, cube_flags, dequantise, spread_flags, symbols

PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))  # (row, column) parity, in coding order
CONTEXT_GROUPS = 5


@dataclass(frozen=True)
class Reconstruction:
    """What the loop gives for one component, each (batch, channel, h, w) unless said.

    Attributes
    ----------
    q : Tensor, float32 with integer values
    mu : Tensor, float32
        Mean prediction.
    residual : Tensor, float32
        Dequantised residual r_hat.
    rebuilt : Tensor, float32
        mu + r_hat: y_hat before LSBS.
    mask : Tensor, bool
        True = coded.
    flags : Tensor, bool, (batch, 4, hc, wc)
        Cube flags; second axis 2 * row parity + column parity.
    """

    q: Tensor
    mu: Tensor
    residual: Tensor
    rebuilt: Tensor
    mask: Tensor
    flags: Tensor


def split_phases(x: Tensor) -> list[Tensor]:
    """Cut a tensor of even height and width in its four phases, in coding order."""
    return [x[..., row::2, column::2] for row, column in PHASES]


def merge_phases(phases: list[Tensor]) -> Tensor:
    """Undo `split_phases`."""
    height, width = phases[0].shape[-2:]
    merged = phases[0].new_empty((*phases[0].shape[:-2], 2 * height, 2 * width))
    for (row, column), phase in zip(PHASES, phases, strict=True):
        merged[..., row::2, column::2] = phase
    return merged


def predict(psi: Tensor, known: list[Tensor], *, weights: Weights) -> Tensor:
    """Predict the luma mean of the next phase from psi and the phases already rebuilt.

    Parameters
    ----------
    psi : Tensor, float32, (batch, 160, h, w)
        The phase's chunk of the explicit prediction.
    known : list of Tensor, float32, (batch, 160, h, w)
        Rebuilt latents of the earlier phases, in coding order; their number is the phase.
    weights : mapping of str to Tensor
        The luma entropy file.

    Returns
    -------
    mu : Tensor, float32, (batch, 160, h, w)
    """
    key = f"context.MCM.{len(known)}"
    x = psi
    if known:
        past = F.conv2d(torch.cat(known, dim=1), weights[f"{key}.conv.0.weight"])
        past = F.conv2d(
            past,
            weights[f"{key}.conv.1.weight"],
            weights[f"{key}.conv.1.bias"],
            padding=1,
            groups=CONTEXT_GROUPS,
        )
        x = torch.cat([past, psi], dim=1)
    x = F.relu(F.conv2d(x, weights[f"{key}.fusion_pred_net.conv1.weight"]))
    x = F.relu(F.conv2d(x, weights[f"{key}.fusion_pred_net.conv2.weight"]))
    return F.conv2d(x, weights[f"{key}.fusion_pred_net.conv3.weight"])


def code_luma(
    y: Tensor, *, psi: Tensor, mask: Tensor, scales: Scales, weights: Weights
) -> Reconstruction:
    """Predict and quantise luma, phase by phase, each from the rebuilt phases before it.

    Parameters
    ----------
    y : Tensor, float32, (batch, 160, h, w)
    psi : Tensor, float32, (batch, 640, ceil(h / 2), ceil(w / 2))
    mask : Tensor, bool, (batch, 160, h, w)
        Skip mask by sigma.
    scales : Scales
    weights : mapping of str to Tensor
        The luma entropy file.

    Returns
    -------
    Reconstruction
    """
    height, width = y.shape[-2:]
    # Places that only exist because an odd side was padded are never coded: their rebuilt value
    # is their own prediction, which later phases do see.
    exists = torch.ones_like(y[:1, :1], dtype=torch.bool)
    phases = zip(
        _padded_phases(y),
        _padded_phases(mask),
        _padded_phases(exists),
        scales.parts(_padded_phases),
        psi.chunk(4, dim=1),
        strict=True,
    )
    coded: list[Reconstruction] = []
    for y_s, mask_s, exists_s, scales_s, psi_s in phases:
        mu = predict(psi_s, [part.rebuilt for part in coded], weights=weights)
        wanted = y_s - mu
        q = symbols(wanted, scales_s)
        residual = dequantise(q, scales_s)
        error = torch.where(mask_s, residual, 0.0).sub_(wanted).abs_()
        flags = cube_flags(torch.where(exists_s, error, 0.0))
        final = (mask_s | ~spread_flags(flags, mu.shape[-2:])) & exists_s
        # A skipped symbol is 0 and so is what it becomes: nothing is quantised a second time.
        q, residual = torch.where(final, q, 0.0), torch.where(final, residual, 0.0)
        coded.append(Reconstruction(q, mu, residual, mu + residual, final, flags))

    def whole(name: str) -> Tensor:
        return merge_phases([getattr(part, name) for part in coded])[..., :height, :width]

    return Reconstruction(
        q=whole("q"),
        mu=whole("mu"),
        residual=whole("residual"),
        rebuilt=whole("rebuilt"),
        mask=whole("mask"),
        flags=_raster([part.flags for part in coded]),
    )


def code_chroma(y: Tensor, *, psi: Tensor, mask: Tensor, scales: Scales) -> Reconstruction:
    """Quantise chroma around the explicit prediction; there is no context model.

    Parameters
    ----------
    y : Tensor, float32, (batch, 96, h, w)
    psi : Tensor, float32, (batch, 384, ceil(h / 2), ceil(w / 2))
    mask, scales
        As in `code_luma`, 96 channels.

    Returns
    -------
    Reconstruction
    """
    height, width = y.shape[-2:]
    mu = chroma_mean(psi, (height, width))
    q = symbols(y - mu, scales)
    residual = dequantise(q, scales)
    error = torch.where(mask, residual, 0.0).add_(mu).sub_(y).abs_()
    phases = _padded_phases(error)
    flags = [cube_flags(phase) for phase in phases]
    spread = [spread_flags(flag, phases[0].shape[-2:]) for flag in flags]
    final = mask | ~merge_phases(spread)[..., :height, :width]
    q, residual = torch.where(final, q, 0.0), torch.where(final, residual, 0.0)
    return Reconstruction(q, mu, residual, mu + residual, final, _raster(flags))


def rebuild_luma(q: Tensor, *, psi: Tensor, scales: Scales, weights: Weights) -> Reconstruction:
    """Run the decoder's half of the loop: rebuild luma from its symbols.

    Parameters
    ----------
    q : Tensor, integer, (batch, 160, h, w)
    psi, scales, weights
        As in `code_luma`.

    Returns
    -------
    Reconstruction
        Without what only the encoder knows: mask and flags are empty.
    """
    height, width = q.shape[-2:]
    phases = zip(
        _padded_phases(q.float()),
        scales.parts(_padded_phases),
        psi.chunk(4, dim=1),
        strict=True,
    )
    rebuilt: list[Tensor] = []
    residuals: list[Tensor] = []
    means: list[Tensor] = []
    for q_s, scales_s, psi_s in phases:
        means.append(predict(psi_s, rebuilt, weights=weights))
        residuals.append(dequantise(q_s, scales_s))
        rebuilt.append(means[-1] + residuals[-1])
    mu, residual, whole = (
        merge_phases(parts)[..., :height, :width] for parts in (means, residuals, rebuilt)
    )
    return Reconstruction(q, mu, residual, whole, *_unknown(q))


def rebuild_chroma(q: Tensor, *, psi: Tensor, scales: Scales) -> Reconstruction:
    """Rebuild chroma from its symbols; as `rebuild_luma`, without context model."""
    mu = chroma_mean(psi, (q.shape[-2], q.shape[-1]))
    residual = dequantise(q, scales)
    return Reconstruction(q, mu, residual, mu + residual, *_unknown(q))


def _unknown(q: Tensor) -> tuple[Tensor, Tensor]:
    nothing = torch.empty(0, dtype=torch.bool, device=q.device)
    return nothing, nothing


def chroma_mean(psi: Tensor, size: tuple[int, int]) -> Tensor:
    """Interleave the four chunks of psi: the chroma mean.

    Parameters
    ----------
    psi : Tensor, float32, (batch, 4 channel, ceil(h / 2), ceil(w / 2))
    size : (int, int)
        h and w.

    Returns
    -------
    mu : Tensor, float32, (batch, channel, h, w)
    """
    return merge_phases(list(psi.chunk(4, dim=1)))[..., : size[0], : size[1]]


def _padded_phases(x: Tensor) -> list[Tensor]:
    """Cut in four phases, zeros added where a side is odd; each in memory of its own.

    Every other element of every other row makes what follows several times slower.
    """
    height, width = x.shape[-2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2))
    return [phase.contiguous() for phase in split_phases(x)]


def _raster(flags: list[Tensor]) -> Tensor:
    """Order the flags of the four phases by 2 * row parity + column parity."""
    order = sorted(range(4), key=lambda phase: 2 * PHASES[phase][0] + PHASES[phase][1])
    return torch.cat([flags[phase] for phase in order], dim=1)
