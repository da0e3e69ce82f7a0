"""Several prompts of one behaviour are not several independent items.

What decides is `by_cluster`: a behaviour fails if any of its prompts does, and behaviours are
counted by the exact binomial. `design_effect` and `korn_graubard_upper` only illustrate how much
less the prompts tell than as many independent ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from attest.errors import InputError
from attest.license.statistics.arguments import check_counts, check_level
from attest.license.statistics.rates import clopper_pearson_upper


@dataclass(frozen=True)
class Tally:
    """`k` failures among `n` items."""

    k: int
    n: int


def by_cluster(clusters: Sequence[Tally]) -> Tally:
    """The clusters with a failure, among all clusters: what `passes` and `fails` are asked.

    Args:
        clusters: one tally for each behaviour, over its prompts.

    Raises: InputError with reason `out-of-range` if there is none, or one counts impossibly.
    """
    _pooled(clusters)
    return Tally(sum(cluster.k > 0 for cluster in clusters), len(clusters))


def design_effect(clusters: Sequence[Tally]) -> float | None:
    """How many times larger the clusters make the variance of the pooled rate.

    Returns: the squared ratio of the cluster-robust standard error (CR0) to the naive one; None
        where no item failed, or all did, and neither error is defined.
    Source: Miller 2024 (arXiv:2411.00640).
    """
    pooled = _pooled(clusters)
    if pooled.k in (0, pooled.n):
        return None
    rate = pooled.k / pooled.n
    between = sum((cluster.k - rate * cluster.n) ** 2 for cluster in clusters)
    return between / (pooled.n * rate * (1 - rate))


def korn_graubard_upper(clusters: Sequence[Tally], confidence: float) -> float:
    """One-sided upper bound on the failure rate of prompts, with the effective sample size.

    Args:
        clusters: one tally for each behaviour, over its prompts.
        confidence: in (0, 1), such as 0.95.

    Returns: a rate in [0, 1]. Where the design effect is not defined, each cluster counts as one
        item.
    Source: Korn and Graubard, Survey Methodology 24 (1998), without their factor for degrees of
        freedom.
    """
    check_level(confidence)
    pooled = _pooled(clusters)
    effect = design_effect(clusters)
    if effect is None:
        return clopper_pearson_upper(len(clusters) if pooled.k else 0, len(clusters), confidence)
    n = pooled.n / max(1.0, effect)
    k = pooled.k / pooled.n * n
    # Clopper-Pearson with real counts: a quantile of the beta distribution.
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _beta_cdf(middle, k + 1, n - k) < confidence:
            low = middle
        else:
            high = middle
    return high


def _pooled(clusters: Sequence[Tally]) -> Tally:
    if not clusters:
        raise InputError("expected clusters, found none", reason="out-of-range")
    for cluster in clusters:
        check_counts(cluster.k, cluster.n)
    return Tally(sum(c.k for c in clusters), sum(c.n for c in clusters))


def _beta_cdf(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_cdf(1 - x, b, a)
    scale = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    # Lentz's method, which evaluates the fraction from the front until it stands still.
    fraction, c, d, i = 1.0, 1.0, 0.0, 0
    while i == 0 or abs(1 - c * d) > 1e-15:
        m = i // 2
        if i == 0:
            numerator = 1.0
        elif i % 2:
            numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + numerator * d)
        c = 1 + numerator / c
        fraction *= c * d
        i += 1
    return scale * (fraction - 1)
