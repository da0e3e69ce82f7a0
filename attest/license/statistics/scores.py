"""Scored answers: means of numbers in [0, 1], of which nothing else is known.

What decides is exact (`max_total`, `passes_total`, `fails_total`, `mean_upper_bound`). A score x is
the mean of a coin that fails with probability x, so by Jensen's inequality a convex function of the
total is on average at most what it is of the failures B of a binomial with the same mean. Hence,
for every s above the total x and every true mean above tau,

    P(total <= x) <= E max(0, s - B) / (s - x),    B binomial with n items and rate tau.

The best s is one more than the number of failures that a 0/1 count would be allowed, which turns
the test into a largest total, s - E max(0, s - B) / alpha. It is never looser than the
Chernoff-Hoeffding bound, since the exponentials behind that one are mixtures of such hinges. For
0/1 data `passes` is sharper still.

Source: Bentkus, Annals of Probability 32 (2004), for hinges in place of exponentials; Hoeffding,
Annals of Mathematical Statistics 27 (1956), for scores whose means differ.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import floor, log, sqrt

from attest.errors import InputError
from attest.license.statistics.arguments import check_level, check_rate
from attest.license.statistics.binomial import mean_shortfall
from attest.license.statistics.rates import BOUND_PLACES, max_failures, smallest_passing
from attest.license.statistics.search import rough_upper

SCORE_PLACES = 12
"""Most decimal places of a score: totals of such scores are compared without loss."""
_GUESSES = 3
"""Steps of Newton's method towards a bound, before it is sought exactly."""


@lru_cache(maxsize=4096)
def max_total(n: int, tau: Fraction, alpha: Fraction) -> Fraction | None:
    """The largest total of `n` scores that shows a mean of at most `tau`.

    Args:
        n: independent scores in [0, 1], n >= 1.
        tau: the largest mean that is allowed, in [0, 1].
        alpha: probability, one-sided, of passing a mean above tau; in (0, 1).

    Returns: a multiple of 10**-SCORE_PLACES, rounded down; None if not even a total of 0 passes.
    """
    failures = max_failures(n, tau, alpha)
    if failures is None or failures == n:
        return None if failures is None else Fraction(n)
    s = failures + 1
    scale = 10**SCORE_PLACES
    largest = floor((s - mean_shortfall(s, n, tau) / alpha) * scale)
    return Fraction(largest, scale) if largest >= 0 else None


def passes_total(total: Fraction, n: int, tau: Fraction, alpha: Fraction) -> bool:
    """Whether scores with this total show a mean of at most `tau`.

    Args as for `max_total`; `total` is the exact sum, 0 <= total <= n.
    """
    _check_total(total, n)
    largest = max_total(n, tau, alpha)
    return largest is not None and total <= largest


def fails_total(total: Fraction, n: int, tau: Fraction, alpha: Fraction) -> bool:
    """Whether scores with this total show a mean above `tau`; args as for `passes_total`."""
    # One minus a score is a score; at tau = 0 a total of 0 shows nothing.
    return total > n * tau and passes_total(n - total, n, 1 - tau, alpha)


def mean_upper_bound(total: Fraction, n: int, alpha: Fraction) -> Fraction:
    """The upper confidence bound on the mean score, rounded up to BOUND_PLACES.

    The smallest multiple of 10**-BOUND_PLACES that passes as a threshold; args as for
    `passes_total`.
    """
    _check_total(total, n)
    near = rough_upper(float(total), n, alpha / 3)
    for _ in range(_GUESSES):
        # Where the mean may be larger by one part in n, the total may be by about 1.
        at = Fraction(near).limit_denominator(10**BOUND_PLACES)
        largest = max_total(n, at, alpha)
        near = min(max(near + float(total - (largest or 0)) / n, 0.0), 1.0)
    return smallest_passing(lambda tau: passes_total(total, n, tau, alpha), near=near)


def kl_upper(mean: float, n: int, confidence: float) -> float:
    """Chernoff-Hoeffding one-sided upper bound on the mean of scores in [0, 1].

    Args:
        mean: of the scores, in [0, 1].
        n: independent scores, n >= 1.
        confidence: in (0, 1), such as 0.95.

    Returns: the largest q in [mean, 1] with n KL(mean, q) <= ln(1 / (1 - confidence)).
    Source: Hoeffding, Journal of the American Statistical Association 58 (1963), theorem 1.
    """
    _check_mean(mean, n, 1)
    check_level(confidence)
    limit = -log(1 - confidence) / n
    low, high = mean, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _divergence(mean, middle) <= limit:
            low = middle
        else:
            high = middle
    return high


def empirical_bernstein_upper(mean: float, variance: float, n: int, confidence: float) -> float:
    """One-sided upper bound on the mean of scores in [0, 1] that uses their variance.

    Tighter than `kl_upper` only for many scores of small variance.

    Args:
        mean: of the scores, in [0, 1].
        variance: of the scores, with n - 1 in the denominator.
        n: independent scores, n >= 2.
        confidence: in (0, 1), such as 0.95.

    Returns: a bound in [mean, 1].
    Source: Maurer and Pontil, COLT 2009, theorem 4.
    """
    _check_mean(mean, n, 2)
    check_level(confidence)
    if variance < 0:
        raise InputError(
            f"expected a variance of 0 or more, found {variance}", reason="out-of-range"
        )
    logarithm = log(2 / (1 - confidence))
    slack = sqrt(2 * variance * logarithm / n) + 7 * logarithm / (3 * (n - 1))
    return min(1.0, mean + slack)


def _divergence(p: float, q: float) -> float:
    """The Kullback-Leibler divergence of two coins, for q in (0, 1)."""
    heads = p * log(p / q) if p > 0 else 0.0
    tails = (1 - p) * log((1 - p) / (1 - q)) if p < 1 else 0.0
    return heads + tails


def _check_mean(mean: float, n: int, least: int) -> None:
    check_rate(mean, "a mean score")
    if n < least:
        raise InputError(f"expected at least {least} scores, found {n}", reason="out-of-range")


def _check_total(total: Fraction, n: int) -> None:
    if not 0 <= total <= n or n < 1:
        raise InputError(
            f"expected 0 <= total <= scores and scores >= 1, found {total} of {n}",
            reason="out-of-range",
        )
