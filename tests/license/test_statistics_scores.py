"""Means of scores: published bounds, the theorem behind the verdict, and its coverage."""

from __future__ import annotations

import random
import time
from fractions import Fraction
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq  # type: ignore[import-untyped]
from scipy.stats import binom  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import (
    BOUND_PLACES,
    empirical_bernstein_upper,
    fails_total,
    kl_upper,
    max_failures,
    max_total,
    mean_upper_bound,
    passes_total,
)

ALPHA = Fraction(1, 20)
TAU = Fraction(1, 20)


@pytest.mark.parametrize(
    ("mean", "n", "bound"), [(0.0994, 313, 0.1459), (0.0669, 120, 0.1370), (0.03, 400, 0.0557)]
)
def test_divergence_bounds_equal_the_published_table(mean: float, n: int, bound: float) -> None:
    # The means of the table have four places, which is what its bounds can be held to.
    assert kl_upper(mean, n, 0.95) == pytest.approx(bound, abs=1.1e-4)


def test_the_divergence_bound_of_zeros_has_a_closed_form() -> None:
    assert kl_upper(0, 50, 0.95) == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-12)
    assert kl_upper(0, 50, 0.95) == pytest.approx(0.0582, abs=5e-5)
    assert kl_upper(1, 50, 0.95) == 1


@pytest.mark.parametrize("mean", [0.001, 0.2, 0.5, 0.97])
@pytest.mark.parametrize("n", [5, 300, 100_000])
def test_divergence_bounds_agree_with_scipy(mean: float, n: int) -> None:
    def excess(q: float) -> float:
        return n * (mean * log(mean / q) + (1 - mean) * log((1 - mean) / (1 - q))) - log(20)

    expected = brentq(excess, mean, 1 - 1e-15, xtol=1e-15)
    assert kl_upper(mean, n, 0.95) == pytest.approx(expected, abs=1e-9)


def test_empirical_bernstein_bounds_equal_the_published_table() -> None:
    # 12 ones of 400, and 50 zeros.
    variance = 0.03 * 0.97 * 400 / 399
    assert empirical_bernstein_upper(0.03, variance, 400, 0.95) == pytest.approx(0.0748, abs=5e-5)
    assert empirical_bernstein_upper(0, 0, 50, 0.95) == pytest.approx(0.1757, abs=5e-5)
    assert empirical_bernstein_upper(0.9, 0.1, 5, 0.95) == 1


@pytest.mark.parametrize("n", [59, 100, 400, 1200])
@pytest.mark.parametrize("tau", ["0.05", "0.1", "0.5", "0.95"])
def test_the_largest_total_is_that_of_the_best_hinge(n: int, tau: str) -> None:
    rate = Fraction(tau)
    found = max_total(n, rate, ALPHA)
    assert found is not None
    # The mean of max(0, s - B) is the sum of the distribution function below s.
    hinges = np.cumsum(binom.cdf(np.arange(n), n, float(tau)))
    totals = np.arange(1, n + 1) - hinges / 0.05
    assert float(found) == pytest.approx(totals.max(), abs=1e-9)


def test_the_largest_total_is_below_the_largest_count() -> None:
    assert max_failures(400, TAU, ALPHA) == 12
    assert max_total(400, TAU, ALPHA) == Fraction("11.584395678417")


@settings(deadline=None)
@given(n=st.integers(1, 300), percent=st.integers(1, 99), alpha=st.sampled_from(["0.05", "0.01"]))
def test_the_verdict_is_never_looser_than_the_divergence_bound(
    n: int, percent: int, alpha: str
) -> None:
    tau = Fraction(percent, 100)
    largest = max_total(n, tau, Fraction(alpha))
    if largest is None:
        assert kl_upper(0, n, 1 - float(alpha)) > float(tau)
        return
    beyond = min(float(largest) / n + 1e-9, 1)
    assert kl_upper(beyond, n, 1 - float(alpha)) >= float(tau) - 1e-9


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 200), tau=st.fractions(0, 1, max_denominator=50))
def test_no_total_both_passes_and_fails(data: st.DataObject, n: int, tau: Fraction) -> None:
    total = data.draw(st.fractions(0, n, max_denominator=100))
    passed, failed = passes_total(total, n, tau, ALPHA), fails_total(total, n, tau, ALPHA)
    assert not (passed and failed)
    if passed:
        assert total <= n * tau
    if failed:
        assert total > n * tau
        assert fails_total(n - (n - total) / 2, n, tau, ALPHA)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), n=st.integers(1, 200))
def test_the_reported_bound_is_the_smallest_threshold_that_passes(
    data: st.DataObject, n: int
) -> None:
    total = data.draw(st.fractions(0, n, max_denominator=1000))
    bound = mean_upper_bound(total, n, ALPHA)
    assert passes_total(total, n, bound, ALPHA)
    step = Fraction(1, 10**BOUND_PLACES)
    assert bound == 0 or not passes_total(total, n, bound - step, ALPHA)


def test_the_extreme_thresholds_of_a_mean_are_decided() -> None:
    assert max_total(10, Fraction(0), ALPHA) is None
    assert max_total(10, Fraction(1), ALPHA) == 10
    assert max_total(58, TAU, ALPHA) is None
    assert max_total(59, TAU, ALPHA) is not None
    assert fails_total(Fraction(1, 100), 10, Fraction(0), ALPHA)
    assert not fails_total(Fraction(0), 10, Fraction(0), ALPHA)
    assert not fails_total(Fraction(10), 10, Fraction(1), ALPHA)


def test_a_mean_at_the_threshold_passes_and_fails_in_at_most_alpha_of_the_runs() -> None:
    rng = random.Random(20260412)
    n, n_runs = 120, 4000
    tau = Fraction(1, 10)
    # Scores on a grid with mean 1/10, most of them 0.
    grid = (Fraction(0), Fraction(1, 4), Fraction(3, 4), Fraction(1))
    weights = (84, 6, 6, 4)
    assert sum(x * w for x, w in zip(grid, weights, strict=True)) / 100 == tau
    totals = [sum(rng.choices(grid, weights, k=n), Fraction(0)) for _ in range(n_runs)]
    assert sum(passes_total(t, n, tau, ALPHA) for t in totals) / n_runs <= 0.05
    assert sum(fails_total(t, n, tau, ALPHA) for t in totals) / n_runs <= 0.05


def test_a_hundred_thousand_scores_are_decided_within_a_second() -> None:
    start = time.process_time()
    assert passes_total(Fraction("4858.35"), 100_000, TAU, ALPHA)
    assert not passes_total(Fraction("4858.36"), 100_000, TAU, ALPHA)
    assert fails_total(Fraction(5200), 100_000, TAU, ALPHA)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(("total", "n"), [(Fraction(-1), 5), (Fraction(6), 5), (Fraction(0), 0)])
def test_rejects_impossible_totals(total: Fraction, n: int) -> None:
    with pytest.raises(InputError, match="total"):
        passes_total(total, n, TAU, ALPHA)


def test_rejects_impossible_means() -> None:
    with pytest.raises(InputError, match="mean score"):
        kl_upper(1.2, 10, 0.95)
    with pytest.raises(InputError, match="at least 2 scores"):
        empirical_bernstein_upper(0.5, 0.1, 1, 0.95)
    with pytest.raises(InputError, match="variance"):
        empirical_bernstein_upper(0.5, -0.1, 9, 0.95)
