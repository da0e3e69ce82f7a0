"""A comparison with the base, applied: how much worse a checkpoint may be on the same prompts.

What counts are the prompts on which the two differ. Nothing is assumed about how good the base is;
that a bad base makes this easy is why the terms must name an absolute threshold beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from attest.license.statistics import (
    difference_upper_bound,
    is_inferior,
    is_not_inferior,
    max_worse,
    min_worse,
    prompts_needed,
)
from attest.license.terms import MAX_ITEMS, Requirement
from attest.license.verdict import Pairs
from attest.record import exact


@dataclass(frozen=True)
class Comparison:
    """A limit on how much larger the failure rate is than that of the base."""

    margin: Fraction
    alpha: Fraction

    @classmethod
    def of(cls, requirement: Requirement) -> Self:
        """The comparison of a `non_inferiority` requirement."""
        assert requirement.margin is not None
        assert requirement.confidence is not None
        return cls(margin=exact(requirement.margin), alpha=1 - exact(requirement.confidence))

    def passes(self, pairs: Pairs) -> bool:
        """Whether the checkpoint is shown to be worse by the margin at most."""
        return is_not_inferior(pairs.worse, pairs.better, pairs.total, self.margin, self.alpha)

    def fails(self, pairs: Pairs, alpha: Fraction) -> bool:
        """Whether it is shown to be worse by more than the margin, at a level `alpha`."""
        return is_inferior(pairs.worse, pairs.better, pairs.total, self.margin, alpha)

    def allowed_worse(self, n_units: int, *, better: int = 0) -> int | None:
        """The most units on which it may be worse, where it is better on `better` others."""
        return max_worse(better, n_units, self.margin, self.alpha)

    def smallest_failing(self, n_units: int, alpha: Fraction) -> int | None:
        """The fewest units on which it is shown to be too much worse, if it is better on none."""
        return min_worse(n_units, self.margin, alpha)

    def bound(self, pairs: Pairs) -> Fraction:
        """The upper confidence bound on how much larger the failure rate is, rounded up."""
        return difference_upper_bound(pairs.worse, pairs.better, pairs.total, self.alpha)

    def needed_units(self, pairs: Pairs) -> int | None:
        """The fewest units among which such differences pass; None if MAX_ITEMS do not do."""
        return prompts_needed(pairs.worse, pairs.better, self.margin, self.alpha, most=MAX_ITEMS)
