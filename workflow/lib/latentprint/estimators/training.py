"""Training of small networks: several members, each from a seed of its own, stopped early."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

logger = logging.getLogger(__name__)

Weights = dict[str, NDArray[Any]]

BATCH = 32
ASKED = 256  # rows at a time when nothing is trained


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        Passes over the rows, at most.
    patience : int
        Epochs without a lower validation loss after which training stops.
    learning_rate : float
        Of AdamW at its peak; it rises over the first tenth of the epochs and falls to nothing.
    weight_decay : float
    device : {"cpu", "cuda"}
    """

    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    device: str


def train(
    make: Callable[[], nn.Module],
    rows: tuple[torch.Tensor, torch.Tensor],
    kept: tuple[torch.Tensor, torch.Tensor],
    how: Training,
    *,
    seed: int,
) -> tuple[Weights, int]:
    """Train one network.

    Parameters
    ----------
    make : callable () -> Module
        A new network, from torch's random numbers; it gives a logit a row.
    rows, kept : (inputs, targets)
        What is fitted, and what tells when to stop; targets float32, 0 or 1.
    how : Training
    seed : int

    Returns
    -------
    weights : dict of str to ndarray
        Of the epoch with the lowest loss on `kept`.
    epoch : int
        Which that was, from 1.
    """
    inputs, targets = rows
    chance = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make().to(how.device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay
        )
        # A last batch of one row has no batch statistics: rows are divided evenly.
        batches = max(1, len(inputs) // BATCH)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, how.learning_rate, total_steps=how.epochs * batches, pct_start=0.1
        )
        least, best, weights = np.inf, 0, {}
        for epoch in range(1, how.epochs + 1):
            network.train()
            for chosen in torch.randperm(len(inputs), generator=chance).tensor_split(batches):
                logits = network(inputs[chosen].to(how.device))
                loss = nn.functional.binary_cross_entropy_with_logits(
                    logits, targets[chosen].to(how.device)
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                rate.step()
            found = _loss(network, kept, how.device)
            logger.debug("epoch %d: validation loss %.4f", epoch, found)
            if found < least:
                least, best = found, epoch
                weights = {
                    name: tensor.detach().cpu().numpy().copy()
                    for name, tensor in network.state_dict().items()
                }
            elif epoch - best >= how.patience:
                break
    return weights, best


def _loss(network: nn.Module, kept: tuple[torch.Tensor, torch.Tensor], device: str) -> float:
    inputs, targets = kept
    logits = answer(network, inputs, device)
    return float(nn.functional.binary_cross_entropy_with_logits(logits, targets))


def answer(network: nn.Module, inputs: torch.Tensor, device: str) -> torch.Tensor:
    """Give the logits of all rows, on the CPU."""
    network.eval()
    with torch.inference_mode():
        parts = [network(part.to(device)).cpu() for part in inputs.split(ASKED)]
    return torch.cat(parts)


def loaded(make: Callable[[], nn.Module], weights: Weights, device: str) -> nn.Module:
    """Make a network of some weights."""
    network = make()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network.to(device)


def device_of(name: str) -> str:
    """Resolve "auto": a GPU if there is one."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


class torch_threads:
    """The number of threads of torch, for as long as a block runs."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)

    def __exit__(self, *_: Any) -> None:
        torch.set_num_threads(self.before)
