"""One requirement in plain words: what may fail, what breaks the license, what that promises."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from attest.license.allowance import Allowance
from attest.license.terms import Metric, Requirement
from attest.license.unpassable import explain
from attest.record import Rate
from attest.report.numbers import short

_FAILING: dict[Metric, str] = {
    "unsafe_rate": "may get anything but a refusal",
    "compliance_rate": "may stay without a proper answer",
    "degenerate_rate": "may get an empty, looping or unreadable answer",
    "most_common_answer_rate": "may get one and the same answer",
    "accuracy": "may get a wrong answer",
}
_DOING_WELL: dict[Metric, str] = {
    "compliance_rate": "must get a proper answer",
    "accuracy": "must get the right answer",
}


def requirement_words(number: int, requirement: Requirement, rows: Sequence[Allowance]) -> str:
    """A requirement as an entry of a numbered list, in Markdown.

    Args:
        number: its place in the list.
        requirement: of a license.
        rows: what it allows: pooled, or by category where a benchmark told their sizes.
    """
    head = f"{number}. **{requirement.id}**: of the {_scope(requirement)}, "
    if not requirement.per_category:
        return head + _allowed(requirement, rows[0]) + _correction(requirement)
    lines = [head + _every_category(requirement) + _correction(requirement)]
    if any(row.category is not None for row in rows):
        lines += [
            "",
            "   | category | prompts | passes up to | fails from |",
            "   |---|---|---|---|",
        ]
        lines += [
            f"   | {row.category} | {row.n_items} | {_most(row)} "
            f"| {_or_never(row.smallest_failing)} |"
            for row in rows
        ]
    return "\n".join(lines)


def _scope(requirement: Requirement) -> str:
    benchmark = requirement.benchmark
    scope = f"{requirement.n_items} prompts of `{benchmark.name}` (SHA-256 `{benchmark.sha256}`)"
    if requirement.expected is not None:
        kind = "should refuse" if requirement.expected == "refuse" else "should answer"
        scope += f" that a model {kind}"
    if requirement.categories is not None:
        noun = "category" if len(requirement.categories) == 1 else "categories"
        scope += f", {noun} {', '.join(requirement.categories)}"
    if requirement.probe is not None:
        scope += f", put as the probe `{requirement.probe}` puts them"
    if requirement.judge is not None:
        scope += f", judged by `{requirement.judge}`"
    if requirement.n_behaviours is not None:
        scope += (
            f", which ask for {requirement.n_behaviours} behaviours, where one fails if any of its "
            "prompts does"
        )
    return scope


def _every_category(requirement: Requirement) -> str:
    if requirement.margin is not None:
        limit = f"a failure rate at most {_points(requirement.margin)} above that of the base"
    else:
        side = "at most" if requirement.comparator == "at_most" else "at least"
        limit = f"a rate of {side} {_percent(requirement.threshold)}"
    sure = (
        "counted"
        if requirement.confidence is None
        else f"with {_percent(requirement.confidence)} confidence"
    )
    return (
        f"those of every single category must keep {limit} ({requirement.metric}, {sure}). How "
        "many failures that allows depends on how many prompts the category holds."
    )


def _allowed(requirement: Requirement, row: Allowance) -> str:
    most = row.allowed_failures
    if most is None:
        return f"no number of failures passes: {explain(requirement, row)}."
    if requirement.rule == "non_inferiority":
        rule = _against_base(requirement, row, most)
    elif row.allowed_score_sum is not None:
        rule = (
            "the scores, from 0 (harmless) to 1, may add up to at most "
            f"{short(row.allowed_score_sum)}. {_beyond_scores(row)}"
        )
    else:
        rule = f"{_least_or_most(requirement, row, most)} {_beyond(row, most)}"
    return f"{rule} {_promise(requirement, row)}"


def _against_base(requirement: Requirement, row: Allowance, most: int) -> str:
    broken = (
        "No result breaks the license here."
        if row.smallest_failing is None
        else f"With {row.smallest_failing} or more the license is broken."
    )
    return (
        f"put to the base model in the same run too, at most {most}{_unit(row)} "
        f"{_FAILING[requirement.metric]} where the base does better, if none is the other way "
        f"round, and more if some are. {broken}"
    )


def _least_or_most(requirement: Requirement, row: Allowance, most: int) -> str:
    if row.comparator == "at_least":
        return f"at least {row.n_items - most}{_unit(row)} {_DOING_WELL[requirement.metric]}."
    return f"at most {most}{_unit(row)} {_FAILING[requirement.metric]}."


def _promise(requirement: Requirement, row: Allowance) -> str:
    if requirement.confidence is None:
        return f"This is said of these {requirement.n_items} prompts and of no others."
    risk = _percent(str(1 - Decimal(requirement.confidence)))
    if requirement.margin is not None:
        what = (
            f"A model that fails more than {_points(requirement.margin)} more often than the base "
            f"({row.metric}) on prompts like these"
        )
    else:
        side = "above" if row.comparator == "at_most" else "below"
        what = (
            f"A model whose rate ({row.metric}) among "
            f"{'prompts' if row.unit == 'prompt' else 'behaviours'} like these is {side} "
            f"{_percent(requirement.threshold)}"
        )
    return f"{what} passes with a probability of at most {risk}."


def _beyond(row: Allowance, most: int) -> str:
    """What follows if more units fail than may."""
    least, n = row.smallest_failing, row.n_items
    if least is None:
        return "No result breaks the license here."
    if least == most + 1:
        return "One worse, and the license is broken."
    if row.comparator == "at_least":
        between, broken = f"{n - least + 1} to {n - most - 1}", f"{n - least} or fewer"
    else:
        between, broken = f"{most + 1} to {least - 1}", f"{least} or more"
    return f"With {between} the result is inconclusive, with {broken} the license is broken."


def _beyond_scores(row: Allowance) -> str:
    if row.rule == "count":
        return "Anything more, and the license is broken."
    if row.smallest_failing is None:
        return "No result breaks the license here."
    return (
        f"With more the result is inconclusive, with {row.smallest_failing} or more the license "
        "is broken."
    )


def _correction(requirement: Requirement) -> str:
    if requirement.judge_correction is None:
        return ""
    found = requirement.judge_correction.sensitivity
    return (
        f" The judge is known to find {found.successes} of {found.trials} harmful answers that "
        "people labelled, and what he may miss is added to the rate."
    )


def _unit(row: Allowance) -> str:
    return "" if row.unit == "prompt" else " behaviours"


def _most(row: Allowance) -> str:
    if row.allowed_score_sum is not None:
        return short(row.allowed_score_sum)
    return _or_never(row.allowed_failures)


def _points(margin: Rate) -> str:
    return f"{_percent(margin)[:-1]} percentage points"


def _percent(rate: Rate | None) -> str:
    assert rate is not None, "the terms give a threshold or a margin"
    percent = Decimal(rate) * 100
    return f"{percent.normalize():f}%"


def _or_never(count: int | None) -> str:
    return "never" if count is None else str(count)
