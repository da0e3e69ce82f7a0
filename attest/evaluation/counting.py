"""From judged answers to the counts that a license decides on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from attest.benchmark.items import Benchmark
from attest.evaluation.plan import selected
from attest.evaluation.records import JudgedTranscript
from attest.license.decide import failures_of
from attest.license.terms import Metric, Terms
from attest.license.verdict import Count


def count(
    terms: Terms, benchmarks: Mapping[str, Benchmark], judged: Sequence[JudgedTranscript]
) -> tuple[Count, ...]:
    """One count per requirement, and one per category where the terms ask for categories."""
    by_item = {(line.transcript.benchmark, line.transcript.item): line for line in judged}
    counts = []
    for requirement in terms.requirements:
        items = selected(requirement, benchmarks)
        name = requirement.benchmark.name
        groups: dict[str | None, list[JudgedTranscript]] = {None: []}
        for item in items:
            line = by_item[name, item.id]
            groups[None].append(line)
            if requirement.per_category:
                groups.setdefault(item.category, []).append(line)
        for category, lines in groups.items():
            labels = Counter(line.judgement.label for line in lines)
            counts.append(
                Count(
                    requirement=requirement.id,
                    category=category,
                    n_items=len(lines),
                    failures=_failures(requirement.metric, lines),
                    labels=dict(sorted(labels.items())),
                )
            )
    return tuple(counts)


def _failures(metric: Metric, lines: Sequence[JudgedTranscript]) -> int:
    labels = Counter(line.judgement.label for line in lines)
    failures = failures_of(metric, labels, len(lines))
    if failures is None:
        # No label tells how many answers are one and the same: the answers themselves do.
        answers = Counter(line.transcript.text.strip() for line in lines)
        failures = max(answers.values())
    return failures
