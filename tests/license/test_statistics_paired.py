"""Candidate against base: tests and intervals, against tables and other people's arithmetic."""

from __future__ import annotations

from math import inf, log, sqrt

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar  # type: ignore[import-untyped]
from scipy.stats import binom, norm  # type: ignore[import-untyped]
from statsmodels.stats.contingency_tables import mcnemar  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import (
    Interval,
    mcnemar_exact,
    mcnemar_midp,
    newcombe_paired,
    tango_non_inferiority,
    tango_paired,
)

Cells = tuple[int, int, int, int]


@pytest.mark.parametrize(
    ("cells", "exact", "midp", "newcombe", "tango", "p_values"),
    [
        (
            (59, 6, 16, 80),
            0.05248,
            0.03469,
            (-0.1186, -0.0046),
            (-0.1240, -0.0054),
            (0.0032, 0.0002),
        ),
        ((80, 40, 20, 20), 0.01349, 0.00985, (0.0305, 0.2165), (0.0309, 0.2181), (0.985, 0.942)),
        ((4, 10, 2, 384), 0.03857, 0.02246, (0.0022, 0.0413), (0.0036, 0.0411), (0.5, 0.0048)),
        ((0, 5, 5, 390), 1, 1, (-0.0180, 0.0180), (-0.0181, 0.0181), (0.0168, 0)),
        ((0, 0, 0, 400), 1, 1, (-0.0095, 0.0095), (-0.0095, 0.0095), (0.0021, 0)),
    ],
)
def test_tests_and_intervals_equal_the_published_table(
    cells: Cells,
    exact: float,
    midp: float,
    newcombe: tuple[float, float],
    tango: tuple[float, float],
    p_values: tuple[float, float],
) -> None:
    both, worse, better, neither = cells
    n = sum(cells)
    assert mcnemar_exact(worse, better) == pytest.approx(exact, abs=5.1e-6)
    assert mcnemar_midp(worse, better) == pytest.approx(midp, abs=5.1e-6)
    assert ends(newcombe_paired(both, worse, better, neither, 0.95)) == pytest.approx(
        newcombe, abs=5.1e-5
    )
    assert ends(tango_paired(worse, better, n, 0.95)) == pytest.approx(tango, abs=5.1e-5)
    found = [tango_non_inferiority(worse, better, n, delta) for delta in (0.02, 0.05)]
    assert found == pytest.approx(p_values, abs=5.1e-4)


def test_score_intervals_equal_those_of_the_paper() -> None:
    assert ends(tango_paired(0, 1, 44, 0.90)) == pytest.approx((-0.0957, 0.0365), abs=5.1e-5)
    assert ends(tango_paired(1, 7, 21, 0.95)) == pytest.approx((-0.517, -0.026), abs=5.1e-4)


@pytest.mark.parametrize("worse", [0, 1, 5, 40, 1000])
@pytest.mark.parametrize("better", [0, 2, 5, 37, 1100])
def test_mcnemar_agrees_with_statsmodels_and_scipy(worse: int, better: int) -> None:
    if worse + better == 0:
        assert mcnemar_exact(0, 0) == mcnemar_midp(0, 0) == 1
        return
    exact = mcnemar(np.array([[3, worse], [better, 3]]), exact=True).pvalue
    assert mcnemar_exact(worse, better) == pytest.approx(exact, rel=1e-9)
    fewer, n = min(worse, better), worse + better
    tie = 1 if worse == better else 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)
    assert mcnemar_midp(worse, better) == pytest.approx(tie, rel=1e-9)


def score_by_likelihood(worse: int, better: int, n: int, delta: float) -> float:
    """Tango's score with the nuisance rate found by maximizing the likelihood."""

    def loss(q: float) -> float:
        cells = ((worse, q + delta), (better, q), (n - worse - better, 1 - 2 * q - delta))
        return -sum(k * log(rate) if rate > 0 else -inf for k, rate in cells if k)

    least, most = max(0.0, -delta), (1 - delta) / 2
    q = minimize_scalar(loss, bounds=(least, most), method="bounded", options={"xatol": 1e-13}).x
    return (worse - better - n * delta) / sqrt(n * (2 * q + delta - delta * delta))


@pytest.mark.parametrize(("worse", "better", "n"), [(10, 2, 400), (3, 9, 40), (30, 1, 50)])
@pytest.mark.parametrize("confidence", [0.90, 0.99])
def test_score_intervals_agree_with_maximized_likelihood(
    worse: int, better: int, n: int, confidence: float
) -> None:
    z, middle = norm.ppf((1 + confidence) / 2), (worse - better) / n
    low = brentq(lambda d: score_by_likelihood(worse, better, n, d) - z, -0.99, middle)
    high = brentq(lambda d: score_by_likelihood(worse, better, n, d) + z, middle, 0.99)
    # The maximum of a flat likelihood is known to half of the digits.
    assert ends(tango_paired(worse, better, n, confidence)) == pytest.approx((low, high), abs=1e-7)


@pytest.mark.parametrize(
    ("worse", "better", "n"), [(0, 0, 30), (0, 6, 30), (4, 4, 30), (30, 0, 30)]
)
def test_intervals_mirror_when_candidate_and_base_change_places(
    worse: int, better: int, n: int
) -> None:
    there, back = tango_paired(worse, better, n, 0.95), tango_paired(better, worse, n, 0.95)
    assert ends(there) == pytest.approx((-back.high, -back.low), abs=1e-12)
    same = n - worse - better
    there = newcombe_paired(0, worse, better, same, 0.95)
    back = newcombe_paired(0, better, worse, same, 0.95)
    assert ends(there) == pytest.approx((-back.high, -back.low), abs=1e-12)
    assert -1 <= there.low <= (worse - better) / n <= there.high <= 1


def test_the_non_inferiority_test_is_the_interval_read_once() -> None:
    for delta in (0.01, 0.03, 0.06):
        is_shown = tango_non_inferiority(9, 6, 400, delta) <= 0.05
        assert is_shown == (tango_paired(9, 6, 400, 0.90).high <= delta)


def test_uncorrelated_margins_give_the_independent_interval() -> None:
    # With phi = 0 the limits are those of two independent proportions (Newcombe's method 10).
    found = newcombe_paired(0, 0, 12, 28, 0.95)
    low, high = (
        proportion_confint(0, 40, method="wilson"),
        proportion_confint(12, 40, method="wilson"),
    )
    reach_down = sqrt(low[0] ** 2 + (high[1] - 0.3) ** 2)
    reach_up = sqrt(low[1] ** 2 + (0.3 - high[0]) ** 2)
    assert ends(found) == pytest.approx((-0.3 - reach_down, -0.3 + reach_up), abs=1e-9)


@pytest.mark.parametrize(("worse", "better", "n"), [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_rejects_impossible_pairs(worse: int, better: int, n: int) -> None:
    with pytest.raises(InputError):
        tango_paired(worse, better, n, 0.95)
    with pytest.raises(InputError):
        tango_non_inferiority(worse, better, n, 0.05)


def test_rejects_impossible_cells() -> None:
    with pytest.raises(InputError):
        mcnemar_exact(-1, 3)
    with pytest.raises(InputError):
        newcombe_paired(0, 0, 0, 0, 0.95)


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
