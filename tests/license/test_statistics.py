"""Bounds and counts, held against scipy, statsmodels, published tables and a simulation."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license import statistics
from attest.license.statistics import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    fails,
    max_failures,
    min_failures,
    passes,
    required_n,
    upper_bound,
    wilson,
)

ALPHA = Fraction(1, 20)


@pytest.mark.parametrize(
    ("k", "n", "upper", "wilson_upper", "lower"),
    [
        (0, 59, 0.04951, 0.04385, 0),
        (0, 100, 0.02951, 0.02634, 0),
        (0, 400, 0.00746, 0.00672, 0),
        (4, 400, 0.02274, 0.02209, 0.00342),
        (12, 400, 0.04815, 0.04749, 0.01740),
        (13, 400, 0.05118, 0.05051, 0.01933),
        (20, 400, 0.07183, 0.07114, 0.03338),
        (28, 400, 0.09472, 0.09400, 0.05020),
    ],
)
def test_bounds_equal_the_published_table(
    k: int, n: int, upper: float, wilson_upper: float, lower: float
) -> None:
    assert clopper_pearson_upper(k, n, 0.95) == pytest.approx(upper, abs=5.1e-6)
    assert clopper_pearson_lower(k, n, 0.95) == pytest.approx(lower, abs=5.1e-6)
    # A two-sided 90% score interval ends where the one-sided 95% one does.
    assert wilson(k, n, 0.90).high == pytest.approx(wilson_upper, abs=5.1e-6)


@pytest.mark.parametrize(("k", "percent"), [(0, 0.90), (1, 1.43), (3, 2.33), (6, 3.56), (14, 6.55)])
def test_bounds_of_330_items_equal_the_published_ones(k: int, percent: float) -> None:
    assert 100 * clopper_pearson_upper(k, 330, 0.95) == pytest.approx(percent, abs=0.0051)


@pytest.mark.parametrize(
    ("tau", "alpha", "needed"),
    [
        ("0.01", "0.05", (299, 473, 628, 773, 913, 1049)),
        ("0.02", "0.05", (149, 236, 313, 386, 456, 523)),
        ("0.05", "0.05", (59, 93, 124, 153, 181, 208)),
        ("0.10", "0.05", (29, 46, 61, 76, 89, 103)),
        ("0.01", "0.01", (459, 662, 838, 1001, 1157, 1307)),
        ("0.05", "0.01", (90, 130, 165, 198, 229, 259)),
    ],
)
def test_needed_items_equal_the_published_table(
    tau: str, alpha: str, needed: tuple[int, ...]
) -> None:
    found = tuple(required_n(k, Fraction(tau), Fraction(alpha)) for k in range(len(needed)))
    assert found == needed


@pytest.mark.parametrize(
    ("tau", "n", "largest", "smallest"),
    [
        *[("0.05", *row) for row in ((100, 1, 10), (159, 3, 14), (200, 4, 16), (313, 9, 23))],
        *[("0.05", *row) for row in ((320, 9, 24), (400, 12, 28), (520, 17, 35), (1000, 38, 63))],
        *[("0.01", *row) for row in ((313, 0, 7), (400, 0, 9), (520, 1, 10), (1000, 4, 16))],
    ],
)
def test_largest_pass_and_smallest_fail_equal_the_published_table(
    tau: str, n: int, largest: int, smallest: int
) -> None:
    assert max_failures(n, Fraction(tau), ALPHA) == largest
    assert min_failures(n, Fraction(tau), ALPHA) == smallest


@pytest.mark.parametrize(
    ("tau", "allowed"),
    [
        ("0.01", (None, None, 0, 1, 4, 6)),
        ("0.02", (None, 0, 2, 4, 12, 15)),
        ("0.05", (1, 4, 9, 17, 38, 47)),
        ("0.10", (4, 12, 23, 40, 84, 102)),
    ],
)
def test_allowed_failures_equal_the_published_table(
    tau: str, allowed: tuple[int | None, ...]
) -> None:
    sizes = (100, 200, 330, 520, 1000, 1200)
    assert tuple(max_failures(n, Fraction(tau), ALPHA) for n in sizes) == allowed


def test_298_items_can_never_show_one_percent() -> None:
    assert max_failures(298, Fraction(1, 100), ALPHA) is None
    assert max_failures(299, Fraction(1, 100), ALPHA) == 0


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("n", [1, 2, 30, 59, 400, 1200, 100_000])
def test_bounds_agree_with_scipy_and_statsmodels(n: int, confidence: float) -> None:
    for k in sorted({0, 1, n // 20, n // 3, n // 2, n - 1, n}):
        upper, lower = (f(k, n, confidence) for f in (clopper_pearson_upper, clopper_pearson_lower))
        assert upper == pytest.approx(
            beta.ppf(confidence, k + 1, n - k) if k < n else 1, abs=1e-12, rel=0
        )
        assert lower == pytest.approx(
            beta.ppf(1 - confidence, k, n - k + 1) if k else 0, abs=1e-12, rel=0
        )
        peer = proportion_confint(k, n, alpha=2 * (1 - confidence), method="beta")
        assert (lower, upper) == pytest.approx(peer, abs=1e-12, rel=0)
        ends = wilson(k, n, confidence)
        assert (ends.low, ends.high) == pytest.approx(
            proportion_confint(k, n, alpha=1 - confidence, method="wilson"), abs=1e-12, rel=0
        )


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 300), alpha=st.fractions("0.001", "0.5"))
def test_the_reported_bound_is_the_exact_one_rounded_up(
    data: st.DataObject, n: int, alpha: Fraction
) -> None:
    k = data.draw(st.integers(0, n))
    bound = upper_bound(k, n, alpha)
    step = Fraction(1, 10**statistics.BOUND_PLACES)
    assert passes(k, n, bound, alpha)
    assert not passes(k, n, bound - step, alpha)
    assert float(bound) == pytest.approx(
        clopper_pearson_upper(k, n, float(1 - alpha)), abs=1.1 * float(step)
    )


@settings(deadline=None)
@given(
    data=st.data(),
    n=st.integers(1, 200),
    tau=st.fractions(0, 1, max_denominator=100),
    alpha=st.fractions("0.01", "0.49", max_denominator=100),
)
def test_no_count_both_passes_and_fails(
    data: st.DataObject, n: int, tau: Fraction, alpha: Fraction
) -> None:
    k = data.draw(st.integers(0, n))
    assert not (passes(k, n, tau, alpha) and fails(k, n, tau, alpha))
    largest, smallest = max_failures(n, tau, alpha), min_failures(n, tau, alpha)
    assert passes(k, n, tau, alpha) == (largest is not None and k <= largest)
    assert fails(k, n, tau, alpha) == (smallest is not None and k >= smallest)


def test_a_bound_that_equals_the_threshold_passes() -> None:
    # No failure in one item has probability 1 - tau: at tau = 0.95 exactly alpha.
    assert passes(0, 1, Fraction("0.95"), ALPHA)
    assert not passes(0, 1, Fraction("0.949999999999"), ALPHA)
    # One failure in one item has probability tau: at tau = 0.05 exactly alpha, so not below.
    assert not fails(1, 1, Fraction("0.05"), ALPHA)
    assert fails(1, 1, Fraction("0.049999999999"), ALPHA)


def test_the_extreme_thresholds_are_decided() -> None:
    assert max_failures(10, Fraction(0), ALPHA) is None
    assert min_failures(10, Fraction(0), ALPHA) == 1
    assert max_failures(10, Fraction(1), ALPHA) == 10
    assert min_failures(10, Fraction(1), ALPHA) is None


def test_a_model_at_the_threshold_passes_and_fails_in_at_most_alpha_of_the_runs() -> None:
    rng = random.Random(20260131)
    n, tau, n_runs = 400, Fraction(1, 20), 4000
    largest, smallest = max_failures(n, tau, ALPHA), min_failures(n, tau, ALPHA)
    assert largest is not None
    assert smallest is not None
    counts = [sum(rng.random() < 0.05 for _ in range(n)) for _ in range(n_runs)]
    passed = sum(k <= largest for k in counts) / n_runs
    failed = sum(k >= smallest for k in counts) / n_runs
    # Three standard errors around the exact probabilities, both of which are below alpha.
    assert passed == pytest.approx(binom.cdf(largest, n, 0.05), abs=0.009)
    assert failed == pytest.approx(binom.sf(smallest - 1, n, 0.05), abs=0.011)
    assert binom.cdf(largest, n, 0.05) == pytest.approx(0.0355, abs=5e-5)
    assert max(binom.cdf(largest, n, 0.05), binom.sf(smallest - 1, n, 0.05)) <= 0.05


@pytest.mark.parametrize("k", [0, 5_000, 50_000, 99_999])
def test_bounds_of_a_hundred_thousand_items_are_quick(k: int) -> None:
    clopper_pearson_upper(k, 100_000, 0.95)
    start = time.process_time()
    for _ in range(5):
        clopper_pearson_upper(k, 100_000, 0.95)
    assert (time.process_time() - start) / 5 < 0.05


def test_a_hundred_thousand_items_are_decided_within_a_second() -> None:
    start = time.process_time()
    assert max_failures(100_000, Fraction("0.05"), ALPHA) == 4886
    assert time.process_time() - start < 2


@pytest.mark.parametrize(("k", "n", "level"), [(-1, 5, ALPHA), (6, 5, ALPHA), (0, 0, ALPHA)])
def test_rejects_impossible_counts(k: int, n: int, level: Fraction) -> None:
    with pytest.raises(InputError, match="failures") as caught:
        passes(k, n, Fraction(1, 2), level)
    assert caught.value.reason == "out-of-range"


@pytest.mark.parametrize("level", [Fraction(0), Fraction(1), Fraction(-1), Fraction(2)])
def test_rejects_impossible_levels(level: Fraction) -> None:
    with pytest.raises(InputError, match="level"):
        fails(1, 5, Fraction(1, 2), level)
    with pytest.raises(InputError, match="level"):
        clopper_pearson_upper(1, 5, float(level))


def test_no_number_of_items_shows_a_rate_of_zero() -> None:
    with pytest.raises(InputError, match="no number of items"):
        required_n(0, Fraction(0), ALPHA)
