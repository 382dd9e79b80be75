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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

logger = logging.getLogger(__name__)

Values = NDArray[np.float32]

BATCH = 32
ASKED = 256  # images at a time when nothing is trained
BLOCK_VALUES = 2**22  # 16 MiB of float32, while rows are standardised


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
        self.mean_ = np.empty(values.shape[1], dtype=np.float32)
        self.factor_ = np.empty(values.shape[1], dtype=np.float32)
        size = max(1, BLOCK_VALUES // len(values))
        for start in range(0, values.shape[1], size):
            block = values[:, start : start + size].astype(np.float64)
            spread = block.std(axis=0)
            self.mean_[start : start + size] = block.mean(axis=0)
            self.factor_[start : start + size] = 1 / np.where(spread > 0, spread, np.inf)
        inputs, kept = self._standardised(values), self._standardised(validation[0])
        targets = torch.from_numpy((labels == self.classes_[1]).astype(np.float32))
        kept_targets = torch.from_numpy((validation[1] == self.classes_[1]).astype(np.float32))
        self.networks_, self.epochs_ = [], []
        with _threads(self.threads):
            for member in range(self.members):
                seed = self.random_state + member
                network, epoch = self._train(inputs, targets, kept, kept_targets, seed)
                self.networks_.append(network)
                self.epochs_.append(epoch)
                logger.info("member %d of %d: epoch %d", member + 1, self.members, epoch)
        return self

    def predict_proba(self, values: Values) -> NDArray[np.float64]:
        """Give the columns of `classes_`, float64 (rows, 2)."""
        device = _device(self.device)
        second = np.zeros(len(values))
        with _threads(self.threads), torch.inference_mode():
            for weights in self.networks_:
                network = self._network().to(device)
                network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
                network.eval()
                for start in range(0, len(values), ASKED):
                    here = slice(start, start + ASKED)
                    inputs = self._standardised(values[here]).to(device)
                    second[here] += torch.sigmoid(network(inputs)).double().cpu().numpy()
        second /= len(self.networks_)
        return np.column_stack([1 - second, second])

    def _train(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        kept: torch.Tensor,
        kept_targets: torch.Tensor,
        seed: int,
    ) -> tuple[dict[str, NDArray[np.float32]], int]:
        """Train one member; give the weights of its best epoch, and that."""
        device = _device(self.device)
        chance = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = self._network().to(device)
            optimiser = torch.optim.AdamW(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
            )
            steps = -(-len(inputs) // BATCH)
            rate = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, self.learning_rate, total_steps=self.epochs * steps, pct_start=0.1
            )
            least, best, weights = np.inf, 0, {}
            for epoch in range(1, self.epochs + 1):
                network.train()
                order = torch.randperm(len(inputs), generator=chance)
                # A last batch of one image has no batch statistics: it goes with the one before.
                for rows in order.tensor_split(max(1, len(inputs) // BATCH)):
                    logits = network(inputs[rows].to(device))
                    loss = nn.functional.binary_cross_entropy_with_logits(
                        logits, targets[rows].to(device)
                    )
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    rate.step()
                found = self._loss(network, kept, kept_targets, device)
                if found < least:
                    least, best = found, epoch
                    weights = {
                        name: tensor.detach().cpu().numpy().copy()
                        for name, tensor in network.state_dict().items()
                    }
                elif epoch - best >= self.patience:
                    break
        return weights, best

    def _loss(
        self, network: nn.Module, kept: torch.Tensor, targets: torch.Tensor, device: str
    ) -> float:
        network.eval()
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(kept), ASKED):
                here = slice(start, start + ASKED)
                logits = network(kept[here].to(device)).cpu()
                total += float(
                    nn.functional.binary_cross_entropy_with_logits(
                        logits, targets[here], reduction="sum"
                    )
                )
        return total / len(kept)

    def _network(self) -> nn.Module:
        height, width = self.grid_
        channels = len(self.mean_) // (height * width)
        return _Network(channels, (height, width), self.width, self.dropout)

    def _standardised(self, values: Values) -> torch.Tensor:
        """Standardise rows, float32 (rows, channels, h, w)."""
        result = np.empty(values.shape, dtype=np.float32)
        size = max(1, BLOCK_VALUES // max(1, len(values)))
        for start in range(0, values.shape[1], size):
            here = slice(start, start + size)
            result[:, here] = (values[:, here] - self.mean_[here]) * self.factor_[here]
        return torch.from_numpy(result).reshape(len(values), -1, *self.grid_)


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


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


class _threads:
    """The number of threads of torch, for as long as a block runs."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)

    def __exit__(self, *_: Any) -> None:
        torch.set_num_threads(self.before)
