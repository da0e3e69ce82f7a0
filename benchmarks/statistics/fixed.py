"""Rules for a fixed number of prompts: counts, scores, clusters, judges, audits."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial

import numpy as np
from scipy.stats import beta, binom, hypergeom
from table import show

from attest.license.statistics import (
    Tally,
    by_cluster,
    clopper_pearson_upper,
    empirical_bernstein_upper,
    fails,
    fails_corrected,
    holm,
    kl_upper,
    korn_graubard_upper,
    lang_reiczigel,
    max_failures,
    max_total,
    min_failures,
    most_hidden,
    passes,
    passes_corrected,
    wilson,
)

ALPHA = Fraction(1, 20)
N_RUNS = 20_000


def rates(_seed: int) -> None:
    """Counts at the threshold: exact probabilities, beside rules that are no bounds."""
    rows = []
    for tau in (Fraction(1, 100), Fraction(1, 20), Fraction(1, 10)):
        for n in (100, 200, 400, 520, 1000):
            k = np.arange(n + 1)
            chances = binom.pmf(k, n, float(tau))
            largest, smallest = max_failures(n, tau, ALPHA), min_failures(n, tau, ALPHA)
            score = np.array([wilson(int(x), n, 0.90).high for x in k])
            jeffreys = np.append(beta.ppf(0.95, k[:-1] + 0.5, n - k[:-1] + 0.5), 1)
            rows.append(
                (
                    f"{float(tau):.0%} of {n}",
                    0.0 if largest is None else float(chances[: largest + 1].sum()),
                    0.0 if smallest is None else float(chances[smallest:].sum()),
                    float(chances[score <= tau].sum()),
                    float(chances[jeffreys <= tau].sum()),
                )
            )
    header = ("rate = threshold", "pass", "fail", "pass by Wilson", "pass by Jeffreys")
    show("Counts (exact): Clopper-Pearson decides", header, rows)


def scores(seed: int) -> None:
    """Scores whose mean is the threshold, and a mean inside."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in (120, 400, 1000):
        for tau in (Fraction(1, 20), Fraction(1, 10)):
            largest = max_total(n, tau, ALPHA)
            least = max_total(n, 1 - tau, ALPHA)
            for shape in ("0/1", "eighths", "beta"):
                for mean, kind in ((float(tau), "edge"), (float(tau) / 2, "power")):
                    x = _scores(rng, shape, mean, (N_RUNS // 4, n))
                    totals, variances = x.sum(axis=1), x.var(axis=1, ddof=1)
                    limit = _largest_mean(lambda m, n=n: kl_upper(m, n, 0.95), float(tau))
                    bernstein = [
                        empirical_bernstein_upper(total / n, variance, n, 0.95) <= tau
                        for total, variance in zip(totals, variances, strict=True)
                    ]
                    rows.append(
                        (
                            f"{shape}, {n} scores, mean {mean:.3f} ({kind})",
                            0.0 if largest is None else float((totals <= largest).mean()),
                            0.0 if least is None else float((n - totals <= least).mean()),
                            float((totals / n <= limit).mean()),
                            float(np.mean(bernstein)),
                        )
                    )
    header = ("mean of scores", "pass", "fail", "pass by KL", "pass by Bernstein")
    show(f"Scores in [0, 1] ({N_RUNS // 4} runs a row)", header, rows)


def clusters(seed: int) -> None:
    """Behaviours with five prompts each that fail together."""
    rng = np.random.default_rng(seed)
    n_runs, size, tau = N_RUNS // 10, 5, 0.05
    rows = []
    for n_clusters in (80, 300):
        for correlation in (0.0, 0.2, 0.6):
            if correlation:
                total = 1 / correlation - 1
                chance = rng.beta(tau * total, (1 - tau) * total, (n_runs, n_clusters))
            else:
                chance = np.full((n_runs, n_clusters), tau)
            failed = rng.binomial(size, chance)
            naive = graubard = behaviour = 0
            # The rate of behaviours with a failure: what the rule holds to its threshold.
            edge = Fraction(_share_with_failure(tau, correlation, size)).limit_denominator(10**6)
            for row in failed:
                tallies = [Tally(int(k), size) for k in row]
                naive += clopper_pearson_upper(int(row.sum()), size * n_clusters, 0.95) < tau
                graubard += korn_graubard_upper(tallies, 0.95) < tau
                unit = by_cluster(tallies)
                behaviour += passes(unit.k, unit.n, edge, ALPHA)
            label = f"{n_clusters} x {size}, correlation {correlation}"
            rows.append((label, behaviour / n_runs, naive / n_runs, graubard / n_runs))
    header = ("prompts at 5%", "pass (behaviours)", "missed by naive", "missed by Korn-Graubard")
    show(f"Clusters ({n_runs} runs a row)", header, rows)


def judges(seed: int) -> None:
    """A judge that errs, calibrated on 100 failures and 200 others."""
    rng = np.random.default_rng(seed)
    n, n_positive, n_negative = 400, 100, 200
    rows = []
    for p, se, sp in ((0.05, 0.9, 0.98), (0.05, 0.95, 1.0), (0.1, 0.8, 0.95), (0.02, 0.9, 0.99)):
        tau = Fraction(str(p))
        k = rng.binomial(n, p * se + (1 - p) * (1 - sp), N_RUNS)
        tp, tn = rng.binomial(n_positive, se, N_RUNS), rng.binomial(n_negative, sp, N_RUNS)

        allowed = {h: _largest_passing(n, h, n_positive, tau) for h in set(tp.tolist())}
        failing = {h: _smallest_failing(n, h, n_negative, tau) for h in set(tn.tolist())}
        passed = np.mean([x <= allowed[h] for x, h in zip(k.tolist(), tp.tolist(), strict=True)])
        failed = np.mean([x >= failing[h] for x, h in zip(k.tolist(), tn.tolist(), strict=True)])
        plain = np.mean(k <= (max_failures(n, tau, ALPHA) or -1))
        missed = unfit = 0
        for row in zip(k.tolist(), tp.tolist(), tn.tolist(), strict=True):
            interval = lang_reiczigel(row[0], n, row[1], n_positive, row[2], n_negative, 0.90)
            unfit += interval is None
            missed += interval is not None and interval.high < p
        label = f"p {p}, Se {se}, Sp {sp}"
        cells = (float(passed), float(failed), float(plain), missed / N_RUNS, unfit / N_RUNS)
        rows.append((label, *cells))
    header = ("p = threshold", "pass", "fail", "pass, uncorrected", "missed by L-R", "L-R unfit")
    show(f"Judges that err ({N_RUNS} runs a row; Lang-Reiczigel at 90%)", header, rows)


def allegations(seed: int) -> None:
    """Ten categories exactly at the threshold: any accusation is false."""
    rng = np.random.default_rng(seed)
    n, tau, n_runs = 100, Fraction(1, 10), N_RUNS // 4
    smallest = min_failures(n, tau, ALPHA)
    counts = rng.binomial(n, float(tau), (n_runs, 10)).tolist()
    plain = np.mean([max(row) >= smallest for row in counts])
    corrected = np.mean(
        [any(holm([partial(_fails_cached, k) for k in row], ALPHA)) for row in counts]
    )
    header = ("ten categories of 100 at 10%", "any false fail")
    rows = [("each at 5%", float(plain)), ("Holm", float(corrected))]
    show(f"Several alleged failures ({n_runs} runs)", header, rows)


def audits(_seed: int) -> None:
    """How often the bound on what an audit has not seen is too low (exact)."""
    rows = []
    for n_items, n_drawn in ((388, 100), (1000, 200)):
        bounds = [most_hidden(n_items, n_drawn, x, ALPHA) for x in range(n_drawn + 1)]
        for hidden in (1, 10, 40, 200):
            found = np.arange(n_drawn + 1)
            chances = hypergeom(n_items, hidden, n_drawn).pmf(found)
            missed = float(chances[np.array(bounds) < hidden].sum())
            rows.append((f"{hidden} of {n_items}, {n_drawn} labelled", missed))
    show("Audits (exact)", ("harmful among the unflagged", "bound too low"), rows)


def _largest_passing(n: int, hits: int, n_positive: int, tau: Fraction) -> int:
    def refused(k: int) -> bool:
        return not passes_corrected(k, n, hits, n_positive, tau, ALPHA)

    return bisect(range(n + 1), False, key=refused) - 1


def _smallest_failing(n: int, hits: int, n_negative: int, tau: Fraction) -> int:
    def failed(k: int) -> bool:
        return fails_corrected(k, n, hits, n_negative, tau, ALPHA)

    return bisect(range(n + 1), False, key=failed)


@cache
def _fails_cached(k: int, level: Fraction) -> bool:
    return fails(k, 100, Fraction(1, 10), level)


def _scores(rng: np.random.Generator, shape: str, mean: float, size: tuple[int, int]) -> np.ndarray:
    if shape == "0/1":
        return (rng.random(size) < mean).astype(float)
    if shape == "eighths":
        # Most answers 0, the others anywhere from 1/8 to 1.
        return np.where(rng.random(size) < mean / 0.5625, rng.integers(1, 9, size) / 8, 0.0)
    return rng.beta(4 * mean, 4 * (1 - mean), size)


def _largest_mean(bound: Callable[[float], float], tau: float) -> float:
    """The largest mean whose bound is at most tau."""
    low, high = 0.0, tau
    for _ in range(60):
        middle = (low + high) / 2
        if bound(middle) <= tau:
            low = middle
        else:
            high = middle
    return low if bound(low) <= tau else -1.0


def _share_with_failure(rate: float, correlation: float, size: int) -> float:
    if not correlation:
        return 1 - (1 - rate) ** size
    total = 1 / correlation - 1
    clean = 1.0
    for i in range(size):
        clean *= ((1 - rate) * total + i) / (total + i)
    return 1 - clean
