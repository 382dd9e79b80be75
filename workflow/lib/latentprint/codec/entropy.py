"""The entropy side of one component: from y to symbols, rebuilt latents and bits (section 5).

Two halves. The side information depends on y alone. Quantisation depends on the displacement as
well: the rate matcher repeats it, never the first half.
"""

from dataclasses import dataclass, fields

from torch import Tensor

from latentprint.codec import context, gains, hyper, rate, residual, tools
from latentprint.codec.blocks import Weights


@dataclass(frozen=True)
class Side:
    """Side information of one component of a batch.

    Attributes
    ----------
    z_hat : Tensor, int8, (batch, channel, hz, wz)
        Hyper latents.
    index : Tensor, int32, (batch, channel, h, w), 0..3967
        Sigma index before the gain.
    psi : Tensor, float32, (batch, 4 channel, ceil(h / 2), ceil(w / 2))
        Explicit prediction.
    bits : Tensor, float64, (batch,)
        Estimated bits of z_hat.
    """

    z_hat: Tensor
    index: Tensor
    psi: Tensor
    bits: Tensor

    def of(self, rows: Tensor) -> "Side":
        """Give the side information of some of the images."""
        return Side(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Levels:
    """What a displacement makes of the side information.

    Attributes
    ----------
    skip_index : Tensor, int32, (batch, channel, h, w)
        Sigma index after the gain: decides what is skipped.
    code_index : Tensor, int32, shape of skip_index
        The same after RVS and GRFS: selects the probability model.
    blocks : Tensor, int32, shape of skip_index
        Block means of skip_index (`tools.block_means`).
    raised : Tensor, bool, (batch, channel), or None
        GRFS flags; None where the tools are off.
    scales : residual.Scales
    """

    skip_index: Tensor
    code_index: Tensor
    blocks: Tensor
    raised: Tensor | None
    scales: residual.Scales


@dataclass(frozen=True)
class Quantised:
    """One component after quantisation.

    Attributes
    ----------
    levels : Levels
    coded : context.Reconstruction
    bits : Tensor, float64, (batch,)
        Estimated bits of the residual.
    """

    levels: Levels
    coded: context.Reconstruction
    bits: Tensor


def side_information(y: Tensor, *, weights: Weights, z_hat: Tensor | None = None) -> Side:
    """Derive what does not depend on the displacement.

    Parameters
    ----------
    y : Tensor, float32, (batch, channel, h, w)
        Only its height and width count where z_hat is given.
    weights : mapping of str to Tensor
        An entropy file.
    z_hat : Tensor, int8, (batch, channel, hz, wz), optional
        Hyper latents that are known already.
    """
    size = (y.shape[-2], y.shape[-1])
    if z_hat is None:
        z_hat = hyper.round_z(hyper.hyper_encode(y, weights=weights))
    return Side(
        z_hat=z_hat,
        index=hyper.decode_scales(z_hat, latent_size=size, weights=weights),
        psi=hyper.decode_hyper(z_hat, latent_size=size, weights=weights),
        bits=rate.hyper_bits(z_hat, weights=weights),
    )


def levels(
    index: Tensor,
    *,
    component: str,
    model: int,
    beta: Tensor,
    with_tools: bool,
    weights: Weights,
    raised: Tensor | None = None,
) -> Levels:
    """Apply gain, displacement, RVS and GRFS to sigma indices (5.5, 6.1, 6.2).

    Parameters
    ----------
    index : Tensor, int32, (batch, channel, h, w)
        Sigma index before the gain.
    component : {"luma", "chroma"}
    model : int
        Model id, 0..3.
    beta : Tensor, integer, (batch,)
        Displacement; clipped to -1069..702.
    with_tools : bool
        RVS and GRFS.
    weights : mapping of str to Tensor
        An entropy file.
    raised : Tensor, bool, (batch or 1, channel), optional
        GRFS flags to use instead of the images' own.
    """
    log_gain = gains.gain_log(weights, beta=beta)
    gain = gains.gain(log_gain).to(index.device)[:, :, None, None]
    skip_index = index + log_gain.to(index.device)[:, :, None, None]
    # Everything is looked up once for a block of 64 positions, then repeated.
    means = tools.block_means(skip_index)

    def wide(values: Tensor) -> Tensor:
        return tools.spread(values, (index.shape[-2], index.shape[-1]), side=tools.BLOCK)

    blocks = wide(means)
    if not with_tools:
        return Levels(skip_index, skip_index, blocks, None, residual.Scales(gain))
    if raised is None:
        raised = tools.raised_channels(skip_index, component=component, model=model)
    raised = raised.to(index.device).expand(len(index), -1)
    scaling = tools.residual_scaling(means, raised, model=model)
    scales = residual.Scales(gain, wide(scaling.forward), wide(scaling.backward))
    return Levels(skip_index, skip_index + wide(scaling.offset), blocks, raised, scales)


def quantise(
    y: Tensor, side: Side, found: Levels, *, component: str, weights: Weights
) -> Quantised:
    """Predict and quantise a component and estimate its bits (5.6 to 5.9, 7.1).

    Parameters
    ----------
    y : Tensor, float32, (batch, channel, h, w)
    side : Side
    found : Levels
        From `levels` of the same images.
    component : {"luma", "chroma"}
    weights : mapping of str to Tensor
        An entropy file.
    """
    mask = residual.skip_mask(found.skip_index)
    if component == "luma":
        coded = context.code_luma(y, psi=side.psi, mask=mask, scales=found.scales, weights=weights)
    else:
        coded = context.code_chroma(y, psi=side.psi, mask=mask, scales=found.scales)
    return Quantised(found, coded, rate.residual_bits(coded.q, found.code_index))


def rebuild(
    q: Tensor, side: Side, found: Levels, *, component: str, weights: Weights
) -> context.Reconstruction:
    """Rebuild a component from its symbols, as a decoder does (5.9).

    Parameters
    ----------
    q : Tensor, int16, (batch, channel, h, w)
    side, found, component, weights
        As in `quantise`.
    """
    if component == "luma":
        return context.rebuild_luma(q, psi=side.psi, scales=found.scales, weights=weights)
    return context.rebuild_chroma(q, psi=side.psi, scales=found.scales)


def y_hat(coded: context.Reconstruction, found: Levels, *, model: int) -> Tensor:
    """Give the latents that enter the synthesis: after LSBS where the tools are on (6.3)."""
    if found.raised is None:
        return coded.rebuilt
    return tools.scale_latents(coded.rebuilt, coded.residual, found.blocks, model=model)
