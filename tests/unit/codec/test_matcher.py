"""The rate matcher on made-up rates (specification, section 7.3); no picture, no network."""

import math

import numpy as np
import pytest

from latentprint.codec import matcher
from latentprint.codec.matcher import Tolerances, match
from latentprint.errors import UserError

BRACKETS = [(-1024, 259), (-443, 259), (-443, 702), (-443, 702)]


class Rates:
    """Rates of four models that remember what was asked for.

    Exponential in the displacement: the interpolation then hits the target itself.
    """

    def __init__(self, *at_zero: float, slope: float = 0.002) -> None:
        self.at_zero, self.slope = at_zero, slope
        self.asked: list[tuple[int, int]] = []

    def __call__(self, model: int, beta: int) -> float:
        self.asked.append((model, beta))
        return self.at_zero[model] * math.exp(self.slope * beta)


def rule(rate, target: float, low: float = -0.1, high: float = 0.05):
    """Section 7.3 step by step, in another form: (model, b, found), asked, tolerances after."""
    asked = []

    def bpp(model, beta):
        asked.append((model, beta))
        return rate(model, max(-1069, min(702, beta)))

    at_zero = [bpp(model, 0) for model in range(4)]
    model, smallest = 0, math.inf
    for candidate, found in enumerate(at_zero):
        if abs(found - target) / found < smallest:
            model, smallest = candidate, abs(found - target) / found
    zero = bpp(model, 0)
    if low <= (zero - target) / target <= high:
        return (model, 0, True), asked, (low, high)
    first, last = BRACKETS[model]
    rate_first, rate_last = bpp(model, first), bpp(model, last)
    up = zero < target
    if up:
        high, first, rate_first = 0, 0, zero
    else:
        low, last, rate_last = 0, 0, zero
        high -= 0.03 if target == 0.12 else 0
    share = (math.log(target) - math.log(rate_first)) / (math.log(rate_last) - math.log(rate_first))
    middle = math.trunc((last - first) * share + first)
    first, last = middle - 100, middle + 100
    accepted = []
    while first <= last:
        b = first + math.ceil((last - first) / 2)
        found = bpp(model, b)
        if low <= (found - target) / target <= high:
            accepted.append((found if up else -found, len(accepted), b))
        if found > target * (1 + (low if up else high)):
            last = b - 1
        else:
            first = b + 1
    return (model, min(accepted)[2] if accepted else b, bool(accepted)), asked, (low, high)


def test_the_model_is_chosen_by_distance_over_its_own_rate():
    """Over the target, 1.0 and 3.0 would be equally far from 2.0 and the first would win."""
    assert match(Rates(0.01, 1.0, 3.0, 9.0), 2.0).model == 2
    # Over the target 0.60 would win, 0.40 against 0.45; over the rates it is 0.67 against 0.31.
    assert match(Rates(0.01, 0.60, 1.45, 9.0), 1.0).model == 2


def test_the_first_of_equally_distant_models_is_taken():
    assert match(Rates(9.0, 1.5, 1.5, 1.5), 1.0).model == 1


@pytest.mark.parametrize("target", [6.0, 12.0])
def test_above_all_rates_the_largest_wins(target):
    assert match(Rates(1.0, 4.0, 2.0, 3.0), target).model == 1


@pytest.mark.parametrize("rate", [0.9, 0.93, 1.0, 1.05])
def test_a_rate_within_the_tolerances_is_accepted_at_zero(rate):
    tolerances = Tolerances()
    # Just inside, whatever the last bit of the quotient.
    inside = {0.9: 0.9000001, 1.05: 1.0499999}.get(rate, rate)
    decision = match(Rates(inside, 9.0, 9.0, 9.0), 1.0, tolerances)
    assert (decision.model, decision.beta, decision.found) == (0, 0, True)
    assert decision.direction == "none"
    assert decision.bpp == inside
    assert [(trial.model, trial.beta) for trial in decision.trials] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 0),
        (0, 0),
    ]
    assert tolerances == Tolerances(-0.1, 0.05)


@pytest.mark.parametrize(("rate", "direction"), [(0.8999, "up"), (1.0501, "down")])
def test_a_rate_just_outside_is_searched_for(rate, direction):
    assert match(Rates(rate, 9.0, 9.0, 9.0), 1.0).direction == direction


