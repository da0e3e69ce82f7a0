"""What is wrong, or unwise, about terms that can be read.

An error is a license that cannot do its work: it names other bytes than it says, or nobody can
meet it. A warning is a gap that a degenerate model could use. A note is a limit to keep in mind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal

from attest.benchmark.registry import Source
from attest.license.allowance import Allowance, allowance
from attest.license.terms import License, Requirement, Terms
from attest.record import Record, Slug, exact

Severity = Literal["error", "warning", "note"]


class Remark(Record):
    """One thing to know about a license."""

    severity: Severity
    code: Slug
    """Stable name of the rule."""
    field: str
    """The field at fault, such as `requirements.0.n_items`."""
    message: str


def lint(
    license: License,
    *,
    benchmarks: Mapping[str, Source],
    judges: Mapping[str, str],
    today: date,
) -> tuple[Remark, ...]:
    """Remarks about a license, errors first, otherwise in the order of its fields.

    Args:
        license: the terms and their digest.
        benchmarks: what is known of public benchmarks, by name.
        judges: SHA-256 of each judge that can be run, by name.
        today: the day on which the terms should hold.
    """
    terms = license.terms
    remarks = [
        *_validity(terms, today),
        *_judge(terms, judges),
        *(
            remark
            for index, requirement in enumerate(terms.requirements)
            for remark in _requirement(requirement, f"requirements.{index}", benchmarks)
        ),
        *_floors(terms),
        *_limits(terms, benchmarks),
    ]
    order: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(remarks, key=lambda remark: order[remark.severity]))


def allowances(
    license: License,
    *,
    benchmarks: Mapping[str, Source],
) -> tuple[Allowance, ...]:
    """How many failures each requirement allows, category by category where it is held to them.

    A requirement per category of a benchmark that is not among `benchmarks` is listed pooled, for
    want of the sizes of its categories.
    """
    return tuple(
        row
        for requirement in license.terms.requirements
        for row in _rows(requirement, benchmarks.get(requirement.benchmark.name))
    )


def _rows(requirement: Requirement, source: Source | None) -> list[Allowance]:
    if requirement.per_category and source is not None:
        sizes = _sizes(requirement, source)
        return [
            allowance(requirement, category=category, n_items=sizes[category])
            for category in sorted(sizes)
        ]
    return [allowance(requirement)]


def _sizes(requirement: Requirement, source: Source) -> dict[str, int]:
    """Items by category, in the selection of the requirement."""
    sizes: dict[str, int] = {}
    for count in source.counts:
        is_expected = requirement.expected in (None, count.expected)
        if is_expected and count.category in (requirement.categories or (count.category,)):
            sizes[count.category] = sizes.get(count.category, 0) + count.n_items
    return sizes


def _validity(terms: Terms, today: date) -> Iterator[Remark]:
    if terms.expires is not None and terms.expires < today:
        yield _error("expired", "expires", f"the terms held until {terms.expires}")
    if terms.issued > today:
        yield _warning("not-yet-issued", "issued", f"the terms are issued on {terms.issued}")
    if not terms.base_models:
        yield _warning("no-base-model", "base_models", "no model is named whose derivatives count")


def _judge(terms: Terms, judges: Mapping[str, str]) -> Iterator[Remark]:
    name, sha256 = terms.judge.name, terms.judge.sha256
    if name not in judges:
        known = ", ".join(sorted(judges)) or "none"
        yield _error("unknown-judge", "judge.name", f"expected one of {known}, found {name}")
    elif judges[name] != sha256:
        message = f"expected {judges[name]}, the {name} of this version, found {sha256}"
        yield _error("judge-digest", "judge.sha256", message)


def _requirement(
    requirement: Requirement, field: str, benchmarks: Mapping[str, Source]
) -> Iterator[Remark]:
    reference = requirement.benchmark
    source = benchmarks.get(reference.name)
    if source is not None and source.sha256 != reference.sha256 and reference.layout is None:
        message = f"expected {source.sha256}, the pinned {reference.name}, found {reference.sha256}"
        yield _error("benchmark-digest", f"{field}.benchmark.sha256", message)
        return
    if source is None or source.sha256 != reference.sha256:
        if reference.layout is None:
            message = f"{reference.name} is not a public benchmark: say how its file is laid out"
            yield _warning("no-layout", f"{field}.benchmark.layout", message)
        source = None
    if source is not None:
        yield from _selection(requirement, field, source)
    for row in _rows(requirement, source):
        if not row.is_passable:
            part = f"category {row.category}" if row.category else requirement.id
            message = f"{part} cannot be passed: {row.explain()}; {row.alternatives()}"
            yield _error("cannot-be-passed", field, message)
        elif row.allowed_failures == row.n_items:
            yield _warning(
                "always-passes", f"{field}.threshold", f"{requirement.id} passes every model"
            )


def _selection(requirement: Requirement, field: str, source: Source) -> Iterator[Remark]:
    sizes = _sizes(requirement, source)
    for category in requirement.categories or ():
        if category not in sizes:
            message = f"{source.name} has no items of {category} in this selection"
            yield _error("unknown-category", f"{field}.categories", message)
    n_items = source.n_items(requirement.expected, requirement.categories)
    if n_items != requirement.n_items:
        message = f"expected {n_items}, the items of this selection, found {requirement.n_items}"
        yield _error("item-count", f"{field}.n_items", message)


def _floors(terms: Terms) -> Iterator[Remark]:
    has_benign_floor = any(
        requirement.metric == "compliance_rate"
        and requirement.expected == "comply"
        and exact(requirement.threshold) > 0
        for requirement in terms.requirements
    )
    metrics = {requirement.metric for requirement in terms.requirements}
    if not has_benign_floor:
        yield _warning(
            "no-benign-floor",
            "requirements",
            "a model that refuses everything passes: ask for a compliance_rate of benign prompts",
        )
    if "degenerate_rate" not in metrics:
        yield _warning(
            "no-degenerate-floor",
            "requirements",
            "nothing bounds empty and looping answers by themselves: ask for a degenerate_rate",
        )
    if "most_common_answer_rate" not in metrics:
        yield _warning(
            "no-constant-answer-floor",
            "requirements",
            "a model with one answer to everything may pass: ask for a most_common_answer_rate",
        )


def _limits(terms: Terms, benchmarks: Mapping[str, Source]) -> Iterator[Remark]:
    names = sorted({requirement.benchmark.name for requirement in terms.requirements})
    public = [name for name in names if name in benchmarks]
    if public:
        message = f"models can be trained on public prompts: {', '.join(public)}"
        yield Remark(severity="note", code="public-prompts", field="requirements", message=message)
    if terms.measurement.decoding == "sampled":
        yield Remark(
            severity="note",
            code="one-draw",
            field="measurement.decoding",
            message="a sampled run is one draw per prompt, and whoever changes any file of a "
            "checkpoint draws again: leave room for luck with rule `confidence`",
        )
    for index, requirement in enumerate(terms.requirements):
        if requirement.rule == "count":
            yield Remark(
                severity="note",
                code="fixed-set",
                field=f"requirements.{index}.rule",
                message=f"{requirement.id} speaks of its {requirement.n_items} items only",
            )


def _error(code: Slug, field: str, message: str) -> Remark:
    return Remark(severity="error", code=code, field=field, message=message)


def _warning(code: Slug, field: str, message: str) -> Remark:
    return Remark(severity="warning", code=code, field=field, message=message)
