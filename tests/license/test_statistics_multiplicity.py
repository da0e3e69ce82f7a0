"""Several allegations: Holm's method, asked level by level."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import fails, holm, min_failures

ALPHA = Fraction(1, 20)


@settings(deadline=None, max_examples=12)
@given(st.lists(st.fractions(0, 1, max_denominator=400), min_size=1, max_size=12))
def test_the_allegations_that_stand_are_those_of_statsmodels(p_values: list[Fraction]) -> None:
    tests = [partial(lambda p, level: p <= level, p) for p in p_values]
    # Floats decide a tie by rounding: a hair above alpha, no tie is left.
    expected = multipletests([float(p) for p in p_values], alpha=0.05 + 1e-12, method="holm")[0]
    assert holm(tests, ALPHA) == tuple(map(bool, expected))


def test_a_tie_is_decided_exactly() -> None:
    third = [partial(lambda p, level: p <= level, p) for p in (ALPHA / 3, ALPHA / 2, ALPHA)]
    assert holm(third, ALPHA) == (True, True, True)
    late = [partial(lambda p, level: p <= level, p) for p in (ALPHA / 2, ALPHA / 2, ALPHA)]
    assert holm(late, ALPHA) == (False, False, False)


def test_one_allegation_needs_no_correction() -> None:
    tau, n = Fraction(1, 10), 100
    least = min_failures(n, tau, ALPHA)
    assert least is not None
    assert holm([partial(fails, least, n, tau)], ALPHA) == (True,)
    # Beside nine others that nothing speaks for, the same count is not enough.
    others = [partial(fails, 10, n, tau)] * 9
    assert holm([partial(fails, least, n, tau), *others], ALPHA) == (False,) * 10
    strong = [partial(fails, 40, n, tau)] * 9
    assert holm([partial(fails, least, n, tau), *strong], ALPHA) == (True,) * 10


def test_nothing_alleged_is_nothing_shown() -> None:
    assert holm([], ALPHA) == ()
    with pytest.raises(InputError, match="level"):
        holm([], Fraction(0))


def test_ten_categories_at_the_threshold_are_seldom_accused() -> None:
    rng = random.Random(20260502)
    n, tau, n_runs = 100, Fraction(1, 10), 600
    least = min_failures(n, tau, ALPHA)
    assert least is not None
    plain = corrected = 0
    for _ in range(n_runs):
        counts = [sum(rng.random() < 0.1 for _ in range(n)) for _ in range(10)]
        plain += any(k >= least for k in counts)
        corrected += any(holm([partial(fails, k, n, tau) for k in counts], ALPHA))
    assert plain / n_runs > 0.2
    assert corrected / n_runs <= 0.05
