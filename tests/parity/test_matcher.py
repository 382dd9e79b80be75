"""The rate matcher against the reference software's decisions and every one of its trials."""

import json

import numpy as np
import pytest
import torch

from latentprint.codec import JpegAI, matcher
from tests.parity.conftest import read_rgb, record

COMPONENTS = {"luma": "model_y", "chroma": "model_uv"}


@pytest.fixture(scope="module")
def runs(vectors) -> list[dict]:
    return json.loads((vectors / "rate_matcher.json").read_text())


@pytest.fixture(scope="module")
def codecs(weights):
    return {point: JpegAI.load(weights, point) for point in ("BOP", "HOP")}


@pytest.fixture(scope="module")
def analysed(codecs, vectors):
    """Latents of one image by all four models, once for all its targets."""
    cache = {}

    def get(point: str, image: str):
        if (point, image) not in cache:
            rgb = read_rgb(vectors / image)
            coded = [codecs[point].encode(rgb, model=m, latents=("y",)) for m in range(4)]
            luma = {m: one.luma.y for m, one in enumerate(coded)}
            chroma = {m: one.chroma.y for m, one in enumerate(coded)}
            cache[point, image] = luma, chroma, (rgb.shape[-2], rgb.shape[-1])
        return cache[point, image]

    return get


def test_decisions_from_the_recorded_rates(runs):
    """The rule alone: given the reference's rates, the same questions and the same answer."""
    for run in runs:
        known = {}
        for trial in run["trace"]:
            known[trial["model_id"], matcher.clipped(trial["beta"])] = trial["bpp"]
        decision = matcher.match(
            lambda model, beta, known=known: known[model, beta],
            matcher.check_target(run["target_bpp"]),
            both_ends=True,
        )
        theirs = [(trial["model_id"], trial["beta"]) for trial in run["trace"]]
        assert [(trial.model, trial.beta) for trial in decision.trials] == theirs
        assert (decision.model, decision.searched_beta) == (
            run["model_id"],
            run["beta_displacement_log"],
        )
        assert decision.beta == run["beta_displacement_log_clipped"]
        directions = {"upper search": "up", "down search": "down"}
        expected = [directions[text] for text in run["messages"] if text in directions]
        assert decision.direction == (expected[0] if expected else "none")
        assert decision.found == ("Don't search good results" not in run["messages"])
        record("matcher, trials asked for", len(theirs))
    assert len(runs) == 26


@pytest.mark.parametrize("number", range(26))
def test_decisions_and_rates_from_the_pixels(runs, codecs, analysed, limits, number):
    """Our own rates: the same decision, every trial's rate, and the bits of the result."""
    run = runs[number]
    point, tools = run["operating_point"].upper(), run["tools"] == "on"
    luma, chroma, size = analysed(point, run["image"])
    codec = codecs[point]
    (decision,) = codec.match(luma, chroma, run["target_bpp"], size=size, tools=tools)
    assert decision.model == run["model_id"]
    assert decision.beta == run["beta_displacement_log_clipped"]
    stored = {(trial["model_id"], trial["beta"]): trial["bpp"] for trial in run["trace"]}
    worst = max(abs(trial.bpp / stored[trial.model, trial.beta] - 1) for trial in decision.trials)
    record("matcher, bpp of trials", len(decision.trials), differing=int(worst > 1e-5), worst=worst)
    assert worst <= limits.rates
    coded = codec.quantise(
        luma[decision.model],
        chroma[decision.model],
        model=decision.model,
        beta=(decision.beta, decision.beta),
        tools=tools,
        latents=("y_hat", "q"),
        size=size,
    )
    off = abs(float(coded.bits.sum()) / run["bits"]["total"] - 1)
    record("matcher, bits of results", 1, differing=int(off > 1e-5), worst=off)
    assert off <= limits.rates
    for at, component in enumerate(COMPONENTS):
        symbols = int(getattr(coded, component).q.int().abs().sum())
        record(
            "matcher, sum of symbols",
            1,
            differing=int(symbols != run["residual_quant_abs_sum"][at]),
        )
        off = abs(symbols - run["residual_quant_abs_sum"][at])
        assert off <= (0 if limits.digests else limits.rates * symbols)
    print(f"{run['image']} {point} {run['target_bpp']} bpp: {len(decision.trials)} rates")


@pytest.mark.parametrize(
    ("file", "point", "image", "target"),
    [
        ("brm_bop_face_a_600.npz", "BOP", "face_a", 6.0),
        ("brm_hop_face_b_1200.npz", "HOP", "face_b", 12.0),
    ],
)
def test_latents_of_a_matched_compression(vectors, codecs, limits, file, point, image, target):
    rgb = read_rgb(vectors / "images" / f"{image}.png")
    coded = codecs[point].encode(rgb, target_bpp=target, latents=("y", "y_hat", "q"))
    flipped = compared = 0
    with np.load(vectors / file) as stored:
        for component, key in COMPONENTS.items():
            ours = getattr(coded, component)
            for name, kept in (("y", "y"), ("y_hat", "y_hat"), ("q", "residual_quant")):
                theirs = torch.from_numpy(stored[f"{key}.{kept}"])
                mine = getattr(ours, name)
                worst = float((mine.double() - theirs.double()).abs().max())
                differing = int((mine != theirs).sum())
                record(f"matched {name}, {point}", theirs.numel(), differing=differing, worst=worst)
                if name == "q":
                    flipped += differing
                    compared += theirs.numel()
                    assert worst <= 1
                else:
                    rms = float(theirs.double().square().mean().sqrt())
                    assert worst <= (3e-4 * rms if flipped == 0 and name == "y" else 2.0)
    print(f"{file}: {flipped} symbols differ")
    assert flipped <= limits.symbols(compared)
