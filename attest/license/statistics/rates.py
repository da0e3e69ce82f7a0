"""How many failures a threshold allows, and how sure a count makes us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lgamma, log, log1p, sqrt
from statistics import NormalDist

from attest.errors import InputError
from attest.license.statistics.arguments import check_counts, check_level
from attest.license.statistics.binomial import cdf_is_at_most
from attest.license.statistics.search import first, last, rough_upper

BOUND_PLACES = 6
"""Decimal places of the bounds that are reported."""


@dataclass(frozen=True)
class Interval:
    """A range of rates."""

    low: float
    high: float


def passes(k: int, n: int, tau: Fraction, alpha: Fraction) -> bool:
    """Whether the upper confidence bound on the failure rate is at most `tau`.

    Args:
        k: failures, 0 <= k <= n.
        n: independent items, n >= 1.
        tau: in [0, 1].
        alpha: in (0, 1), such as 1/20.

    Raises: InputError if an argument is out of range.
    Source: Clopper and Pearson, Biometrika 26 (1934), inverted: the bound is at most tau exactly
        if at most k failures have a probability of at most alpha under tau.
    """
    check_counts(k, n)
    check_level(alpha)
    # With all items failed the bound is 1, whatever alpha is.
    return tau == 1 if k == n else cdf_is_at_most(k, n, tau, alpha)


def fails(k: int, n: int, tau: Fraction, alpha: Fraction) -> bool:
    """Whether the lower confidence bound on the failure rate is above `tau`.

    Args and source as for `passes`: at least k failures have a probability below alpha under tau.
    """
    check_counts(k, n)
    check_level(alpha)
    # With no failure the bound is 0, whatever alpha is.
    return k > 0 and not cdf_is_at_most(k - 1, n, tau, 1 - alpha)


@lru_cache(maxsize=4096)
def max_failures(n: int, tau: Fraction, alpha: Fraction) -> int | None:
    """The largest number of failures that passes, or None if not even zero does."""
    return last(
        0,
        n,
        lambda k: passes(k, n, tau, alpha),
        seems=lambda k: rough_upper(k, n, alpha) <= tau,
    )


@lru_cache(maxsize=4096)
def min_failures(n: int, tau: Fraction, alpha: Fraction) -> int | None:
    """The smallest number of failures that fails, or None if not even all do."""
    return first(
        0,
        n,
        lambda k: fails(k, n, tau, alpha),
        seems=lambda k: rough_upper(n - k, n, alpha) < 1 - tau,
    )


def required_n(k: int, tau: Fraction, alpha: Fraction) -> int:
    """The smallest number of items that passes with `k` failures.

    Args:
        k: failures, k >= 0.
        tau: in (0, 1].
        alpha: in (0, 1).

    Raises: InputError if `tau` is 0, which no number of items can show.
    """
    if tau <= 0:
        raise InputError("no number of items shows a rate of 0", reason="out-of-range")
    few, enough = k, k + 1
    while not passes(k, enough, tau, alpha):
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        if passes(k, middle, tau, alpha):
            enough = middle
        else:
            few = middle
    return enough


@lru_cache(maxsize=4096)
def upper_bound(k: int, n: int, alpha: Fraction) -> Fraction:
    """The upper confidence bound on the failure rate, rounded up to BOUND_PLACES.

    Exact, hence the same on every machine: the smallest multiple of 10**-BOUND_PLACES that
    `passes` as a threshold.
    """
    check_counts(k, n)
    check_level(alpha)
    return smallest_passing(lambda tau: passes(k, n, tau, alpha), near=rough_upper(k, n, alpha))


def smallest_passing(
    passes_at: Callable[[Fraction], bool], *, least: int = 0, near: float
) -> Fraction:
    """The smallest threshold that passes, among the multiples of 10**-BOUND_PLACES up to 1.

    Args:
        passes_at: whether a threshold passes; as soon as one does, so do all above it, and 1 does.
        least: where the thresholds begin.
        near: about where that one is; it only saves questions.
    """
    scale = 10**BOUND_PLACES
    found = first(
        least * scale,
        scale - 1,
        lambda step: passes_at(Fraction(step, scale)),
        seems=lambda step: step >= near * scale,
    )
    return Fraction(1) if found is None else Fraction(found, scale)


def clopper_pearson_upper(k: int, n: int, confidence: float) -> float:
    """Exact one-sided upper bound on a failure rate, to float precision.

    Args:
        k: failures, 0 <= k <= n.
        n: independent items, n >= 1.
        confidence: in (0, 1), such as 0.95.

    Returns: a rate in [0, 1].
    Raises: InputError if an argument is out of range.
    Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    check_counts(k, n)
    check_level(confidence)
    if k == n:
        return 1.0
    target = log1p(-confidence)
    low, high = k / n, 1.0
    # The tail falls as the rate grows; halve until neighboring floats remain.
    while low < (middle := (low + high) / 2) < high:
        if log_tail(k, n, middle) > target:
            low = middle
        else:
            high = middle
    return high


def clopper_pearson_lower(k: int, n: int, confidence: float) -> float:
    """Exact one-sided lower bound on a failure rate; see `clopper_pearson_upper`."""
    return 1.0 - clopper_pearson_upper(n - k, n, confidence)


def wilson(k: int, n: int, confidence: float) -> Interval:
    """Two-sided score interval of a rate, for plots only: it may cover less than it says.

    Args as for `clopper_pearson_upper`.
    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    check_counts(k, n)
    check_level(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = k / n
    center = p + z * z / (2 * n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Interval(max(0.0, (center - half) / scale), min(1.0, (center + half) / scale))


def log_tail(k: int, n: int, rate: float) -> float:
    """The logarithm of the probability of at most `k` failures, for k <= n * rate."""
    odds = (1 - rate) / rate
    term = total = 1.0
    for i in range(k, 0, -1):
        term *= i * odds / (n - i + 1)
        total += term
        if term < 1e-18 * total:
            break
    choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return choose + k * log(rate) + (n - k) * log1p(-rate) + log(total)
