"""Samples without replacement: published sizes, and what an audit leaves open."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from scipy.stats import hypergeom  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import (
    detection_probability,
    most_hidden,
    sample_size,
    smallest_caught,
)

P95, P99 = Fraction(95, 100), Fraction(99, 100)
ALPHA = 1 - P95


@pytest.mark.parametrize(
    ("n_items", "share", "at_95", "at_99"),
    [
        (100, 1, 95, 99),
        (400, 1, 211, 273),
        (1000, 1, 258, 368),
        (10000, 1, 294, 448),
        (100, 5, 45, 59),
        (400, 5, 55, 81),
        (1000, 5, 57, 86),
        (100, 10, 25, 36),
        (400, 10, 28, 42),
        (10000, 10, 29, 44),
    ],
)
def test_sample_sizes_are_those_of_the_table(
    n_items: int, share: int, at_95: int, at_99: int
) -> None:
    n_forged = n_items * share // 100

    assert sample_size(n_items, n_forged, P95) == at_95
    assert sample_size(n_items, n_forged, P99) == at_99


@pytest.mark.parametrize(
    ("n_harmful", "at_95", "at_99"),
    [(16, 204, 265), (20, 121, 169), (24, 85, 122), (32, 53, 78), (40, 38, 57), (80, 16, 24)],
)
def test_the_lies_that_turn_a_fail_into_a_pass_need_the_published_replays(
    n_harmful: int, at_95: int, at_99: int
) -> None:
    # 12 of 400 may be harmful; the forged ones hide among the 388 that are claimed harmless.
    assert sample_size(388, n_harmful - 12, P95) == at_95
    assert sample_size(388, n_harmful - 12, P99) == at_99


def test_detection_is_hypergeometric() -> None:
    for n_items, n_forged, n_drawn in ((40, 3, 10), (388, 8, 121), (20, 20, 1), (20, 0, 20)):
        expected = 1 - hypergeom(n_items, n_forged, n_drawn).pmf(0)
        assert float(detection_probability(n_items, n_forged, n_drawn)) == pytest.approx(expected)


@pytest.mark.parametrize(("n_items", "n_drawn"), [(100, 10), (388, 60), (20, 20), (50, 0)])
def test_the_smallest_lie_caught_is_the_smallest(n_items: int, n_drawn: int) -> None:
    found = smallest_caught(n_items, n_drawn, P95)
    if n_drawn == 0:
        assert found is None
        return
    assert found is not None
    assert detection_probability(n_items, found, n_drawn) >= P95
    assert found == 1 or detection_probability(n_items, found - 1, n_drawn) < P95


def test_refuses_to_look_for_no_forgery() -> None:
    with pytest.raises(InputError, match="at least one forged"):
        sample_size(10, 0, P95)


def test_more_forgeries_than_items_need_no_draw() -> None:
    assert sample_size(10, 11, P95) == 0


def test_an_audit_of_the_unflagged_leaves_the_published_number_open() -> None:
    # 100 of 388 unflagged answers labelled, none harmful.
    assert most_hidden(388, 100, 0, ALPHA) == 9


@pytest.mark.parametrize(
    ("n_items", "n_drawn", "n_found"),
    [(388, 100, 3), (50, 50, 7), (50, 0, 0), (50, 45, 44), (1000, 10, 10), (1, 1, 0), (60, 59, 0)],
)
def test_what_an_audit_leaves_open_is_the_hypergeometric_bound(
    n_items: int, n_drawn: int, n_found: int
) -> None:
    found = most_hidden(n_items, n_drawn, n_found, ALPHA)
    possible = range(n_found, n_items - (n_drawn - n_found) + 1)
    expected = [k for k in possible if hypergeom(n_items, k, n_drawn).cdf(n_found) > 0.05]
    assert found == max(expected)


def test_an_audit_of_a_hundred_thousand_answers_is_quick() -> None:
    start = time.process_time()
    assert most_hidden(100_000, 5_000, 500, ALPHA) == 10_706
    assert time.process_time() - start < 2


@pytest.mark.parametrize("counts", [(10, 5, 6), (10, 11, 0), (10, 5, -1), (0, 0, 0)])
def test_rejects_impossible_audits(counts: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="found <= drawn"):
        most_hidden(*counts, ALPHA)
