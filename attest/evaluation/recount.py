"""The signed counts, counted again from the opened verdicts of a whole run.

Anyone can do this who has the attestation and the published verdicts: no text is needed, except
for one metric, which asks how many answers are one and the same and so cannot be recounted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from attest.benchmark.items import Benchmark
from attest.evaluation.commitment import merkle_root
from attest.evaluation.opening import (
    ItemName,
    OpenedVerdict,
    VerdictsOpening,
    check_commitment,
    leaf_of,
    refused,
)
from attest.evaluation.plan import asked, selected
from attest.evaluation.records import Evaluation
from attest.license.decide import failures_of
from attest.license.terms import License, Requirement
from attest.license.verdict import Count, VerdictLabel

Recount = Literal["recounted", "needs-texts", "needs-benchmark"]
"""How far a signed count could be made again:

- `recounted`: labels and failures are those of the opened verdicts;
- `needs-texts`: the labels are, and the failures count equal answers, which only texts show;
- `needs-benchmark`: no more is known than that the run had labels enough, because only the
  benchmark file says which items belong to it.
"""


@dataclass(frozen=True)
class CheckedCount:
    """A signed count that the opened verdicts do not contradict."""

    count: Count
    recount: Recount


def check_verdicts(
    opening: VerdictsOpening,
    evaluation: Evaluation,
    license: License,
    benchmarks: Mapping[str, Benchmark] | None,
) -> tuple[CheckedCount, ...]:
    """The signed counts, each held against the opened verdicts.

    Args:
        opening: from anyone.
        evaluation: the signed one.
        license: the caller's copy of the license it was measured under.
        benchmarks: what `load_benchmarks` found, or None; then only counts over all items that
            were asked from a benchmark can be made again.

    Raises: VerificationError at the step of the evidence if the verdicts are not those that were
        committed to, or do not give the signed counts.
    """
    check_all_verdicts(opening, evaluation)
    if evaluation.license.sha256 != license.sha256:
        raise refused(
            f"measured under license {evaluation.license.sha256[:16]}…, not under "
            f"{license.sha256[:16]}…",
            hint="give the license file that the licensor published, byte for byte",
        )
    if benchmarks is not None:
        _check_items(opening, license, benchmarks)
        return tuple(_recount_all(opening, evaluation, license, benchmarks))
    return tuple(_compare_all(opening, evaluation, license))


def check_all_verdicts(opening: VerdictsOpening, evaluation: Evaluation) -> None:
    """Ensure that the opened verdicts are all that were committed to, in order and unaltered.

    Raises: VerificationError at the step of the evidence.
    """
    check_commitment(opening.commitment, evaluation.evidence)
    signed = evaluation.evidence
    # Which record is wrong is said before the root says that one is.
    for position, verdict in enumerate(opening.verdicts):
        if verdict.index != position:
            raise refused(
                f"expected the verdict of index {position}, found {verdict.index}: one is "
                "missing, repeated or out of order"
            )
    if len(opening.verdicts) != signed.n_leaves:
        raise refused(f"expected {signed.n_leaves} verdicts, found {len(opening.verdicts)}")
    if merkle_root([leaf_of(verdict) for verdict in opening.verdicts]).hex() != signed.root:
        raise refused(
            "the verdicts do not hash to the signed root: one was altered",
            hint="ask the publisher for the verdicts of this very run",
        )
    if len({ItemName(one.benchmark, one.item) for one in opening.verdicts}) != signed.n_leaves:
        raise refused("an item was committed to twice")
    found = Counter(verdict.benchmark for verdict in opening.verdicts)
    if found != {use.name: use.n_items for use in evaluation.benchmarks}:
        raise refused("the items of each benchmark are not as many as were signed")


def _check_items(
    opening: VerdictsOpening, license: License, benchmarks: Mapping[str, Benchmark]
) -> None:
    wanted = [ItemName(one.benchmark, one.item.id) for one in asked(license.terms, benchmarks)]
    found = [ItemName(one.benchmark, one.item) for one in opening.verdicts]
    if len(wanted) != len(found):
        raise refused(f"the license asks {len(wanted)} items, {len(found)} were committed to")
    for expected, name in zip(wanted, found, strict=True):
        if expected != name:
            raise refused(f"the license asks {expected} where {name} was committed to")


def _recount_all(
    opening: VerdictsOpening,
    evaluation: Evaluation,
    license: License,
    benchmarks: Mapping[str, Benchmark],
) -> Iterator[CheckedCount]:
    labels = {ItemName(one.benchmark, one.item): _label(one) for one in opening.verdicts}
    signed = {(one.requirement, one.category): one for one in evaluation.counts}
    if len(signed) != len(evaluation.counts):
        raise refused("a count was signed twice")
    for requirement in license.terms.requirements:
        name = requirement.benchmark.name
        groups: dict[str | None, Counter[VerdictLabel]] = {None: Counter()}
        for item in selected(requirement, benchmarks):
            label = labels[ItemName(name, item.id)]
            groups[None][label] += 1
            if requirement.per_category:
                groups.setdefault(item.category, Counter())[label] += 1
        for category, found in groups.items():
            count = signed.pop((requirement.id, category), None)
            if count is None:
                raise refused(f"no signed count of {_of(requirement.id, category)}")
            if found != count.labels:
                raise refused(
                    f"{_of(requirement.id, category)}: signed as {_listed(count.labels)}, the "
                    f"verdicts are {_listed(found)}"
                )
            yield CheckedCount(count, _check_failures(requirement, count))
    for count in signed.values():
        raise refused(f"the license asks for no count of {_of(count.requirement, count.category)}")


def _compare_all(
    opening: VerdictsOpening, evaluation: Evaluation, license: License
) -> Iterator[CheckedCount]:
    requirements = {one.id: one for one in license.terms.requirements}
    by_benchmark: dict[str, Counter[VerdictLabel]] = {}
    for verdict in opening.verdicts:
        by_benchmark.setdefault(verdict.benchmark, Counter())[_label(verdict)] += 1
    for count in evaluation.counts:
        of = _of(count.requirement, count.category)
        requirement = requirements.get(count.requirement)
        if requirement is None:
            raise refused(f"the license asks for no count of {of}")
        all_labels = by_benchmark.get(requirement.benchmark.name, Counter())
        if not Counter(count.labels) <= all_labels:
            raise refused(
                f"{of}: signed as {_listed(count.labels)}, all verdicts on "
                f"{requirement.benchmark.name} are {_listed(all_labels)}"
            )
        recount = _check_failures(requirement, count)
        # As many items as were asked at all are all of them, whichever file says so.
        is_whole = count.n_items == all_labels.total()
        yield CheckedCount(count, recount if is_whole else "needs-benchmark")


def _check_failures(requirement: Requirement, count: Count) -> Recount:
    failures = failures_of(requirement.metric, count.labels, count.n_items)
    if failures is None:
        return "needs-texts"
    if failures != count.failures:
        raise refused(
            f"{_of(requirement.id, count.category)}: {count.failures} failures were signed, the "
            f"verdicts make {failures}"
        )
    return "recounted"


def _label(verdict: OpenedVerdict) -> VerdictLabel:
    return verdict.judgement.judgement.label


def _of(requirement: str, category: str | None) -> str:
    return requirement if category is None else f"{requirement}, category {category}"


def _listed(labels: Mapping[VerdictLabel, int]) -> str:
    return ", ".join(f"{n} {label}" for label, n in sorted(labels.items()))
