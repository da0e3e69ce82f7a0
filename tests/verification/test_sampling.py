"""Spot checks: the published table of sample sizes, and draws that nobody can steer."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from scipy.stats import hypergeom

from attest.errors import InputError
from attest.verification.sampling import (
    detection_probability,
    draw,
    sample_size,
    smallest_caught,
)

P95, P99 = Fraction(95, 100), Fraction(99, 100)


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


def test_a_draw_is_without_replacement_and_within_the_population() -> None:
    population = [3, 5, 7, 11, 13, 17]
    for beacon in (None, bytes(32)):
        drawn = draw(population, 4, beacon=beacon, label="x")
        assert len(set(drawn)) == 4
        assert set(drawn) <= set(population)
    assert draw(population, 6, beacon=bytes(32), label="x") == population


def test_a_beacon_decides_and_labels_keep_draws_apart() -> None:
    population = range(1000)
    first = draw(population, 20, beacon=bytes(32), label="a")

    assert draw(population, 20, beacon=bytes(32), label="a") == first
    assert draw(population, 20, beacon=bytes(32), label="b") != first
    assert draw(population, 20, beacon=bytes(31) + b"\x01", label="a") != first


def test_a_beacon_favors_no_item() -> None:
    counts = Counter(
        item
        for number in range(4000)
        for item in draw(range(7), 2, beacon=number.to_bytes(16, "big"), label="x")
    )
    expected = 4000 * 2 / 7

    assert sum((counts[item] - expected) ** 2 / expected for item in range(7)) < 22.5


def test_refuses_a_beacon_that_can_be_ground() -> None:
    with pytest.raises(InputError, match="at least 16 bytes"):
        draw(range(10), 2, beacon=b"short", label="x")


def test_refuses_to_look_for_no_forgery() -> None:
    with pytest.raises(InputError, match="at least one forged"):
        sample_size(10, 0, P95)
