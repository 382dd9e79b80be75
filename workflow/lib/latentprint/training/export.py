"""From trained tensors to files in the official layout: scale decoder in integers, float16."""

import math
from pathlib import Path

import torch
from torch import Tensor

from latentprint.codec.gains import LEVEL_UNITS
from latentprint.codec.hyper import SCALE_LAYERS
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.weights import Part
from latentprint.files import replacing
from latentprint.training.network import ACTIVATION_UNIT, view
from latentprint.training.start import FILES, SCALE_UNIT, CodecTensors

MODEL = 3
WEIGHT_MAX = 127
SHIFT_MAX = 20  # keeps the sums of a layer below 2**53 and the bias within int32


def write(parameters: CodecTensors, folder: Path) -> list[Path]:
    """Write the six files of model id 3.

    Parameters
    ----------
    parameters : CodecTensors
        As `loop.train` gives them.
    folder : Path

    Returns
    -------
    list of Path
        The files, floats as float16, the scale decoder as int8 and int32.
    """
    written = []
    for component, tensors in parameters.items():
        for kind, point in FILES:
            content = view(tensors, kind)
            if kind == "entropy":
                content = _with_integer_scales(content)
                content["hyper_entropy.freqs_int"] = torch.zeros(
                    LAYOUTS[kind, point, component]["hyper_entropy.freqs_int"].shape,
                    dtype=torch.int32,
                )
                content["hyper_entropy.is_quantized"] = torch.zeros(1, dtype=torch.bool)
            halved = {
                key: value.half() if value.is_floating_point() else value
                for key, value in content.items()
            }
            path = folder / Part(kind, point, component, MODEL).relative_path
            with replacing(path) as temporary:
                torch.save({key: value.contiguous() for key, value in halved.items()}, temporary)
            written.append(path)
    return written


def _with_integer_scales(content: dict[str, Tensor]) -> dict[str, Tensor]:
    result = {
        key: value for key, value in content.items() if not key.startswith("hyper_scale_decoder")
    }
    # Units of each layer's input and output on the integer network's grid.
    units = (1.0, ACTIVATION_UNIT, ACTIVATION_UNIT, SCALE_UNIT * LEVEL_UNITS)
    for at, name in enumerate(SCALE_LAYERS):
        key = f"hyper_scale_decoder.{name}"
        result |= quantise_layer(
            key,
            content[f"{key}.weight"] * (units[at + 1] / units[at]),
            content[f"{key}.bias"] * units[at + 1],
        )
    return result


def quantise_layer(key: str, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Quantise one layer to int8 weights, int32 biases and a right shift for each channel.

    Parameters
    ----------
    key : str
        Prefix of the tensors' names.
    weight : Tensor, float32, (out, in, kh, kw)
        In units of output steps over input steps.
    bias : Tensor, float32, (out,)
        In output steps.

    Returns
    -------
    dict of str to Tensor
        `weight` int8, `bias` int32 with half a unit added so that the shift rounds, `is_quantized`
        bool, `per_channel_shifts` int8.
    """
    largest = weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-12)
    shifts = (WEIGHT_MAX / largest).log2().floor().clamp(0, SHIFT_MAX)
    factor = 2.0**shifts
    quantised = (weight * factor[:, None, None, None]).round().clamp(-WEIGHT_MAX, WEIGHT_MAX)
    half = torch.where(shifts > 0, factor / 2, torch.zeros_like(factor))
    offset = (bias.double() * factor.double()).round() + half.double()
    limit = math.ldexp(1, 31) - 1
    return {
        f"{key}.weight": quantised.to(torch.int8),
        f"{key}.bias": offset.clamp(-limit, limit).to(torch.int32),
        f"{key}.is_quantized": torch.ones(1, dtype=torch.bool),
        f"{key}.per_channel_shifts": shifts.to(torch.int8).reshape(1, -1, 1, 1),
    }
