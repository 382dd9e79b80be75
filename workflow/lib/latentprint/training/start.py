"""Where training starts: a codec that is a 16x16 cosine transform, written into the networks.

A random start of the gated networks needs tens of thousands of steps to reach the quality of a
plain block transform. With the gates closed (their last convolution zero) the transforms are
linear, and their strided convolutions can hold a block cosine transform exactly: three stages
move pixels into channels, the last one computes the coefficients, the synthesis does the reverse.
Everything else starts random and small, so that training can only add to it.
"""

import math

import numpy as np
import torch
from torch import Tensor

from latentprint.codec.gains import GAIN_KEY, LEVEL_UNITS, LOG_K
from latentprint.codec.layouts import CHANNELS, LAYOUTS, Layout

BLOCK = 16
STEP = 17.0  # quantisation step of the cosine coefficients at a gain of 1 sigma level, of 255
GAIN_COLUMN = 13
GAIN = 1.0  # sigma levels: S = exp(log_k) there
# Displacement at which the gain is GAIN: so that -1069..702, all that a user can ask for, reach
# from 0.12 to 1.7 bits a pixel on photographs (model card).
BETA_AT_STEP = 250
CHROMA_KEPT = 32  # of 64 coefficients of an 8x8 chroma block, all that the synthesis can carry
SCALE_UNIT = 4.0  # sigma levels in one unit of the float scale decoder's output

CodecTensors = dict[str, dict[str, Tensor]]
FILES = (("encoder", "BOP"), ("decoder", "BOP"), ("entropy", ""))  # kind and operating point


def cosine_basis(side: int, count: int) -> np.ndarray:
    """Give the two-dimensional cosine functions of lowest frequency, orthonormal.

    Parameters
    ----------
    side : int
        Side of the block, pixels.
    count : int
        How many, 1..side**2.

    Returns
    -------
    ndarray, float64, (count, side, side)
        Ordered by the square of the frequency.
    """
    k = np.arange(side)
    one = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * side)) * math.sqrt(2 / side)
    one[0] /= math.sqrt(2)
    return np.stack([np.outer(one[u], one[v]) for u, v in cosine_order(side)[:count]])


def cosine_order(side: int) -> list[tuple[int, int]]:
    """Order the frequencies (vertical, horizontal) of a block by their square."""
    return sorted(
        ((u, v) for u in range(side) for v in range(side)),
        key=lambda f: (f[0] ** 2 + f[1] ** 2, abs(f[0] - f[1]), f),
    )


def start(seed: int) -> CodecTensors:
    """Make the tensors that training begins with.

    Parameters
    ----------
    seed : int

    Returns
    -------
    dict of str to dict of str to Tensor, float32
        For "luma" and "chroma", with keys "encoder/...", "decoder/..." and "entropy/..."; the
        scale decoder in floating point, in units that `export` turns into integers.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for component in CHANNELS:
        tensors: dict[str, Tensor] = {}
        for kind, point in FILES:
            layout = LAYOUTS[kind, point, component]
            for key, value in _random(layout, generator).items():
                tensors[f"{kind}/{key}"] = value
        _close_gates(tensors)
        _write_analysis(tensors, component)
        _write_synthesis(tensors, component)
        _quiet_entropy(tensors, component)
        parameters[component] = tensors
    return parameters


def _random(layout: Layout, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw every trainable tensor: normal, variance 1 over the fan-in; biases zero."""
    tensors = {}
    for key, entry in layout.items():
        trained = key.startswith("hyper_scale_decoder") and key.endswith(("weight", "bias"))
        if entry.kind != "float" and not trained:
            continue
        if key.startswith("hyper_entropy"):
            tensors[key] = _factorised(key, entry.shape, generator)
        elif key.endswith("bias"):
            tensors[key] = torch.zeros(entry.shape)
        else:
            transposed = len(entry.shape) == 4 and entry.shape[-1] == 4
            fan_in = math.prod(entry.shape[1:])
            if transposed:  # each output sees a quarter of the kernel of every input
                fan_in = entry.shape[0] * 4
            tensors[key] = torch.randn(entry.shape, generator=generator) / math.sqrt(fan_in)
    return tensors


