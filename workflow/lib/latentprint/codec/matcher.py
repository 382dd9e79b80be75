"""The rate matcher: model id and displacement for a target rate (specification, section 7.3).

Arithmetic on numbers alone. A search asks for the rate of an operating point whenever it needs one
and is told it; so one search runs on recorded rates, and many run side by side on one batch.
"""

import math
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field

from latentprint.codec.gains import BETA_MAX, BETA_MIN
from latentprint.errors import UserError

MODELS = range(4)
# Where the search for a displacement begins and ends, model ids 0 to 3.
BRACKETS = ((-1024, 259), (-443, 259), (-443, 702), (-443, 702))
WINDOW = 100  # to both sides of the interpolated displacement
LOW_RATE, LOW_RATE_CUT = 0.12, 0.03  # this target alone has a narrower tolerance downwards

Request = tuple[int, int]  # model id, displacement, not yet clipped


@dataclass
class Tolerances:
    """Accepted relative deviations from the target.

    The reference software narrows them during a search and never resets them, so that they depend
    on the images before. A search changes the object that it is given: give every search its own,
    or the same one to all of them to follow the reference.
    """

    low: float = -0.1
    high: float = 0.05


@dataclass(frozen=True)
class Trial:
    """One rate that a search asked for: model id, displacement as asked for, bits per pixel."""

    model: int
    beta: int
    bpp: float


@dataclass(frozen=True)
class Decision:
    """What a search ended with.

    Attributes
    ----------
    model : int
        Model id, 0..3.
    beta : int
        Displacement in effect, -1069..702.
    searched_beta : int
        The same before clipping.
    bpp : float
        Estimated rate there, bits per pixel.
    found : bool
        Whether the rate was accepted; else the last displacement tried stands.
    direction : {"none", "up", "down"}
        Whether the model's rate at displacement 0 was accepted, too low or too high.
    trials : tuple of Trial
        In the order in which they were asked for.
    """

    model: int
    beta: int
    searched_beta: int
    bpp: float
    found: bool
    direction: str
    trials: tuple[Trial, ...]


@dataclass
class _Best:
    """The accepted trial that a search keeps."""

    beta: int | None = None
    bpp: float = math.nan

    def offer(self, beta: int, bpp: float, *, smaller: bool) -> None:
        if self.beta is None or (bpp < self.bpp if smaller else bpp > self.bpp):
            self.beta, self.bpp = beta, bpp


def check_target(bpp: float) -> float:
    """Give the target that is in effect: the reference takes hundredths of a bit per pixel.

    Parameters
    ----------
    bpp : float
        Bits per pixel, a multiple of 0.01.

    Returns
    -------
    float
        Cut, not rounded, after a multiplication in floating point: 0.29 becomes 0.28.

    Raises
    ------
    UserError
        If the target is not a positive number of whole hundredths.
    """
    number = isinstance(bpp, int | float) and not isinstance(bpp, bool) and math.isfinite(bpp)
    hundredths = round(bpp * 100) if number else 0
    if hundredths < 1 or abs(bpp * 100 - hundredths) > 1e-6:
        raise UserError(
            f"target rate {bpp!r}: expected hundredths of a bit per pixel, 0.01 or more, as the "
            "reference software takes them. Round it, or give model and displacement instead"
        )
    return int((hundredths * 0.01) * 100) / 100


def clipped(beta: int) -> int:
    """Give the displacement in effect."""
    return max(BETA_MIN, min(BETA_MAX, beta))


