"""A small convolutional network on the pixels of decoded images: what latents are compared with.

::

    RGB / 127.5 - 1
    5x5 convolution of every second pixel, batch norm, ReLU
    five times: 3x3 convolution, batch norm, ReLU, mean of 2x2; channels double up to 8 x `width`
    mean over positions, dropout, one linear layer

Members, early stopping and averaging are those of the convolutional head on latents.
"""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from latentprint.estimators.training import (
    Training,
    Weights,
    answer,
    device_of,
    loaded,
    torch_threads,
    train,
)

logger = logging.getLogger(__name__)

STAGES = 5
PATIENCE = 5
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
DROPOUT = 0.3

Pixels = NDArray[np.uint8]  # (images, 3, height, width)


def fit_networks(
    pixels: Pixels,
    fake: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    *,
    width: int,
    epochs: int,
    members: int,
    random_state: int,
    threads: int,
    device: str = "auto",
) -> list[Weights]:
    """Fit the members.

    Parameters
    ----------
    pixels : ndarray, uint8, (images, 3, height, width)
    fake, kept : ndarray, bool, (images,)
        Labels; images that are not fitted but tell when to stop.
    width : int
        Channels of the first stage.
    epochs, members, random_state, threads, device
        As for `ConvolutionalHead`.
    """
    targets = torch.from_numpy(fake.astype(np.float32))
    inputs = torch.from_numpy(pixels)
    inside, outside = (torch.from_numpy(np.flatnonzero(part)) for part in (~kept, kept))
    rows, stopping = ((inputs[part], targets[part]) for part in (inside, outside))
    how = Training(epochs, PATIENCE, LEARNING_RATE, WEIGHT_DECAY, device_of(device))
    found = []
    with torch_threads(threads):
        for member in range(members):
            weights, epoch = train(
                lambda: PixelNetwork(width), rows, stopping, how, seed=random_state + member
            )
            found.append(weights)
            logger.info("member %d of %d: epoch %d", member + 1, members, epoch)
    return found


def ask_networks(
    networks: list[Weights], pixels: Pixels, *, width: int, threads: int, device: str = "auto"
) -> NDArray[np.float64]:
    """Give the probability of fake, the mean of the members, float64 (images,)."""
    where = device_of(device)
    inputs = torch.from_numpy(pixels)
    with torch_threads(threads):
        answers = [
            torch.sigmoid(
                answer(loaded(lambda: PixelNetwork(width), weights, where), inputs, where)
            )
            for weights in networks
        ]
    return torch.stack(answers).double().mean(dim=0).numpy()


class PixelNetwork(nn.Module):
    """One member: uint8 (images, 3, height, width) to logits of fake (images,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        before = width
        for stage in range(1, STAGES + 1):
            after = width * min(8, 2**stage)
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.AvgPool2d(2, ceil_mode=True),
            ]
            before = after
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(before, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Give the logits."""
        planes = self.body(pixels.float() / 127.5 - 1).mean(dim=(2, 3))
        return self.head(self.dropout(planes))[:, 0]
