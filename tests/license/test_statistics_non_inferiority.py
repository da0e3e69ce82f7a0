"""No worse than the base: the exact tail, the proof behind it, its size and its power."""

from __future__ import annotations

import time
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multinomial  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import (
    BOUND_PLACES,
    difference_upper_bound,
    is_inferior,
    is_not_inferior,
    max_worse,
    passes_total,
    upper_bound,
)

ALPHA = Fraction(1, 20)
FIVE, TEN = Fraction(1, 20), Fraction(1, 10)


def totals(n: int, spread: Fraction, mean: Fraction) -> list[Fraction]:
    """The probabilities of the totals -n..n of n steps, as rational numbers."""
    steps = ((spread - mean) / 2, 1 - spread, (spread + mean) / 2)
    found = [Fraction(1)]
    for _ in range(n):
        longer = [Fraction(0)] * (len(found) + 2)
        for i, p in enumerate(found):
            for j, q in enumerate(steps):
                longer[i + j] += p * q
        found = longer
    return found


def by_definition(worse: int, better: int, n: int, delta: Fraction, alpha: Fraction) -> bool:
    spread = upper_bound(worse + better, n, alpha / 10)
    level = alpha * 9 / 10
    if spread <= delta:
        return True
    t = worse - better
    shown = True
    if delta < Fraction(1, 2):
        chances = totals(n, min(spread, Fraction(1, 2)), delta)
        shown = t < floor((n - 1) * delta) and sum(chances[: t + n + 1]) <= level
    if spread > Fraction(1, 2):
        shown = shown and passes_total(Fraction(t + n, 2), n, (1 + delta) / 2, level)
    return shown


@settings(deadline=None, max_examples=150)
@given(
    data=st.data(),
    n=st.integers(1, 40),
    delta=st.sampled_from([Fraction(x, 100) for x in (0, 2, 5, 10, 20, 35, 50, 70)]),
    alpha=st.sampled_from([Fraction(1, 100), ALPHA, Fraction(1, 4)]),
)
def test_the_decision_is_the_one_by_definition(
    data: st.DataObject, n: int, delta: Fraction, alpha: Fraction
) -> None:
    worse = data.draw(st.integers(0, n))
    better = data.draw(st.integers(0, n - worse))
    found = is_not_inferior(worse, better, n, delta, alpha)
    assert found == by_definition(worse, better, n, delta, alpha)


@pytest.mark.parametrize("n", [2, 5, 12, 25])
@pytest.mark.parametrize("mean", [Fraction(x, 100) for x in (-30, -5, 0, 3, 10, 25, 45)])
def test_larger_rates_of_difference_have_longer_tails_up_to_one_half(
    n: int, mean: Fraction
) -> None:
    spreads = [abs(mean) + (Fraction(1, 2) - abs(mean)) * i / 8 for i in range(9)]
    chances = [totals(n, spread, mean) for spread in spreads]
    for t in range(-n, floor((n - 1) * mean)):
        tails = [sum(p[: t + n + 1]) for p in chances]
        assert tails == sorted(tails)


@pytest.mark.parametrize("n", [12, 20])
@pytest.mark.parametrize("delta", [Fraction(0), FIVE, Fraction(1, 5), Fraction(3, 5)])
def test_no_truth_is_misjudged_more_often_than_alpha(n: int, delta: Fraction) -> None:
    alpha = Fraction(1, 10)
    cells = [(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)]
    passed = np.array([is_not_inferior(b, c, n, delta, alpha) for b, c, _ in cells])
    failed = np.array([is_inferior(b, c, n, delta, alpha) for b, c, _ in cells])
    assert not (passed & failed).any()
    edge = float(delta)
    for spread in np.linspace(edge, 1, 12):
        # At the margin either verdict is as likely to be wrong as it can be.
        chances = chances_of(cells, (spread + edge) / 2, (spread - edge) / 2)
        assert chances[passed].sum() <= 0.1
        assert chances[failed].sum() <= 0.1


def chances_of(
    cells: list[tuple[int, int, int]], worse: float, better: float
) -> NDArray[np.float64]:
    n = sum(cells[0])
    rates = [worse, max(better, 0), max(1 - worse - better, 0)]
    chances: NDArray[np.float64] = multinomial(n, rates).pmf(cells)
    return chances


def test_the_power_is_what_the_module_says() -> None:
    n = 400
    limits = [(c, max_worse(c, n, FIVE, ALPHA)) for c in range(35)]
    cells = [
        (b, c, n - b - c) for c, most in limits for b in range(-1 if most is None else most + 1)
    ]
    for spread, power in ((0.02, 1.0), (0.05, 0.983), (0.1, 0.857)):
        found = chances_of(cells, spread / 2, spread / 2).sum()
        assert found == pytest.approx(power, abs=1e-3)


def test_the_bound_is_the_smallest_margin_that_passes() -> None:
    step = Fraction(1, 10**BOUND_PLACES)
    for worse, better, n in ((5, 5, 400), (20, 20, 400), (0, 0, 100), (10, 2, 400)):
        bound = difference_upper_bound(worse, better, n, ALPHA)
        assert Fraction(worse - better, n) < bound
        assert is_not_inferior(worse, better, n, bound, ALPHA)
        assert not is_not_inferior(worse, better, n, bound - step, ALPHA)


def test_the_bound_of_a_better_candidate_is_below_zero() -> None:
    assert difference_upper_bound(5, 360, 400, ALPHA) < Fraction(-4, 5)
    assert is_not_inferior(5, 360, 400, Fraction(0), ALPHA)
    assert is_inferior(360, 5, 400, Fraction(4, 5), ALPHA)
    assert difference_upper_bound(400, 0, 400, ALPHA) == 1


def test_more_prompts_that_are_only_worse_never_help() -> None:
    for better in (0, 4, 40):
        most = max_worse(better, 400, FIVE, ALPHA)
        assert most is not None
        verdicts = [is_not_inferior(b, better, 400, FIVE, ALPHA) for b in range(most + 5)]
        assert verdicts == [True] * (most + 1) + [False] * 4
    assert max_worse(0, 30, FIVE, ALPHA) is None


def test_models_that_never_differ_show_a_margin_that_the_prompts_can_resolve() -> None:
    for n, delta in ((408, "0.01"), (203, "0.02"), (80, "0.05"), (39, "0.1")):
        assert not is_not_inferior(0, 0, n - 1, Fraction(delta), ALPHA)
        assert is_not_inferior(0, 0, n, Fraction(delta), ALPHA)


def test_a_hundred_thousand_pairs_are_decided_within_a_second() -> None:
    start = time.process_time()
    assert is_not_inferior(3000, 2900, 100_000, Fraction(1, 50), ALPHA)
    assert is_inferior(13000, 10500, 100_000, Fraction(1, 50), ALPHA)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(("worse", "better", "n"), [(-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)])
def test_rejects_impossible_pairs(worse: int, better: int, n: int) -> None:
    with pytest.raises(InputError, match="worse"):
        is_not_inferior(worse, better, n, FIVE, ALPHA)


@pytest.mark.parametrize("delta", [Fraction(-1, 100), Fraction(2)])
def test_rejects_impossible_margins(delta: Fraction) -> None:
    with pytest.raises(InputError, match="margin"):
        is_inferior(0, 0, 5, delta, ALPHA)
