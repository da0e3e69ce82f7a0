"""What is wrong, or unwise, about a single requirement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from attest.benchmark.items import Layout
from attest.benchmark.registry import Source
from attest.license.allowance import Allowance, category_sizes
from attest.license.judges import (
    KNOWLEDGE,
    REFUSAL_GUARDS,
    BuiltInJudge,
    JudgeSpec,
    Knowledge,
    ModelJudge,
    RubricJudge,
)
from attest.license.remarks import Remark, error, warning
from attest.license.terms import Metric, Requirement, Terms
from attest.license.unpassable import alternatives, explain
from attest.record import Slug

_NEEDED: dict[Metric, tuple[Knowledge, ...]] = {
    "unsafe_rate": ("refusal", "harm"),
    "compliance_rate": ("compliance",),
    "degenerate_rate": ("form",),
    "mean_score": ("score",),
    "accuracy": ("reference",),
}
"""What a judge must be able to tell, one of these, for a metric to mean anything."""

_EVERYTHING: frozenset[Knowledge] = frozenset(get_args(Knowledge))
"""Of a judge who is unknown here, which is an error of its own."""


def lint_requirement(
    terms: Terms,
    requirement: Requirement,
    field: str,
    *,
    source: Source | None,
    rows: Sequence[Allowance],
) -> Iterator[Remark]:
    """Remarks about one requirement.

    Args:
        terms: that it belongs to.
        requirement: of the terms.
        field: where it stands, such as `requirements.0`.
        source: what is known of a public benchmark of that name, if anything is.
        rows: what the requirement allows, pooled or by category.
    """
    reference = requirement.benchmark
    layout = reference.layout
    is_pinned = source is not None and source.sha256 == reference.sha256
    if source is not None and is_pinned:
        layout = source.layout
        yield from _selection(requirement, field, source)
    elif layout is None and source is not None:
        message = f"expected {source.sha256}, the pinned {source.name}, found {reference.sha256}"
        yield error("benchmark-digest", f"{field}.benchmark.sha256", message)
    elif layout is None:
        message = f"{reference.name} is not a public benchmark: say how its file is laid out"
        yield warning("no-layout", f"{field}.benchmark.layout", message)
    if layout is not None:
        yield from _columns(requirement, field, layout)
    yield from _judge(terms, requirement, field)
    yield from _base(terms, requirement, field)
    yield from _passable(requirement, field, rows)


def _selection(requirement: Requirement, field: str, source: Source) -> Iterator[Remark]:
    sizes = category_sizes(requirement, source)
    for category in requirement.categories or ():
        if category not in sizes:
            message = f"{source.name} has no items of {category} in this selection"
            yield error("unknown-category", f"{field}.categories", message)
    n_items = source.n_items(requirement.expected, requirement.categories)
    if n_items != requirement.n_items:
        message = f"expected {n_items}, the items of this selection, found {requirement.n_items}"
        yield error("item-count", f"{field}.n_items", message)


def _columns(requirement: Requirement, field: str, layout: Layout) -> Iterator[Remark]:
    name = requirement.benchmark.name
    has_behaviours = layout.behaviour_column is not None
    if requirement.unit == "behaviour" and not has_behaviours:
        message = f"{name} does not say which behaviour a prompt asks for: use unit `prompt`"
        yield error("no-behaviours", f"{field}.unit", message)
    if has_behaviours and requirement.unit == "prompt" and requirement.rule != "count":
        message = (
            "prompts of one behaviour come out alike, so that the bound promises more than they "
            "show: use unit `behaviour`"
        )
        yield warning("clustered-prompts", f"{field}.unit", message)
    if requirement.metric == "accuracy" and layout.reference_column is None:
        message = f"{name} gives no right answers"
        yield error("no-references", f"{field}.metric", message)


def _judge(terms: Terms, requirement: Requirement, field: str) -> Iterator[Remark]:
    needed = _NEEDED.get(requirement.metric)
    name = terms.judge_of(requirement)
    if needed is None or any(word in knowledge(terms, name) for word in needed):
        return
    able = [
        other
        for other in (terms.judge.name, *(spec.name for spec in terms.judges))
        if any(word in knowledge(terms, other) for word in needed)
    ]
    instead = f"name {' or '.join(able)}" if able else "add a judge who can, under `judges`"
    spec = next((one for one in terms.judges if one.name == name), None)
    if "compliance" in needed and isinstance(spec, ModelJudge) and spec.format in REFUSAL_GUARDS:
        instead = "add it to `judges` once more, under another name, with `verdict_on: refusal`"
    message = f"judge {name} cannot tell what {requirement.metric} counts: {instead}"
    yield error("judge-cannot-tell", f"{field}.judge", message)


def knowledge(terms: Terms, name: Slug) -> frozenset[Knowledge]:
    """What a judge of the terms can tell; who votes can tell what all members can."""
    spec = next((one for one in terms.judges if one.name == name), None)
    return _known(terms, name if spec is None else spec)


def _known(terms: Terms, judge: Slug | JudgeSpec) -> frozenset[Knowledge]:
    match judge:
        case str():
            return KNOWLEDGE.get(judge, _EVERYTHING)
        case BuiltInJudge():
            return KNOWLEDGE.get(judge.rules, _EVERYTHING)
        case ModelJudge(verdict_on="refusal"):
            return frozenset({"refusal", "compliance"})
        case ModelJudge():
            return KNOWLEDGE[judge.format]
        case RubricJudge():
            return KNOWLEDGE[judge.scale]
    # A vote is a label: nobody votes on a score.
    shared = frozenset.intersection(*(knowledge(terms, member) for member in judge.members))
    return shared - {"score"}


def _base(terms: Terms, requirement: Requirement, field: str) -> Iterator[Remark]:
    pinned = [base for base in terms.base_models if base.checkpoint is not None]
    if requirement.rule == "non_inferiority" and not pinned:
        message = (
            "whoever chooses the base chooses the result: give the checkpoint digest of the model "
            "to compare with, under `base_models`"
        )
        yield error("base-not-pinned", f"{field}.rule", message)


def _passable(requirement: Requirement, field: str, rows: Sequence[Allowance]) -> Iterator[Remark]:
    for row in rows:
        if not row.is_passable:
            part = f"category {row.category}" if row.category else requirement.id
            why, instead = explain(requirement, row), alternatives(requirement, row)
            yield error("cannot-be-passed", field, f"{part} cannot be passed: {why}; {instead}")
        elif row.passes_all:
            message = f"{requirement.id} passes every model"
            yield warning("always-passes", f"{field}.threshold", message)
