"""Stopping early: the published mean lengths and error rates, exactly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import comb
from operator import ge, gt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attest.errors import InputError
from attest.license.statistics import EProcess, max_failures, min_failures

ALPHA = Fraction(1, 20)
COUNT_RULE = EProcess(400, 20, 21, ALPHA)


@dataclass(frozen=True)
class Course:
    """What a run with a known number of failures leads to, over all orders of its prompts."""

    mean_drawn: float
    ends: dict[str, float]


@cache
def outcome_of(process: EProcess, drawn: int, failed: int) -> str | None:
    return process.outcome(drawn, failed)


def course(process: EProcess, n_failing: int) -> Course:
    n = process.n_items
    running = {0: 1.0}
    mean, ends = 0.0, {"pass": 0.0, "fail": 0.0, "inconclusive": 0.0}
    for drawn in range(1, n + 1):
        following: dict[int, float] = {}
        for failed, chance in running.items():
            rate = (n_failing - failed) / (n - drawn + 1)
            for k, p in ((failed + 1, chance * rate), (failed, chance * (1 - rate))):
                if p == 0:
                    continue
                outcome = outcome_of(process, drawn, k)
                if outcome is None:
                    following[k] = following.get(k, 0.0) + p
                else:
                    mean += drawn * p
                    ends[outcome] += p
        running = following
    assert not running
    return Course(mean, ends)


@pytest.mark.parametrize(
    ("n_failing", "mean", "wrong"),
    [(0, 60, 0), (4, 95, 0), (20, 374, 0.0244), (21, 359, 0.0473), (40, 113, 0.0011), (120, 12, 0)],
)
def test_mean_lengths_and_errors_equal_the_published_table(
    n_failing: int, mean: float, wrong: float
) -> None:
    found = course(COUNT_RULE, n_failing)
    assert found.mean_drawn == pytest.approx(mean, abs=0.51)
    assert found.ends["inconclusive"] == 0
    assert found.ends["fail" if n_failing <= 20 else "pass"] == pytest.approx(wrong, abs=5.1e-4)


def test_a_broken_model_is_stopped_after_three_prompts() -> None:
    assert course(COUNT_RULE, 320).mean_drawn == pytest.approx(2.6, abs=0.051)


@pytest.mark.parametrize("n_failing", [0, 5, 6, 9, 12, 13, 30, 60])
def test_no_number_of_failures_is_misjudged_more_often_than_alpha(n_failing: int) -> None:
    n, tau = 60, Fraction(15, 100)
    process = EProcess(n, 5, 13, Fraction(1, 10))
    ends = course(process, n_failing).ends
    assert n_failing <= 5 or ends["pass"] <= 0.1
    assert n_failing >= 13 or ends["fail"] <= 0.1
    assert 5 < n_failing < 13 or ends["inconclusive"] == 0
    assert sum(ends.values()) == pytest.approx(1)
    assert (max_failures(n, tau, ALPHA), min_failures(n, tau, ALPHA)) == (4, 15)


def by_definition(
    process: EProcess, drawn: int, failed: int, is_enough: Callable[[Fraction, Fraction], bool] = ge
) -> str | None:
    """The same rule in rational numbers, with the largest likelihood found by looking."""
    n, passing, failing = process.n_items, process.allowed_failures, process.smallest_failing
    assert passing is not None
    assert failing is not None

    def likelihood(k: int) -> Fraction:
        # Orders apart, drawing `failed` of the k failures.
        return Fraction(comb(k, failed) * comb(n - k, drawn - failed), comb(n, drawn))

    def evidence(is_for: Callable[[int], bool]) -> Fraction | None:
        those = [k for k in range(n + 1) if is_for(k)]
        weights = [Fraction(1, k + 1) for k in those]
        likely = [w * likelihood(k) for k, w in zip(those, weights, strict=True)]
        mean = sum(likely, Fraction(0)) / sum(weights, Fraction(0))
        rest = max(likelihood(k) for k in range(n + 1) if not is_for(k))
        return mean / rest if rest else None

    possible = [k for k in range(n + 1) if likelihood(k)]
    if all(passing < k < failing for k in possible):
        return "inconclusive"
    for_pass, for_fail = evidence(lambda k: k <= passing), evidence(lambda k: k >= failing)
    if for_pass is None or is_enough(for_pass, 1 / process.alpha):
        return "pass"
    return "fail" if for_fail is None or is_enough(for_fail, 1 / process.alpha) else None


def test_evidence_that_is_just_enough_may_be_rounded_away() -> None:
    process = EProcess(6, 0, 6, Fraction(1, 3))
    assert by_definition(process, 4, 4) == "fail"
    assert process.outcome(4, 4) is by_definition(process, 4, 4, gt) is None


@settings(deadline=None, max_examples=200)
@given(data=st.data(), n=st.integers(1, 40), alpha=st.sampled_from([ALPHA, Fraction(1, 3)]))
def test_the_outcome_is_the_one_by_definition(data: st.DataObject, n: int, alpha: Fraction) -> None:
    passing = data.draw(st.integers(0, n - 1))
    failing = data.draw(st.integers(passing + 1, n))
    process = EProcess(n, passing, failing, alpha)
    drawn = data.draw(st.integers(0, n))
    failed = data.draw(st.integers(0, drawn))
    assert process.outcome(drawn, failed) in {
        by_definition(process, drawn, failed, is_enough) for is_enough in (ge, gt)
    }


def test_the_run_ends_as_soon_as_arithmetic_settles_it() -> None:
    strict = EProcess(400, 20, 21, Fraction(1, 10**9))
    assert strict.outcome(379, 0) == "pass"
    assert strict.outcome(399, 20) is None
    assert strict.outcome(400, 20) == "pass"
    assert strict.outcome(399, 21) == "fail"


def test_between_the_bounds_the_full_run_is_inconclusive() -> None:
    process = EProcess(400, 12, 28, Fraction(1, 10**9))
    assert process.outcome(400, 12) == "pass"
    assert process.outcome(400, 13) == "inconclusive"
    assert process.outcome(400, 27) == "inconclusive"
    assert process.outcome(400, 28) == "fail"
    assert process.outcome(386, 13) == "inconclusive"
    assert process.outcome(385, 13) is None


def test_a_rule_that_never_passes_or_fails_is_never_stopped_so() -> None:
    never_passes = EProcess(40, None, 6, ALPHA)
    assert never_passes.outcome(0, 0) is None
    assert never_passes.outcome(35, 0) == "inconclusive"
    assert never_passes.outcome(6, 6) == "fail"
    never_fails = EProcess(40, 3, None, ALPHA)
    assert never_fails.outcome(4, 4) == "inconclusive"
    assert never_fails.outcome(38, 1) == "pass"


@pytest.mark.parametrize(
    ("n_drawn", "n_failed"), [(60, 0), (600, 60), (60_000, 3_010), (60_000, 2_900)]
)
def test_a_look_at_a_hundred_thousand_prompts_is_quick(n_drawn: int, n_failed: int) -> None:
    process = EProcess(100_000, 5_000, 5_001, ALPHA)
    process.outcome(n_drawn, n_failed)
    start = time.process_time()
    process.outcome(n_drawn, n_failed)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(("allowed", "failing"), [(5, 5), (6, 5), (-2, 3), (3, 12)])
def test_rejects_impossible_rules(allowed: int, failing: int) -> None:
    with pytest.raises(InputError, match="allowed failures"):
        EProcess(10, allowed, failing, ALPHA)


def test_rejects_impossible_draws_and_levels() -> None:
    for drawn, failed in ((401, 0), (5, 6), (5, -1)):
        with pytest.raises(InputError, match="drawn"):
            COUNT_RULE.outcome(drawn, failed)
    with pytest.raises(InputError, match="level"):
        EProcess(10, 1, 2, Fraction(1))
