"""The terms of a license in plain words, for the person who signs and not for the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from attest.license.allowance import Allowance, allowance
from attest.license.terms import (
    BaseModelRef,
    Duties,
    License,
    Measurement,
    Metric,
    Requirement,
    Terms,
)
from attest.record import Rate

_FAILING: dict[Metric, str] = {
    "unsafe_rate": "may get anything but a refusal",
    "compliance_rate": "may stay without a proper answer",
    "degenerate_rate": "may get an empty, looping or unreadable answer",
    "most_common_answer_rate": "may get one and the same answer",
}


def describe(license: License, *, by_category: Sequence[Allowance] = ()) -> str:
    """The license as Markdown that a lawyer can read.

    Args:
        license: the terms and their digest.
        by_category: allowances of single categories, where a benchmark told their sizes; they
            become a table below their requirement.
    """
    terms = license.terms
    blocks = [
        f"# {terms.name} {terms.license_version}: the terms in plain words",
        _parties(license),
        "## How a model is measured",
        _measurement(terms),
        "## What must come out",
        *(
            _requirement(number, requirement, by_category)
            for number, requirement in enumerate(terms.requirements, start=1)
        ),
        _outcomes(terms),
        "## What a release must carry",
        _bullets(_duties(terms)),
        "## How long it holds",
        _validity(terms),
        "## What these terms do not say",
        _bullets(_limits(terms)),
    ]
    return "\n\n".join(blocks) + "\n"


def _parties(license: License) -> str:
    terms = license.terms
    bases = "; ".join(_base_model(base) for base in terms.base_models)
    covered = f"models derived from {bases}" if bases else "derived models; no base model is named"
    text = f"*{terms.text.title}* (SHA-256 `{terms.text.sha256}`)"
    if terms.text.uri:
        text += f", at {terms.text.uri}"
    return (
        f"{terms.licensor.name} licenses {covered}.\n"
        f"The legal text is {text}.\n"
        f"The file that was read here has the SHA-256 `{license.sha256}`; any change to it makes "
        "another license."
    )


def _base_model(base: BaseModelRef) -> str:
    digests = [
        f"{kind} digest `{digest}`"
        for kind, digest in (("checkpoint", base.checkpoint), ("weights", base.weights))
        if digest
    ]
    return f"{base.name} ({', '.join(digests)})" if digests else base.name


def _measurement(terms: Terms) -> str:
    measurement = terms.measurement
    who = (
        "Anyone may measure, the publisher of the model too."
        if terms.evaluators == "anyone"
        else "Only a party other than the publisher may measure."
    )
    return (
        f"Each prompt is asked once, and {_answering(measurement)}, of at most "
        f"{measurement.max_new_tokens} tokens. {_asking(measurement)} Each answer is judged by "
        f"`{terms.judge.name}` (SHA-256 `{terms.judge.sha256}`). An answer that is empty, looping "
        f"or cannot be judged counts against the model. {who}"
    )


def _answering(measurement: Measurement) -> str:
    if measurement.decoding == "greedy":
        return "the model gives its likeliest answer"
    return (
        f"the answer is drawn from what the model might say, at temperature "
        f"{measurement.temperature}, with draws that these terms and the files of the model fix "
        "and that nobody chooses"
    )


def _asking(measurement: Measurement) -> str:
    template = (
        "the chat format that comes with the model"
        if measurement.chat_template.source == "checkpoint"
        else "the chat format that these terms prescribe"
    )
    system = (
        "without a system message"
        if measurement.system_prompt is None
        else f"with the system message “{measurement.system_prompt}”"
    )
    arithmetic = (
        "the number format of the weights"
        if measurement.dtype == "checkpoint"
        else f"the number format {measurement.dtype}"
    )
    return f"Prompts are put in {template}, {system}, and computed in {arithmetic}."


def _requirement(number: int, requirement: Requirement, by_category: Sequence[Allowance]) -> str:
    benchmark = requirement.benchmark
    scope = f"`{benchmark.name}` (SHA-256 `{benchmark.sha256}`)"
    if requirement.expected is not None:
        kind = "should refuse" if requirement.expected == "refuse" else "should answer"
        scope += f" that a model {kind}"
    if requirement.categories is not None:
        noun = "category" if len(requirement.categories) == 1 else "categories"
        scope += f", {noun} {', '.join(requirement.categories)}"
    head = f"{number}. **{requirement.id}**: of the {requirement.n_items} prompts of {scope}, "
    if not requirement.per_category:
        return head + _sentence(allowance(requirement))
    percent = _percent(requirement.threshold)
    side = "at most" if requirement.comparator == "at_most" else "at least"
    lines = [
        head + f"those of every single category must keep a rate of {side} {percent} "
        f"({requirement.metric}{_confidence(requirement)}). {_DEPENDS}"
    ]
    rows = [row for row in by_category if row.requirement == requirement.id]
    if rows:
        lines += [
            "",
            "   | category | prompts | passes up to | fails from |",
            "   |---|---|---|---|",
        ]
        lines += [
            f"   | {row.category} | {row.n_items} | {_or_never(row.allowed_failures)} "
            f"| {_or_never(row.smallest_failing)} |"
            for row in rows
        ]
    return "\n".join(lines)


_DEPENDS = "How many failures that allows depends on how many prompts the category holds."


def _sentence(allowed: Allowance) -> str:
    most = allowed.allowed_failures
    if most is None:
        return f"no number of failures passes: {allowed.explain()}."
    if allowed.comparator == "at_least":
        rule = f"at least {allowed.n_items - most} must get a proper answer."
    else:
        rule = f"at most {most} {_FAILING[allowed.metric]}."
    if allowed.confidence is None:
        promise = f"This is said of these {allowed.n_items} prompts and of no others."
    else:
        side = "above" if allowed.comparator == "at_most" else "below"
        promise = (
            f"A model whose rate ({allowed.metric}) among prompts like these is {side} "
            f"{_percent(allowed.threshold)} passes with a probability of at most "
            f"{_percent(str(1 - Decimal(allowed.confidence)))}."
        )
    return f"{rule} {_beyond(allowed, most)} {promise}"


def _beyond(allowed: Allowance, most: int) -> str:
    """What follows if more items fail than may."""
    least, n = allowed.smallest_failing, allowed.n_items
    if least is None:
        return "No result breaks the license here."
    if least == most + 1:
        return "One worse, and the license is broken."
    if allowed.comparator == "at_least":
        between, broken = f"{n - least + 1} to {n - most - 1}", f"{n - least} or fewer"
    else:
        between, broken = f"{most + 1} to {least - 1}", f"{least} or more"
    return f"With {between} the result is inconclusive, with {broken} the license is broken."


def _confidence(requirement: Requirement) -> str:
    if requirement.confidence is None:
        return ", counted"
    return f", with {_percent(requirement.confidence)} confidence"


def _outcomes(terms: Terms) -> str:
    rule = (
        "The license is met if every requirement passes, and broken if one fails. Otherwise the "
        "result is inconclusive."
    )
    if any(requirement.rule == "confidence" for requirement in terms.requirements):
        rule += (
            " Inconclusive means that so many prompts cannot tell; it is not a pass. The remedy is "
            "a better model, or terms that name more prompts, and never the same test again."
        )
    return rule


def _duties(terms: Terms) -> Iterator[str]:
    duties = terms.duties
    if duties.license_copy:
        yield f"A file with exactly the bytes of *{terms.text.title}*."
    if duties.notice is not None:
        yield f"A file `{duties.notice.path}` that says: “{duties.notice.contains}”"
    if duties.name_prefix is not None:
        yield f"A name that begins with “{duties.name_prefix}”."
    if duties == Duties():
        yield "Nothing beyond the measurement."


def _validity(terms: Terms) -> str:
    until = (
        f"until {terms.expires}, that day included"
        if terms.expires
        else "until other terms replace them"
    )
    return (
        f"The terms were issued on {terms.issued} and hold {until}. A measurement counts for "
        f"{terms.attestation_valid_days} days."
    )


def _limits(terms: Terms) -> Iterator[str]:
    yield "They never say that a model is safe, only how it answered these prompts."
    yield (
        "Any change to a file that decides behavior makes another model, which needs its own "
        "measurement: a quantized copy, an added adapter, another chat format."
    )
    yield "Other system messages, other languages, images, tools and hidden triggers are untested."
    if terms.measurement.decoding == "sampled":
        yield (
            "Each answer is one draw of many; asked again with other draws, the model may answer "
            "otherwise. A publisher who changes any file of the model draws again."
        )
    if any(requirement.rule == "count" for requirement in terms.requirements):
        yield (
            "A counted requirement speaks of its fixed prompts only. Prompts that are public can "
            "be trained for."
        )
    yield "Where the legal text asks for more than a machine can check, the legal text decides."


def _bullets(lines: Iterator[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _percent(rate: Rate) -> str:
    percent = Decimal(rate) * 100
    return f"{percent.normalize():f}%"


def _or_never(count: int | None) -> str:
    return "never" if count is None else str(count)
