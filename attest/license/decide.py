"""Counts in, verdict out: pure, in exact rational arithmetic, with the standard library alone.

- `count`: pass if the failures are at most the allowed share of this fixed set, else fail.
- `confidence`: pass if the upper bound on the failure rate, or on the mean score, is at most the
  limit, fail if the lower bound is above it, else inconclusive.
- `non_inferiority`: pass if the upper bound on how much more often the checkpoint fails than the
  base is at most the margin, fail if the lower bound is above it, else inconclusive.
- A license is met if each finding passes, broken if one fails, else inconclusive.

Passing needs no correction for the number of findings: whoever breaks one threshold passes them all
with at most the probability of passing that one (an intersection-union test; Berger 1982). Failing
does: it alleges that at least one threshold is broken, and the more are tested, the likelier is it
that bad luck breaks one of them. So a failure that rests on a bound must stand the step-down of
Holm (1979) among all findings with a bound; one that does not is inconclusive, and never a pass. A
`count` is a fact about a fixed set, in which chance takes no part, and needs no correction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from attest.license.allowance import MAX_COUNTS, decimal, too_many_counts
from attest.license.comparison import Comparison
from attest.license.consistency import deciding_counts, misfit
from attest.license.metrics import score_text
from attest.license.statistics import holm
from attest.license.terms import License, Requirement
from attest.license.threshold import Threshold
from attest.license.verdict import (
    BESIDE_CONFIDENCE,
    Count,
    Finding,
    Outcome,
    Pairs,
    ScoreSum,
    Verdict,
)
from attest.record import exact


def decide(license: License, counts: Sequence[Count]) -> Verdict:
    """What the license says to `counts`.

    Args:
        license: the terms and their digest.
        counts: for each requirement one pooled count, and one for each of its categories where
            the requirement is per category; in any order.

    Returns: findings in the order of the requirements, then of the category names.
    Raises: InputError with reason `counts-do-not-fit` if a count is missing, superfluous, or
        contradicts the terms, its own labels or the other counts; `too-many-counts` if there are
        more than MAX_COUNTS.
    """
    if len(counts) > MAX_COUNTS:
        raise too_many_counts(len(counts))
    grouped: dict[str, list[Count]] = {r.id: [] for r in license.terms.requirements}
    for count in counts:
        if count.requirement not in grouped:
            raise misfit(count.requirement, "the license has no such requirement")
        grouped[count.requirement].append(count)
    findings = _standing(
        [
            (_compare if count.pairs else _measure)(requirement, count)
            for requirement in license.terms.requirements
            for count in deciding_counts(requirement, grouped[requirement.id])
        ]
    )
    outcomes = {finding.outcome for finding in findings}
    overall: Outcome = (
        "fail" if "fail" in outcomes else "inconclusive" if "inconclusive" in outcomes else "pass"
    )
    return Verdict(license_sha256=license.sha256, outcome=overall, findings=findings)


@dataclass(frozen=True)
class _Reading:
    """What a rule says to a count, as if nothing else were tested."""

    requirement: Requirement
    count: Count
    value: Fraction
    """The failure rate, or the mean score."""
    bound: str | None
    allowed_failures: int | None
    needed_units: int | None
    passes: bool
    fails_at: Callable[[Fraction], bool]
    """Whether it fails at a level; of a count, whatever the level."""
    allowed_score_sum: ScoreSum | None = None

    @property
    def alpha(self) -> Fraction | None:
        """The level of its rule; None of a count."""
        confidence = self.requirement.confidence
        return None if confidence is None else 1 - exact(confidence)

    def finding(self, *, stands: bool) -> Finding:
        """The finding, inconclusive if its failure does not stand among the others."""
        requirement, count = self.requirement, self.count
        alone: Outcome = "inconclusive"
        if self.passes:
            alone = "pass"
        elif self.alpha is None or self.fails_at(self.alpha):
            alone = "fail"
        is_shaken = alone == "fail" and not stands
        is_at_most = requirement.comparator == "at_most"
        return Finding(
            requirement=requirement.id,
            category=count.category,
            probe=requirement.probe,
            metric=requirement.metric,
            comparator=requirement.comparator,
            threshold=requirement.threshold,
            rule=requirement.rule,
            confidence=requirement.confidence,
            margin=requirement.margin,
            unit=requirement.unit,
            n_items=count.n_units,
            failures=count.failed_units,
            allowed_failures=-1 if self.allowed_failures is None else self.allowed_failures,
            needed_items=self.needed_units,
            value=decimal(self.value if is_at_most else 1 - self.value),
            bound=self.bound,
            score_sum=count.score_sum,
            allowed_score_sum=self.allowed_score_sum,
            clusters=count.clusters,
            pairs=count.pairs,
            judge_correction=requirement.judge_correction,
            outcome="inconclusive" if is_shaken else alone,
            outcome_alone=alone if is_shaken else None,
        )


def _standing(readings: Sequence[_Reading]) -> tuple[Finding, ...]:
    """The findings, where a failure that rests on a bound is held against all others that do."""
    levels = {index: one.alpha for index, one in enumerate(readings) if one.alpha is not None}
    # Each has its own level; where they differ, the chance of any false failure is at most the
    # largest of them.
    largest = max(levels.values(), default=Fraction(1, 2))
    shown_at = [_shown_at(readings[index], alpha / largest) for index, alpha in levels.items()]
    stands = dict(zip(levels, holm(shown_at, largest), strict=True))
    return tuple(one.finding(stands=stands.get(index, True)) for index, one in enumerate(readings))


def _shown_at(reading: _Reading, share: Fraction) -> Callable[[Fraction], bool]:
    return lambda level: not reading.passes and reading.fails_at(level * share)


def _measure(requirement: Requirement, count: Count) -> _Reading:
    """What an absolute threshold says to a count."""
    threshold = Threshold.of(requirement, count.n_units)
    failures = Fraction(count.score_sum or count.failed_units)
    most = threshold.allowed()
    bound: str | None = None
    if requirement.metric != "most_common_answer_rate":
        upper = threshold.bound(failures, 1 - exact(requirement.confidence or BESIDE_CONFIDENCE))
        bound = decimal(upper if requirement.comparator == "at_most" else 1 - upper)
    return _Reading(
        requirement=requirement,
        count=count,
        value=failures / count.n_units,
        bound=bound,
        allowed_failures=None if most is None else int(most),
        needed_units=threshold.needed_units(failures),
        passes=threshold.passes(failures),
        fails_at=lambda level: threshold.fails(failures, level),
        allowed_score_sum=None if most is None or count.score_sum is None else score_text(most),
    )


def _compare(requirement: Requirement, count: Count) -> _Reading:
    """What a margin says to a checkpoint and its base."""
    assert count.pairs is not None
    pairs: Pairs = count.pairs
    comparison = Comparison.of(requirement)
    most = comparison.allowed_worse(pairs.total, better=pairs.better)
    return _Reading(
        requirement=requirement,
        count=count,
        value=Fraction(count.failed_units, count.n_units),
        bound=decimal(comparison.bound(pairs)),
        # The answers of the base stay as they are: what it failed alone is not failed.
        allowed_failures=None
        if most is None
        else min(pairs.both + most, pairs.total - pairs.better),
        needed_units=comparison.needed_units(pairs),
        passes=comparison.passes(pairs),
        fails_at=lambda level: comparison.fails(pairs, level),
    )
