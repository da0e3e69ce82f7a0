"""No worse than the base by more than a margin: decided exactly, on the same prompts.

Each prompt moves the total by +1 where the candidate alone fails, by -1 where the base alone
fails, else by 0. How spread out the total is depends on how often the two differ, which is not
known: so a tenth of alpha buys an upper bound on that rate (Clopper-Pearson), and the rest is
spent on the tail of the total under the margin and that bound (Berger and Boos, Journal of the
American Statistical Association 89 (1994)).

That larger rates of difference need not be looked at is proven up to a rate of one half. There the
steps' generating function has real roots, so the total is a sum of independent 0/1 variables,
less n: it has one mode, within 1 of its mean (Darroch, Annals of Mathematical Statistics 35
(1964)). The derivative of P(total <= t) by the rate of difference, the mean held, is n / 2 times
P(t + 1) - P(t) among n - 1 prompts, which is not negative below the mode. Beyond one half the
total must pass as a total of scores (step + 1) / 2 as well, which holds under every rate.

No false pass is likelier than alpha, whatever the rates. The price, beside Tango's approximate
test, at n = 400, alpha = 5% and two models that are equal: with 5% of the prompts differing a
margin of 5% is shown in 98% of the runs (Tango 99%), with 10% in 86% (93%), with 20% in 61% (72%).
Two models that never differ show a margin of 5% from 80 prompts on, and of 2% from 203.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor, sqrt

from attest.errors import InputError
from attest.license.statistics.arguments import check_level, check_rate
from attest.license.statistics.enclosure import PRECISION_BITS, Enclosure
from attest.license.statistics.rates import smallest_passing, upper_bound
from attest.license.statistics.scores import passes_total
from attest.license.statistics.search import first, last, quantile, rough_upper

DISCORDANCE_SHARE = Fraction(1, 10)
"""The part of alpha that bounds how often candidate and base differ."""
_HALF = Fraction(1, 2)


def is_not_inferior(worse: int, better: int, n: int, delta: Fraction, alpha: Fraction) -> bool:
    """Whether the candidate is shown to fail at most `delta` more often than the base.

    Args:
        worse: prompts that only the candidate fails.
        better: prompts that only the base fails.
        n: all prompts, worse + better <= n, n >= 1.
        delta: the margin, in [0, 1].
        alpha: probability, one-sided, of passing a larger difference; in (0, 1).

    Raises: InputError if an argument is out of range.
    """
    _check(worse, better, n, alpha)
    check_rate(delta, "a margin")
    return _refutes_above(worse - better, worse + better, n, delta, alpha)


def is_inferior(worse: int, better: int, n: int, delta: Fraction, alpha: Fraction) -> bool:
    """Whether the candidate is shown to fail more than `delta` more often than the base.

    Args as for `is_not_inferior`; at most one of the two holds.
    """
    _check(worse, better, n, alpha)
    check_rate(delta, "a margin")
    return _refutes_above(better - worse, worse + better, n, -delta, alpha)


def max_worse(better: int, n: int, delta: Fraction, alpha: Fraction) -> int | None:
    """The most prompts that only the candidate may fail, given those that only the base failed.

    Returns: None if not even 0 passes.
    """
    _check(0, better, n, alpha)
    return last(
        0,
        n - better,
        lambda worse: is_not_inferior(worse, better, n, delta, alpha),
        seems=lambda worse: _rough_bound(worse - better, worse + better, n, alpha) <= delta,
    )


def min_worse(n: int, delta: Fraction, alpha: Fraction) -> int | None:
    """The fewest prompts that only the candidate fails, of which it is shown to be inferior.

    The base alone fails none. Returns: None if not even all prompts show it.
    """
    return first(
        0,
        n,
        lambda worse: is_inferior(worse, 0, n, delta, alpha),
        seems=lambda worse: _rough_bound(-worse, worse, n, alpha) < -delta,
    )


def prompts_needed(
    worse: int, better: int, delta: Fraction, alpha: Fraction, *, most: int
) -> int | None:
    """The fewest prompts among which such differences pass; None if `most` are not enough."""
    return first(
        max(1, worse + better),
        most,
        lambda n: is_not_inferior(worse, better, n, delta, alpha),
        seems=lambda n: _rough_bound(worse - better, worse + better, n, alpha) <= delta,
    )


def difference_upper_bound(worse: int, better: int, n: int, alpha: Fraction) -> Fraction:
    """The upper confidence bound on the difference of the failure rates, in [-1, 1].

    Exact: the smallest multiple of 10**-BOUND_PLACES that, as a margin, `is_not_inferior` accepts.
    """
    _check(worse, better, n, alpha)
    total, differing = worse - better, worse + better
    return smallest_passing(
        lambda delta: _refutes_above(total, differing, n, delta, alpha),
        least=-1,
        near=_rough_bound(total, differing, n, alpha),
    )


def _rough_bound(total: int, differing: int, n: int, alpha: Fraction) -> float:
    """About where `_refutes_above` turns, by the normal distribution."""
    spread = rough_upper(differing, n, alpha * DISCORDANCE_SHARE)
    z = quantile(alpha * (1 - DISCORDANCE_SHARE))
    center = (total + 0.5) / n
    mean = min(center + z * sqrt(spread / n), spread)
    # Steps with a mean far from 0 spread less around it.
    return min(center + z * sqrt(max(spread - mean * mean, 0) / n), spread)


def _refutes_above(total: int, differing: int, n: int, mean: Fraction, alpha: Fraction) -> bool:
    """Whether `total` is too small for steps with a mean above `mean`.

    Args:
        total: sum of n steps of -1, 0 or 1.
        differing: how many steps are not 0.
        n: independent steps.
        mean: in [-1, 1].
        alpha: in (0, 1).
    """
    spread_alpha = alpha * DISCORDANCE_SHARE
    level = alpha - spread_alpha
    spread = upper_bound(differing, n, spread_alpha)
    if spread <= abs(mean):
        # Steps that are so seldom not 0 have a mean between -spread and spread.
        return mean >= 0
    is_total_small = abs(mean) >= _HALF or _tail_is_below(n, total, mean, min(spread, _HALF), level)
    if spread <= _HALF:
        return is_total_small
    score = Fraction(total + n, 2)
    return is_total_small and passes_total(score, n, (1 + mean) / 2, level)


def _tail_is_below(n: int, t: int, mean: Fraction, spread: Fraction, level: Fraction) -> bool:
    """Whether a total of at most `t` surely has a probability below `level`.

    The steps are not 0 with probability `spread`, abs(mean) < spread <= 1/2.
    """
    if t + 1 > floor((n - 1) * mean):
        # Too near the mode for the proof above; the tail is far too heavy to pass here.
        return False
    rise, fall = (spread + mean) / 2, (spread - mean) / 2
    if t < 0:
        most = _far_tail(n, n + t, fall, rise, is_least=False)
        return most.is_surely_below(Enclosure.of_ratio(level))
    # A total is at most t unless it is at least t + 1, which is the far tail from above.
    least = _far_tail(n, n - t - 1, rise, fall, is_least=True)
    return Enclosure.of_ratio(1 - level).is_surely_below(least)


def _far_tail(n: int, last: int, stay: Fraction, climb: Fraction, *, is_least: bool) -> Enclosure:
    """A bound on the probability that n steps of 0, 1 or 2 sum up to at most `last`, last < n.

    A step is 0 with probability `stay`, 2 with probability `climb`, else 1. The coefficients of
    (stay + pause x + climb x**2)**n follow from the two before (Miller's recurrence); below n all
    factors are positive, so that nothing cancels and every rounding goes the same way: down where
    the bound `is_least`, else up.
    """
    scale = stay.denominator * climb.denominator
    a, b = int(stay * scale), int(climb * scale)
    pause = scale - a - b
    before, term = 0, 1 << PRECISION_BITS
    total, exponent = term, -PRECISION_BITS
    up = 0 if is_least else 1
    for j in range(last):
        divisor = (j + 1) * a
        to_term = (n - j) * pause * term + (2 * n - j + 1) * b * before
        term, before = (to_term + up * (divisor - 1)) // divisor, term
        total += term
        if total.bit_length() > 2 * PRECISION_BITS:
            term, before, total = (
                (value >> PRECISION_BITS) + up for value in (term, before, total)
            )
            exponent += PRECISION_BITS
    return Enclosure(total, total, exponent).rounded().times(Enclosure.of_ratio(stay).power(n))


def _check(worse: int, better: int, n: int, alpha: Fraction) -> None:
    if worse < 0 or better < 0 or n < 1 or worse + better > n:
        raise InputError(
            f"expected 0 <= worse + better <= prompts, found {worse} + {better} of {n}",
            reason="out-of-range",
        )
    check_level(alpha)
