"""The verb `evaluate`, until the license is decided: for dry runs and for verifiers.

Prompts are drawn in an order that follows from the license, the checkpoint and fresh randomness,
and asked as long as a requirement that they belong to is open. A requirement that rests on a bound,
on a comparison, on the whole set or on a model's judgement is asked in full.

The result cannot be signed: a publisher could begin again until an order pleases him, and a
verifier believes his own randomness without a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from attest.errors import InputError
from attest.evaluation.asking import Asking, Interview
from attest.evaluation.counting import count
from attest.evaluation.course import Course, courses, may_stop, next_units
from attest.evaluation.job import Job
from attest.evaluation.journal import EARLY, Journal
from attest.evaluation.judges import Exchange
from attest.evaluation.judging import Bench
from attest.evaluation.order import draw_order
from attest.evaluation.plan import asked
from attest.evaluation.reasoning import judged_part
from attest.evaluation.records import ItemName, Transcript
from attest.evaluation.run import ask_base, judge_transcripts, license_name
from attest.evaluation.stopped import ALPHA, EarlyEvaluation, StoppedFinding
from attest.license.decide import decide
from attest.license.metrics import is_failure
from attest.license.terms import License, Requirement
from attest.license.verdict import Outcome
from attest.record import exact


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
        if (finished := _finished(journal)) is not None:
            return finished
        asking = Asking(terms, job.items, journal, job.on_answered)
        interview = Interview(asking, model, job.checkpoint.folder, run.conditions, "checkpoint")
        answers = _Answers(job)
        in_full = _asked_in_full(job.license)
        answers.add(interview.ask(answers.places_of(in_full).intersection(interview.places)))
        running = courses(terms, job.benchmarks, order, exact(ALPHA))
        while places := answers.wanted(running, job.machine.batch_size):
            answers.add(interview.ask(places))
        job.checkpoint.ensure_unchanged()
        # Two models are never held at once.
        del model, interview
        compared = ask_base(job, asking, run.conditions.rendered_on)
        judged = judge_transcripts(job, [*answers.in_leaf_order, *compared.transcripts], journal)
        counts = count(in_full.terms, job.benchmarks, judged)
        findings = decide(in_full, counts).findings
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
            n_asked=len(judged),
            n_full=len(job.items),
            stopped=stopped,
            in_full=findings,
            outcome=_worst([one.outcome for one in stopped] + [one.outcome for one in findings]),
        )
        journal.finish(evaluation, judged, name=EARLY)
    return evaluation


@dataclass
class _Answers:
    """What the checkpoint has answered so far, by the place of the question."""

    job: Job
    transcripts: dict[int, Transcript] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._places = {one.name: place for place, one in enumerate(self.job.items)}

    @property
    def in_leaf_order(self) -> list[Transcript]:
        """All answers."""
        return [self.transcripts[place] for place in sorted(self.transcripts)]

    def add(self, transcripts: Iterable[Transcript]) -> None:
        """Take answers in."""
        self.transcripts.update((one.index, one) for one in transcripts)

    def places_of(self, license: License) -> set[int]:
        """Where the questions of some of the requirements are."""
        return {self._places[one.name] for one in asked(license.terms, self.job.benchmarks)}

    def wanted(self, running: Sequence[Course], size: int) -> set[int]:
        """The questions to ask next: none once every course is decided.

        Args:
            running: all courses; they advance as far as there are answers.
            size: how many questions are worth a round; a unit is never divided.
        """
        for course in running:
            course.advance(partial(self._has_failed, course.requirement))
        places: set[int] = set()
        for unit in next_units(running):
            if len(places) >= size:
                break
            places.update(self._places[name] for name in unit.answers)
            places.difference_update(self.transcripts)
        return places

    def _has_failed(self, requirement: Requirement, name: ItemName) -> bool | None:
        place = self._places[name]
        if place not in self.transcripts:
            return None
        item, terms = self.job.items[place].item, self.job.license.terms
        answer = judged_part(self.transcripts[place].text, terms)
        judge = Bench(self.job.panel, terms.judge_of(requirement))
        (judgement,) = judge.judge([Exchange(item.prompt, answer, item.reference)])
        return is_failure(requirement.metric, judgement.label)


def _asked_in_full(license: License) -> License:
    """The license with those requirements alone that cannot stop early.

    Whatever rests on a bound is among them, so Holm's correction is that of the whole license.
    """
    terms = license.terms
    rest = tuple(one for one in terms.requirements if not may_stop(terms, one))
    return License(
        terms=terms.model_copy(update={"requirements": rest}),
        sha256=license.sha256,
    )


def _finished(journal: Journal) -> EarlyEvaluation | None:
    file = journal.folder / EARLY
    if not file.exists():
        return None
    return EarlyEvaluation.from_json(file.read_bytes(), what=str(file))


def _finding(course: Course) -> StoppedFinding:
    requirement = course.requirement
    assert requirement.threshold is not None, "a count has a threshold"
    assert course.outcome is not None, "the run goes on until it is decided"
    assert course.for_passing.allowed_failures is not None, "a count has a limit"
    return StoppedFinding(
        requirement=requirement.id,
        category=course.category,
        probe=requirement.probe,
        metric=requirement.metric,
        comparator=requirement.comparator,
        threshold=requirement.threshold,
        unit=requirement.unit,
        n_items=len(course.units),
        allowed_failures=course.for_passing.allowed_failures,
        n_drawn=course.n_drawn,
        failures=course.n_failed,
        outcome=course.outcome,
    )


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    """What a license comes to: broken if one is, met if all are."""
    found = set(outcomes)
    return "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"