def search(
    target: float, tolerances: Tolerances, *, both_ends: bool = False
) -> Generator[Request, float, Decision]:
    """Look for the operating point whose rate is nearest to a target, by the reference's rule.

    Parameters
    ----------
    target : float
        Bits per pixel, from `check_target`.
    tolerances : Tolerances
        Changed by the search.
    both_ends : bool, default False
        Ask for the rate at the end of the bracket that the rule then replaces by displacement 0,
        as the reference does. It cannot change the outcome.

    Yields
    ------
    (int, int)
        Model id and displacement; to be answered with the rate there, bits per pixel.

    Returns
    -------
    Decision
    """
    trials: list[Trial] = []

    def ask(model: int, beta: int) -> Generator[Request, float, float]:
        bpp = yield model, beta
        trials.append(Trial(model, beta, bpp))
        return bpp

    def decision(beta: int, bpp: float, found: bool, direction: str) -> Decision:
        return Decision(model, clipped(beta), beta, bpp, found, direction, tuple(trials))

    at_zero = []
    for model in MODELS:
        at_zero.append((yield from ask(model, 0)))
    # Over the model's rate, not the target's: above all of them the largest rate wins.
    model = min(MODELS, key=lambda m: abs(at_zero[m] - target) / at_zero[m])
    zero = yield from ask(model, 0)
    if tolerances.low <= (zero - target) / target <= tolerances.high:
        return decision(0, zero, True, "none")

    low, high = BRACKETS[model]
    upwards = zero < target
    bpp_low = bpp_high = zero
    if not upwards or both_ends:
        bpp_low = yield from ask(model, low)
    if upwards or both_ends:
        bpp_high = yield from ask(model, high)
    if upwards:
        tolerances.high = 0
        low, bpp_low = 0, zero
    else:
        tolerances.low = 0
        high, bpp_high = 0, zero
        if target == LOW_RATE:
            tolerances.high -= LOW_RATE_CUT

    beta = _interpolated(target, low=low, high=high, bpp_low=bpp_low, bpp_high=bpp_high)
    low, high = beta - WINDOW, beta + WINDOW
    best = _Best()
    limit = target * (1 + (tolerances.low if upwards else tolerances.high))
    while low <= high:
        beta = low + -(-(high - low) // 2)
        bpp = yield from ask(model, beta)
        if tolerances.low <= (bpp - target) / target <= tolerances.high:
            best.offer(beta, bpp, smaller=upwards)
        if bpp > limit:
            high = beta - 1
        else:
            low = beta + 1
    direction = "up" if upwards else "down"
    if best.beta is None:
        return decision(beta, bpp, False, direction)
    return decision(best.beta, best.bpp, True, direction)


def _interpolated(target: float, *, low: int, high: int, bpp_low: float, bpp_high: float) -> int:
    """Give the displacement where the logarithm of the rate would be that of the target."""
    rise = math.log(bpp_high) - math.log(bpp_low)
    if rise == 0:
        # Nothing to quantise: every displacement gives one rate. The reference divides by zero.
        return low
    return int((high - low) * (math.log(target) - math.log(bpp_low)) / rise + low)


def match(
    rate: Callable[[int, int], float],
    target: float,
    tolerances: Tolerances | None = None,
    *,
    both_ends: bool = False,
) -> Decision:
    """Run one search.

    Parameters
    ----------
    rate : callable (model, beta) -> bits per pixel
        Asked for every operating point at most once; beta is clipped.
    target, tolerances, both_ends
        As for `search`; new tolerances by default.
    """

    def rates(points: list[tuple[Hashable, int, int]]) -> list[float]:
        return [rate(model, beta) for _, model, beta in points]

    searches = {0: search(target, tolerances or Tolerances(), both_ends=both_ends)}
    return match_together(rates, searches)[0]


@dataclass
class _Running:
    """A search under way: what it waits for, and the rates that it knows."""

    search: Generator[Request, float, Decision]
    request: Request = (0, 0)
    known: dict[Request, float] = field(default_factory=dict)

    @property
    def wanted(self) -> Request:
        """The operating point asked for: displacements beyond the ends are all the same one."""
        model, beta = self.request
        return model, clipped(beta)


def match_together(
    rates: Callable[[list[tuple[Hashable, int, int]]], list[float]],
    searches: Mapping[Hashable, Generator[Request, float, Decision]],
) -> dict[Hashable, Decision]:
    """Run searches side by side, so that their trials can be computed in batches.

    Parameters
    ----------
    rates : callable
        Given [(name of the search, model, displacement in effect), ...], gives bits per pixel in
        that order. No operating point of a search is asked for twice: a target beyond the reach of
        the codec, whose trials are all clipped to one displacement, costs one of them.
    searches : mapping of name to search

    Returns
    -------
    dict of name to Decision
    """
    decisions: dict[Hashable, Decision] = {}
    running = {name: _Running(search) for name, search in searches.items()}
    for state in running.values():
        state.request = next(state.search)
    while running:
        asked = [(name, *state.wanted) for name, state in running.items()]
        for (name, model, beta), bpp in zip(asked, rates(asked), strict=True):
            state = running[name]
            state.known[model, beta] = bpp
            try:
                while state.wanted in state.known:
                    state.request = state.search.send(state.known[state.wanted])
            except StopIteration as end:
                decisions[name] = end.value
                del running[name]
    return decisions
