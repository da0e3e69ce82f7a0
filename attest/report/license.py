"""The terms of a license in plain words, for the person who signs and not for the machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attest.license.allowance import Allowance, allowances
from attest.license.terms import (
    BaseModelRef,
    Duties,
    License,
    Measurement,
    Terms,
)
from attest.report.judges import judge_words
from attest.report.probes import probe_words
from attest.report.requirement import requirement_words


def describe(license: License, rows: Sequence[Allowance] | None = None) -> str:
    """The license as Markdown that a lawyer can read.

    Args:
        license: the terms and their digest.
        rows: `allowances` of the license, with all benchmarks that are known; they tell how much
            each category may fail. None knows no benchmark.
    """
    terms = license.terms
    known = allowances(license, benchmarks={}) if rows is None else rows
    details = [*probe_words(terms), *judge_words(terms)]
    blocks = [
        f"# {terms.name} {terms.license_version}: the terms in plain words",
        _parties(license),
        "## How a model is measured",
        _measurement(terms),
        *([_bullets(details)] if details else []),
        "## What must come out",
        *(
            requirement_words(
                number, requirement, [row for row in known if row.requirement == requirement.id]
            )
            for number, requirement in enumerate(terms.requirements, start=1)
        ),
        _outcomes(known),
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
    unless = ", unless a probe below asks otherwise" if terms.probes else ""
    return (
        f"Each prompt is asked once{unless}, and {_answering(measurement)}, of at most "
        f"{measurement.max_new_tokens} tokens. {_asking(measurement)} {_judging(terms)} "
        f"An answer that is empty, looping or cannot be judged counts against the model. {who}"
    )


def _judging(terms: Terms) -> str:
    judge = f"`{terms.judge.name}` (SHA-256 `{terms.judge.sha256}`)"
    judges = {terms.judge_of(requirement) for requirement in terms.requirements}
    if judges == {terms.judge.name}:
        return f"Each answer is judged by {judge}."
    if terms.judge.name in judges:
        return f"Each answer is judged by {judge}, unless a requirement names another judge."
    return "Each answer is judged by the judge that a requirement names."


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


def _outcomes(rows: Sequence[Allowance]) -> str:
    rule = (
        "The license is met if every requirement passes, and broken if one fails. Otherwise the "
        "result is inconclusive."
    )
    n_tests = sum(row.confidence is not None for row in rows)
    if n_tests:
        rule += (
            " Inconclusive means that so many prompts cannot tell; it is not a pass. The remedy is "
            "a better model, or terms that name more prompts, and never the same test again."
        )
    if n_tests > 1:
        rule += (
            f" Because {n_tests} results rest on a probability, one of them fails only if it would "
            "by a stricter standard too (Holm's correction), so that bad luck in one of many does "
            "not break a license; the numbers above allow for that."
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
        f"The terms were issued on {terms.issued} and hold {until}. An attestation counts for "
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


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
