"""Real numbers between two integers times a power of two.

Every operation widens its result outwards, so a comparison that it answers is proven. No float
takes part: the same numbers come out on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

PRECISION_BITS = 256
"""Width of the enclosing integers; what it cannot resolve is a tie, or all but one."""


@dataclass(frozen=True)
class Enclosure:
    """A real number, 0 or more, between `low * 2**exponent` and `high * 2**exponent`."""

    low: int
    high: int
    exponent: int

    @classmethod
    def of(cls, value: int) -> Self:
        """An integer, 0 or more."""
        return cls(value, value, 0).rounded()

    @classmethod
    def of_ratio(cls, value: Fraction) -> Self:
        """A rational number, 0 or more."""
        return cls.of(value.numerator).over(cls.of(value.denominator))

    def rounded(self) -> Self:
        """The same number in at most PRECISION_BITS, as narrow as these allow."""
        shift = max(0, self.high.bit_length() - PRECISION_BITS)
        return type(self)(self.low >> shift, -(-self.high >> shift), self.exponent + shift)

    def times(self, other: Self) -> Self:
        """The product."""
        exponent = self.exponent + other.exponent
        return type(self)(self.low * other.low, self.high * other.high, exponent).rounded()

    def power(self, exponent: int) -> Self:
        """The power with an integer exponent, 0 or more."""
        result, square = type(self)(1, 1, 0), self
        while exponent:
            if exponent & 1:
                result = result.times(square)
            square = square.times(square)
            exponent >>= 1
        return result

    def is_surely_below(self, other: Self) -> bool:
        """Whether every number in this enclosure is below every number in the other."""
        # Far exponents are told apart by magnitude, so that no shift becomes huge.
        magnitude = self.high.bit_length() + self.exponent
        other_magnitude = other.low.bit_length() + other.exponent
        if not self.high or not other.low or magnitude != other_magnitude:
            return magnitude < other_magnitude if self.high and other.low else self.high < other.low
        base = min(self.exponent, other.exponent)
        return self.high << (self.exponent - base) < other.low << (other.exponent - base)

    def over(self, divisor: Self) -> Self:
        """The quotient by a number above 0."""
        low = (self.low << 2 * PRECISION_BITS) // divisor.high
        high = -(-(self.high << 2 * PRECISION_BITS) // divisor.low)
        exponent = self.exponent - divisor.exponent - 2 * PRECISION_BITS
        return type(self)(low, high, exponent).rounded()

    def ceiling(self) -> Fraction:
        """The upper end."""
        return self.high * Fraction(2) ** self.exponent
