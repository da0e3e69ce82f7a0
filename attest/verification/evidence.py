"""Steps 13 and 14: the transcripts are the committed ones, and judging them again agrees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attest.errors import InputError
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.journal import read_master, read_transcripts
from attest.evaluation.materials import load_benchmarks, load_judge
from attest.evaluation.plan import asked
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
    evaluation: Evaluation, license: License, judged: Sequence[JudgedTranscript], data: Path | None
) -> None:
    """Ensure that every item was asked once and that judging gives the signed verdicts.

    Raises: InputError that names the first item that differs, never its text.
    """
    terms = license.terms
    benchmarks = load_benchmarks(terms, data)
    items = asked(terms, benchmarks)
    if len(items) != len(judged):
        raise InputError(f"the license asks {len(items)} items, {len(judged)} were answered")
    referee = load_judge(terms)
    for one, line in zip(items, judged, strict=True):
        transcript = line.transcript
        if (one.benchmark, one.item.id) != (transcript.benchmark, transcript.item):
            raise InputError(
                f"expected {one.benchmark} item {one.item.id}, found {transcript.benchmark} "
                f"item {transcript.item}"
            )
        again = referee.judge(one.item.prompt, transcript.text)
        if again != line.judgement:
            raise InputError(
                f"{one.benchmark} item {one.item.id}: signed as {line.judgement.label}, judged "
                f"{again.label} here"
            )
    if count(terms, benchmarks, judged) != evaluation.counts:
        raise InputError("the signed counts are not the counts of the transcripts")
