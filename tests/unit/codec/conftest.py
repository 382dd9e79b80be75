"""A small codec for tests: seeded weights that no file of the product holds."""

import math
from pathlib import Path

import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.weights import Part
from latentprint.training import export
from latentprint.training.start import start


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


@pytest.fixture(scope="session")
def pictures() -> torch.Tensor:
    """Nine smooth pictures of 64 x 64 pixels with grain."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand((9, 3, 8, 8), generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic")
    grain = torch.randn((9, 3, 64, 64), generator=generator) * 4
    return (smooth + grain).clamp(0, 255).round().to(torch.uint8)
