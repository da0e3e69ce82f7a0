"""Openings: parts of the evidence that leave the folder of the run, each with its own proof.

An opening shows one item; a verdicts opening shows what the judges said of every item and no text.
A part that is shown comes with its own salt, a part that is not with its salted digest alone. The
master secret never leaves, and the salt of one part says nothing about any other.

What is believed comes from the caller: the root and the number of leaves that were signed, never
those that an opening states.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from attest.benchmark.probes import PLAIN
from attest.canonical import parse_json
from attest.errors import InputError, VerificationError
from attest.evaluation.commitment import (
    commit,
    inclusion_proof,
    leaf_bytes,
    leaf_data,
    part_digest,
    root_of_proof,
    salt,
)
from attest.evaluation.journal import Journal, read_master, read_transcripts
from attest.evaluation.judges import Judgement
from attest.evaluation.records import (
    Attempt,
    Commitment,
    ItemName,
    JudgedTranscript,
    Subject,
    Transcript,
)
from attest.record import Sha256, Slug, WireRecord

MAX_OPENED_BYTES = 256 * 1024 * 1024
"""Largest file of openings read; the verdicts of 100 000 items take 28 MB."""

EVIDENCE_STEP = 13
"""The step of `verify` that holds evidence against the signed root."""

OPENING: Final = "attest-opening/1"
VERDICTS: Final = "attest-verdicts-opening/1"

Salt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The 32 bytes that one part of one leaf was salted with, in hexadecimal."""

ItemId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ClosedPart(WireRecord):
    """A part that is not shown: 256 unknown bits of salt keep it from being guessed."""

    digest: Sha256


class OpenTranscript(WireRecord):
    """A transcript and its salt."""

    salt: Salt
    transcript: Transcript


class OpenJudgements(WireRecord):
    """The judgements of one transcript, and their salt."""

    salt: Salt
    judgements: Annotated[tuple[Judgement, ...], Field(min_length=1)]


class _Named(WireRecord):
    """Which answer of a run something is about."""

    index: Annotated[int, Field(ge=0)]
    subject: Subject = "checkpoint"
    probe: Slug = PLAIN
    attempt: Attempt = 0
    benchmark: Slug
    item: ItemId

    @property
    def name(self) -> ItemName:
        """The name of the answer."""
        return ItemName(self.benchmark, self.item, self.subject, self.probe, self.attempt)


class Opening(_Named):
    """One answer of a run, shown in part or in whole: one line of a file."""

    version: Literal["attest-opening/1"] = OPENING
    commitment: Commitment
    """As stated by whoever opened it; it must be the signed one."""
    transcript: OpenTranscript | ClosedPart
    judgements: OpenJudgements | ClosedPart
    proof: Annotated[tuple[Sha256, ...], Field(max_length=64)]
    """Sibling hashes from the leaf up to the root."""

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        parts = (self.transcript, self.judgements)
        if all(isinstance(part, ClosedPart) for part in parts):
            raise ValueError("expected an open transcript or open judgements")
        return self


class OpenedVerdict(_Named):
    """What the judges said of one answer, its transcript closed."""

    transcript: ClosedPart
    judgements: OpenJudgements


class VerdictsOpening(WireRecord):
    """What the judge said of every item of a run, without any text."""

    version: Literal["attest-verdicts-opening/1"] = VERDICTS
    commitment: Commitment
    verdicts: Annotated[tuple[OpenedVerdict, ...], Field(min_length=1)]


@dataclass(frozen=True)
class _Evidence:
    """The whole evidence of a run, known to be what its evaluation commits to."""

    judged: Sequence[JudgedTranscript]
    master: bytes
    commitment: Commitment


def open_items(
    folder: Path, items: Sequence[ItemName], *, with_text: bool = True
) -> tuple[Opening, ...]:
    """The openings of some items, in the order they are asked for.

    Args:
        folder: of a finished run.
        items: which ones, each once.
        with_text: show the transcripts; else only what the judge said of them.

    Raises: InputError with reason `unknown-item` or `usage`, or, if the folder is lost, unfinished
        or damaged, `evidence-missing`, `no-evaluation` or `evidence`.
    """
    if not items or len(set(items)) != len(items):
        raise InputError("expected one or more items, each once", reason="usage")
    evidence = _read_evidence(folder)
    names = {line.transcript.name: line for line in evidence.judged}
    leaves = [leaf_data(line, evidence.master) for line in evidence.judged]
    openings = []
    for name in items:
        if name not in names:
            raise InputError(
                f"this run has no answer {name}",
                reason="unknown-item",
                where=str(folder),
                hint="the ids are in transcripts.jsonl",
            )
        line = names[name]
        index = line.transcript.index
        openings.append(
            Opening(
                commitment=evidence.commitment,
                index=index,
                **dataclasses.asdict(name),
                transcript=_open_transcript(line, evidence.master)
                if with_text
                else _close_transcript(line, evidence.master),
                judgements=_open_judgements(line, evidence.master),
                proof=tuple(one.hex() for one in inclusion_proof(leaves, index)),
            )
        )
    return tuple(openings)


def open_verdicts(folder: Path) -> VerdictsOpening:
    """What the judge said of every item, fit to be published: it holds no text and no tokens.

    Raises: InputError as `open_items` does for a folder that is lost, unfinished or damaged.
    """
    evidence = _read_evidence(folder)
    return VerdictsOpening(
        commitment=evidence.commitment,
        verdicts=tuple(
            OpenedVerdict(
                index=line.transcript.index,
                **dataclasses.asdict(line.transcript.name),
                transcript=_close_transcript(line, evidence.master),
                judgements=_open_judgements(line, evidence.master),
            )
            for line in evidence.judged
        ),
    )


