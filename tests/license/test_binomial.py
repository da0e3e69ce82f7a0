"""The comparison is exact, on both tails, at ties and for many items."""

from __future__ import annotations

import time
from fractions import Fraction
from math import comb

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attest.license.statistics.binomial import binomial_cdf, cdf_is_at_most, mean_shortfall

RATES = st.fractions(min_value=0, max_value=1, max_denominator=1000)


def by_definition(k: int, n: int, rate: Fraction) -> Fraction:
    return sum(
        (comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k + 1)), start=Fraction(0)
    )


@example(k=-1, n=3, rate=Fraction(1, 2))
@given(k=st.integers(-2, 14), n=st.integers(1, 12), rate=RATES)
def test_cdf_is_the_sum_of_its_terms(k: int, n: int, rate: Fraction) -> None:
    assert binomial_cdf(k, n, rate) == by_definition(min(k, n), n, rate)


@settings(deadline=None)
@given(k=st.integers(-1, 61), n=st.integers(1, 60), rate=RATES, level=RATES)
def test_comparison_agrees_with_the_rational_sum(
    k: int, n: int, rate: Fraction, level: Fraction
) -> None:
    assert cdf_is_at_most(k, n, rate, level) == (binomial_cdf(k, n, rate) <= level)


@settings(deadline=None)
@given(k=st.integers(0, 40), n=st.integers(1, 40), rate=RATES)
def test_a_tie_is_at_most_and_a_hair_below_is_not(k: int, n: int, rate: Fraction) -> None:
    tie = binomial_cdf(k, n, rate)
    hair = Fraction(1, 2**4000)
    assert cdf_is_at_most(k, n, rate, tie)
    assert cdf_is_at_most(k, n, rate, tie + hair)
    assert not cdf_is_at_most(k, n, rate, tie - hair)


@pytest.mark.parametrize("rate", ["0.05", "0.5", "0.95", "0.499999999999"])
def test_a_hundred_thousand_items_are_compared_quickly(rate: str) -> None:
    tau = Fraction(rate)
    start = time.process_time()
    for k in (0, 40_000, int(100_000 * tau) - 100, int(100_000 * tau) + 100, 99_999):
        is_low = cdf_is_at_most(k, 100_000, tau, Fraction(1, 2))
        assert is_low == (k < 100_000 * tau)
    assert time.process_time() - start < 2


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 40), rate=RATES.filter(lambda rate: 0 < rate < 1))
def test_the_mean_shortfall_is_the_sum_of_its_terms_rounded_up(
    data: st.DataObject, n: int, rate: Fraction
) -> None:
    s = data.draw(st.integers(1, n))
    chances = [comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(s)]
    exact = sum(((s - i) * p for i, p in enumerate(chances)), start=Fraction(0))
    found = mean_shortfall(s, n, rate)
    assert exact <= found <= exact * (1 + Fraction(1, 2**200))
