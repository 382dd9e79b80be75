"""Part A: the machine's own rate, at matrix products of the layers' shapes."""

from itertools import chain

from benchtools.page import Table, number

from encoding_cost.meter import ANALYSES, ENTROPY, stage_products
from encoding_cost.products import SQUARE, Product, bound_seconds, gmac
from encoding_cost.setting import Setting

# Multiply-accumulates of a 256x256 picture as the work was planned with, 10^9.
STATED_GMAC = {"BOP": 2.5, "HOP": 12.5, "entropy side": 0.4}


def tables(setting: Setting) -> list[Table]:
    """Measure the products of every network, at each number of threads."""
    rows = []
    for point in setting.points:
        found = stage_products(setting, point)
        rows += [_row(setting, f"{point} {name}", found[key]) for key, name in ANALYSES.items()]
        every = [*chain.from_iterable(found[key] for key in ANALYSES)]
        rows.append(_row(setting, f"{point} analysis", every, STATED_GMAC[point]))
    if all(key in found for key in ENTROPY):  # the same at all operating points
        rows += [_row(setting, name, found[key]) for key, name in ENTROPY.items()]
        side = [*chain.from_iterable(found[key] for key in ENTROPY)]
        rows.append(_row(setting, "hyper and context", side, STATED_GMAC["entropy side"]))
    rows.append(_row(setting, f"one product of {SQUARE.rows:,} x {SQUARE.columns:,}", [SQUARE]))
    rates = [f"GMAC/s, {_threads(count)}" for count in setting.threads]
    return [
        Table(
            "Multiply-accumulates of one picture and the rate of their matrix products",
            ["", "GMAC", "stated", "shapes", *rates, f"ms at {_threads(setting.threads[0])}"],
            rows,
        )
    ]


def _row(
    setting: Setting, name: str, products: list[Product], stated: float | None = None
) -> list[str]:
    seconds = [bound_seconds(products, count, setting.device) for count in setting.threads]
    shapes = len({product for product in products if not product.small})
    return [
        name,
        number(gmac(products)),
        number(stated),
        f"{shapes}",
        *(number(gmac(products) / second) for second in seconds),
        number(1e3 * seconds[0]),
    ]


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
