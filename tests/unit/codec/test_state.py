"""What a `State` carries from image to image, and that nothing is carried without one."""

import dataclasses
import logging

import pytest
import torch

from latentprint.codec import State
from latentprint.codec import codec as codec_module
from latentprint.codec.coded import KEPT
from latentprint.codec.matcher import Tolerances

COMPONENTS = ("luma", "chroma")
MODELS = range(4)


def assert_equal(ours, theirs) -> None:
    """Two `Coded`, every tensor to the last bit."""
    assert torch.equal(ours.model, theirs.model)
    assert torch.equal(ours.beta, theirs.beta)
    assert torch.equal(ours.bits, theirs.bits)
    for component in COMPONENTS:
        for name in KEPT:
            mine, other = (getattr(getattr(one, component), name) for one in (ours, theirs))
            assert (mine is None) == (other is None)
            assert mine is None or torch.equal(mine, other), (component, name)


def row(coded, at: int):
    return codec_module.reordered(coded, torch.tensor([at]))


@pytest.mark.parametrize("model", MODELS)
def test_the_second_image_has_the_flags_of_the_first(four_models, mixed, model):
    first, second = mixed[2:3], mixed[1:2]
    alone = [four_models.encode(rgb, model=model, latents=KEPT) for rgb in (first, second)]
    state = State()
    carried = [
        four_models.encode(rgb, model=model, latents=KEPT, state=state) for rgb in (first, second)
    ]
    assert_equal(carried[0], alone[0])
    for component in COMPONENTS:
        flags = [getattr(coded, component).grfs for coded in (*alone, carried[1])]
        assert not torch.equal(flags[0], flags[1])  # the images differ in theirs
        assert torch.equal(flags[2], flags[0])
        assert torch.equal(state.raised[model, component], flags[0])
        ours, other = (getattr(coded, component) for coded in (carried[1], alone[1]))
        assert torch.equal(ours.y, other.y)
        assert torch.equal(ours.z_hat, other.z_hat)
        assert torch.equal(ours.gain, other.gain)
        assert not torch.equal(ours.y_hat, other.y_hat)
    assert set(state.raised) == {(model, component) for component in COMPONENTS}


def test_each_model_keeps_the_flags_of_the_image_that_it_met_first(four_models, mixed):
    state = State()
    four_models.encode(mixed[:1], model=2, state=state)
    four_models.encode(mixed[1:2], model=0, state=state)
    four_models.encode(mixed[2:3], model=2, state=state)
    four_models.encode(mixed[2:3], model=0, state=state)
    assert set(state.raised) == {(m, component) for m in (0, 2) for component in COMPONENTS}
    for model, image in ((2, 0), (0, 1)):
        own = four_models.encode(mixed[image : image + 1], model=model, latents=("grfs",))
        for component in COMPONENTS:
            assert torch.equal(state.raised[model, component], getattr(own, component).grfs)


def test_the_first_matched_image_fixes_the_flags_of_all_models(four_models, mixed):
    state = State()
    four_models.encode(mixed[:1], target_bpp=1.0, state=state)
    four_models.encode(mixed[1:2], target_bpp=1.0, state=state)
    assert set(state.raised) == {(m, component) for m in MODELS for component in COMPONENTS}
    for model in MODELS:
        own = four_models.encode(mixed[:1], model=model, latents=("grfs",))
        for component in COMPONENTS:
            assert torch.equal(state.raised[model, component], getattr(own, component).grfs)


@pytest.mark.parametrize(
    "options",
    [
        {"model": 3},
        {"model": 1, "beta": torch.tensor([[-300, 5], [0, 0], [40, 700]])},
        {"target_bpp": 1.5},
        {"target_bpp": 1.0, "tools": False},
    ],
    ids=["model", "displacements", "target", "target, no tools"],
)
def test_a_batch_equals_single_calls(four_models, mixed, options):
    together, one_by_one = State(), State()
    batch = four_models.encode(mixed[:3], latents=KEPT, state=together, **options)
    for at in range(3):
        own = dict(options)
        if isinstance(own.get("beta"), torch.Tensor):
            own["beta"] = own["beta"][at : at + 1]
        single = four_models.encode(mixed[at : at + 1], latents=KEPT, state=one_by_one, **own)
        assert_equal(single, row(batch, at))
    assert together.tolerances == one_by_one.tolerances
    assert together.raised.keys() == one_by_one.raised.keys()
    for key, flags in together.raised.items():
        assert torch.equal(flags, one_by_one.raised[key])


def test_a_batch_with_a_state_equals_single_calls_where_batches_are_larger(
    four_models, mixed, monkeypatch
):
    """As on a GPU: the first image of a batch fixes the flags, and searches stay in order."""
    whole = State()
    rgb = mixed[[2, 1, 0, 3]]  # side by side, the searches would end elsewhere
    expected = four_models.encode(rgb, target_bpp=1.5, latents=("grfs",), state=whole)
    larger = dataclasses.replace(four_models)
    monkeypatch.setattr(larger, "batch", lambda pixels: 3)
    state = State()
    matched = larger.encode(rgb, target_bpp=1.5, latents=("grfs",), state=state)
    assert_equal(matched, expected)
    assert state.tolerances == whole.tolerances
    given = larger.encode(mixed, model=1, latents=("grfs",), state=State())
    first, last = (
        four_models.encode(one, model=1, latents=("grfs",)) for one in (mixed[:1], mixed[2:3])
    )
    for component in COMPONENTS:
        flags = getattr(given, component).grfs
        assert torch.equal(flags, getattr(first, component).grfs.expand_as(flags))
        assert not torch.equal(flags[:1], getattr(last, component).grfs)


