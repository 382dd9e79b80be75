"""What the reference carries from image to image, against its own runs in two orders."""

import hashlib
import json

import pytest
import torch

from latentprint.codec import JpegAI, State
from tests.parity.conftest import read_rgb, record

COMPONENTS = {"luma": "model_y", "chroma": "model_uv"}
# A rule of the reference that is not specified: with images of several sizes the rates of its
# matcher are those of the tile grid of the image before.
UNSPECIFIED = {(2, "C-B-A", "1:B"), (2, "C-B-A", "2:A")}


def sha(latents: torch.Tensor) -> str:
    """First 16 digits of the SHA-256 over the float32 bytes, as in the vectors."""
    return hashlib.sha256(latents.contiguous().numpy().astype("<f4").tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def runs(vectors) -> list[dict]:
    return json.loads((vectors / "state_carryover.json").read_text())


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("number", range(4))
def test_carried_state(vectors, weights, runs, limits, number, order):
    run = runs[number]
    codec = JpegAI.load(weights, run["operating_point"].upper())
    name, entries = list(run["orders"].items())[order]
    state = State()
    for position, theirs in entries.items():
        image = run["images"][position.split(":")[1]]
        rgb = read_rgb(vectors / "images" / f"{image}.png")
        if run["fixed_model"] is None:
            coded = codec.encode(rgb, target_bpp=run["target_bpp"], state=state)
        else:
            coded = codec.encode(rgb, model=run["fixed_model"], state=state)
        if (number, name, position) in UNSPECIFIED:
            continue
        assert int(coded.model) == theirs["model_id"]
        if run["fixed_model"] is None:
            assert int(coded.beta[0, 0]) == max(-1069, min(702, theirs["beta"]))
            assert [state.tolerances.low, state.tolerances.high] == theirs["tolerance_after"]
        for component, key in COMPONENTS.items():
            raised = state.raised[int(coded.model), component][0]
            assert torch.nonzero(raised).flatten()[:8].tolist() == theirs["grfs"][key]
        bpp = float(coded.bits.sum()) / (rgb.shape[-2] * rgb.shape[-1])
        assert bpp == pytest.approx(theirs["estimated_bpp"], rel=limits.rates)
        for component, key in COMPONENTS.items() if limits.digests else ():
            for latent in ("y", "y_hat"):
                ours = getattr(getattr(coded, component), latent)
                equal = sha(ours) == theirs[f"{latent}_sha"][key]
                record(f"carried {latent}, digests", 1, differing=int(not equal))
                assert equal, f"{name} {position} {component} {latent}"


@pytest.mark.parametrize("number", range(3))
def test_rates_asked_for_in_a_carried_state(vectors, weights, runs, number):
    """As often as the reference, but for the end of the bracket that cannot matter."""
    run = runs[number]
    codec = JpegAI.load(weights, run["operating_point"].upper())
    name, entries = next(iter(run["orders"].items()))
    state = State()
    for position, theirs in entries.items():
        rgb = read_rgb(vectors / "images" / f"{run['images'][position.split(':')[1]]}.png")
        coded = [codec.encode(rgb, model=model, latents=("y",)) for model in range(4)]
        (decision,) = codec.match(
            {model: one.luma.y for model, one in enumerate(coded)},
            {model: one.chroma.y for model, one in enumerate(coded)},
            run["target_bpp"],
            size=(rgb.shape[-2], rgb.shape[-1]),
            state=state,
        )
        if (number, name, position) not in UNSPECIFIED:
            skipped = int(decision.direction != "none")
            assert len(decision.trials) + skipped == theirs["calls"]
            record("carried, rates asked for", theirs["calls"])


def test_a_fresh_state_does_not_depend_on_the_order(vectors, weights, runs):
    """The images of the first run, both ways round, without a state: every bit the same."""
    codec = JpegAI.load(weights, "BOP")
    images = ["face_a", "face_b", "face_c"]
    rgb = torch.cat([read_rgb(vectors / "images" / f"{image}.png") for image in images])
    forward = codec.encode(rgb, target_bpp=1.0)
    backward = codec.encode(rgb.flip(0), target_bpp=1.0)
    for component in COMPONENTS:
        ours, other = getattr(forward, component), getattr(backward, component)
        assert torch.equal(ours.y_hat, other.y_hat.flip(0))
    assert torch.equal(forward.beta, backward.beta.flip(0))
    assert torch.equal(forward.model, backward.model.flip(0))
