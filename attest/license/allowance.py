"""How much a license allows, known before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from attest.benchmark.registry import Source
from attest.errors import InputError
from attest.license.comparison import Comparison
from attest.license.metrics import score_text
from attest.license.statistics import BOUND_PLACES
from attest.license.terms import Comparator, License, Metric, Requirement, Rule, Unit
from attest.license.threshold import Threshold
from attest.license.verdict import Pairs, ScoreSum
from attest.record import Rate, Record, Slug, exact

MAX_COUNTS = 300
"""Most counts that a license is held to: those of its requirements, and of their categories."""


def too_many_counts(n_counts: int) -> InputError:
    """The error for more counts than MAX_COUNTS."""
    return InputError(
        f"expected at most {MAX_COUNTS} requirements and categories together, found {n_counts}",
        reason="too-many-counts",
        hint="hold fewer requirements to each of their categories (`per_category`)",
    )


class Allowance(Record):
    """What a requirement says to each possible number of failures."""

    requirement: Slug
    category: str | None = None
    """None for the pooled items."""
    metric: Metric
    comparator: Comparator
    threshold: Rate | None = None
    rule: Rule
    confidence: Rate | None = None
    margin: Rate | None = None
    unit: Unit = "prompt"
    n_items: int
    """Units: prompts, or behaviours."""
    allowed_failures: int | None = None
    """Largest number of failures that passes; None if none does. For `non_inferiority`, of units
    on which the checkpoint is worse than the base while it is better on none."""
    smallest_failing: int | None = None
    """Smallest number of failures that fails, whatever else the license tests; None if none does.
    In between: inconclusive, or failing if enough of the rest fails."""
    allowed_score_sum: ScoreSum | None = None
    """Largest sum of scores that passes."""

    @property
    def least_failures(self) -> int:
        """The number of failures that no model can stay below: an answer equals itself."""
        return 1 if self.metric == "most_common_answer_rate" else 0

    @property
    def is_passable(self) -> bool:
        """Whether a flawless model would pass."""
        return self.allowed_failures is not None and self.allowed_failures >= self.least_failures

    @property
    def passes_all(self) -> bool:
        """Whether no model could miss it."""
        return self.allowed_failures == self.n_items


def decimal(rate: Fraction) -> str:
    """A rate or difference as a decimal with BOUND_PLACES places, ties rounded to even."""
    scale = 10**BOUND_PLACES
    steps = round(rate * scale)
    whole, rest = divmod(abs(steps), scale)
    return f"{'-' if steps < 0 else ''}{whole}.{rest:0{BOUND_PLACES}}"


def allowance(
    requirement: Requirement,
    *,
    category: str | None = None,
    n_units: int | None = None,
    n_tests: int = 1,
) -> Allowance:
    """What `requirement` says to the failures among its items, or those of one category.

    Args:
        requirement: of a license.
        category: the category that is held to the threshold; None for the pooled items.
        n_units: prompts, or behaviours, of that category; None takes all of the requirement.
        n_tests: how many findings of the license rest on a bound, at least 1.
    """
    n = requirement.n_units if n_units is None else n_units
    # What fails at its share of alpha is shown to fail in whichever order Holm comes to it.
    alpha = 1 - exact(requirement.confidence or "0.5")
    score_sum: ScoreSum | None = None
    if requirement.rule == "non_inferiority":
        comparison = Comparison.of(requirement)
        allowed = comparison.allowed_worse(n)
        failing = comparison.smallest_failing(n, alpha / n_tests)
    else:
        threshold = Threshold.of(requirement, n)
        most = threshold.allowed()
        allowed = None if most is None else int(most)
        failing = threshold.smallest_failing(alpha / n_tests)
        if requirement.metric == "mean_score" and most is not None:
            score_sum = score_text(most)
    return Allowance(
        requirement=requirement.id,
        category=category,
        metric=requirement.metric,
        comparator=requirement.comparator,
        threshold=requirement.threshold,
        rule=requirement.rule,
        confidence=requirement.confidence,
        margin=requirement.margin,
        unit=requirement.unit,
        n_items=n,
        allowed_failures=allowed,
        smallest_failing=failing,
        allowed_score_sum=score_sum,
    )


def is_passable(requirement: Requirement) -> bool:
    """Whether a flawless model would pass: `Allowance.is_passable` without the rest of it."""
    if requirement.rule == "non_inferiority":
        return Comparison.of(requirement).passes(Pairs.alike(requirement.n_units))
    least = 1 if requirement.metric == "most_common_answer_rate" else 0
    return Threshold.of(requirement, requirement.n_units).passes(Fraction(least))


def allowances(license: License, *, benchmarks: Mapping[str, Source]) -> tuple[Allowance, ...]:
    """What each requirement allows, category by category where it is held to them.

    A requirement per category of a benchmark that is not among `benchmarks` is listed pooled, for
    want of the sizes of its categories.

    Raises: InputError with reason `too-many-counts`.
    """
    held = [
        part
        for requirement in license.terms.requirements
        for part in _parts(requirement, benchmarks.get(requirement.benchmark.name))
    ]
    if len(held) > MAX_COUNTS:
        raise too_many_counts(len(held))
    n_tests = max(1, sum(part.requirement.confidence is not None for part in held))
    return tuple(
        allowance(part.requirement, category=part.category, n_units=part.n_units, n_tests=n_tests)
        for part in held
    )


def category_sizes(requirement: Requirement, source: Source) -> dict[str, int]:
    """Items by category, in the selection of the requirement."""
    sizes: dict[str, int] = {}
    for count in source.counts:
        is_expected = requirement.expected in (None, count.expected)
        if is_expected and count.category in (requirement.categories or (count.category,)):
            sizes[count.category] = sizes.get(count.category, 0) + count.n_items
    return sizes


@dataclass(frozen=True)
class _Part:
    """What is held to one threshold."""

    requirement: Requirement
    category: str | None = None
    n_units: int | None = None


def _parts(requirement: Requirement, source: Source | None) -> Iterator[_Part]:
    is_pinned = source is not None and source.sha256 == requirement.benchmark.sha256
    # How many behaviours a category has, no registry tells.
    if requirement.per_category and requirement.unit == "prompt" and source and is_pinned:
        for category, n_items in sorted(category_sizes(requirement, source).items()):
            yield _Part(requirement, category, n_items)
    else:
        yield _Part(requirement)
