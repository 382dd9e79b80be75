"""SOP: the official decoders of model 3 against the planes of the reference software."""

import numpy as np
import pytest
import torch

from latentprint.codec import synthesis
from latentprint.codec.weights import parts, source
from tests.parity.conftest import record

KEYS = {"luma": "model_y", "chroma": "model_uv"}
LIMIT = 5e-3  # of 255, as the vectors' description recommends


def unquantised(vectors, load_case, image: str) -> list[torch.Tensor]:
    """Give y of luma and chroma, which the stored planes were made of."""
    if image == "odd_107x75":
        case = load_case("f05_bop_on_odd_107x75_m3_b702")
        return [case[f"{key}.y"] for key in KEYS.values()]
    with np.load(vectors / "official_bop.npz") as stored:
        return [torch.from_numpy(stored[f"{image}.m3.{key}.y"]) for key in KEYS.values()]


@pytest.mark.parametrize("component", KEYS)
@pytest.mark.parametrize("image", ["face_c", "odd_107x75"])
def test_official_planes(vectors, load_case, tensors, image, component):
    with np.load(vectors / "official_sop_hop_synthesis.npz") as stored:
        theirs = torch.from_numpy(stored[f"{image}.m3.sop.synthesis_{component}"])
    luma, chroma = unquantised(vectors, load_case, image)
    given = {
        "size": theirs.shape[-2:],
        "operating_point": "SOP",
        "weights": tensors("decoder", component, 3, "SOP"),
    }
    if component == "luma":
        ours = synthesis.synthesise_luma(luma, **given)
    else:
        ours = synthesis.synthesise_chroma(luma, chroma, **given)
    assert ours.shape == theirs.shape
    difference = (ours - theirs).abs()
    worst = float(difference.max())
    changed = int((difference > 0).sum())
    stage = {"luma": "plane Y", "chroma": "planes UV"}[component]
    record(f"{stage}, SOP, official", theirs.numel(), differing=changed, worst=worst)
    print(
        f"{image} {stage}: {theirs.numel()} samples, {changed} differ, largest {worst:.1e} of 255"
    )
    assert worst <= LIMIT


def test_the_decoders_are_official(weights):
    used = [part for part in parts("SOP", models=[3]) if part.kind == "decoder"]
    assert [part.relative_path for part in used] == [
        "VM_sop/decoder_Y_0.5.pth",
        "VM_sop/decoder_UV_0.5.pth",
    ]
    assert source(weights, used) == "official"
