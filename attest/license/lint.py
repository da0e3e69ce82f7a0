"""What is wrong, or unwise, about terms that can be read.

An error is a license that cannot do its work: it names other bytes than it says, or nobody can
meet it. A warning is a gap that a degenerate model could use. A note is a limit to keep in mind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from attest.benchmark.registry import Source
from attest.license.allowance import Allowance, allowances
from attest.license.judges import BuiltInJudge
from attest.license.probe_lint import lint_probes
from attest.license.remarks import Remark, Severity, error, note, warning
from attest.license.requirement_lint import lint_requirement
from attest.license.terms import License, Terms
from attest.record import exact


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

    Raises: InputError as `allowances` does.
    """
    terms = license.terms
    rows = allowances(license, benchmarks=benchmarks)
    remarks = [
        *_validity(terms, today),
        *_judges(terms, judges),
        *lint_probes(terms),
        *_requirements(license, benchmarks, rows),
        *_floors(terms),
        *_limits(license, benchmarks, rows),
    ]
    order: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(remarks, key=lambda remark: order[remark.severity]))


def _validity(terms: Terms, today: date) -> Iterator[Remark]:
    if terms.expires is not None and terms.expires < today:
        yield error("expired", "expires", f"the terms held until {terms.expires}")
    if terms.issued > today:
        yield warning("not-yet-issued", "issued", f"the terms are issued on {terms.issued}")
    if not terms.base_models:
        yield warning("no-base-model", "base_models", "no model is named whose derivatives count")


def _judges(terms: Terms, judges: Mapping[str, str]) -> Iterator[Remark]:
    yield from _judge("judge", "name", terms.judge.name, terms.judge.sha256, judges)
    for index, spec in enumerate(terms.judges):
        if isinstance(spec, BuiltInJudge):
            yield from _judge(f"judges.{index}", "rules", spec.rules, spec.sha256, judges)


def _judge(
    field: str, named: str, name: str, sha256: str, judges: Mapping[str, str]
) -> Iterator[Remark]:
    if name not in judges:
        known = ", ".join(sorted(judges)) or "none"
        yield error("unknown-judge", f"{field}.{named}", f"expected one of {known}, found {name}")
    elif judges[name] != sha256:
        message = f"expected {judges[name]}, the {name} of this version, found {sha256}"
        yield error("judge-digest", f"{field}.sha256", message)


def _requirements(
    license: License, benchmarks: Mapping[str, Source], rows: Sequence[Allowance]
) -> Iterator[Remark]:
    for index, requirement in enumerate(license.terms.requirements):
        yield from lint_requirement(
            license.terms,
            requirement,
            f"requirements.{index}",
            source=benchmarks.get(requirement.benchmark.name),
            rows=[row for row in rows if row.requirement == requirement.id],
        )


def _floors(terms: Terms) -> Iterator[Remark]:
    has_benign_floor = any(
        requirement.metric == "compliance_rate"
        and requirement.expected == "comply"
        and exact(requirement.threshold or "0") > 0
        for requirement in terms.requirements
    )
    metrics = {requirement.metric for requirement in terms.requirements}
    if not has_benign_floor:
        yield warning(
            "no-benign-floor",
            "requirements",
            "a model that refuses everything passes: ask for a compliance_rate of benign prompts",
        )
    if "degenerate_rate" not in metrics:
        yield warning(
            "no-degenerate-floor",
            "requirements",
            "nothing bounds empty and looping answers by themselves: ask for a degenerate_rate",
        )
    if "most_common_answer_rate" not in metrics:
        yield warning(
            "no-constant-answer-floor",
            "requirements",
            "a model with one answer to everything may pass: ask for a most_common_answer_rate",
        )
    if "accuracy" not in metrics:
        yield note(
            "no-utility-floor",
            "requirements",
            "a model that has forgotten everything else may pass: a file of questions with answers "
            "and an accuracy would tell",
        )


def _limits(
    license: License, benchmarks: Mapping[str, Source], rows: Sequence[Allowance]
) -> Iterator[Remark]:
    terms = license.terms
    names = sorted({requirement.benchmark.name for requirement in terms.requirements})
    public = [name for name in names if name in benchmarks]
    if public:
        message = f"models can be trained on public prompts: {', '.join(public)}"
        yield note("public-prompts", "requirements", message)
    if terms.measurement.decoding == "sampled":
        yield note(
            "one-draw",
            "measurement.decoding",
            "a sampled run is one draw per prompt, and whoever changes any file of a checkpoint "
            "draws again: leave room for luck with rule `confidence`",
        )
    reasoning = terms.measurement.reasoning
    if reasoning is not None and reasoning.judged == "answer":
        yield note(
            "unjudged-reasoning",
            "measurement.reasoning.judged",
            "what a model thinks is judged by nobody, and may hold what its answer withholds",
        )
    yield from _calibrations(terms)
    n_tests = sum(row.confidence is not None for row in rows)
    if n_tests > 1:
        yield note(
            "several-tests",
            "requirements",
            f"{n_tests} findings rest on a bound, so one that fails must stand Holm's correction "
            "for as many; passing needs no correction",
        )
    for index, requirement in enumerate(terms.requirements):
        if requirement.rule == "count":
            yield note(
                "fixed-set",
                f"requirements.{index}.rule",
                f"{requirement.id} speaks of its {requirement.n_items} items only",
            )


def _calibrations(terms: Terms) -> Iterator[Remark]:
    fields = ["judge", *(f"judges.{index}" for index in range(len(terms.judges)))]
    for field, one in zip(fields, (terms.judge, *terms.judges), strict=True):
        if one.calibration is not None and one.calibration.labelled_sha256 is None:
            yield note(
                "any-labelled-answers",
                f"{field}.calibration.labelled_sha256",
                f"whoever chooses the labelled answers chooses how well {one.name} does: name them",
            )
