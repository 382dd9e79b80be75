"""Matrix products: those that run are noted, and each is measured bare, as the machine's rate.

A convolution is the matrix product of its kernels with the patches of a picture (im2col).
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from encoding_cost.measuring import cost

SMALL = 32  # a product with a matrix of fewer values is no matrix product: depthwise convolutions


class Product(NamedTuple):
    """A matrix product (rows, inner) x (inner, columns), for each group of a convolution one."""

    groups: int
    rows: int
    inner: int
    columns: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return math.prod(self)

    @property
    def small(self) -> bool:
        """Whether there is too little to multiply for a matrix rate to mean anything."""
        return self.rows * self.inner < SMALL


SQUARE = Product(1, 2048, 2048, 2048)  # large and easy: what the machine reaches at its best


class Counter(TorchDispatchMode):
    """Appends the product behind every convolution and matrix product that runs."""

    def __init__(self, found: list[Product]) -> None:
        super().__init__()
        self._found = found

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and note its shapes."""
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ("mm", "bmm"):
            self._found.append(_matrix_product(args[0], args[1]))
        elif name in ("addmm", "baddbmm"):
            self._found.append(_matrix_product(args[1], args[2]))
        elif name == "convolution":
            groups, transposed = args[8], args[6]
            self._found.append(_convolution(args[0], args[1], result, groups, transposed))
        elif "convolution" in name:  # oneDNN's own, whose arguments are others
            groups, transposed = args[6], "transpose" in name
            self._found.append(_convolution(args[0], args[1], result, groups, transposed))
        return result


def _matrix_product(left: Tensor, right: Tensor) -> Product:
    *batch, rows, inner = left.shape
    return Product(math.prod(batch), rows, inner, right.shape[-1])


def _convolution(
    x: Tensor, kernel: Tensor, result: Tensor, groups: int, transposed: bool
) -> Product:
    per_position = math.prod(kernel.shape[2:])
    if transposed:
        positions = len(x) * math.prod(x.shape[2:])
        return Product(groups, kernel.shape[1] * per_position, x.shape[1] // groups, positions)
    positions = len(x) * math.prod(result.shape[2:])
    return Product(groups, kernel.shape[0] // groups, kernel.shape[1] * per_position, positions)


def gmac(products: Sequence[Product]) -> float:
    """Count multiply-accumulates, 10^9."""
    return sum(product.macs for product in products) / 1e9


@functools.cache
def product_seconds(product: Product, threads: int, device: str) -> float:
    """Measure one matrix product in float32, in the faster of its two orders.

    CPU seconds of one thread, else wall seconds; the median of at least three runs and 0.05 s.
    """
    torch.set_num_threads(threads)
    a = torch.rand(product.groups, product.rows, product.inner, device=device)
    b = torch.rand(product.groups, product.inner, product.columns, device=device)
    if product.groups == 1:
        a, b = a[0], b[0]
    found = []
    for left, right in ((a, b), (b.mT.contiguous(), a.mT.contiguous())):
        result = left @ right  # room for the result, which is not measured

        def multiply(left: Tensor = left, right: Tensor = right, result: Tensor = result) -> None:
            torch.matmul(left, right, out=result)

        first = cost(multiply, repeats=1, device=device)
        repeats = max(3, min(50, int(0.05 / max(first.wall_s, 1e-6))))
        spent = cost(multiply, repeats=repeats, device=device)
        found.append(spent.cpu_s if threads == 1 and device == "cpu" else spent.wall_s)
    torch.set_num_threads(1)
    return min(found)


def bound_seconds(products: Sequence[Product], threads: int, device: str) -> float:
    """Give the time that these products need as matrix products; small ones at the mean rate."""
    large = [product for product in products if not product.small]
    if not large:
        return math.nan
    seconds = sum(product_seconds(product, threads, device) for product in large)
    return seconds * gmac(products) / gmac(large)
