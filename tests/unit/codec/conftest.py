"""A small codec for tests: seeded weights that no file of the product holds."""

import math
from pathlib import Path

import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.codec.gains import GAIN_KEY
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.weights import Part, parts
from latentprint.training import export
from latentprint.training.start import GAIN_COLUMN, CodecTensors, start

Z_WIDTH = 2.0  # of the bump that the model of z is in `lively`, symbols


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Weights of model id 3 as training starts with them, in the official layout."""
    folder = tmp_path_factory.mktemp("weights")
    export.write(start(5), folder)
    return folder


@pytest.fixture(scope="session")
def codec(weights: Path) -> JpegAI:
    return JpegAI.load(weights, "BOP")


@pytest.fixture(scope="session")
def hop_weights(weights: Path, tmp_path_factory) -> Path:
    """Random HOP transforms of model id 3 beside the entropy files of `weights`."""
    folder = tmp_path_factory.mktemp("hop_weights")
    (folder / "VM_hop").mkdir()
    (folder / "VM_common_int").symlink_to(weights / "VM_common_int")
    generator = torch.Generator().manual_seed(7)
    for kind in ("encoder", "decoder"):
        for component in ("luma", "chroma"):
            content = {
                key: torch.randn(entry.shape, generator=generator)
                / math.sqrt(math.prod(entry.shape[1:]))
                for key, entry in LAYOUTS[kind, "HOP", component].items()
            }
            torch.save(content, folder / Part(kind, "HOP", component, 3).relative_path)
    return folder


@pytest.fixture(scope="session")
def hop(hop_weights: Path) -> JpegAI:
    return JpegAI.load(hop_weights)


def lively(model: int) -> CodecTensors:
    """Tensors of one model id whose every decision goes both ways on ordinary pictures.

    Sigma indices, predictions and gains vary by place and channel: all segments of RVS and LSBS,
    skipped and coded places, and cube flags of both kinds occur. Rates rise with the model id.
    """
    parameters = start(model)
    generator = torch.Generator().manual_seed(model)
    for component, tensors in parameters.items():

        def noise(shape) -> torch.Tensor:
            return torch.randn(shape, generator=generator)

        tensors["encoder/conv5.weight"] *= 1 + model / 10
        tensors["entropy/hyper_encoder.conv5.weight"] *= 3
        for layer in ("conv1", "depthwise"):
            tensors[f"entropy/hyper_scale_decoder.{layer}.bias"] += 0.5
        tensors["entropy/hyper_scale_decoder.pointwise.weight"] *= 1.2
        for layer in range(4):
            matrix = tensors[f"entropy/hyper_entropy.matrices.{layer}"]
            matrix.fill_(math.log(math.expm1(Z_WIDTH ** (-1 / 4) / matrix.shape[1])))
        psi = tensors["entropy/hyper_decoder.conv4.weight"]
        psi += 0.02 * noise(psi.shape)
        if component == "luma":
            for phase in range(4):
                last = tensors[f"entropy/context.MCM.{phase}.fusion_pred_net.conv3.weight"]
                last += 0.05 * noise(last.shape)
        bias = tensors["entropy/hyper_scale_decoder.pointwise.bias"]
        channels = len(bias) // 16
        frequency = torch.arange(channels) % {"luma": 160, "chroma": 48}[component]
        spread = 3.4 - 2.6 * (frequency / frequency.max()) ** 0.4 + 0.2 * noise(channels)
        bias += spread.repeat_interleave(16)
        gain = tensors[f"entropy/{GAIN_KEY}"][:, GAIN_COLUMN]
        gain += 1.5 * (model - 3) + 0.7 * noise(channels)
    return parameters


@pytest.fixture(scope="session")
def four_models(tmp_path_factory) -> JpegAI:
    """All four model ids at the base operating point."""
    folder = tmp_path_factory.mktemp("four_models")
    for model in range(4):
        one = tmp_path_factory.mktemp("one_model")
        export.write(lively(model), one)
        for written, part in zip(
            parts("BOP", models=[export.MODEL]), parts("BOP", models=[model]), strict=True
        ):
            (folder / part.relative_path).parent.mkdir(exist_ok=True)
            (one / written.relative_path).rename(folder / part.relative_path)
    return JpegAI.load(folder, "BOP")


def draw(size: tuple[int, int], *contrasts: int, seed: int = 3) -> torch.Tensor:
    """Smooth pictures with grain, uint8 (contrast, 3, height, width); contrasts up to 255."""
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for contrast in contrasts:
        coarse = torch.rand((1, 3, 8, 8), generator=generator) * contrast + (255 - contrast) / 2
        smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic")
        drawn.append(smooth + torch.randn((1, 3, *size), generator=generator) * contrast / 60)
    return torch.cat(drawn).clamp(0, 255).round().to(torch.uint8)


@pytest.fixture(scope="session")
def mixed() -> torch.Tensor:
    """Four pictures of 67 x 75 pixels, from nearly flat to rich: their rates lie far apart."""
    return draw((67, 75), 60, 255, 20, 120)


@pytest.fixture(scope="session")
def pictures() -> torch.Tensor:
    """Nine smooth pictures of 64 x 64 pixels with grain."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand((9, 3, 8, 8), generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic")
    grain = torch.randn((9, 3, 64, 64), generator=generator) * 4
    return (smooth + grain).clamp(0, 255).round().to(torch.uint8)
