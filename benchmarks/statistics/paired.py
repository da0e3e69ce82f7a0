"""Candidate against base: the exact rule, and the intervals that are reported."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.stats import binom
from table import show

from attest.license.statistics import (
    is_inferior,
    max_worse,
    newcombe_paired,
    tango_non_inferiority,
    tango_paired,
)

ALPHA = Fraction(1, 20)
N_RUNS = 3_000


def size(_seed: int) -> None:
    """False passes at the margin and power at no difference, over all tables (exact)."""
    rows = []
    for n, margin in ((100, "0.1"), (400, "0.02"), (400, "0.05"), (1000, "0.02")):
        delta = Fraction(margin)
        limits: dict[int, int] = {}
        tango: dict[int, int] = {}
        accused: dict[int, int] = {}
        for spread in (0.02, 0.05, 0.1, 0.2):
            cells = [float(delta) <= spread, True]
            found = []
            for difference, is_possible in zip((float(delta), 0.0), cells, strict=True):
                if not is_possible:
                    found += ["", "", ""]
                    continue
                worse, better = (spread + difference) / 2, (spread - difference) / 2
                exact = approximate = failed = 0.0
                for c in range(n + 1):
                    chance = binom.pmf(c, n, better)
                    if chance < 1e-9:
                        continue
                    if c not in limits:
                        most = max_worse(c, n, delta, ALPHA)
                        limits[c] = -1 if most is None else most
                        tango[c] = _tango_limit(c, n, float(delta))
                        accused[c] = _accused_from(c, n, delta)
                    # Given c, the others are worse with this probability each.
                    rest = binom(n - c, worse / (1 - better))
                    exact += chance * rest.cdf(limits[c])
                    approximate += chance * rest.cdf(tango[c])
                    failed += chance * rest.sf(accused[c] - 1)
                found += [float(exact), float(approximate), float(failed)]
            edge, inside = found[:3], found[3:]
            rows.append((f"{n} prompts, margin {margin}, {spread:.0%} differ", *edge, *inside[:2]))
    header = ("", "pass", "pass by Tango", "fail", "power", "power of Tango")
    title = (
        "No worse than the base (exact): the difference is the margin; power where there is none"
    )
    show(title, header, rows)


def coverage(seed: int) -> None:
    """How often the 95% intervals of a difference hold it."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in (100, 400):
        for cells in ((0.01, 0.02, 0.02), (0.05, 0.05, 0.0), (0.3, 0.1, 0.05), (0.02, 0.2, 0.05)):
            both, worse, better = cells
            truth = worse - better
            held = [0, 0]
            tables = rng.multinomial(n, (*cells, 1 - sum(cells)), N_RUNS).tolist()
            for a, b, c, d in tables:
                for i, interval in enumerate(
                    (newcombe_paired(a, b, c, d, 0.95), tango_paired(b, c, n, 0.95))
                ):
                    held[i] += interval.low <= truth <= interval.high
            label = f"{n} prompts: both {both}, worse {worse}, better {better}"
            rows.append((label, held[0] / N_RUNS, held[1] / N_RUNS))
    show(f"Intervals of a difference ({N_RUNS} runs a row)", ("", "Newcombe", "Tango"), rows)


def _tango_limit(better: int, n: int, delta: float) -> int:
    """The most prompts that may be worse for Tango's test to pass, or -1."""
    most = -1
    while most + 1 + better <= n and tango_non_inferiority(most + 1, better, n, delta) <= 0.05:
        most += 1
    return most


def _accused_from(better: int, n: int, delta: Fraction) -> int:
    """The fewest prompts that must be worse to show the candidate inferior, or n + 1."""
    low, high = 0, n - better + 1
    while low < high:
        middle = (low + high) // 2
        if middle + better <= n and is_inferior(middle, better, n, delta, ALPHA):
            high = middle
        else:
            low = middle + 1
    return low if low + better <= n else n + 1
