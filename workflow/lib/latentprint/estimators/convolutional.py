"""A small convolutional network on whole latents, several of them averaged.

::

    values as (channels, h, w), standardised by value
    1x1 convolution to `width` channels, batch norm, ReLU
    twice: 3x3 convolution, batch norm, ReLU, mean of 2x2 positions
    dropout, one linear layer over all channels and positions that are left

The last layer keeps positions apart, since that is where the signal of aligned faces is. Each
member is trained from a seed of its own and stops early: the weights of the epoch with the lowest
loss on images that are kept back count. The answer is the mean of the members' probabilities.
"""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from latentprint.estimators.standardising import Values, column_statistics, standardised
from latentprint.estimators.training import (
    Training,
    answer,
    device_of,
    loaded,
    torch_threads,
    train,
)

logger = logging.getLogger(__name__)


class ConvolutionalHead:
    """Convolutional networks on latents, averaged.

    Parameters
    ----------
    width : int
        Channels of the hidden layers.
    epochs : int
        Passes over the training images, at most.
    patience : int
        Epochs without a lower validation loss after which a member stops.
    learning_rate : float
        Of AdamW at its peak; it rises over the first tenth of the epochs and falls to nothing.
    weight_decay : float
    dropout : float, 0 to 1
    members : int
        Networks, each from a seed of its own.
    random_state : int
    threads : int
        Of the CPU; they change the time, and last digits.
    device : {"auto", "cpu", "cuda"}

    Attributes
    ----------
    classes_ : ndarray of str, (2,)
    grid_ : tuple of int
        Height and width of the latents.
    mean_, factor_ : ndarray, float32, (P,)
    networks_ : list of dict of str to ndarray
        Weights of each member, by name.
    epochs_ : list of int
        Epochs whose weights each member has.
    """

    def __init__(
        self,
        width: int = 64,
        epochs: int = 20,
        patience: int = 5,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        dropout: float = 0.3,
        members: int = 3,
        random_state: int = 0,
        threads: int = 1,
        device: str = "auto",
    ) -> None:
        self.width = width
        self.epochs = epochs
        self.patience = patience
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.members = members
        self.random_state = random_state
        self.threads = threads
        self.device = device

    def fit(
        self,
        values: Values,
        labels: NDArray[np.str_],
        *,
        validation: tuple[Values, NDArray[np.str_]],
        grid: tuple[int, int],
    ) -> "ConvolutionalHead":
        """Fit to float32 (rows, P), one row an image, and the label of each.

        `validation` are values and labels of images that are not among them; `grid` is height and
        width of the latents, so that P = channels x height x width.
        """
        self.classes_ = np.unique(labels)
        self.grid_ = grid
        self.mean_, self.factor_ = column_statistics(values)
        rows, kept = (
            (self._planes(given), _targets(truth, self.classes_))
            for given, truth in ((values, labels), validation)
        )
        how = Training(
            self.epochs,
            self.patience,
            self.learning_rate,
            self.weight_decay,
            device_of(self.device),
        )
        self.networks_, self.epochs_ = [], []
        with torch_threads(self.threads):
            for member in range(self.members):
                seed = self.random_state + member
                network, epoch = train(self._network, rows, kept, how, seed=seed)
                self.networks_.append(network)
                self.epochs_.append(epoch)
                logger.info("member %d of %d: epoch %d", member + 1, self.members, epoch)
        return self

    def predict_proba(self, values: Values) -> NDArray[np.float64]:
        """Give the columns of `classes_`, float64 (rows, 2)."""
        device = device_of(self.device)
        second = np.zeros(len(values))
        with torch_threads(self.threads):
            inputs = self._planes(values)
            for weights in self.networks_:
                logits = answer(loaded(self._network, weights, device), inputs, device)
                second += torch.sigmoid(logits).double().numpy()
        second /= len(self.networks_)
        return np.column_stack([1 - second, second])

    def _network(self) -> nn.Module:
        height, width = self.grid_
        channels = len(self.mean_) // (height * width)
        return _Network(channels, (height, width), self.width, self.dropout)

    def _planes(self, values: Values) -> torch.Tensor:
        """Standardise rows, float32 (rows, channels, h, w)."""
        rows = standardised(values, self.mean_, self.factor_)
        return torch.from_numpy(rows).reshape(len(values), -1, *self.grid_)


class _Network(nn.Module):
    """One member: logits of the second class, (rows,)."""

    def __init__(self, channels: int, grid: tuple[int, int], width: int, dropout: float) -> None:
        super().__init__()
        layers = [*_convolution(channels, width, 1)]
        height, breadth = grid
        for _ in range(2):
            layers += _convolution(width, width, 3)
            if min(height, breadth) > 1:
                layers.append(nn.AvgPool2d(2))
                height, breadth = height // 2, breadth // 2
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width * height * breadth, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.body(inputs).flatten(1)))[:, 0]


def _convolution(channels: int, width: int, size: int) -> list[nn.Module]:
    # Without bias: batch norm has one.
    convolution = nn.Conv2d(channels, width, size, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU()]


def _targets(labels: NDArray[np.str_], classes: NDArray[np.str_]) -> torch.Tensor:
    return torch.from_numpy((labels == classes[1]).astype(np.float32))