def test_carried_flags_belong_to_the_symbols(four_models, mixed):
    """Rebuilding takes the flags that are kept, not those that the image would have had."""
    state = State()
    four_models.encode(mixed[2:3], model=1, state=state)
    kept = ("y_hat", "q", "z_hat", "grfs")
    carried = four_models.encode(mixed[1:2], model=1, latents=kept, state=state)
    again = four_models.rebuild(carried)
    for component in COMPONENTS:
        ours, other = (getattr(coded, component) for coded in (again, carried))
        assert torch.equal(ours.y_hat, other.y_hat)


def test_quantising_and_matching_stored_latents_carry_the_same(four_models, mixed):
    whole, state = State(), State()
    expected = four_models.encode(mixed[:3], target_bpp=1.5, latents=("y_hat",), state=whole)
    stored = [four_models.encode(mixed[:3], model=m, latents=("y",)) for m in MODELS]
    luma = {m: coded.luma.y for m, coded in enumerate(stored)}
    chroma = {m: coded.chroma.y for m, coded in enumerate(stored)}
    decisions = four_models.match(luma, chroma, 1.5, size=(67, 75), state=state)
    assert [d.model for d in decisions] == expected.model.tolist()
    assert [[d.beta] * 2 for d in decisions] == expected.beta.tolist()
    assert state.tolerances == whole.tolerances
    for at, decision in enumerate(decisions):
        later = four_models.quantise(
            luma[decision.model][at : at + 1],
            chroma[decision.model][at : at + 1],
            model=decision.model,
            beta=(decision.beta, decision.beta),
            size=(67, 75),
            state=state,
        )
        assert torch.equal(later.luma.y_hat[0], expected.luma.y_hat[at])
        assert torch.equal(later.bits[0], expected.bits[at])


def test_tolerances_of_the_matcher_are_carried(four_models, mixed):
    """One image up and one down: after them no rate is accepted, and decisions change."""
    state = State()
    assert state.tolerances == Tolerances(-0.1, 0.05)
    four_models.encode(mixed[2:3], target_bpp=2.0, latents=("q",), state=state)
    assert state.tolerances == Tolerances(-0.1, 0)
    four_models.encode(mixed[1:2], target_bpp=2.0, latents=("q",), state=state)
    assert state.tolerances == Tolerances(0, 0)
    carried = four_models.encode(mixed[3:], target_bpp=2.0, latents=("q",), state=state)
    fresh = four_models.encode(mixed[3:], target_bpp=2.0, latents=("q",))
    assert not torch.equal(carried.beta, fresh.beta)


def test_a_first_image_is_coded_as_without_a_state(four_models, mixed):
    for at in (1, 2):
        for options in ({"model": 2}, {"target_bpp": 0.75}):
            rgb = mixed[at : at + 1]
            assert_equal(
                four_models.encode(rgb, latents=KEPT, state=State(), **options),
                four_models.encode(rgb, latents=KEPT, **options),
            )


@pytest.mark.parametrize("options", [{"model": 1}, {"target_bpp": 1.5}])
def test_without_a_state_the_order_does_not_matter(four_models, mixed, options):
    order = (1, 3, 0, 2)
    forward = four_models.encode(mixed, latents=KEPT, **options)
    moved = four_models.encode(mixed[list(order)], latents=KEPT, **options)
    assert_equal(moved, codec_module.reordered(forward, torch.tensor(order)))


def test_with_a_state_it_does(four_models, mixed):
    forward = four_models.encode(mixed, model=1, state=State())
    backward = four_models.encode(mixed.flip(0), model=1, state=State())
    assert not torch.equal(forward.luma.y_hat, backward.luma.y_hat.flip(0))


def test_without_tools_no_flags_are_carried(four_models, mixed):
    state = State()
    four_models.encode(mixed[:1], target_bpp=1.0, tools=False, state=state)
    assert state.raised == {}
    assert state.tolerances != Tolerances()


def test_two_states_share_nothing():
    one, other = State(), State()
    one.raised[0, "luma"] = torch.zeros(1, 160, dtype=torch.bool)
    one.tolerances.high = 0
    assert other.raised == {} and other.tolerances == Tolerances()


def test_sizes_that_change_are_warned_of(four_models, mixed, caplog):
    """The reference then counts by the tiles of the image before."""
    state = State()
    rgb = mixed[:1]
    with caplog.at_level(logging.WARNING, logger="latentprint.codec.coder"):
        for _ in range(2):
            four_models.encode(rgb, target_bpp=1.0, latents=("q",), state=state)
        four_models.encode(rgb[..., :65, :64], target_bpp=1.0, latents=("q",))
        assert not caplog.records
        four_models.encode(rgb[..., :65, :64], target_bpp=1.0, latents=("q",), state=state)
    (record,) = caplog.records
    assert "65 x 64 pixels after 67 x 75" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert state.size == (65, 64)
