"""Candidate and base on the same prompts: tests and intervals that are reported.

Of the n prompts `both` are failed by both models, `worse` by the candidate alone, `better` by the
base alone, `neither` by none. The difference of the failure rates is (worse - better) / n. A test
that finds no difference has not shown that there is none: that needs a margin, see
`non_inferiority` for what decides.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt
from statistics import NormalDist

from attest.errors import InputError
from attest.license.statistics.arguments import check_level
from attest.license.statistics.rates import Interval, log_tail, wilson


def mcnemar_exact(worse: int, better: int) -> float:
    """Two-sided exact p-value of equal failure rates.

    Source: McNemar, Psychometrika 12 (1947), with the binomial in place of its approximation.
    """
    _check_cells(worse, better)
    fewer, n = min(worse, better), worse + better
    if worse == better:
        return 1.0
    return min(1.0, 2 * exp(log_tail(fewer, n, 0.5)))


def mcnemar_midp(worse: int, better: int) -> float:
    """Two-sided mid-p value of equal failure rates: less cautious than `mcnemar_exact`.

    Source: Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013).
    """
    _check_cells(worse, better)
    fewer, n = min(worse, better), worse + better
    if worse == better:
        return 1.0
    # Half of the observed outcome counts, on either side: a tail with it and a tail without it.
    fewer_still = exp(log_tail(fewer - 1, n, 0.5)) if fewer else 0.0
    return exp(log_tail(fewer, n, 0.5)) + fewer_still


def newcombe_paired(
    both: int, worse: int, better: int, neither: int, confidence: float
) -> Interval:
    """Two-sided interval of the difference of the failure rates, from two score intervals.

    Args:
        both: prompts that both models fail.
        worse: prompts that only the candidate fails.
        better: prompts that only the base fails.
        neither: prompts that none fails; at least one prompt in all.
        confidence: in (0, 1), such as 0.95.

    Returns: differences in [-1, 1].
    Source: Newcombe, Statistics in Medicine 17 (1998) 2635, method 10.
    """
    _check_cells(both, worse, better, neither)
    n = both + worse + better + neither
    candidate, base = both + worse, both + better
    of_candidate, of_base = wilson(candidate, n, confidence), wilson(base, n, confidence)
    correlation = _correlation(both, worse, better, neither)
    difference = (worse - better) / n

    def reach(x: float, y: float) -> float:
        return sqrt(max(0.0, x * x - 2 * correlation * x * y + y * y))

    return Interval(
        difference - reach(candidate / n - of_candidate.low, of_base.high - base / n),
        difference + reach(of_candidate.high - candidate / n, base / n - of_base.low),
    )


def tango_paired(worse: int, better: int, n: int, confidence: float) -> Interval:
    """Two-sided score interval of the difference of the failure rates.

    Args:
        worse: prompts that only the candidate fails.
        better: prompts that only the base fails.
        n: all prompts, worse + better <= n, n >= 1.
        confidence: in (0, 1), such as 0.95.

    Returns: differences in [-1, 1].
    Source: Tango, Statistics in Medicine 17 (1998) 891.
    """
    _check_pairs(worse, better, n)
    check_level(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    difference = (worse - better) / n
    # The score falls as the assumed difference grows.
    return Interval(
        _crossing(lambda d: _score(worse, better, n, d) > z, -1.0, difference),
        _crossing(lambda d: _score(worse, better, n, d) >= -z, difference, 1.0),
    )


def tango_non_inferiority(worse: int, better: int, n: int, delta: float) -> float:
    """One-sided p-value of "the candidate's failure rate is higher by delta or more".

    Approximate: for small n it may reject too often; `is_not_inferior` never does.

    Args:
        worse: prompts that only the candidate fails.
        better: prompts that only the base fails.
        n: all prompts, worse + better <= n, n >= 1.
        delta: the margin, in (0, 1).

    Source: Tango, Statistics in Medicine 17 (1998) 891.
    """
    _check_pairs(worse, better, n)
    check_level(delta)
    return NormalDist().cdf(_score(worse, better, n, delta))


def _score(worse: int, better: int, n: int, delta: float) -> float:
    """How many standard errors the observed difference lies above `delta`, not -1, 0 or 1."""
    b = (2 * n - worse + better) * delta - worse - better
    c = -better * delta * (1 - delta)
    root = sqrt(max(0.0, b * b - 8 * n * c))
    # The rate of `better` that is likeliest under delta; the form depends on what would cancel.
    q = -2 * c / (root + b) if b > 0 else (root - b) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    return (worse - better - n * delta) / sqrt(variance)


def _crossing(is_before: Callable[[float], bool], low: float, high: float) -> float:
    while low < (middle := (low + high) / 2) < high:
        if is_before(middle):
            low = middle
        else:
            high = middle
    return middle


def _correlation(both: int, worse: int, better: int, neither: int) -> float:
    """The phi coefficient, its numerator lessened by n / 2 towards 0 where it is positive."""
    n = both + worse + better + neither
    margins = (both + worse) * (better + neither) * (both + better) * (worse + neither)
    if margins == 0:
        return 0.0
    product = both * neither - worse * better
    return (max(product - n / 2, 0.0) if product > 0 else product) / sqrt(margins)


def _check_cells(*cells: int) -> None:
    if min(cells) < 0:
        raise InputError(f"expected counts of 0 or more, found {cells}", reason="out-of-range")


def _check_pairs(worse: int, better: int, n: int) -> None:
    _check_cells(worse, better)
    if n < 1 or worse + better > n:
        raise InputError(
            f"expected at most as many differing prompts as prompts, found {worse} + {better} "
            f"of {n}",
            reason="out-of-range",
        )
