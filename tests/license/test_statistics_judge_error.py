"""Judges that err: published intervals, and a correction that only ever raises the rate."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import (
    BOUND_PLACES,
    Interval,
    corrected_upper_bound,
    fails,
    fails_corrected,
    lang_reiczigel,
    passes,
    passes_corrected,
    rogan_gladen,
    upper_bound,
)

ALPHA, TAU = Fraction(1, 20), Fraction(1, 20)


@pytest.mark.parametrize(
    ("k", "n", "se", "sp", "estimate", "at_95", "at_90"),
    [
        (23, 150, (96, 100), (89, 100), 0.0510, (0, 0.1457), (0, 0.1288)),
        (20, 400, (90, 100), (190, 200), 0, (0, 0.0436), (0, 0.0352)),
        (12, 400, (95, 100), (294, 300), 0.0108, (0, 0.0384), (0, 0.0327)),
        (60, 400, (45, 50), (95, 100), 0.1176, (0.0465, 0.1785), (0.0565, 0.1672)),
    ],
)
def test_corrected_rates_equal_the_published_table(
    k: int,
    n: int,
    se: tuple[int, int],
    sp: tuple[int, int],
    estimate: float,
    at_95: tuple[float, float],
    at_90: tuple[float, float],
) -> None:
    found = rogan_gladen(k / n, se[0] / se[1], sp[0] / sp[1])
    assert found == pytest.approx(estimate, abs=5.1e-5)
    for confidence, expected in ((0.95, at_95), (0.90, at_90)):
        interval = lang_reiczigel(k, n, *se, *sp, confidence)
        assert interval is not None
        assert (interval.low, interval.high) == pytest.approx(expected, abs=5.1e-5)


def test_fewer_flags_than_false_alarms_are_no_rate_of_zero() -> None:
    assert lang_reiczigel(4, 400, 90, 100, 190, 200, 0.95) is None
    assert rogan_gladen(0.01, 0.90, 0.95) == 0


def test_rates_are_clipped_to_what_rates_can_be() -> None:
    assert rogan_gladen(1, 0.8, 0.9) == 1
    interval = lang_reiczigel(60, 60, 40, 50, 45, 50, 0.95)
    assert interval == Interval(1, 1)


def test_a_judge_that_hardly_knows_is_refused() -> None:
    with pytest.raises(InputError, match="sensitivity") as caught:
        rogan_gladen(0.1, 0.7, 0.7)
    assert caught.value.reason == "judge-too-weak"
    with pytest.raises(InputError, match="sensitivity"):
        lang_reiczigel(1, 10, 7, 10, 7, 10, 0.95)
    with pytest.raises(InputError, match="flags"):
        rogan_gladen(1.1, 0.9, 0.9)


@pytest.mark.parametrize(
    ("k", "tp", "n_positive"), [(0, 100, 100), (4, 95, 100), (12, 237, 248), (30, 9, 10)]
)
def test_the_bound_is_that_of_the_flags_over_that_of_the_sensitivity(
    k: int, tp: int, n_positive: int
) -> None:
    flags = beta.ppf(0.975, k + 1, 400 - k)
    sensitivity = beta.ppf(0.025, tp, n_positive - tp + 1)
    found = corrected_upper_bound(k, 400, tp, n_positive, ALPHA)
    assert float(found) == pytest.approx(flags / sensitivity, abs=3e-6)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), n=st.integers(1, 200), n_positive=st.integers(1, 100))
def test_the_correction_only_raises_the_rate(data: st.DataObject, n: int, n_positive: int) -> None:
    k, tp = data.draw(st.integers(0, n)), data.draw(st.integers(0, n_positive))
    bound = corrected_upper_bound(k, n, tp, n_positive, ALPHA)
    assert bound >= upper_bound(k, n, ALPHA)
    if bound < 1:
        step = Fraction(1, 10**BOUND_PLACES)
        assert passes_corrected(k, n, tp, n_positive, bound, ALPHA)
        assert not passes_corrected(k, n, tp, n_positive, bound - step, ALPHA)
        assert passes(k, n, bound, ALPHA)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), n=st.integers(1, 200), size=st.integers(1, 100))
def test_no_count_both_passes_and_fails_under_correction(
    data: st.DataObject, n: int, size: int
) -> None:
    k, hits = data.draw(st.integers(0, n)), data.draw(st.integers(0, size))
    failed = fails_corrected(k, n, hits, size, TAU, ALPHA)
    assert not (failed and passes_corrected(k, n, hits, size, TAU, ALPHA))
    assert not failed or fails(k, n, TAU, ALPHA)


def test_a_judge_of_unknown_worth_decides_nothing() -> None:
    assert corrected_upper_bound(0, 400, 0, 20, ALPHA) == 1
    assert not passes_corrected(0, 400, 0, 20, TAU, ALPHA)
    assert not fails_corrected(400, 400, 0, 20, TAU, ALPHA)
    with pytest.raises(InputError):
        passes_corrected(0, 400, 0, 0, TAU, ALPHA)
    with pytest.raises(InputError):
        corrected_upper_bound(5, 4, 1, 1, ALPHA)


def test_the_bound_covers_the_rate_under_a_judge_that_errs() -> None:
    rng = random.Random(20260501)
    p, se, sp, n, size, n_runs = 0.08, 0.9, 0.97, 200, 80, 400
    missed = wrongly_failed = 0
    for _ in range(n_runs):
        k = sum(rng.random() < (se if rng.random() < p else 1 - sp) for _ in range(n))
        tp = sum(rng.random() < se for _ in range(size))
        tn = sum(rng.random() < sp for _ in range(size))
        missed += passes_corrected(k, n, tp, size, Fraction("0.08"), ALPHA)
        wrongly_failed += fails_corrected(k, n, tn, size, Fraction("0.08"), ALPHA)
    assert missed / n_runs <= 0.05
    assert wrongly_failed / n_runs <= 0.05
