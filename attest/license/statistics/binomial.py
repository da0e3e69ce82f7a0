"""The exact binomial distribution: its tail against a level, and its mean shortfall.

No float takes part. The tail is enclosed between two integers times a power of two; when the
level lies outside the enclosure the comparison is proven, and when it lies inside, the whole sum
is formed as a rational number. So the answer is always the exact one, and 100,000 items take
milliseconds.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, prod

from attest.license.statistics.enclosure import PRECISION_BITS, Enclosure

_FACTORS = 32
"""Factors multiplied exactly before each rounding: the fastest batch by trial."""


def binomial_cdf(k: int, n: int, rate: Fraction) -> Fraction:
    """The probability of at most `k` failures among `n` items, as a rational number.

    Args:
        k: failures; below 0 the probability is 0, from n on it is 1.
        n: independent items, n >= 1.
        rate: probability of one failure, in [0, 1].
    """
    if k < 0:
        return Fraction(0)
    if k >= n:
        return Fraction(1)
    a, b = rate.numerator, rate.denominator
    c = b - a
    # Horner's scheme over i = k..0 keeps the numbers as short as the result.
    total = 0
    for i in range(k, -1, -1):
        total = total * a + comb(n, i) * c ** (k - i)
    return Fraction(total * c ** (n - k), b**n)


def cdf_is_at_most(k: int, n: int, rate: Fraction, level: Fraction) -> bool:
    """Whether at most `k` failures among `n` items have a probability of at most `level`.

    Args:
        k: failures; any integer.
        n: independent items, n >= 1.
        rate: probability of one failure, in [0, 1].
        level: in [0, 1].
    """
    return _compare_cdf(k, n, rate, level) <= 0


def _compare_cdf(k: int, n: int, rate: Fraction, level: Fraction) -> int:
    """Negative, zero or positive as the probability is below, at or above the level."""
    if k < 0 or k >= n or rate in (0, 1):
        return _sign(Fraction(0 if k < 0 or (k < n and rate == 1) else 1) - level)
    if k > n * rate:
        # Beyond the mean the other tail is the short one: at least k + 1 failures are at most
        # n - k - 1 successes.
        return -_compare_cdf(n - k - 1, n, 1 - rate, 1 - level)
    a, b = rate.numerator, rate.denominator
    c = b - a
    smaller = min(k, n - k)
    tail = (
        _relative_sum(k, n, a, c)
        .times(_falling(n, smaller))
        .times(Enclosure.of(level.denominator))
        .times(Enclosure.of(a).power(k))
        .times(Enclosure.of(c).power(n - k))
    )
    bound = (
        Enclosure.of(b)
        .power(n)
        .times(_falling(smaller, smaller))
        .times(Enclosure.of(level.numerator))
    )
    if tail.is_surely_below(bound):
        return -1
    if bound.is_surely_below(tail):
        return 1
    return _sign(binomial_cdf(k, n, rate) - level)


def mean_shortfall(s: int, n: int, rate: Fraction) -> Fraction:
    """By how much the failures among `n` items stay below `s` on average, rounded up.

    Args:
        s: 1 <= s <= n.
        n: independent items, n >= 1.
        rate: probability of one failure, in (0, 1).

    Returns: the mean of max(0, s - failures), or a little more: one part in 2**200.
    """
    a, b = rate.numerator, rate.denominator
    c = b - a
    # The sum of (s - i) P(i) over i < s, relative to its term i = s - 1.
    high = total = 1 << PRECISION_BITS
    for i in range(s - 1, 0, -1):
        high = -(-high * i * c // ((n - i + 1) * a))
        if high == 1:
            # No term that is left is larger, once they have begun to fall.
            total += i * s
            break
        total += high * (s - i + 1)
    k = s - 1
    smaller = min(k, n - k)
    numerator = (
        Enclosure(total, total, -PRECISION_BITS)
        .rounded()
        .times(_falling(n, smaller))
        .times(Enclosure.of(a).power(k))
        .times(Enclosure.of(c).power(n - k))
    )
    return numerator.over(Enclosure.of(b).power(n).times(_falling(smaller, smaller))).ceiling()


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _falling(n: int, k: int) -> Enclosure:
    """The product n (n - 1) ... (n - k + 1)."""
    product = Enclosure.of(1)
    for start in range(n - k + 1, n + 1, _FACTORS):
        product = product.times(Enclosure.of(prod(range(start, min(start + _FACTORS, n + 1)))))
    return product


def _relative_sum(k: int, n: int, a: int, c: int) -> Enclosure:
    """The sum of the terms 0..k of the binomial expansion over its term k."""
    one = 1 << PRECISION_BITS
    low = high = low_sum = high_sum = one
    for i in range(k, 0, -1):
        numerator, denominator = i * c, (n - i + 1) * a
        low = low * numerator // denominator
        high = -(-high * numerator // denominator)
        if low == 0:
            # The ratio of neighbors shrinks towards i = 0, so each of the i terms that are left
            # is at most this one.
            return Enclosure(low_sum, high_sum + high * i, -PRECISION_BITS)
        low_sum += low
        high_sum += high
    return Enclosure(low_sum, high_sum, -PRECISION_BITS)
