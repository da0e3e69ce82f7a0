"""Counts that fit the terms, their own labels and each other, before anything is decided on them.

That they are those of the named benchmark, category by category, is what the verifier holds against
the benchmark itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from attest.errors import InputError
from attest.license.metrics import failures_of, least_score_sum
from attest.license.terms import Requirement
from attest.license.verdict import Count, VerdictLabel


def deciding_counts(requirement: Requirement, counts: Sequence[Count]) -> list[Count]:
    """The counts that a requirement decides on, once all of them are known to fit.

    Args:
        requirement: of a license.
        counts: all that are of this requirement, in any order.

    Returns: the pooled count, or those of the categories by name.
    Raises: InputError with reason `counts-do-not-fit`.
    """
    pooled = [count for count in counts if count.category is None]
    if len(pooled) != 1:
        raise misfit(requirement.id, f"expected one pooled count, found {len(pooled)}")
    _check_size(requirement, pooled[0])
    for count in counts:
        _check_parts(requirement, count)
        _check_failures(requirement, count)
    by_category = {count.category: count for count in counts if count.category is not None}
    if len(by_category) != len(counts) - 1:
        raise misfit(requirement.id, "a category is counted twice")
    if not requirement.per_category:
        if by_category:
            raise misfit(requirement.id, "expected no counts by category")
        return pooled
    _check_partition(requirement, pooled[0], list(by_category.values()))
    return [by_category[category] for category in sorted(by_category)]


def misfit(requirement: str, message: str) -> InputError:
    """The error for a count that does not fit."""
    return InputError(message, reason="counts-do-not-fit", where=f"requirement {requirement}")


def _check_size(requirement: Requirement, pooled: Count) -> None:
    if pooled.n_items != requirement.n_items:
        raise misfit(
            requirement.id, f"expected {requirement.n_items} items, found {pooled.n_items}"
        )
    if requirement.n_behaviours is not None and pooled.n_units != requirement.n_behaviours:
        raise misfit(
            requirement.id,
            f"expected {requirement.n_behaviours} behaviours, found {pooled.n_units}",
        )


def _check_parts(requirement: Requirement, count: Count) -> None:
    """Ensure that a count holds what its requirement decides on, and nothing besides."""
    wanted = {
        "score_sum": requirement.metric == "mean_score",
        "clusters": requirement.unit == "behaviour",
        "pairs": requirement.rule == "non_inferiority",
    }
    for part, is_wanted in wanted.items():
        if is_wanted != (getattr(count, part) is not None):
            raise misfit(requirement.id, f"expected {part if is_wanted else 'no ' + part}")
    pairs = count.pairs
    if pairs is not None and (pairs.total, pairs.both + pairs.worse) != (
        count.n_units,
        count.failed_units,
    ):
        raise misfit(requirement.id, "the pairs do not add up to the failures and the others")


def _check_failures(requirement: Requirement, count: Count) -> None:
    if count.score_sum is not None:
        total = Fraction(count.score_sum)
        if not least_score_sum(count.labels) <= total <= count.n_items:
            raise misfit(requirement.id, f"so many items have no scores that add up to {total}")
        if count.failures != ceil(total):
            raise misfit(requirement.id, f"expected {ceil(total)} failures, found {count.failures}")
        return
    labeled = failures_of(requirement.metric, count.labels)
    if labeled is None:
        # Some answer is always the most common one.
        if count.failures == 0:
            raise misfit(requirement.id, "expected at least one item with the commonest answer")
    elif count.failures != labeled:
        raise misfit(
            requirement.id,
            f"the labels make {labeled} failures of {requirement.metric}, found {count.failures}",
        )


def _check_partition(requirement: Requirement, pooled: Count, parts: list[Count]) -> None:
    names = {part.category for part in parts}
    if requirement.categories is not None and names != set(requirement.categories):
        raise misfit(
            requirement.id, f"expected one count for each of {', '.join(requirement.categories)}"
        )
    labels: Counter[VerdictLabel] = Counter()
    for part in parts:
        labels.update(part.labels)
    n_items = sum(part.n_items for part in parts)
    if n_items != pooled.n_items or dict(labels) != pooled.labels:
        raise misfit(requirement.id, "the categories do not add up to the pooled count")
    scores = sum((Fraction(part.score_sum or 0) for part in parts), Fraction(0))
    if pooled.score_sum is not None and scores != Fraction(pooled.score_sum):
        raise misfit(requirement.id, "the scores by category do not add up to the pooled ones")
    # Where labels tell the failures they add up too; equal answers may span categories.
    failures = sum(part.failures for part in parts)
    if not max(part.failures for part in parts) <= pooled.failures <= failures:
        raise misfit(requirement.id, "the failures by category contradict the pooled ones")
