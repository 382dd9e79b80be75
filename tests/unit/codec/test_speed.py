"""What was made faster gives the same bits as the plain form of it."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from latentprint.codec import blocks, heap, hyper, tools
from latentprint.codec.weights import Part, read
from tests.block_means import spread_means


@pytest.mark.parametrize("offset", [0.0, 5.0, -300.0])
def test_the_variance_is_that_of_the_library(offset):
    generator = torch.Generator().manual_seed(11)
    x = torch.randn((2, 128, 24, 20), generator=generator) * 3 + offset
    weights = {
        "norm.weight": torch.randn(128, generator=generator),
        "norm.bias": torch.randn(128, generator=generator),
    }
    before = x.clone()
    ours = blocks.channel_norm("norm")(x, weights, (24, 20))
    mean, variance = x.mean(dim=1, keepdim=True), x.var(dim=1, correction=0, keepdim=True)
    scale, shift = (weights[f"norm.{name}"][:, None, None] for name in ("weight", "bias"))
    assert torch.equal(ours, (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift)
    assert torch.equal(x, before)


@pytest.mark.parametrize("step", ["gate", "residual", "attention", "feed_forward", "mask"])
def test_no_step_changes_its_input(hop_weights, step):
    weights = read(hop_weights, Part("encoder", "HOP", "luma", 3))
    run = {
        "gate": blocks.gated_residual("act1", groups=4),
        "residual": blocks.residual("cab.residual_trunk.0"),
        "attention": blocks.channel_attention("TAM.TABs.0"),
        "feed_forward": blocks.feed_forward("TAM.TABs.0"),
        "mask": blocks.masked_residual("cab"),
    }[step]
    x = torch.randn((1, 128, 8, 8), generator=torch.Generator().manual_seed(2))
    before = x.clone()
    first = run(x, weights, (8, 8))
    assert torch.equal(x, before)
    assert torch.equal(first, run(x, weights, (8, 8)))
    with torch.enable_grad():
        kernels = {key: value.clone().requires_grad_() for key, value in weights.items()}
        run(x, kernels, (8, 8)).sum().backward()
    assert any(value.grad is not None for value in kernels.values())


def test_prepared_weights_are_the_same_numbers(hop_weights):
    weights = read(hop_weights, Part("entropy", "", "luma", 3))
    prepared = hyper.prepared(weights)
    assert prepared.keys() == weights.keys()
    for key, value in weights.items():
        assert torch.equal(prepared[key].double(), value.double())
    z_hat = torch.randint(-31, 32, (1, 160, 3, 2), generator=torch.Generator().manual_seed(4))
    z_hat = z_hat.to(torch.int8)
    plain, other = (
        hyper.decode_scales(z_hat, latent_size=(11, 8), weights=each)
        for each in (weights, prepared)
    )
    assert torch.equal(plain, other)


def test_a_look_up_by_blocks_is_one_by_positions():
    generator = torch.Generator().manual_seed(6)
    index = torch.randint(-800, 4000, (2, 5, 19, 16), generator=generator, dtype=torch.int32)
    raised = torch.rand((2, 5), generator=generator) > 0.5
    by_position = tools.residual_scaling(spread_means(index), raised, model=2)
    by_block = tools.residual_scaling(tools.block_means(index), raised, model=2)
    for name in ("forward", "backward", "offset"):
        wide = tools.spread(getattr(by_block, name), (19, 16), side=tools.BLOCK)
        assert torch.equal(wide, getattr(by_position, name))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_freed_memory_is_kept():
    """In a process of its own: once warm, large tensors touch hardly a new page."""
    program = """
import resource, torch
from latentprint.codec import heap
assert heap.keep()
faults = []
for _ in range(12):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(size << 20) for size in (3, 1, 4, 2, 4)]
    del tensors
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[0], sum(faults[4:]) // 8)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(heap.__file__).parents[2])},
    )
    cold, warm = map(int, done.stdout.split())
    assert cold > 10_000  # 56 MiB in pages of 4 KiB: what every round costs where nothing is kept
    assert warm < cold / 10
