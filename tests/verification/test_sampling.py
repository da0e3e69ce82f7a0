"""Spot checks: draws that nobody can steer."""

from __future__ import annotations

from collections import Counter

import pytest

from attest.errors import InputError
from attest.verification.sampling import draw


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