def check_opening(opening: Opening, commitment: Commitment) -> None:
    """Ensure that what an opening shows is what was committed to.

    Args:
        opening: from anyone.
        commitment: the signed one.

    Raises: VerificationError at the step of the evidence.
    """
    check_commitment(opening.commitment, commitment)
    name = opening.name
    if isinstance(opening.transcript, OpenTranscript):
        shown = opening.transcript.transcript
        if (shown.name, shown.index) != (name, opening.index):
            raise refused(
                f"{name}, index {opening.index}: the transcript shown is of {shown.name}, "
                f"index {shown.index}"
            )
    proof = [bytes.fromhex(one) for one in opening.proof]
    try:
        root = root_of_proof(leaf_of(opening), opening.index, commitment.n_leaves, proof)
    except InputError as error:
        raise refused(f"{name}: {error.message}") from error
    if root.hex() != commitment.root:
        raise refused(
            f"{name}: does not lead to the signed root",
            hint="its text, verdict, salt or index was altered, or the proof is of another item: "
            "ask the publisher to open it again",
        )


def check_commitment(stated: Commitment, signed: Commitment) -> None:
    """Ensure that an opening is of the run whose commitment was signed.

    Raises: VerificationError at the step of the evidence.
    """
    if stated.root != signed.root:
        raise refused(
            f"opened from a run with root {stated.root[:16]}…, the signed root is "
            f"{signed.root[:16]}…",
            hint="it belongs to another run: give the attestation of that one, or ask for an "
            "opening of this one",
        )
    # A root does not fix the number of leaves: a path can have one shape in trees of many sizes.
    if stated.n_leaves != signed.n_leaves:
        raise refused(f"states {stated.n_leaves} items, {signed.n_leaves} were signed")


def leaf_of(opened: Opening | OpenedVerdict) -> bytes:
    """The bytes of the leaf that an opening is about."""
    transcript, judgements = opened.transcript, opened.judgements
    return leaf_bytes(
        opened.name,
        opened.index,
        transcript=transcript.digest
        if isinstance(transcript, ClosedPart)
        else part_digest(transcript.transcript, bytes.fromhex(transcript.salt)),
        judgements=judgements.digest
        if isinstance(judgements, ClosedPart)
        else part_digest(judgements.judgements, bytes.fromhex(judgements.salt)),
    )


def read_opened(data: bytes, *, what: str) -> tuple[Opening, ...] | VerdictsOpening:
    """What a file of openings holds: openings, one per line, or the verdicts of a whole run.

    Raises: InputError with reason `unknown-kind` if it is neither, `repeated` if an item is opened
        twice, or one of `parse_json`.
    """
    lines = data.splitlines()
    first = parse_json(lines[0], what=what, max_bytes=MAX_OPENED_BYTES) if lines else None
    version = first.get("version") if isinstance(first, dict) else None
    if version == VERDICTS and len(lines) == 1:
        return VerdictsOpening.from_json(lines[0], what=what, max_bytes=MAX_OPENED_BYTES)
    if version != OPENING:
        raise InputError(
            "expected openings, or the verdicts of a run",
            reason="unknown-kind",
            where=what,
            hint="name a file that `attest evidence open` or `attest evidence verdicts` wrote",
        )
    openings = tuple(
        Opening.from_json(line, what=f"{what} line {number}", max_bytes=MAX_OPENED_BYTES)
        for number, line in enumerate(lines, start=1)
    )
    if len({opening.index for opening in openings}) != len(openings):
        raise InputError("an item is opened twice", reason="repeated", where=what)
    return openings


def refused(message: str, *, hint: str | None = None) -> VerificationError:
    """The error of evidence that is not to be believed."""
    return VerificationError(message, step=EVIDENCE_STEP, hint=hint)


def _read_evidence(folder: Path) -> _Evidence:
    if not folder.is_dir():
        raise InputError(
            "no evidence here: without the folder of the run, nothing of it can be opened",
            reason="evidence-missing",
            where=str(folder),
            hint="if the folder is lost, evaluate the checkpoint again and sign the new result: "
            "its salt cannot be made again",
        )
    evaluation = Journal(folder).finished()
    if evaluation is None:
        raise InputError(
            "no finished evaluation here",
            reason="no-evaluation",
            where=str(folder),
            hint="run the same `attest evaluate` again: it goes on where it stopped",
        )
    judged, master = read_transcripts(folder), read_master(folder)
    if commit(judged, master) != evaluation.evidence:
        # Better here than at the licensor, who could only conclude that somebody lied.
        raise InputError(
            "the transcripts do not hash to the root of the evaluation beside them",
            reason="evidence",
            where=str(folder),
            hint="restore the folder from a copy: one of its files was changed",
        )
    return _Evidence(judged, master, evaluation.evidence)


def _open_transcript(line: JudgedTranscript, master: bytes) -> OpenTranscript:
    own = salt(master, "transcript", line.transcript.index)
    return OpenTranscript(salt=own.hex(), transcript=line.transcript)


def _close_transcript(line: JudgedTranscript, master: bytes) -> ClosedPart:
    own = salt(master, "transcript", line.transcript.index)
    return ClosedPart(digest=part_digest(line.transcript, own))


def _open_judgements(line: JudgedTranscript, master: bytes) -> OpenJudgements:
    own = salt(master, "judgements", line.transcript.index)
    return OpenJudgements(salt=own.hex(), judgements=line.judgements)
