"""Which answers a verifier replays: all, or a sample of those that are worth forging.

An item that counts as a failure already is not worth forging, so a sample leaves it out. Each
requirement has a sample of its own, because a forger would put his lies where they matter. An item
is drawn with all its attempts, and where a requirement compares, with the answers of the base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from attest.benchmark.items import Benchmark
from attest.checkpoint.folder import Checkpoint
from attest.errors import InputError
from attest.evaluation.materials import load_benchmarks
from attest.evaluation.plan import compares_with_base, names_of, probes_asked, selected
from attest.evaluation.records import Evaluation, ItemName, JudgedTranscript, Subject
from attest.license.decide import decide
from attest.license.metrics import is_failure
from attest.license.statistics import sample_size, smallest_caught
from attest.license.terms import License, Requirement, Terms
from attest.verification.records import Caught
from attest.verification.sampling import draw

CONFIDENCE = Fraction(95, 100)
"""With which a spot check states what it would have caught."""


@dataclass(frozen=True)
class SpotCheck:
    """Replay a sample, drawn by the verifier after the commitment."""

    n_items: int | None = None
    """How many of the items claimed harmless; None takes what `confidence` needs."""
    confidence: Fraction = CONFIDENCE
    beacon: bytes | None = None
    """Public randomness; None takes the verifier's own."""


@dataclass(frozen=True)
class Chosen:
    """The answers to replay, by leaf number, and what that can catch."""

    of_checkpoint: list[int]
    of_base: list[int]
    base: Checkpoint | None
    n_left_out: int
    """Answers of the base that are not replayed because no base was given."""
    caught: tuple[Caught, ...] = ()

    @property
    def indices(self) -> list[int]:
        """All of them."""
        return [*self.of_checkpoint, *self.of_base]


@dataclass(frozen=True)
class _Line:
    """One item of a requirement, with all answers that it counts."""

    leaves: dict[Subject, list[int]]
    is_worth_forging: bool
    is_failure: bool


def choose(
    evaluation: Evaluation,
    license: License,
    judged: Sequence[JudgedTranscript],
    *,
    spot_check: SpotCheck | None,
    base: Checkpoint | None,
    data: Path | None,
) -> Chosen:
    """The answers to replay: all, or a sample of those that are claimed harmless.

    Args:
        evaluation: what was signed.
        license: says which answers count for what.
        judged: all answers, in the order of their leaves.
        spot_check: the sample; None takes all.
        base: the base, if its answers are to be replayed as well.
        data: folder with benchmark files.

    Raises: InputError with reason `nothing-to-replay` if no sample could catch anything.
    """
    if spot_check is None:
        return _chosen(judged, set(range(len(judged))), base)
    terms = license.terms
    by_name = {line.transcript.name: line for line in judged}
    benchmarks = load_benchmarks(terms, data)
    indices: set[int] = set()
    caught = []
    verdict = decide(license, evaluation.counts)
    for requirement in terms.requirements:
        if requirement.metric != "unsafe_rate":
            continue
        lines = _lines(terms, requirement, benchmarks, by_name)
        population = [line for line in lines if line.is_worth_forging]
        slack = min(
            finding.allowed_failures - finding.failures
            for finding in verdict.findings
            if finding.requirement == requirement.id
        )
        # The smallest lie that turns the verdict hides one failure more than is allowed; in a
        # comparison one item can hold two lies, one about each model.
        n_lies = max(0, slack) + 1
        if compares_with_base(requirement):
            n_lies = (n_lies + 1) // 2
        n_drawn = spot_check.n_items
        if n_drawn is None:
            n_drawn = sample_size(len(population), n_lies, spot_check.confidence)
        n_drawn = min(n_drawn, len(population))
        for place in draw(
            range(len(population)), n_drawn, beacon=spot_check.beacon, label=requirement.id
        ):
            for leaves in population[place].leaves.values():
                indices.update(leaves)
        fewest = smallest_caught(len(population), n_drawn, spot_check.confidence)
        n_failures = sum(line.is_failure for line in lines)
        caught.append(
            Caught(
                requirement=requirement.id,
                n_harmless=len(population),
                n_replayed=n_drawn,
                confidence=str(float(spot_check.confidence)),
                caught_from=None if fewest is None else n_failures + fewest,
                n_items=len(lines),
            )
        )
    if not indices:
        raise InputError(
            "nothing to spot-check: no requirement on unsafe answers has answers claimed harmless "
            "that could hide a failure too many",
            reason="nothing-to-replay",
            hint="--level 4 replays every item",
        )
    return _chosen(judged, indices, base, tuple(caught))


def _chosen(
    judged: Sequence[JudgedTranscript],
    indices: set[int],
    base: Checkpoint | None,
    caught: tuple[Caught, ...] = (),
) -> Chosen:
    of_base = [i for i in sorted(indices) if judged[i].transcript.subject == "base"]
    return Chosen(
        of_checkpoint=sorted(indices.difference(of_base)),
        of_base=[] if base is None else of_base,
        base=base,
        n_left_out=len(of_base) if base is None else 0,
        caught=caught,
    )


def _lines(
    terms: Terms,
    requirement: Requirement,
    benchmarks: Mapping[str, Benchmark],
    by_name: Mapping[ItemName, JudgedTranscript],
) -> list[_Line]:
    judge, probes = terms.judge_of(requirement), probes_asked(terms)
    subjects: tuple[Subject, ...] = ("checkpoint",)
    if compares_with_base(requirement):
        subjects = ("checkpoint", "base")
    found = []
    for item in selected(requirement, benchmarks):
        leaves: dict[Subject, list[int]] = {}
        failed: dict[Subject, bool] = {"base": False}
        for subject in subjects:
            answers = [by_name[n] for n in names_of(requirement, item, probes, subject=subject)]
            leaves[subject] = [line.transcript.index for line in answers]
            failed[subject] = any(
                is_failure(requirement.metric, line.by(judge).label) for line in answers
            )
        # A lie makes the checkpoint look harmless, or the base harmful.
        is_worth_forging = not failed["checkpoint"] or failed["base"]
        found.append(_Line(leaves, is_worth_forging, failed["checkpoint"]))
    return found
