"""What the numbers that come in must satisfy."""

from __future__ import annotations

from fractions import Fraction

from attest.errors import InputError


def check_counts(k: int, n: int) -> None:
    """Raises: InputError with reason `out-of-range` unless 0 <= k <= n and n >= 1."""
    if not 0 <= k <= n or n < 1:
        raise InputError(
            f"expected 0 <= failures <= items and items >= 1, found {k} of {n}",
            reason="out-of-range",
        )


def check_level(level: Fraction | float) -> None:
    """Raises: InputError with reason `out-of-range` unless the level is inside (0, 1)."""
    if not 0 < level < 1:
        raise InputError(
            f"expected a level above 0 and below 1, found {level}", reason="out-of-range"
        )


def check_rate(rate: Fraction | float, what: str) -> None:
    """Raises: InputError with reason `out-of-range` unless the rate is inside [0, 1]."""
    if not 0 <= rate <= 1:
        raise InputError(f"expected {what} in [0, 1], found {rate}", reason="out-of-range")
