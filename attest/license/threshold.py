"""An absolute rule, applied: what a threshold says to so many failures among so many units.

A metric that must be at least t is read as a failure rate that may be at most 1 - t, so one
arithmetic serves both comparators. Scores are failures in part: their sum takes the place of the
number of failures, and the bound is one for means of values in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Self

from attest.license.metrics import SCORE_SCALE
from attest.license.statistics import (
    corrected_upper_bound,
    fails,
    fails_corrected,
    fails_total,
    first,
    last,
    least_rate,
    max_failures,
    max_total,
    mean_upper_bound,
    passes,
    passes_corrected,
    passes_total,
    rough_upper,
    upper_bound,
)
from attest.license.terms import MAX_ITEMS, Comparator, JudgeCorrection, Requirement
from attest.record import Rate, exact


@dataclass(frozen=True)
class Threshold:
    """A limit on the failure rate of `n_units`, or on the mean of their scores."""

    n_units: int
    limit: Fraction
    alpha: Fraction | None
    """None for rule `count`, in which chance takes no part."""
    is_scored: bool = False
    correction: JudgeCorrection | None = None

    @classmethod
    def of(cls, requirement: Requirement, n_units: int) -> Self:
        """The threshold of a `count` or `confidence` requirement over so many units."""
        assert requirement.threshold is not None
        confidence = requirement.confidence
        return cls(
            n_units=n_units,
            limit=failure_limit(requirement.comparator, requirement.threshold),
            alpha=None if confidence is None else 1 - exact(confidence),
            is_scored=requirement.metric == "mean_score",
            correction=requirement.judge_correction,
        )

    def passes(self, failures: Fraction) -> bool:
        """Whether so many failures, or scores that add up to so much, meet the threshold."""
        return self._passes(failures, self.n_units)

    def fails(self, failures: Fraction, alpha: Fraction) -> bool:
        """Whether they are shown to break it at a level `alpha`; a count needs no level."""
        if self.alpha is None:
            return failures > self.limit * self.n_units
        if self.is_scored:
            return fails_total(failures, self.n_units, self.limit, alpha)
        k, found = int(failures), None if self.correction is None else self.correction.specificity
        if found is None:
            return fails(k, self.n_units, self.limit, alpha)
        return fails_corrected(k, self.n_units, found.successes, found.trials, self.limit, alpha)

    def allowed(self) -> Fraction | None:
        """The most that passes; None if not even nothing does."""
        scale = SCORE_SCALE if self.is_scored else 1
        most: Fraction | int | None
        if self.alpha is None:
            most = self.limit * self.n_units
        elif self.is_scored:
            most = max_total(self.n_units, self.limit, self.alpha)
        elif self.correction is None:
            most = max_failures(self.n_units, self.limit, self.alpha)
        else:
            most = last(
                0,
                self.n_units,
                lambda k: self._passes(Fraction(k), self.n_units),
                seems=lambda k: self._seems_to_pass(Fraction(k), self.n_units),
            )
        return None if most is None else Fraction(floor(most * scale), scale)

    def smallest_failing(self, alpha: Fraction) -> int | None:
        """The least whole number of failures that breaks it at that level; None if none does."""
        n, limit, found = self.n_units, self.limit, None
        if self.correction is not None and (found := self.correction.specificity) is not None:
            limit = 1 - (1 - limit) * least_rate(found.successes, found.trials, alpha / 2)
        return first(
            0,
            n,
            lambda k: self.fails(Fraction(k), alpha),
            seems=lambda k: (
                rough_upper(n - k, n, alpha if found is None else alpha / 2) < 1 - limit
            ),
        )

    def bound(self, failures: Fraction, alpha: Fraction) -> Fraction:
        """The upper confidence bound on the failure rate or mean, rounded up."""
        if self.is_scored:
            return mean_upper_bound(failures, self.n_units, alpha)
        k, correction = int(failures), self.correction
        if correction is None:
            return upper_bound(k, self.n_units, alpha)
        found = correction.sensitivity
        return corrected_upper_bound(k, self.n_units, found.successes, found.trials, alpha)

    def needed_units(self, failures: Fraction) -> int | None:
        """The fewest units among which so much passes; None if MAX_ITEMS are not enough."""
        return first(
            max(1, ceil(failures)),
            MAX_ITEMS,
            lambda n: self._passes(failures, n),
            seems=lambda n: self._seems_to_pass(failures, n),
        )

    def _passes(self, failures: Fraction, n: int) -> bool:
        if self.alpha is None:
            return failures <= self.limit * n
        if self.is_scored:
            return passes_total(failures, n, self.limit, self.alpha)
        k, correction = int(failures), self.correction
        if correction is None:
            return passes(k, n, self.limit, self.alpha)
        found = correction.sensitivity
        return passes_corrected(k, n, found.successes, found.trials, self.limit, self.alpha)

    def _seems_to_pass(self, failures: Fraction, n: int) -> bool:
        """A guess at `_passes`, by floats."""
        if self.alpha is None:
            return failures <= self.limit * n
        alpha, limit = self.alpha, self.limit
        if self.correction is not None:
            found, alpha = self.correction.sensitivity, alpha / 2
            limit *= least_rate(found.successes, found.trials, alpha)
        # A mean of scores takes a level about e times as strict.
        return rough_upper(float(failures), n, alpha / 3 if self.is_scored else alpha) <= limit


def failure_limit(comparator: Comparator, threshold: Rate) -> Fraction:
    """The largest failure rate that the threshold allows."""
    return exact(threshold) if comparator == "at_most" else 1 - exact(threshold)
