"""The verb `evaluate`: ask a checkpoint everything that a license asks, and keep the answers.

What decides the result is fixed before the first answer and stored; a run that was killed goes on
from the last finished batch, under the same conditions or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attest.benchmark.items import Benchmark
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.manifest import Manifest
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.engines import Response
from attest.evaluation.journal import Journal, Run
from attest.evaluation.judges import Judge
from attest.evaluation.loading import Machine, encode_prompts, fixed_draws, load_model
from attest.evaluation.materials import load_benchmarks, load_judge
from attest.evaluation.plan import Asked, asked, batches
from attest.evaluation.records import (
    BatchPlan,
    BenchmarkUse,
    Commitment,
    Conditions,
    Evaluation,
    JudgedTranscript,
    LicenseName,
    Transcript,
)
from attest.evaluation.rendering import find_template
from attest.evaluation.seed import derive_seed
from attest.license.terms import License
from attest.license.verdict import Count

if TYPE_CHECKING:
    from attest.evaluation.engines.gumbel import Draws
    from attest.evaluation.engines.model import Model


@dataclass(frozen=True)
class Progress:
    """How far a long work has come."""

    stage: Literal["hashing", "answering"]
    done: int
    """Bytes while hashing, items while answering."""
    total: int


def evaluate(
    checkpoint: Checkpoint,
    license: License,
    license_bytes: bytes,
    *,
    out: Path,
    data: Path | None = None,
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
        machine: device, threads and batch size.
        today: what chat templates are told; the day of the start by default.
        on_progress: called as bytes are hashed and items answered.

    Raises:
        InputError: the checkpoint, the terms, the benchmarks or `out` cannot be used.
        EvaluationError: memory, disk or another process stood in the way; run it again.
    """
    terms = license.terms
    # Cheap refusals first: nobody should hash 100 GB to learn of a missing file.
    benchmarks = load_benchmarks(terms, data)
    referee = load_judge(terms)
    items = asked(terms, benchmarks)

    hashed = 0

    def on_bytes(n: int) -> None:
        nonlocal hashed
        hashed += n
        on_progress(Progress("hashing", hashed, checkpoint.size_bytes))

    manifest = digest(checkpoint, on_bytes=on_bytes)

    with Journal.open(out) as journal:
        stored = journal.stored_run()
        if stored is not None:
            today = stored.conditions.rendered_on
        started = datetime.now(UTC)
        model = load_model(checkpoint.folder, terms, machine)
        # The weights were read a second time, by a library: they must still be the hashed ones.
        checkpoint.ensure_unchanged()
        conditions = _conditions(
            model, checkpoint.folder, manifest, license, machine, today or started.date()
        )
        run = Run(
            checkpoint=manifest.digest(),
            license=license.sha256,
            judge=terms.judge,
            benchmarks=benchmark_uses(items, benchmarks),
            conditions=conditions,
            environment=model.environment,
            n_items=len(items),
            started=stored.started if stored is not None else started,
        )
        journal.begin(run, license_bytes)
        if (finished := journal.finished()) is not None:
            return finished
        prompts = encode_prompts(model, checkpoint.folder, terms, conditions.rendered_on, items)
        draws = fixed_draws(conditions, items)
        answers = _answer(model, prompts, draws, machine.batch_size, journal, on_progress)
        judged = _judge(model, referee, items, prompts, answers)
        checkpoint.ensure_unchanged()
        counts = count(terms, benchmarks, judged)
        evidence = commit(judged, journal.master())
        evaluation = conclude(run, manifest, license, counts, evidence, finished=datetime.now(UTC))
        journal.finish(evaluation, judged)
    return evaluation


def _conditions(
    model: Model, folder: Path, manifest: Manifest, license: License, machine: Machine, today: date
) -> Conditions:
    measurement = license.terms.measurement
    _, template = find_template(folder, measurement.chat_template)
    is_sampled = measurement.decoding == "sampled"
    return Conditions(
        architecture=model.architecture,
        system_prompt=measurement.system_prompt,
        template=template,
        rendered_on=today,
        max_new_tokens=measurement.max_new_tokens,
        decoding=measurement.decoding,
        temperature=measurement.temperature,
        seed=derive_seed(license.sha256, manifest.digest()) if is_sampled else None,
        dtype=model.dtype,
        attention=model.attention,
        eos_token_ids=model.eos_token_ids,
        batch_plan=BatchPlan(size=machine.batch_size),
    )


def benchmark_uses(
    items: Sequence[Asked], benchmarks: Mapping[str, Benchmark]
) -> tuple[BenchmarkUse, ...]:
    """How many items of which benchmark a run asks."""
    names = dict.fromkeys(one.benchmark for one in items)
    return tuple(
        BenchmarkUse(
            name=name,
            sha256=benchmarks[name].sha256,
            n_items=sum(one.benchmark == name for one in items),
        )
        for name in names
    )


def _answer(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    draws: Draws | None,
    batch_size: int,
    journal: Journal,
    on_progress: Callable[[Progress], None],
) -> list[Response]:
    from attest.evaluation.engines.local import LocalEngine

    engine = LocalEngine(model)
    plan = batches(prompts, batch_size)
    kept = journal.answered([len(batch) for batch in plan])
    answers: dict[int, Response] = {}
    for number, batch in enumerate(plan):
        responses = kept.get(number)
        if responses is None:
            responses = engine.generate(
                [prompts[index] for index in batch], None if draws is None else draws.of(batch)
            )
            journal.append(number, responses)
        answers.update(zip(batch, responses, strict=True))
        on_progress(Progress("answering", len(answers), len(prompts)))
    return [answers[index] for index in range(len(prompts))]


def _judge(
    model: Model,
    referee: Judge,
    items: Sequence[Asked],
    prompts: Sequence[tuple[int, ...]],
    answers: Sequence[Response],
) -> list[JudgedTranscript]:
    judged = []
    for index, (one, prompt, answer) in enumerate(zip(items, prompts, answers, strict=True)):
        text = model.decode(answer.tokens)
        judged.append(
            JudgedTranscript(
                transcript=Transcript(
                    index=index,
                    benchmark=one.benchmark,
                    item=one.item.id,
                    prompt_tokens=prompt,
                    response_tokens=answer.tokens,
                    stop=answer.stop,
                    text=text,
                ),
                judgement=referee.judge(one.item.prompt, text),
            )
        )
    return judged


def conclude(
    run: Run,
    manifest: Manifest,
    license: License,
    counts: tuple[Count, ...],
    evidence: Commitment,
    *,
    finished: datetime,
) -> Evaluation:
    """The record of a run that has ended, whoever asked the questions."""
    terms = license.terms
    return Evaluation(
        manifest=manifest,
        license=LicenseName(
            name=terms.name, license_version=terms.license_version, sha256=license.sha256
        ),
        judge=run.judge,
        benchmarks=run.benchmarks,
        conditions=run.conditions,
        environment=run.environment,
        started=run.started,
        finished=finished,
        counts=counts,
        evidence=evidence,
    )
