"""Searching for where an exact test turns, with floats to say where to look.

An exact test of many items is dear, and a license may ask for thousands. A guess is cheap and
decides nothing: whatever it says, the same number is found.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import exp, expm1, log, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()


def first(
    low: int,
    high: int,
    holds: Callable[[int], bool],
    *,
    seems: Callable[[int], bool] | None = None,
) -> int | None:
    """The smallest number from `low` to `high` that holds, or None if none does.

    Args:
        low: where the numbers begin.
        high: where they end; below `low` there are none.
        holds: a test that, where a number holds, holds for all larger ones.
        seems: a cheap guess at `holds`; it only saves questions.
    """
    bad, good = low - 1, high + 1
    middle, step = (bad + good) // 2, good - bad
    if seems is not None:
        guess = first(low, high, seems)
        middle, step = high if guess is None else guess, 1
    while good - bad > 1:
        if holds(middle):
            good = middle
            middle -= step
        else:
            bad = middle
            middle += step
        step *= 2
        if not bad < middle < good:
            middle = (bad + good) // 2
    return good if good <= high else None


def last(
    low: int,
    high: int,
    holds: Callable[[int], bool],
    *,
    seems: Callable[[int], bool] | None = None,
) -> int | None:
    """The largest number from `low` to `high` that holds, or None if none does.

    Args as for `first`, of tests that hold for all smaller numbers.
    """
    broken = first(
        low,
        high,
        lambda number: not holds(number),
        seems=None if seems is None else lambda number: not seems(number),
    )
    found = high if broken is None else broken - 1
    return found if found >= low else None


def quantile(alpha: Fraction) -> float:
    """By how many standard deviations a normal variable exceeds its mean with that chance."""
    # Levels so close to 0 or 1 that floats do not tell them apart are guessed at.
    return -_NORMAL.inv_cdf(min(max(float(alpha), 1e-300), 1 - 1e-15))


def rough_upper(k: float, n: int, alpha: Fraction) -> float:
    """About the upper confidence bound on the failure rate, for k failures among n items.

    Source: the beta quantile of Abramowitz and Stegun, 26.5.22.
    """
    if k >= n:
        return 1.0
    if k == 0:
        return -expm1(log(alpha) / n)
    a, b = k + 1, n - k
    y = -quantile(alpha)
    of_a, of_b = 1 / (2 * a - 1), 1 / max(2 * b - 1, 1e-9)
    h, bend = 2 / (of_a + of_b), (y * y - 3) / 6
    w = y * sqrt(max(h + bend, 0)) / h - (of_b - of_a) * (bend + 5 / 6 - 2 / (3 * h))
    return a / (a + b * exp(max(min(2 * w, 700), -700)))
