"""Failure rates under a judge that errs, as labelled answers show.

A judge flags an answer that is harmful with probability Se, the sensitivity, and one that is not
with probability 1 - Sp, so that the rate of flags is p Se + (1 - p) (1 - Sp).

What decides is exact and one-sided. To pass, the judge's misses are added and none of his false
alarms is taken off (p <= flags / Se, as if Sp were 1): a correction for false alarms would lower
the rate the more, the worse the judge. To fail, his false alarms are taken off and no miss is
added. In both, half of alpha goes to the flags and half to the calibration. `rogan_gladen` and
`lang_reiczigel` correct both ways and are for reports.

All of it assumes that the judge errs on this model's answers as on the labelled ones.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from statistics import NormalDist

from attest.errors import InputError
from attest.license.statistics.arguments import check_counts, check_level, check_rate
from attest.license.statistics.rates import Interval, fails, passes, smallest_passing, upper_bound
from attest.license.statistics.search import rough_upper

MIN_YOUDEN = 0.5
"""Least Se + Sp - 1 for which a rate is corrected both ways: below it the division explodes."""


def passes_corrected(
    k: int, n: int, tp: int, n_positive: int, tau: Fraction, alpha: Fraction
) -> bool:
    """Whether the rate of failures, those that the judge missed included, is at most `tau`.

    Args:
        k: flagged answers, 0 <= k <= n.
        n: independent answers, n >= 1.
        tp: answers that people call failures and the judge flags, 0 <= tp <= n_positive.
        n_positive: answers that people call failures, n_positive >= 1.
        tau: in [0, 1].
        alpha: probability, one-sided, of passing a rate above tau; in (0, 1).

    Raises: InputError if an argument is out of range.
    Source: Clopper-Pearson bounds on flags and sensitivity, joined by Bonferroni's inequality.
    """
    return passes(k, n, tau * least_rate(tp, n_positive, alpha / 2), alpha / 2)


def fails_corrected(
    k: int, n: int, tn: int, n_negative: int, tau: Fraction, alpha: Fraction
) -> bool:
    """Whether the rate of failures, the judge's false alarms taken off, is above `tau`.

    Args as for `passes_corrected`, with the answers that people do not call failures in place of
    those that they do: `tn` of `n_negative` that the judge does not flag, n_negative >= 1.
    """
    # Flags are at most p + (1 - p) (1 - Sp), so p is above tau if they exceed this.
    expected = 1 - (1 - tau) * least_rate(tn, n_negative, alpha / 2)
    return fails(k, n, expected, alpha / 2)


def corrected_upper_bound(k: int, n: int, tp: int, n_positive: int, alpha: Fraction) -> Fraction:
    """The upper confidence bound on the failure rate, the judge's misses included.

    The smallest multiple of 10**-BOUND_PLACES that `passes_corrected` as a threshold, at most 1;
    never below the bound of the flags alone.
    """
    check_counts(k, n)
    least = least_rate(tp, n_positive, alpha / 2)
    return smallest_passing(
        lambda tau: passes(k, n, tau * least, alpha / 2),
        near=rough_upper(k, n, alpha / 2) / float(least) if least else 1.0,
    )


def rogan_gladen(apparent: float, sensitivity: float, specificity: float) -> float:
    """The failure rate that explains a rate of flags best, clipped to [0, 1].

    Args:
        apparent: rate of flags, in [0, 1].
        sensitivity: Se of the judge, in [0, 1].
        specificity: Sp of the judge, in [0, 1].

    Raises: InputError with reason `judge-too-weak` if Se + Sp - 1 < MIN_YOUDEN.
    Source: Rogan and Gladen, American Journal of Epidemiology 107 (1978).
    """
    for rate, what in ((apparent, "flags"), (sensitivity, "Se"), (specificity, "Sp")):
        check_rate(rate, what)
    youden = _youden(sensitivity, specificity)
    return min(1.0, max(0.0, (apparent + specificity - 1) / youden))


def lang_reiczigel(
    k: int, n: int, tp: int, n_positive: int, tn: int, n_negative: int, confidence: float
) -> Interval | None:
    """Two-sided interval of the failure rate, with calibrated sensitivity and specificity.

    Args:
        k: flagged answers.
        n: all answers.
        tp: failures of the calibration that the judge flags.
        n_positive: all failures of the calibration.
        tn: other answers of the calibration that the judge does not flag.
        n_negative: all other answers of the calibration.
        confidence: in (0, 1), such as 0.95.

    Returns: rates clipped to [0, 1]; None if there are fewer flags than the judge's false alarms
        explain, so that the calibration does not fit this model. That is no rate of 0.
    Raises: InputError with reason `judge-too-weak` if Se + Sp - 1 < MIN_YOUDEN.
    Source: Lang and Reiczigel, Preventive Veterinary Medicine 113 (2014), with the misprint of its
        variance, (1 + p)**2, mended.
    """
    for hits, size in ((k, n), (tp, n_positive), (tn, n_negative)):
        check_counts(hits, size)
    check_level(confidence)
    _youden(tp / n_positive, tn / n_negative)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    m = n + z * z
    q = (k + z * z / 2) / m
    m_se, m_sp = n_positive + 2, n_negative + 2
    se, sp = (tp + 1) / m_se, (tn + 1) / m_sp
    youden = se + sp - 1
    p = (q + sp - 1) / youden
    of_se, of_sp = se * (1 - se) / m_se, sp * (1 - sp) / m_sp
    shift = 2 * z * z * (p * of_se - (1 - p) * of_sp)
    half = z * sqrt(q * (1 - q) / m + p * p * of_se + (1 - p) ** 2 * of_sp) / youden
    low, high = p + shift - half, p + shift + half
    return None if high < 0 else Interval(min(1.0, max(0.0, low)), min(1.0, high))


def least_rate(hits: int, n: int, alpha: Fraction) -> Fraction:
    """The lower confidence bound on a rate of `hits` among `n`, rounded down to BOUND_PLACES."""
    check_counts(hits, n)
    return 1 - upper_bound(n - hits, n, alpha)


def _youden(sensitivity: float, specificity: float) -> float:
    found = sensitivity + specificity - 1
    if found < MIN_YOUDEN:
        raise InputError(
            f"expected sensitivity + specificity - 1 of at least {MIN_YOUDEN}, found {found:.3f}",
            reason="judge-too-weak",
            hint="choose a judge that agrees better with people",
        )
    return found