def _factorised(key: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Start the model of z; `hyper_start` gives its bump place and width."""
    if "biases" in key:
        return torch.rand(shape, generator=generator) - 0.5
    return torch.zeros(shape)


def _close_gates(tensors: dict[str, Tensor]) -> None:
    for key in tensors:
        if key.endswith(".conv2.weight") and ("act" in key or "first_stage.2" in key):
            tensors[key].zero_()


def _gather(kernel: Tensor, channels: int, *, inputs: int, outputs: int, block: int) -> None:
    """Let a stride-2 kernel move 2x2 blocks of `block`-pixel channels into channels.

    Output channel `outputs + row * 2 block + column` takes the pixel at (row, column) of a block
    twice as wide; input channels begin at `inputs`.
    """
    wide = 2 * block
    kernel[outputs : outputs + channels].zero_()
    for row in range(wide):
        for column in range(wide):
            source = inputs + (row % block) * block + column % block
            kernel[outputs + row * wide + column, source, 1 + row // block, 1 + column // block] = 1


def _write_analysis(tensors: dict[str, Tensor], component: str) -> None:
    # Samples reach the network divided by 128; S = exp(GAIN log_k) where the step is STEP.
    scale = 128 / STEP / math.exp(GAIN * LOG_K)
    if component == "luma":
        _gather(tensors["encoder/conv1.weight"], 4, inputs=0, outputs=0, block=1)
        _gather(tensors["encoder/conv2.weight"], 16, inputs=0, outputs=0, block=2)
        _gather(tensors["encoder/conv3.weight"], 64, inputs=0, outputs=0, block=4)
        basis = torch.from_numpy(cosine_basis(BLOCK, 160)).float() * scale
        _write_coefficients(tensors["encoder/conv4.weight"], basis, inputs=0, outputs=0)
        _identity(tensors["encoder/conv5.weight"], 160)
        return
    kernel = tensors["encoder/conv1.weight"]
    for plane in range(2):
        _gather(kernel, 16, inputs=4 + 4 * plane, outputs=16 * plane, block=2)
    kernel = tensors["encoder/conv2.weight"]
    for plane in range(2):
        _gather(kernel, 64, inputs=16 * plane, outputs=64 * plane, block=4)
    basis = torch.from_numpy(cosine_basis(BLOCK, 48)).float() * scale
    for plane in range(2):
        _write_coefficients(
            tensors["encoder/conv3.weight"], basis, inputs=64 * plane, outputs=48 * plane
        )
    _identity(tensors["encoder/conv5.weight"], 96)


def _write_coefficients(kernel: Tensor, basis: Tensor, *, inputs: int, outputs: int) -> None:
    """Let a stride-2 kernel on 8x8-pixel channels compute 16x16 basis functions."""
    kernel[outputs : outputs + len(basis)].zero_()
    for row in range(2):
        for column in range(2):
            part = basis[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].flatten(1)
            kernel[outputs : outputs + len(basis), inputs : inputs + 64, 1 + row, 1 + column] = part


def _identity(kernel: Tensor, count: int) -> None:
    kernel[:count].zero_()
    middle = kernel.shape[-1] // 2
    for channel in range(count):
        kernel[channel, channel, middle, middle] = 1


def _write_synthesis(tensors: dict[str, Tensor], component: str) -> None:
    scale = STEP * math.exp(GAIN * LOG_K) / 128
    if component == "luma":
        # A rectifier at exactly zero would never move: a little noise keeps it alive.
        tensors["decoder/first_stage.0.0.conv1.weight"] *= 0.01
        up = tensors["decoder/first_stage.1.weight"]
        up.zero_()
        basis = torch.from_numpy(cosine_basis(BLOCK, 160)).float() * scale
        for row in range(2):
            for column in range(2):
                part = basis[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].flatten(1)
                up[:, :, 1 + row, 1 + column] = part
        up = tensors["decoder/conv2_t.weight"]
        up[:, :16].zero_()
        for row in range(8):
            for column in range(8):
                target = (row % 4) * 4 + column % 4
                up[row * 8 + column, target, 1 + row // 4, 1 + column // 4] = 1
        _identity(tensors["decoder/conv3.weight"], 16)
        _identity(tensors["decoder/conv4.weight"], 16)
        return
    tensors["decoder/first_stage.conv1.weight"] *= 0.1
    small = torch.from_numpy(cosine_basis(8, CHROMA_KEPT)).float().flatten(1)
    basis = torch.from_numpy(cosine_basis(BLOCK, 48)).float() * scale
    up = tensors["decoder/conv2_t.weight"]
    up.zero_()
    for plane in range(2):
        inputs, outputs = 48 + 48 * plane, CHROMA_KEPT * plane
        for row in range(2):
            for column in range(2):
                part = basis[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].flatten(1)
                up[inputs : inputs + 48, outputs : outputs + CHROMA_KEPT, 1 + row, 1 + column] = (
                    part @ small.T
                )
    expand = tensors["decoder/conv3.weight"]
    expand.zero_()
    for plane in range(2):
        outputs, inputs = 64 * plane, CHROMA_KEPT * plane
        expand[outputs : outputs + 64, inputs : inputs + CHROMA_KEPT, 1, 1] = small.T
    _identity(tensors["decoder/conv4.weight"], 128)


def _quiet_entropy(tensors: dict[str, Tensor], component: str) -> None:
    """Start with a mean of zero; the scales are written by `hyper_start`."""
    if component == "chroma":
        tensors["entropy/hyper_decoder.conv4.weight"].zero_()
    else:
        for phase in range(4):
            key = f"entropy/context.MCM.{phase}.fusion_pred_net.conv3.weight"
            tensors[key].zero_()
    gain = torch.zeros_like(tensors[f"entropy/{GAIN_KEY}"])
    gain[:, GAIN_COLUMN] = GAIN - BETA_AT_STEP / LEVEL_UNITS
    tensors[f"entropy/{GAIN_KEY}"] = gain
