"""The verb `import`: the evidence of a measurement that another harness made.

The folder is the one that `evaluate` writes, and signs and verifies like it. What differs is said
in its conditions: the answers are texts of a log, so their tokens are encoded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attest.benchmark.items import Benchmark
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.manifest import Manifest
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.imports import Log, LoggedAnswer, unfit
from attest.evaluation.imports.matching import match
from attest.evaluation.imports.texts import re_encoded
from attest.evaluation.journal import Journal, Run
from attest.evaluation.judging import Panel, judge_all
from attest.evaluation.loading import Machine, load_model, prompt_renderer
from attest.evaluation.materials import NO_SOURCES, JudgeSources, load_benchmarks, load_panel
from attest.evaluation.plan import Asked, asked, benchmark_uses, compares_with_base
from attest.evaluation.records import (
    Conditions,
    Evaluation,
    ImportedLog,
    JudgedTranscript,
    Transcript,
)
from attest.evaluation.rendering import find_template
from attest.evaluation.run import conclude
from attest.license.terms import License, Terms

if TYPE_CHECKING:
    from attest.evaluation.engines.model import Model


def import_log(
    log: Log,
    checkpoint: Checkpoint,
    license: License,
    license_bytes: bytes,
    *,
    out: Path,
    data: Path | None = None,
    judges: JudgeSources = NO_SOURCES,
    machine: Machine = Machine(),
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """The measurement of `checkpoint` that a log claims to be, with its evidence.

    Args:
        log: as one of the readers gives it.
        checkpoint: the folder whose weights are said to have answered.
        license: terms and digest.
        license_bytes: the bytes that `license.sha256` is of, kept with the evidence.
        out: folder of the evidence.
        data: folder with benchmark files.
        judges: what the caller has of judges that are not source code of this package.
        machine: device and threads to load the checkpoint with.
        on_bytes: called with the size of each portion hashed.

    Raises:
        InputError: with reason `log-conditions` if the log was made under other conditions than
            the terms state, `log-prompts` if it is not of the license's prompts, or because
            checkpoint, terms, benchmarks or `out` cannot be used.
        EvaluationError: disk or another process stood in the way; run it again.
    """
    terms = license.terms
    _ensure_conditions(log, terms)
    benchmarks = load_benchmarks(terms, data)
    panel = load_panel(terms, judges)
    items = asked(terms, benchmarks)
    if not log.is_rendered:
        # Cheap refusals first: these prompts can be matched before anything is hashed.
        match(items, [one.item.prompt for one in items], log.answers)
    manifest = digest(checkpoint, tensors=True, on_bytes=on_bytes)
    model = load_model(checkpoint.folder, terms, machine)
    checkpoint.ensure_unchanged()
    if log.dtype not in (None, model.dtype):
        raise unfit(f"computed in {log.dtype}, the license asks for {model.dtype}")
    special = sorted(log.stops - set(model.special_tokens.values()))
    if special:
        raise unfit(
            f"answers were cut at {len(special)} stop texts, which the terms do not know",
            hint="state until: [] in the generation_kwargs of the task",
        )
    render = prompt_renderer(model, checkpoint.folder, terms, log.started.date())
    rendered = [render(one.item.prompt) for one in items]
    wanted = rendered if log.is_rendered else [one.item.prompt for one in items]
    answers = match(items, wanted, log.answers)
    judged = _judge(model, panel, benchmarks, items, rendered, answers)
    run = _run(log, manifest, license, panel, model, items, benchmarks, checkpoint.folder)
    with Journal.open(out) as journal:
        journal.begin(run, license_bytes)
        if (finished := journal.finished()) is not None:
            return finished
        evaluation = conclude(
            run,
            manifest,
            license,
            count(terms, benchmarks, judged),
            commit(judged, journal.master()),
            finished=log.finished,
        )
        journal.finish(evaluation, judged)
    return evaluation


def _ensure_conditions(log: Log, terms: Terms) -> None:
    """Refuse what a replay would refuse too, while it is cheap and the reason is plain."""
    wanted = terms.measurement
    if any(requirement.probe is not None for requirement in terms.requirements):
        raise unfit("the license asks under probes, which the log of another harness does not tell")
    if any(compares_with_base(requirement) for requirement in terms.requirements):
        raise unfit("the license compares with the base, which is asked in the same run")
    if wanted.reasoning is not None:
        raise unfit("the license judges models that think, whose reasoning logs tell apart or drop")
    if wanted.decoding != "greedy":
        raise unfit(
            f"the license asks for {wanted.decoding} decoding; only greedy logs can be replayed"
        )
    if log.max_new_tokens != wanted.max_new_tokens:
        raise unfit(
            f"generated with at most {log.max_new_tokens} new tokens, the license asks for "
            f"{wanted.max_new_tokens}"
        )
    if log.system_prompt != wanted.system_prompt:
        raise unfit("asked with another system prompt than the license states")
    if not log.is_rendered and log.template != wanted.chat_template.jinja:
        raise unfit("asked with another chat template than the license states")
    if wanted.dtype != "checkpoint" and log.dtype is None:
        raise unfit(
            f"the license asks for {wanted.dtype}, the log does not say",
            hint=f"run the harness with dtype={wanted.dtype}",
        )


def _judge(
    model: Model,
    panel: Panel,
    benchmarks: Mapping[str, Benchmark],
    items: Sequence[Asked],
    rendered: Sequence[str],
    answers: Sequence[LoggedAnswer],
) -> list[JudgedTranscript]:
    judgements = judge_all(panel, benchmarks, items, [logged.answer for logged in answers])
    judged = []
    for index, (one, prompt, logged) in enumerate(zip(items, rendered, answers, strict=True)):
        response = re_encoded(model, logged.answer)
        transcript = Transcript(
            index=index,
            benchmark=one.benchmark,
            item=one.item.id,
            prompt_tokens=model.encode(prompt),
            response_tokens=response.tokens,
            stop=response.stop,
            text=logged.answer,
        )
        judged.append(JudgedTranscript(transcript=transcript, judgements=judgements[index]))
    return judged


def _run(
    log: Log,
    manifest: Manifest,
    license: License,
    panel: Panel,
    model: Model,
    items: Sequence[Asked],
    benchmarks: Mapping[str, Benchmark],
    folder: Path,
) -> Run:
    measurement = license.terms.measurement
    _, template = find_template(folder, measurement.chat_template)
    conditions = Conditions(
        engine=log.harness,
        log=ImportedLog(sha256=log.sha256, harness_version=log.version),
        architecture=model.architecture,
        system_prompt=measurement.system_prompt,
        template=template,
        rendered_on=log.started.date(),
        max_new_tokens=measurement.max_new_tokens,
        decoding=measurement.decoding,
        dtype=model.dtype,
        attention="unrecorded",
        eos_token_ids=model.eos_token_ids,
    )
    return Run(
        checkpoint=manifest.digest(),
        license=license.sha256,
        judges=panel.uses,
        benchmarks=benchmark_uses(items, benchmarks),
        conditions=conditions,
        environment=model.environment,
        n_items=len(items),
        started=log.started,
    )
