"""The tolerance admits what honest computations differ by, and scales with arithmetic and model."""

from __future__ import annotations

import pytest

from attest.verification.replay import honest_tolerance


@pytest.mark.parametrize(
    ("spread", "largest"),
    [(7.87, 8.2), (10.93, 8.7)],
    ids=["15M", "125M"],
)
def test_admits_the_largest_margin_ever_measured(spread: float, largest: float) -> None:
    margin = largest * 2.0**-7 * spread

    assert 2 * margin < honest_tolerance("bfloat16", "bfloat16", spread)


def test_admits_steps_of_bfloat16_where_logits_are_large_and_close_together() -> None:
    """Between 16 and 32 there is one number in 1/8: here three of these, at a spread of 2.5."""
    assert honest_tolerance("bfloat16", "float32", 2.5) > 3 * 0.125


def test_float32_has_a_tolerance_of_its_own() -> None:
    assert honest_tolerance("float32", "float32", 1.0) < 1e-5
    assert honest_tolerance("float32", "bfloat16", 1.0) == honest_tolerance(
        "bfloat16", "float32", 1.0
    )
