"""What is searched is found, whatever the guess says."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.license.statistics import (
    clopper_pearson_upper,
    first,
    last,
    min_worse,
    prompts_needed,
    rough_upper,
)
from attest.license.statistics.non_inferiority import is_inferior, is_not_inferior

ALPHA = Fraction(1, 20)


@given(st.integers(-5, 40), st.integers(-5, 60), st.integers(-5, 45), st.integers(-9, 99))
def test_no_guess_changes_what_is_found(low: int, turns: int, high: int, guess: int) -> None:
    numbers = range(low, high + 1)
    smallest = next((x for x in numbers if x >= turns), None)
    largest = next((x for x in reversed(numbers) if x < turns), None)
    for seems in (None, lambda x: x >= guess):
        assert first(low, high, lambda x: x >= turns, seems=seems) == smallest
    for seems in (None, lambda x: x < guess):
        assert last(low, high, lambda x: x < turns, seems=seems) == largest


def test_a_good_guess_saves_most_questions() -> None:
    asked: list[int] = []

    def holds(number: int) -> bool:
        asked.append(number)
        return number >= 123_456

    assert first(0, 10**6, holds, seems=lambda number: number >= 123_455) == 123_456
    assert len(asked) <= 3


@pytest.mark.parametrize("n", [10, 400, 10_000])
@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 1])
def test_the_guess_at_a_bound_is_near_it(n: int, share: float) -> None:
    k = round(share * n)
    exact = clopper_pearson_upper(k, n, 0.95)
    assert rough_upper(k, n, ALPHA) == pytest.approx(exact, abs=0.1 / n**0.5)


@pytest.mark.parametrize("n", [40, 90, 400])
def test_comparisons_turn_where_they_are_said_to(n: int) -> None:
    margin = Fraction(1, 10)
    failing = min_worse(n, margin, ALPHA)
    assert failing == next(w for w in range(n + 1) if is_inferior(w, 0, n, margin, ALPHA))
    needed = prompts_needed(5, 2, margin, ALPHA, most=n)
    assert needed == next(
        (m for m in range(7, n + 1) if is_not_inferior(5, 2, m, margin, ALPHA)), None
    )
