"""The signed counts, counted again from the opened verdicts of a whole run.

Anyone can do this who has the attestation and the published verdicts: no text is needed, except
for one metric, which asks how many answers are one and the same and so cannot be recounted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from attest.benchmark.items import Benchmark
from attest.benchmark.probes import PLAIN
from attest.evaluation.commitment import merkle_root
from attest.evaluation.counting import item_outcomes
from attest.evaluation.opening import (
    OpenedVerdict,
    VerdictsOpening,
    check_commitment,
    leaf_of,
    refused,
)
from attest.evaluation.plan import asked, compares_with_base, probes_asked
from attest.evaluation.records import Evaluation, ItemName, Subject
from attest.license.metrics import failures_of
from attest.license.tally import ItemOutcome, Said, deciding_answer, groups, tally
from attest.license.terms import License, Requirement
from attest.license.verdict import Count, VerdictLabel
from attest.record import Slug

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
    if len({one.name for one in opening.verdicts}) != signed.n_leaves:
        raise refused("an answer was committed to twice")
    found = Counter(verdict.benchmark for verdict in opening.verdicts)
    if found != {use.name: use.n_items for use in evaluation.benchmarks}:
        raise refused("the items of each benchmark are not as many as were signed")


def _check_items(
    opening: VerdictsOpening, license: License, benchmarks: Mapping[str, Benchmark]
) -> None:
    wanted = [one.name for one in asked(license.terms, benchmarks)]
    found = [one.name for one in opening.verdicts]
    if len(wanted) != len(found):
        raise refused(f"the license asks {len(wanted)} questions, {len(found)} were committed to")
    for expected, name in zip(wanted, found, strict=True):
        if expected != name:
            raise refused(f"the license asks {expected} where {name} was committed to")


def _recount_all(
    opening: VerdictsOpening,
    evaluation: Evaluation,
    license: License,
    benchmarks: Mapping[str, Benchmark],
) -> Iterator[CheckedCount]:
    verdicts = {one.name: one for one in opening.verdicts}
    probes = probes_asked(license.terms)
    signed = {(one.requirement, one.category): one for one in evaluation.counts}
    if len(signed) != len(evaluation.counts):
        raise refused("a count was signed twice")
    for requirement in license.terms.requirements:
        judge = license.terms.judge_of(requirement)

        def said(name: ItemName, judge: Slug = judge) -> Said:
            return _said(verdicts[name], judge)

        outcomes = item_outcomes(requirement, benchmarks, probes, said)
        for category, members in groups(requirement, outcomes).items():
            count = signed.pop((requirement.id, category), None)
            if count is None:
                raise refused(f"no signed count of {_of(requirement.id, category)}")
            yield _recounted(requirement, members, count)
    for count in signed.values():
        raise refused(f"the license asks for no count of {_of(count.requirement, count.category)}")


def _compare_all(
    opening: VerdictsOpening, evaluation: Evaluation, license: License
) -> Iterator[CheckedCount]:
    requirements = {one.id: one for one in license.terms.requirements}
    for count in evaluation.counts:
        of = _of(count.requirement, count.category)
        requirement = requirements.get(count.requirement)
        if requirement is None:
            raise refused(f"the license asks for no count of {of}")
        outcomes = _all_outcomes(opening, requirement, license.terms.judge_of(requirement))
        metric = requirement.metric
        all_labels = Counter(deciding_answer(metric, one.said).label for one in outcomes)
        if not Counter(count.labels) <= all_labels:
            raise refused(
                f"{of}: signed as {_listed(count.labels)}, all verdicts on "
                f"{requirement.benchmark.name} are {_listed(all_labels)}"
            )
        # As many items as were asked at all are all of them, whichever file says so; only which
        # behaviours they ask for does the file alone tell.
        if count.n_items == len(outcomes) and requirement.unit == "prompt":
            yield _recounted(requirement, outcomes, count)
        else:
            made = failures_of(metric, count.labels)
            if made not in (None, count.failures):
                raise refused(
                    f"{of}: {count.failures} failures were signed, the verdicts make {made}"
                )
            yield CheckedCount(count, "needs-benchmark")


def _all_outcomes(
    opening: VerdictsOpening, requirement: Requirement, judge: Slug
) -> list[ItemOutcome]:
    """How all items came out that were put to this judge as the requirement puts them."""
    said: dict[Subject, dict[str, list[Said]]] = {"checkpoint": {}, "base": {}}
    wanted = (requirement.benchmark.name, requirement.probe or PLAIN)
    for one in opening.verdicts:
        if (one.benchmark, one.probe) == wanted and _judged_by(one, judge):
            said[one.subject].setdefault(one.item, []).append(_said(one, judge))
    compares = compares_with_base(requirement)
    return [
        ItemOutcome(
            category="",
            behaviour=None,
            said=tuple(found),
            base=tuple(said["base"][item]) if compares else (),
        )
        for item, found in said["checkpoint"].items()
        if not compares or item in said["base"]
    ]


def _recounted(
    requirement: Requirement, outcomes: Sequence[ItemOutcome], signed: Count
) -> CheckedCount:
    """A signed count, if it is what the outcomes of its items make."""
    made = tally(requirement, outcomes, category=signed.category, commonest=signed.failures)
    of = _of(requirement.id, signed.category)
    if made.labels != signed.labels:
        raise refused(
            f"{of}: signed as {_listed(signed.labels)}, the verdicts are {_listed(made.labels)}"
        )
    for part in ("failures", "score_sum", "clusters", "pairs"):
        if getattr(made, part) != getattr(signed, part):
            raise refused(
                f"{of}: {getattr(signed, part)} {part} were signed, the verdicts make "
                f"{getattr(made, part)}"
            )
    # No label tells how many answers are one and the same.
    needs_texts = requirement.metric == "most_common_answer_rate"
    return CheckedCount(signed, "needs-texts" if needs_texts else "recounted")


def _said(verdict: OpenedVerdict, judge: Slug) -> Said:
    for one in verdict.judgements.judgements:
        if one.judge == judge:
            return Said(one.label, one.score)
    raise refused(f"{verdict.name}: no verdict by {judge}")


def _judged_by(verdict: OpenedVerdict, judge: Slug) -> bool:
    return any(one.judge == judge for one in verdict.judgements.judgements)


def _of(requirement: str, category: str | None) -> str:
    return requirement if category is None else f"{requirement}, category {category}"


def _listed(labels: Mapping[VerdictLabel, int]) -> str:
    return ", ".join(f"{n} {label}" for label, n in sorted(labels.items()))