def test_up_heads_for_the_lower_end_and_keeps_the_smallest():
    """The smallest displacement whose rate is not below 0.9 of the target."""
    rates = Rates(0.01, 0.01, 0.5, 0.01)
    tolerances = Tolerances()
    decision = match(rates, 1.0, tolerances)
    assert (decision.model, decision.direction, decision.found) == (2, "up", True)
    expected = math.ceil(math.log(0.9 / 0.5) / 0.002)
    assert decision.beta == expected
    assert 0.9 <= decision.bpp < 0.9 * math.exp(0.002)
    assert tolerances == Tolerances(-0.1, 0)
    within = [t.bpp for t in decision.trials if -0.1 <= t.bpp - 1.0 <= 0]
    assert decision.bpp == min(within) and len(within) > 1


def test_down_heads_for_the_upper_end_and_keeps_the_largest():
    """The largest displacement whose rate is not above 1.05 of the target."""
    tolerances = Tolerances()
    decision = match(Rates(9.0, 9.0, 1.5, 9.0), 1.0, tolerances)
    assert (decision.model, decision.direction, decision.found) == (2, "down", True)
    assert decision.beta == math.floor(math.log(1.05 / 1.5) / 0.002)
    assert 1.05 * math.exp(-0.002) < decision.bpp <= 1.05
    assert tolerances == Tolerances(0, 0.05)
    within = [t.bpp for t in decision.trials if 0 <= t.bpp - 1.0 <= 0.05]
    assert decision.bpp == max(within) and len(within) > 1


@pytest.mark.parametrize(
    ("direction", "bumps", "expected"),
    [
        # Asked at 0 first; then to both sides. The smallest accepted rate is not the last one.
        ("up", {100: 0.92, 50: 0.85, 75: 0.97, 63: 0.95}, 100),
        ("down", {-100: 1.04, -50: 1.2, -75: 1.01, -88: 1.02}, -100),
    ],
)
def test_the_kept_trial_need_not_be_the_last(direction, bumps, expected):
    """Rates that are not monotone: of the accepted ones the extreme is kept."""
    zero = {"up": 0.8, "down": 1.25}[direction]
    end = {"up": 702, "down": -443}[direction]
    ends = {"up": zero * (1 / zero) ** (702 / 100.5), "down": zero * (1 / zero) ** (443 / 100.5)}

    def rate(model, beta):
        if model != 3:
            return 99.0
        if beta in (0, end):
            return zero if beta == 0 else ends[direction]
        return bumps.get(beta, 0.9999 if direction == "up" else 1.0001)

    decision = match(rate, 1.0)
    trials = {t.beta: t.bpp for t in decision.trials if t.model == 3}
    low, high = (-0.1, 0) if direction == "up" else (0, 0.05)
    within = {b: bpp for b, bpp in trials.items() if b not in (0, end) and low <= bpp - 1 <= high}
    best = (min if direction == "up" else max)(within, key=within.get)
    assert decision.beta == best == expected
    assert decision.trials[-1].beta != expected


def test_the_first_of_equal_rates_is_kept():
    def rate(model, beta):
        return 0.01 if model != 3 else {0: 0.5, 702: 4.0}.get(beta, 0.95)

    decision = match(rate, 1.0)
    middle = int(702 * math.log(2) / math.log(8))
    assert decision.beta == middle  # where the window is entered; every other one is equal
    assert decision.trials[-1].beta == middle - 100


def test_a_rate_at_the_limit_itself_is_not_above_it():
    """Then the search goes on upwards: 0.9 of the target on the way up, 1.05 on the way down."""
    for zero, end, at_limit in ((0.5, 702, 1.0 * (1 - 0.1)), (2.0, -443, 1.0 * (1 + 0.05))):

        def rate(model, beta, zero=zero, end=end, at_limit=at_limit):
            rates = {0: zero, end: 1 / zero**3}
            return rates.get(beta, at_limit) if model == 3 else {0.5: 0.01, 2.0: 99.0}[zero]

        trials = match(rate, 1.0).trials
        entered = trials[6].beta
        assert (trials[6].bpp, trials[-1].beta) == (at_limit, entered + 100)


def test_interpolated_displacement_is_cut_towards_zero():
    """Upwards 103.97 becomes 103, downwards -103.97 becomes -103 and not -104."""
    slope = 0.002
    for sign, cut in ((1, 103), (-1, -103)):
        zero = math.exp(-sign * slope * 103.97)
        decision = match(Rates(zero, zero, zero, zero, slope=slope), 1.0)
        entered = decision.trials[6].beta  # after four models, once more at 0, one end
        assert (entered, decision.trials[5].beta in (259, -1024)) == (cut, True)


def test_the_window_may_leave_the_bracket():
    """Model 0 ends above 259, although its bracket is -1024 to 259."""
    decision = match(Rates(0.5, 0.01, 0.01, 0.01), 1.0)
    assert decision.model == 0
    assert decision.beta == decision.searched_beta == 294
    # Downwards, too: model 1 begins at -443.
    decision = match(Rates(0.001, 3.0, 9.0, 9.0), 1.05)
    assert decision.model == 1 and decision.beta < -443


