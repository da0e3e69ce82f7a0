"""The verb `evaluate`: ask a checkpoint everything that a license asks, and keep the answers.

What decides the result is fixed before the first answer and stored; a run that was killed goes on
from the last finished batch, under the same conditions or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.manifest import Manifest
from attest.evaluation.asking import Asking, Interview
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.job import Job, Progress, prepare
from attest.evaluation.journal import Journal, Run
from attest.evaluation.judging import judge_all
from attest.evaluation.loading import Machine
from attest.evaluation.materials import NO_SOURCES, JudgeSources
from attest.evaluation.reasoning import judged_parts
from attest.evaluation.records import (
    Base,
    Commitment,
    Evaluation,
    JudgedTranscript,
    LicenseName,
    Transcript,
)
from attest.evaluation.suffixes import Suffixes
from attest.license.terms import License
from attest.license.verdict import Count

__all__ = ["Progress", "carry_out", "conclude", "evaluate"]


def evaluate(
    checkpoint: Checkpoint,
    license: License,
    license_bytes: bytes,
    *,
    out: Path,
    data: Path | None = None,
    base: Checkpoint | None = None,
    suffixes: Suffixes | None = None,
    judges: JudgeSources = NO_SOURCES,
    machine: Machine = Machine(),
    today: date | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Evaluation:
    """The measurement of `checkpoint` that `license` asks for; goes on where it was interrupted.

    Args:
        checkpoint: the folder, opened once, so that any later change is noticed.
        license: terms and digest.
        license_bytes: the bytes that `license.sha256` is of, kept with the evidence.
        out: folder of the run; finished answers are found there again.
        data: folder with benchmark files, laid out as their publishers name them.
        base: the folder of the model that the license compares with, if it compares.
        suffixes: signed by the licensor, if a probe has a secret suffix.
        judges: what the caller has of judges that are not source code of this package.
        machine: device, threads and batch size.
        today: what chat templates are told; the day of the start by default.
        on_progress: called as bytes are hashed and items answered.

    Raises:
        InputError: the checkpoint, the terms, the benchmarks or `out` cannot be used.
        EvaluationError: memory, disk or another process stood in the way; run it again.
    """
    job = prepare(
        checkpoint,
        license,
        license_bytes,
        data=data,
        base=base,
        suffixes=suffixes,
        judges=judges,
        machine=machine,
        today=today,
        on_progress=on_progress,
    )
    return carry_out(job, out=out)


def carry_out(job: Job, *, out: Path) -> Evaluation:
    """The measurement of a job that `prepare` made, in the folder `out`.

    Raises: as `evaluate` does.
    """
    license, checkpoint = job.license, job.checkpoint
    with Journal.open(out) as journal:
        model = job.load(checkpoint)
        run = job.begin(journal, model)
        if (finished := journal.finished()) is not None:
            return finished
        asking = Asking(license.terms, job.items, journal, job.on_answered)
        interview = Interview(asking, model, checkpoint.folder, run.conditions, "checkpoint")
        transcripts = interview.ask(interview.places)
        checkpoint.ensure_unchanged()
        # Two models are never held at once.
        del model, interview
        compared = ask_base(job, asking, run.conditions.rendered_on)
        transcripts += compared.transcripts
        judged = judge_transcripts(job, transcripts, journal)
        evaluation = conclude(
            run,
            job.manifest,
            license,
            count(license.terms, job.benchmarks, judged),
            commit(judged, journal.master()),
            base=compared.base,
            finished=datetime.now(UTC),
        )
        journal.finish(evaluation, judged)
    return evaluation


@dataclass(frozen=True)
class Compared:
    """What the base said, and under which conditions; nothing where no base is asked."""

    base: Base | None = None
    transcripts: tuple[Transcript, ...] = ()


def ask_base(job: Job, asking: Asking, today: date) -> Compared:
    """The answers of the base to all of its questions, if the license compares with one."""
    if job.base is None or job.base_digest is None:
        return Compared()
    model = job.load(job.base)
    conditions = job.conditions(model, job.base.folder, today)
    interview = Interview(asking, model, job.base.folder, conditions, "base")
    transcripts = interview.ask(interview.places)
    job.base.ensure_unchanged()
    return Compared(Base(checkpoint=job.base_digest, conditions=conditions), tuple(transcripts))


def judge_transcripts(
    job: Job, transcripts: Sequence[Transcript], journal: Journal | None = None
) -> list[JudgedTranscript]:
    """The transcripts with what every judge says that the license asks of them.

    Args:
        job: whose questions were answered.
        transcripts: the answers.
        journal: where slow judges go on from what they have said already.
    """
    panel = job.panel
    texts = judged_parts([one.text for one in transcripts], panel.terms)
    items = [job.items[one.index] for one in transcripts]
    judgements = judge_all(
        panel, job.benchmarks, items, texts, journal=journal, on_judged=job.on_judged
    )
    return [
        JudgedTranscript(transcript=transcript, judgements=said)
        for transcript, said in zip(transcripts, judgements, strict=True)
    ]


def conclude(
    run: Run,
    manifest: Manifest,
    license: License,
    counts: tuple[Count, ...],
    evidence: Commitment,
    *,
    base: Base | None = None,
    finished: datetime,
) -> Evaluation:
    """The record of a run that has ended, whoever asked the questions."""
    return Evaluation(
        manifest=manifest,
        license=license_name(license),
        judges=run.judges,
        benchmarks=run.benchmarks,
        conditions=run.conditions,
        base=base,
        environment=run.environment,
        started=run.started,
        finished=finished,
        counts=counts,
        evidence=evidence,
    )


def license_name(license: License) -> LicenseName:
    """How a record names the license that it was made under."""
    terms = license.terms
    return LicenseName(
        name=terms.name, license_version=terms.license_version, sha256=license.sha256
    )
