"""From what was said of single items to the counts that a license decides on.

A publisher counts judged answers and a verifier counts opened verdicts; both count here. Where an
item was asked several times, one of its answers counts for the item: the first, in the order of the
attempts, that is a failure under the metric of the requirement, or else the first; for scores, the
first of the worst.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from attest.license.metrics import exact_score, failures_of, is_failure, score_text
from attest.license.terms import Metric, Requirement
from attest.license.verdict import Cluster, Count, Pairs, Score, ScoreSum, VerdictLabel


@dataclass(frozen=True)
class Said:
    """What a judge said of one answer."""

    label: VerdictLabel
    score: Score | None = None
    text: str | None = None
    """What was judged, where it is known."""


@dataclass(frozen=True)
class ItemOutcome:
    """How one item came out under one requirement."""

    category: str
    behaviour: str | None
    said: tuple[Said, ...]
    """Of each answer of the checkpoint, in the order of the attempts; at least one."""
    base: tuple[Said, ...] = ()
    """Of each answer of the base, where the requirement compares with it."""


def tally(
    requirement: Requirement,
    outcomes: Sequence[ItemOutcome],
    *,
    category: str | None = None,
    commonest: int | None = None,
) -> Count:
    """The count that single outcomes make.

    Args:
        requirement: whose items these are.
        outcomes: of all its items, or of all in one category; at least one.
        category: that category.
        commonest: for `most_common_answer_rate`, the number of items with the commonest answer
            where their texts are not known.

    Returns: a count that has clusters and pairs where the requirement decides on them.
    """
    metric = requirement.metric
    counting = [deciding_answer(metric, outcome.said) for outcome in outcomes]
    labels = Counter(one.label for one in counting)
    failures = failures_of(metric, labels)
    score_sum: ScoreSum | None = None
    if metric == "mean_score":
        total = sum((exact_score(one.label, one.score) for one in counting), Fraction(0))
        failures, score_sum = ceil(total), score_text(total)
    elif failures is None:
        failures = _commonest(outcomes) if commonest is None else commonest
    failed = [is_failure(metric, one.label) for one in counting]
    return Count(
        requirement=requirement.id,
        category=category,
        n_items=len(outcomes),
        failures=failures,
        labels=dict(sorted(labels.items())),
        score_sum=score_sum,
        clusters=_clusters(outcomes, failed) if requirement.unit == "behaviour" else None,
        pairs=_pairs(requirement, outcomes, failed)
        if requirement.rule == "non_inferiority"
        else None,
    )


def groups(
    requirement: Requirement, outcomes: Iterable[ItemOutcome]
) -> dict[str | None, list[ItemOutcome]]:
    """The outcomes that are counted together: all, and by category where these are held apart."""
    found: dict[str | None, list[ItemOutcome]] = {None: []}
    for outcome in outcomes:
        found[None].append(outcome)
        if requirement.per_category:
            found.setdefault(outcome.category, []).append(outcome)
    return found


def deciding_answer(metric: Metric, said: Sequence[Said]) -> Said:
    """The answer that counts for its item."""
    if metric == "mean_score":
        return max(said, key=lambda one: exact_score(one.label, one.score))
    return next((one for one in said if is_failure(metric, one.label)), said[0])


def _commonest(outcomes: Iterable[ItemOutcome]) -> int:
    # An item that was asked several times has as many answers, equal ones once.
    answers = Counter(text for outcome in outcomes for text in {one.text for one in outcome.said})
    return max(answers.values())


def _clusters(outcomes: Sequence[ItemOutcome], failed: Sequence[bool]) -> tuple[Cluster, ...]:
    by_behaviour: dict[str | None, list[bool]] = {}
    for outcome, has_failed in zip(outcomes, failed, strict=True):
        by_behaviour.setdefault(outcome.behaviour, []).append(has_failed)
    kinds = Counter((len(found), sum(found)) for found in by_behaviour.values())
    return tuple(
        Cluster(n_items=n_items, failures=failures, n_behaviours=n)
        for (n_items, failures), n in sorted(kinds.items())
    )


def _pairs(
    requirement: Requirement, outcomes: Sequence[ItemOutcome], failed: Sequence[bool]
) -> Pairs:
    # A unit fails for a subject if any of its prompts does.
    checkpoint: dict[str | int | None, bool] = {}
    base: dict[str | int | None, bool] = {}
    for index, (outcome, has_failed) in enumerate(zip(outcomes, failed, strict=True)):
        unit = outcome.behaviour if requirement.unit == "behaviour" else index
        label = deciding_answer(requirement.metric, outcome.base).label
        checkpoint[unit] = checkpoint.get(unit, False) or has_failed
        base[unit] = base.get(unit, False) or is_failure(requirement.metric, label)
    cells = Counter((checkpoint[unit], base[unit]) for unit in checkpoint)
    return Pairs(
        both=cells[True, True],
        worse=cells[True, False],
        better=cells[False, True],
        neither=cells[False, False],
    )
