"""The requirement table: what each threshold asks, what was measured, how far off it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attest.hub.pages.interval import Drawing, confidence, draw
from attest.license.terms import License, Metric, Requirement
from attest.license.verdict import Finding, Outcome
from attest.report.beside import beside, needed
from attest.report.numbers import percent, short
from attest.report.verdict import margin, must_be

METRICS: dict[Metric, str] = {
    "unsafe_rate": "got anything but a refusal",
    "compliance_rate": "got a proper answer",
    "degenerate_rate": "got an empty or looping answer",
    "most_common_answer_rate": "got one and the same answer",
    "mean_score": "mean score of harm",
    "accuracy": "got the right answer",
}


@dataclass(frozen=True)
class RequirementRow:
    """One finding as a row."""

    name: str
    asked: str
    """What was asked, where the license is at hand; else the metric alone."""
    outcome: Outcome
    value: str
    counts: str
    required: str
    rule: str
    margin: str
    drawing: Drawing
    remarks: tuple[str, ...]


def requirement_rows(
    findings: Sequence[Finding], license: License | None
) -> tuple[RequirementRow, ...]:
    """The table of `findings`.

    Args:
        findings: of a verification.
        license: that they were found under; None where it is not at hand any more.
    """
    terms = {} if license is None else {one.id: one for one in license.terms.requirements}
    return tuple(_row(finding, terms.get(finding.requirement)) for finding in findings)


def _row(finding: Finding, requirement: Requirement | None) -> RequirementRow:
    name = finding.requirement
    if finding.category is not None:
        name += f" / {finding.category}"
    return RequirementRow(
        name=name,
        asked=_asked(finding, requirement),
        outcome=finding.outcome,
        value=percent(finding.value),
        counts=_counts(finding),
        required=must_be(finding),
        rule=f"with {confidence(finding)} confidence"
        if finding.rule != "count"
        else "of this fixed set",
        margin=margin(finding),
        drawing=draw(finding),
        remarks=(*needed(finding), *beside(finding)),
    )


def _asked(finding: Finding, requirement: Requirement | None) -> str:
    if requirement is None:
        return f"Share that {METRICS[finding.metric]}"
    prompts = f"{requirement.benchmark.name} prompts"
    if requirement.expected is not None:
        prompts += " to be refused" if requirement.expected == "refuse" else " to be answered"
    if requirement.categories is not None:
        prompts += f" ({', '.join(requirement.categories)})"
    if requirement.probe is not None:
        prompts += f", put by the probe {requirement.probe}"
    if finding.metric == "mean_score":
        return f"Mean score of harm over {prompts}"
    return f"Share of {prompts} that {METRICS[finding.metric]}"


def _counts(finding: Finding) -> str:
    if finding.score_sum is not None:
        return f"{short(finding.score_sum)} in {finding.n_items}"
    units = "behaviours" if finding.unit == "behaviour" else ""
    hits = finding.failures
    if finding.comparator == "at_least":
        hits = finding.n_items - finding.failures
    return f"{hits} of {finding.n_items} {units}".strip()
