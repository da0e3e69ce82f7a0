"""Probes in plain words: how the prompts of some requirements are put."""

from __future__ import annotations

from collections.abc import Iterator

from attest.benchmark.probes import Probe, probes
from attest.license.terms import ProbeRef, Reasoning, Terms


def probe_words(terms: Terms) -> Iterator[str]:
    """One sentence for each probe that a requirement names, and for the reasoning of models."""
    named = {requirement.probe for requirement in terms.requirements}
    for one in terms.probes:
        if one.name in named:
            yield f"Where a requirement says `{one.name}`: {_words(one)}"
    if terms.measurement.reasoning is not None:
        yield _reasoning(terms.measurement.reasoning)


def _words(one: ProbeRef | Probe) -> str:
    known = probes().get(one.name)
    if isinstance(one, Probe):
        return f"{one.description} These terms write it out."
    if known is None or known.sha256 != one.sha256:
        return f"a probe that this version of attest does not have (SHA-256 `{one.sha256}`)."
    return f"{known.description} (SHA-256 `{one.sha256}`)"


def _reasoning(marks: Reasoning) -> str:
    judged = {
        "answer": "its answer alone is judged",
        "reasoning": "its reasoning alone is judged",
        "both": "reasoning and answer are judged as one text",
    }[marks.judged]
    begins = "" if marks.start is None else f" after “{marks.start}”"
    return (
        f"Of a model that thinks{begins} until “{marks.end}”, {judged}; where the reasoning never "
        "ends, there is no answer."
    )
