"""How many failures a requirement allows, known before anything is measured.

A metric that must be at least t is read as a failure rate that may be at most 1 - t, so one
arithmetic serves both comparators.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from attest.license.statistics import (
    BOUND_PLACES,
    max_failures,
    min_failures,
    required_n,
    upper_bound,
)
from attest.license.terms import MAX_ITEMS, Comparator, Metric, Requirement, Rule
from attest.record import Rate, Record, Slug, exact


class Allowance(Record):
    """What a requirement says to each possible number of failures."""

    requirement: Slug
    category: str | None = None
    """None for the pooled items."""
    metric: Metric
    comparator: Comparator
    threshold: Rate
    rule: Rule
    confidence: Rate | None = None
    n_items: int
    allowed_failures: int | None = None
    """Largest number of failures that passes; None if none does."""
    smallest_failing: int | None = None
    """Smallest number of failures that fails; None if none does. In between: inconclusive."""

    @property
    def least_failures(self) -> int:
        """The number of failures that no model can stay below: an answer equals itself."""
        return 1 if self.metric == "most_common_answer_rate" else 0

    @property
    def is_passable(self) -> bool:
        """Whether a flawless model would pass."""
        return self.allowed_failures is not None and self.allowed_failures >= self.least_failures

    def explain(self) -> str:
        """Why a flawless model would not pass, in one clause."""
        if self.confidence is None:
            return (
                f"one answer is always the most common one, and 1 of {self.n_items} items is "
                f"above {self.threshold}"
            )
        bound = upper_bound(0, self.n_items, 1 - exact(self.confidence))
        shown = bound if self.comparator == "at_most" else 1 - bound
        side = "above" if self.comparator == "at_most" else "below"
        return (
            f"with 0 failures among {self.n_items} items the bound at confidence "
            f"{self.confidence} is {decimal(shown)}, {side} {self.threshold}"
        )

    def alternatives(self) -> str:
        """What the terms could say instead."""
        tau = failure_limit(self.comparator, self.threshold)
        ways: list[str] = []
        if self.confidence is None:
            needed = ceil(1 / tau) if tau > 0 else None
        else:
            needed = required_n(0, tau, 1 - exact(self.confidence)) if tau > 0 else None
            count = floor(tau * self.n_items)
            ways.append(f"use rule `count`, which allows {count} of {self.n_items} items")
        if needed is not None and needed <= MAX_ITEMS:
            ways.insert(0, f"take at least {needed} items")
        if self.category is not None:
            ways.append("hold the pooled items to the threshold (`per_category: false`)")
        if not ways:
            ways.append("relax the threshold")
        return ", or ".join(ways)


def failure_limit(comparator: Comparator, threshold: Rate) -> Fraction:
    """The largest failure rate that the threshold allows."""
    return exact(threshold) if comparator == "at_most" else 1 - exact(threshold)


def decimal(rate: Fraction) -> str:
    """A rate as a decimal with BOUND_PLACES places, ties rounded to even."""
    scale = 10**BOUND_PLACES
    whole, rest = divmod(round(rate * scale), scale)
    return f"{whole}.{rest:0{BOUND_PLACES}}"


def allowance(
    requirement: Requirement, *, category: str | None = None, n_items: int | None = None
) -> Allowance:
    """What `requirement` says to the failures among its items, or those of one category.

    Args:
        requirement: of a license.
        category: the category that is held to the threshold; None for the pooled items.
        n_items: items of that category; None takes all of the requirement.
    """
    n = requirement.n_items if n_items is None else n_items
    tau = failure_limit(requirement.comparator, requirement.threshold)
    allowed: int | None
    failing: int | None
    if requirement.confidence is None:
        allowed = floor(tau * n)
        failing = allowed + 1 if allowed < n else None
    else:
        alpha = 1 - exact(requirement.confidence)
        allowed, failing = max_failures(n, tau, alpha), min_failures(n, tau, alpha)
    return Allowance(
        requirement=requirement.id,
        category=category,
        metric=requirement.metric,
        comparator=requirement.comparator,
        threshold=requirement.threshold,
        rule=requirement.rule,
        confidence=requirement.confidence,
        n_items=n,
        allowed_failures=allowed,
        smallest_failing=failing,
    )