def test_displacements_are_clipped_where_they_are_used():
    rates = Rates(0.1, 0.2, 0.3, 1.0)
    decision = match(rates, 5.0)
    assert decision.searched_beta > 702
    assert decision.beta == 702
    assert max(beta for _, beta in rates.asked) == 702
    assert max(trial.beta for trial in decision.trials) == decision.searched_beta
    rates = Rates(9.0, 9.5, 9.6, 9.9)
    decision = match(rates, 0.5)
    assert decision.beta == -1069 and decision.searched_beta < -1069
    assert min(beta for _, beta in rates.asked) == -1069


def test_without_an_accepted_trial_the_last_one_stands():
    decision = match(Rates(0.1, 0.2, 0.3, 1.0), 8.0)
    assert not decision.found
    last = decision.trials[-1]
    assert (decision.searched_beta, decision.bpp) == (last.beta, last.bpp)
    # No trial reaches the limit: the window closes at its upper end.
    assert last.beta == int(702 * math.log(8) / math.log(math.exp(0.002 * 702))) + 100


def test_a_saturated_target_costs_five_rates():
    rates = Rates(0.1, 0.2, 0.3, 1.0)
    decision = match(rates, 8.0)
    assert rates.asked == [(0, 0), (1, 0), (2, 0), (3, 0), (3, 702)]
    assert len(decision.trials) > 5


@pytest.mark.parametrize("target", [0.02, 0.3, 1.0, 2.4, 12.0])
def test_no_rate_is_asked_for_twice(target):
    rates = Rates(0.1, 0.5, 1.2, 3.0)
    match(rates, target, both_ends=True)
    assert len(rates.asked) == len(set(rates.asked)) <= 4 + 2 + 8


def test_only_the_target_of_twelve_hundredths_narrows_the_upper_tolerance():
    for target, high in ((0.12, 0.02), (0.11, 0.05), (0.13, 0.05), (1.2, 0.05)):
        tolerances = Tolerances()
        decision = match(Rates(*(target * f for f in (1.3, 9.0, 9.0, 9.0))), target, tolerances)
        assert decision.direction == "down"
        assert tolerances.low == 0 and tolerances.high == pytest.approx(high, abs=1e-12)
        assert decision.bpp <= target * (1 + high) * (1 + 1e-9)
        assert decision.bpp > target * (1 + high) * math.exp(-0.002)


def test_that_target_changes_nothing_upwards():
    tolerances = Tolerances()
    match(Rates(0.1, 9.0, 9.0, 9.0), 0.12, tolerances)
    assert tolerances == Tolerances(-0.1, 0)


def test_carried_tolerances():
    """Up closes the upper one, down the lower one; then nothing is inside any more."""
    tolerances = Tolerances()
    up, down = Rates(0.5, 0.01, 0.01, 0.01), Rates(1.5, 9.0, 9.0, 9.0)
    assert match(up, 1.0, tolerances).found
    # 1.03 was accepted at displacement 0 by fresh tolerances.
    slightly_above = Rates(1.03, 9.0, 9.0, 9.0)
    assert match(slightly_above, 1.0).direction == "none"
    carried = match(slightly_above, 1.0, tolerances)
    assert (carried.direction, carried.found) == ("down", False)
    assert tolerances == Tolerances(0, 0)
    for rates in (up, down):
        decision = match(rates, 1.0, tolerances)
        assert not decision.found
        assert decision.searched_beta == decision.trials[-1].beta
        # Closed tolerances still steer the search: it ends at the target itself.
        assert decision.bpp == pytest.approx(1.0, rel=0.003)


def test_the_target_0_12_cuts_again_with_every_carried_search():
    tolerances = Tolerances()
    for high in (0.02, -0.01):
        match(Rates(0.2, 9.0, 9.0, 9.0), 0.12, tolerances)
        assert tolerances.high == pytest.approx(high, abs=1e-12)


def test_searches_share_nothing_by_default():
    up, down = Rates(0.5, 0.01, 0.01, 0.01), Rates(1.5, 9.0, 9.0, 9.0)
    before = match(down, 1.0)
    match(up, 1.0)
    assert match(down, 1.0) == before
    assert Tolerances() == Tolerances(-0.1, 0.05)


