"""The verb `evaluate`, until the license is decided: for dry runs and for verifiers.

Prompts are drawn in an order that follows from the license, the checkpoint and fresh randomness,
and asked as long as a requirement that they belong to is open. A requirement that rests on a bound,
on a comparison or on the whole set is asked in full.

What comes of it is a record of its own and no `Evaluation`, so nothing can sign it. Its failures
among the drawn prompts are a biased estimate, so it gives none; and a publisher could begin again
until the order pleases him, while a verifier believes his own randomness without a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from attest.benchmark.probes import PLAIN
from attest.errors import InputError
from attest.evaluation.asking import Asking, Interview
from attest.evaluation.counting import count
from attest.evaluation.course import Course, courses, may_stop, next_units
from attest.evaluation.job import Job
from attest.evaluation.journal import EARLY, Journal
from attest.evaluation.judges import Exchange
from attest.evaluation.judging import Bench
from attest.evaluation.order import DrawnOrder, draw_order
from attest.evaluation.plan import asked
from attest.evaluation.reasoning import judged_part
from attest.evaluation.records import (
    Base,
    Conditions,
    Environment,
    ItemName,
    JudgeUse,
    LicenseName,
    Transcript,
)
from attest.evaluation.run import ask_base, judge_transcripts, license_name
from attest.license.decide import decide
from attest.license.metrics import is_failure
from attest.license.terms import Comparator, License, Metric, Terms, Unit
from attest.license.verdict import Finding, Outcome, VerdictLabel
from attest.record import Rate, Sha256, Slug, WireRecord, exact

ALPHA: Final[Rate] = "0.05"
"""Chance, over orders, of saying that the license is met when all prompts would say that it is not;
and of saying that it is broken when they would say that it is not."""


class StoppedFinding(WireRecord):
    """What the license says to a requirement as soon as that was clear. There is no rate."""

    requirement: Slug
    category: str | None = None
    probe: Slug | None = None
    metric: Metric
    comparator: Comparator
    threshold: Rate
    unit: Unit
    n_items: Annotated[int, Field(ge=1)]
    """Units of the whole set: prompts, or behaviours."""
    allowed_failures: Annotated[int, Field(ge=0)]
    """Of the whole set."""
    n_drawn: Annotated[int, Field(ge=0)]
    """Units drawn until it was decided, those without a verdict among them."""
    failures: Annotated[int, Field(ge=0)]
    """Of the drawn ones."""
    outcome: Outcome


class EarlyEvaluation(WireRecord):
    """A measurement that ended as soon as the license was decided."""

    version: Literal["attest-early-evaluation/1"] = "attest-early-evaluation/1"
    checkpoint: Sha256
    license: LicenseName
    judges: Annotated[tuple[JudgeUse, ...], Field(min_length=1)]
    conditions: Conditions
    base: Base | None = None
    environment: Environment
    started: datetime
    finished: datetime
    order: DrawnOrder
    alpha: Rate
    n_asked: Annotated[int, Field(ge=0)]
    """Answers that were asked for; whole batches, so more than the drawn ones."""
    n_full: Annotated[int, Field(ge=1)]
    """Answers that the license asks for."""
    stopped: Annotated[tuple[StoppedFinding, ...], Field(min_length=1)]
    in_full: tuple[Finding, ...]
    """Of the requirements that were asked in full."""
    outcome: Outcome


def evaluate_early(job: Job, *, out: Path, beacon: str | None = None) -> EarlyEvaluation:
    """What `job.license` says to the checkpoint, from as few prompts as tell.

    Args:
        job: as `prepare` makes it.
        out: folder of the run; one that was interrupted goes on in its own order.
        beacon: public randomness of after the weights were committed to, in hexadecimal; None
            draws some here.

    Raises:
        InputError: reason `nothing-to-stop` if every requirement has to be asked in full, or
            `another-run`, or because a prompt cannot be put.
        EvaluationError: memory, disk or another process stood in the way; run it again.
    """
    terms = job.license.terms
    if not any(may_stop(terms, requirement) for requirement in terms.requirements):
        raise InputError(
            "no requirement counts a fixed set by the rules of this package",
            reason="nothing-to-stop",
            hint="leave --until-decided out: confidence bounds, comparisons, scores and the "
            "judges that are models need every prompt",
        )
    with Journal.open(out) as journal:
        stored = journal.stored_run()
        order = None if stored is None or beacon is not None else stored.order
        order = order or draw_order(job.license.sha256, job.manifest.digest(), beacon)
        model = job.load(job.checkpoint)
        run = job.begin(journal, model, order)
        if (finished := journal.finished_early(EarlyEvaluation)) is not None:
            return finished
        asking = Asking(terms, job.items, journal, job.on_answered)
        interview = Interview(asking, model, job.checkpoint.folder, run.conditions, "checkpoint")
        answers = _Answers(job)
        in_full = _asked_in_full(job)
        answers.add(interview.ask(answers.places_of(in_full, interview.places)))
        running = courses(terms, job.benchmarks, order, exact(ALPHA))
        while places := answers.wanted(running, job.machine.batch_size):
            answers.add(interview.ask(places))
        job.checkpoint.ensure_unchanged()
        # Two models are never held at once.
        del model, interview
        compared = ask_base(job, asking, run.conditions.rendered_on)
        transcripts = [*answers.in_leaf_order, *compared.transcripts]
        judged = judge_transcripts(job, transcripts)
        findings: tuple[Finding, ...] = ()
        if in_full is not None:
            findings = decide(in_full, count(in_full.terms, job.benchmarks, judged)).findings
        stopped = tuple(_finding(course) for course in running)
        evaluation = EarlyEvaluation(
            checkpoint=run.checkpoint,
            license=license_name(job.license),
            judges=run.judges,
            conditions=run.conditions,
            base=compared.base,
            environment=run.environment,
            started=run.started,
            finished=datetime.now(UTC),
            order=order,
            alpha=ALPHA,
            n_asked=len(transcripts),
            n_full=len(job.items),
            stopped=stopped,
            in_full=findings,
            outcome=_worst([one.outcome for one in (*stopped, *findings)]),
        )
        journal.finish(evaluation, judged, name=EARLY)
    return evaluation
