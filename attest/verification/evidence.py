"""Steps 13 and 14: the transcripts are the committed ones, and judging them again agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attest.errors import InputError
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.journal import read_master, read_transcripts
from attest.evaluation.judges import Judgement, agrees
from attest.evaluation.judging import judge_all
from attest.evaluation.materials import NO_SOURCES, JudgeSources, load_benchmarks, load_same_panel
from attest.evaluation.plan import asked
from attest.evaluation.reasoning import judged_parts
from attest.evaluation.records import Evaluation, JudgedTranscript
from attest.license.terms import License


def check_evidence(evaluation: Evaluation, folder: Path) -> list[JudgedTranscript]:
    """The transcripts in `folder`, if they are the ones whose root was signed.

    Raises: InputError if one is missing, added, altered or out of order, or the salt is another.
    """
    judged = read_transcripts(folder)
    signed = evaluation.evidence
    if len(judged) != signed.n_leaves:
        raise InputError(
            f"expected {signed.n_leaves} transcripts, found {len(judged)}", where=str(folder)
        )
    if commit(judged, read_master(folder)) != signed:
        raise InputError(
            "the transcripts do not hash to the signed root: one was altered, or they belong to "
            "another run",
            where=str(folder),
            hint="ask the publisher for the evidence folder of this very run",
        )
    return judged


def judge_again(
    evaluation: Evaluation,
    license: License,
    judged: Sequence[JudgedTranscript],
    data: Path | None,
    judges: JudgeSources = NO_SOURCES,
    on_judged: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Ensure that every item was asked once and that judging gives the signed verdicts.

    The verdicts of judges behind an endpoint are taken as they were signed.

    Raises: InputError that names the first item that differs, never its text.
    """
    terms = license.terms
    benchmarks = load_benchmarks(terms, data)
    items = asked(terms, benchmarks)
    if len(items) != len(judged):
        raise InputError(f"the license asks {len(items)} questions, {len(judged)} were answered")
    for one, line in zip(items, judged, strict=True):
        if one.name != line.transcript.name:
            raise InputError(f"expected {one.name}, found {line.transcript.name}")
    panel = load_same_panel(terms, judges, evaluation.judges)
    texts = judged_parts([line.transcript.text for line in judged], terms)
    found = judge_all(panel, benchmarks, items, texts, recorded=judged, on_judged=on_judged)
    for line, again in zip(judged, found, strict=True):
        _ensure_agree(line, again)
    if count(terms, benchmarks, judged) != evaluation.counts:
        raise InputError("the signed counts are not the counts of the transcripts")


def _ensure_agree(line: JudgedTranscript, again: Sequence[Judgement]) -> None:
    name = line.transcript.name
    signed = [judgement.judge for judgement in line.judgements]
    wanted = [judgement.judge for judgement in again]
    if signed != wanted:
        raise InputError(f"{name}: expected judgements by {wanted}, found {signed}")
    for before, now in zip(line.judgements, again, strict=True):
        if not agrees(before, now):
            raise InputError(
                f"{name}: signed as {before.label} by {before.judge}, judged {now.label} here"
            )