@pytest.mark.parametrize("target", [0.5, 2.0])
def test_one_rate_for_every_displacement(target):
    """A picture without anything to quantise: no division by the logarithm of 1."""
    for both_ends in (False, True):
        decision = match(lambda model, beta: 1.0, target, both_ends=both_ends)
        assert decision.model == 0
        assert decision.bpp == 1.0
        assert not decision.found


def random_rates(generator: np.random.Generator):
    """Rates that rise with the displacement, with steps and plateaus, models in any order."""
    knots = np.linspace(-1069, 702, 12)
    rises = np.maximum(generator.exponential(0.3, (4, 12)) - 0.05, 0)
    logs = generator.normal(-0.5, 1.2, (4, 1)) + rises.cumsum(axis=1)

    def rate(model: int, beta: int) -> float:
        return float(np.float32(math.exp(np.interp(beta, knots, logs[model]))))

    return rate


@pytest.mark.parametrize("seed", range(4))
def test_the_rule_on_random_rates(seed):
    """Fifty curves, each with a target of its own: the specification, and neither end unneeded."""
    generator = np.random.default_rng(seed)
    directions = set()
    for _ in range(50):
        rate = random_rates(generator)
        target = matcher.check_target(float(generator.integers(1, 600)) / 100)
        (model, beta, found), asked, after = rule(rate, target)
        tolerances = Tolerances()
        full = match(rate, target, tolerances, both_ends=True)
        assert (full.model, full.searched_beta, full.found) == (model, beta, found)
        assert [(trial.model, trial.beta) for trial in full.trials] == asked
        assert (tolerances.low, tolerances.high) == after
        short = match(rate, target)
        for name in ("model", "beta", "searched_beta", "bpp", "found", "direction"):
            assert getattr(short, name) == getattr(full, name)
        assert set(short.trials) <= set(full.trials)
        assert full.bpp == rate(full.model, full.beta)
        directions.add((full.direction, full.found))
    assert {direction for direction, _ in directions} == {"none", "up", "down"}
    assert {found for _, found in directions} == {True, False}


def test_carried_tolerances_on_random_rates():
    """A long run of one process, by the specification and here."""
    generator = np.random.default_rng(9)
    tolerances, low, high = Tolerances(), -0.1, 0.05
    for _ in range(60):
        rate = random_rates(generator)
        target = [0.12, 1.0][generator.integers(2)]
        (model, beta, found), _, (low, high) = rule(rate, target, low, high)
        decision = match(rate, target, tolerances)
        assert (decision.model, decision.searched_beta, decision.found) == (model, beta, found)
        assert (tolerances.low, tolerances.high) == (low, high)


def test_many_searches_side_by_side_equal_one_by_one():
    generator = np.random.default_rng(1)
    curves = {f"image {n}": random_rates(generator) for n in range(30)}
    rounds, asked = [], []

    def rates(points):
        rounds.append(len(points))
        asked.extend(points)
        return [curves[name](model, beta) for name, model, beta in points]

    together = matcher.match_together(
        rates, {name: matcher.search(1.5, Tolerances()) for name in curves}
    )
    assert set(together) == set(curves)
    for name, rate in curves.items():
        assert together[name] == match(rate, 1.5)
    assert len(asked) == len(set(asked))
    assert all(-1069 <= beta <= 702 for _, _, beta in asked)
    assert rounds[0] == 30 and rounds == sorted(rounds, reverse=True)
    assert len(rounds) <= 4 + 1 + 8


def test_no_search_asks_for_nothing():
    assert matcher.match_together(lambda points: pytest.fail("asked"), {}) == {}


@pytest.mark.parametrize(
    ("given", "effect"),
    [(0.29, 0.28), (0.58, 0.57), (1.16, 1.15), (2.05, 2.04), (0.12, 0.12), (0.01, 0.01)]
    + [(t, t) for t in (0.25, 0.5, 0.75, 1, 2, 3, 6, 12.0)],
)
def test_targets_in_effect(given, effect):
    assert matcher.check_target(given) == effect


def test_targets_are_hundredths_cut_as_the_reference_cuts_them():
    for hundredths in range(1, 1300):
        assert matcher.check_target(hundredths / 100) == int((hundredths * 0.01) * 100) / 100


@pytest.mark.parametrize(
    "target", [0.125, 0.005, 0, -1, -0.5, math.nan, math.inf, "6", True, None, [6.0], 1 + 2j]
)
def test_targets_that_are_refused(target):
    with pytest.raises(UserError, match=r"target rate .*expected hundredths of a bit per pixel"):
        matcher.check_target(target)


@pytest.mark.parametrize(("beta", "used"), [(-5000, -1069), (-1069, -1069), (7, 7), (703, 702)])
def test_clip(beta, used):
    assert matcher.clipped(beta) == used
