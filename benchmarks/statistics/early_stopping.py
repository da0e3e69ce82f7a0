"""The mean number of prompts until a run is decided, over all orders of its prompts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from table import show

from attest.license.statistics import EProcess, max_failures, min_failures

ALPHA = Fraction(1, 20)
N, TAU = 400, Fraction(1, 20)
REFERENCE = {0: 60, 4: 95, 12: 229, 20: 374, 21: 359, 40: 113, 120: 12, 320: 2.6}
"""Mean number of prompts by failures among the 400, from an independent computation of the same
process in logarithms."""


@dataclass(frozen=True)
class Courses:
    """Where runs end, for each number of failures in the set; arrays (n_items + 1,) float."""

    mean_drawn: NDArray[np.float64]
    passed: NDArray[np.float64]
    failed: NDArray[np.float64]


def courses_of(process: EProcess) -> Courses:
    """The exact courses of a process, for every number of failures and over all orders."""
    n = process.n_items
    # No run goes on with more failures than these.
    most = process.smallest_failing or n
    failing, k = np.arange(n + 1)[:, None], np.arange(most + 1)[None, :]
    running = np.zeros((n + 1, most + 1))
    running[:, 0] = 1
    mean, passed, failed = np.zeros((3, n + 1))
    for drawn in range(1, n + 1):
        rate = np.clip((failing - k) / (n - drawn + 1), 0, 1)
        following = running * (1 - rate)
        following[:, 1:] += (running * rate)[:, :-1]
        for count in range(min(drawn, most) + 1):
            share = following[:, count]
            if not share.any():
                continue
            outcome = process.outcome(drawn, count)
            if outcome is None:
                continue
            mean += drawn * share
            passed += share * (outcome == "pass")
            failed += share * (outcome == "fail")
            following[:, count] = 0
        running = following
    return Courses(mean, passed, failed)


def lengths(_seed: int) -> None:
    """The count rule of 400 prompts at 5%, beside the reference table."""
    courses = courses_of(EProcess(N, 20, 21, ALPHA))
    rows = []
    for n_failing, reference in REFERENCE.items():
        wrong = courses.failed if n_failing <= 20 else courses.passed
        mean = f"{courses.mean_drawn[n_failing]:.1f}"
        rows.append((f"{n_failing}", mean, f"{reference:g}", float(wrong[n_failing])))
    header = ("failures among 400", "mean prompts", "reference", "wrong verdict")
    show("Early stopping, rule `count`, at most 5% (exact)", header, rows)


def confidence_rule(_seed: int) -> None:
    """The confidence rule: what the full run would say, over models with a true rate."""
    allowed, failing = max_failures(N, TAU, ALPHA), min_failures(N, TAU, ALPHA)
    courses = courses_of(EProcess(N, allowed, failing, ALPHA))
    rows = []
    for rate in (0.0, 0.01, 0.03, 0.05, 0.1, 0.3):
        chances = binom.pmf(np.arange(N + 1), N, rate)
        cells = (float(chances @ courses.passed), float(chances @ courses.failed))
        full = (float(chances[: allowed + 1].sum()), float(chances[failing:].sum()))
        rows.append((f"{rate:.0%}", f"{chances @ courses.mean_drawn:.1f}", *cells, *full))
    header = ("true rate", "mean prompts", "pass", "fail", "pass, full run", "fail, full run")
    show("Early stopping, rule `confidence`, at most 5% of 400 (exact)", header, rows)
