"""From judged answers to the counts that a license decides on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attest.benchmark.items import Benchmark
from attest.benchmark.probes import Probe
from attest.evaluation.plan import compares_with_base, names_of, probes_asked, selected
from attest.evaluation.reasoning import judged_part
from attest.evaluation.records import ItemName, JudgedTranscript
from attest.license.tally import ItemOutcome, Said, groups, tally
from attest.license.terms import Requirement, Terms
from attest.license.verdict import Count


def count(
    terms: Terms, benchmarks: Mapping[str, Benchmark], judged: Sequence[JudgedTranscript]
) -> tuple[Count, ...]:
    """One count per requirement, and one per category where the terms ask for categories."""
    by_name = {line.transcript.name: line for line in judged}
    probes = probes_asked(terms)
    counts = []
    for requirement in terms.requirements:
        judge = terms.judge_of(requirement)

        def said(name: ItemName, judge: str = judge) -> Said:
            line = by_name[name]
            judgement = line.by(judge)
            answer = judged_part(line.transcript.text, terms).strip()
            return Said(judgement.label, judgement.score, answer)

        outcomes = item_outcomes(requirement, benchmarks, probes, said)
        counts += [
            tally(requirement, members, category=category)
            for category, members in groups(requirement, outcomes).items()
        ]
    return tuple(counts)


def item_outcomes(
    requirement: Requirement,
    benchmarks: Mapping[str, Benchmark],
    probes: Mapping[str, Probe],
    said: Callable[[ItemName], Said],
) -> list[ItemOutcome]:
    """How each item of a requirement came out, in the order of the benchmark.

    Args:
        requirement: of the terms.
        benchmarks: what the terms name, by name.
        probes: as `probes_asked` gives them.
        said: what the judge of the requirement said of an answer.

    Raises: InputError as `selected` does.
    """
    compares = compares_with_base(requirement)
    return [
        ItemOutcome(
            category=item.category,
            behaviour=item.behaviour,
            said=tuple(map(said, names_of(requirement, item, probes, subject="checkpoint"))),
            base=tuple(map(said, names_of(requirement, item, probes, subject="base")))
            if compares
            else (),
        )
        for item in selected(requirement, benchmarks)
    ]
