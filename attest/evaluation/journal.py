"""The folder of a run: a journal while it runs, the evidence when it has finished.

| file | when | holds |
|---|---|---|
| `run.json` | from the start | what identifies the run; another run may not go on here |
| `license.yaml` | from the start | the very bytes of the license |
| `salt` | from the start | the master secret of the commitment |
| `answers.jsonl` | while it runs | one line per finished batch |
| `judgements.jsonl` | while it runs | one line per judgement that took a model |
| `transcripts.jsonl` | at the end | one line per item, in leaf order |
| `evaluation.json` | at the end, last | the record that is signed |
| `early.json` | instead of it | what a run found that was stopped early; never signed |

Answers may be harmful, and the salt keeps closed ones closed: every file is readable by its owner
only, and so is a folder that is made here. A folder that was there before keeps its mode.

A line is on disk before the next batch or judgement is taken. A line that was cut short by a crash
has no newline and is dropped, so a killed run loses at most what was being answered or judged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from attest.canonical import parse_json
from attest.errors import EvaluationError, InputError
from attest.evaluation.commitment import SALT_BYTES, new_master
from attest.evaluation.engines import Response
from attest.evaluation.judges import Judgement
from attest.evaluation.order import DrawnOrder
from attest.evaluation.records import (
    BenchmarkUse,
    Conditions,
    Environment,
    Evaluation,
    JudgedTranscript,
    JudgeUse,
)
from attest.record import Record, Sha256, Slug, WireRecord

RUN, LICENSE, SALT = "run.json", "license.yaml", "salt"
ANSWERS, JUDGEMENTS = "answers.jsonl", "judgements.jsonl"
TRANSCRIPTS, EVALUATION, EARLY = "transcripts.jsonl", "evaluation.json", "early.json"

MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longest journal line read back: a batch of responses."""
MAX_TRANSCRIPTS_BYTES = 8 * 1024 * 1024 * 1024
"""Largest transcripts file read."""


class Run(WireRecord):
    """What makes two runs the same run."""

    checkpoint: Sha256
    base: Sha256 | None = None
    """Digest of the model that the checkpoint is compared with, if it is."""
    license: Sha256
    judges: tuple[JudgeUse, ...]
    benchmarks: tuple[BenchmarkUse, ...]
    conditions: Conditions
    environment: Environment
    order: DrawnOrder | None = None
    """Of a run that may stop early: in which order prompts are drawn."""
    n_items: int
    started: datetime


class KeptJudgement(Record):
    """A judgement on disk, by what was judged."""

    exchange: Sha256
    """Of the question, the answer and the reference."""
    judgement: Judgement


def differences(old: Run, new: Run) -> list[str]:
    """The fields in which two runs differ, the time of their start aside."""
    found = []
    for name in Run.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if name == "started" or before == after:
            continue
        if isinstance(before, Conditions | Environment):
            found += [
                f"{name}.{inner}: {getattr(before, inner)} before, {getattr(after, inner)} now"
                for inner in type(before).model_fields
                if getattr(before, inner) != getattr(after, inner)
            ]
        elif name in ("checkpoint", "base", "license"):
            found.append(f"{name}: {before[:12]}… before, {after[:12]}… now")
        else:
            found.append(name)
    return found


class Journal:
    """The open folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path) -> Iterator[Journal]:
        """The journal in `folder`, made if need be, for one process at a time.

        Raises: EvaluationError if another process has it open, or the disk refuses.
        """
        with _disk(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise EvaluationError(
                    f"another process is writing to {folder}",
                    hint="wait for it, or name another folder with --out",
                ) from error
            yield cls(folder)
        finally:
            os.close(lock)

    def stored_run(self) -> Run | None:
        """The run that was begun here, if one was."""
        file = self.folder / RUN
        data = read_kept(file)
        return None if data is None else Run.from_json(data, what=str(file))

    def begin(self, run: Run, license_bytes: bytes) -> None:
        """Begin `run`, or go on with it.

        Raises: InputError with reason `another-run` if the folder holds a different one.
        """
        stored = self.stored_run()
        if stored is None:
            ours = {SALT, LICENSE, *(f".{name}.part" for name in (SALT, LICENSE, RUN))}
            strangers = sorted({path.name for path in self.folder.iterdir()} - ours)
            if strangers:
                raise InputError(
                    f"expected an empty folder or a run of ours, found {strangers[0]}",
                    reason="another-run",
                    where=str(self.folder),
                    hint="name another folder with --out",
                )
            with _disk(self.folder):
                self._write(LICENSE, license_bytes)
                self._write(SALT, new_master().hex().encode())
                self._write(RUN, run.to_json())
            return
        changed = differences(stored, run)
        if changed:
            raise InputError(
                "the folder holds another run: " + "; ".join(changed),
                reason="another-run",
                where=str(self.folder),
                hint="name another folder with --out: this one may be the evidence of a release",
            )

    def finished(self) -> Evaluation | None:
        """The evaluation, if the run has finished."""
        file = self.folder / EVALUATION
        data = read_kept(file)
        return None if data is None else Evaluation.from_json(data, what=str(file))

    def answered(self) -> list[list[Response]]:
        """The batches that are on disk, in the order of asking; a torn last line is cut off.

        Raises: InputError if a whole line is not the batch that comes next.
        """
        found: list[list[Response]] = []
        for number, line in enumerate(self._whole_lines(ANSWERS)):
            where = f"{ANSWERS} line {number + 1}"
            value = parse_json(line, what=where, max_bytes=MAX_LINE_BYTES)
            batch, responses = _parse_batch(value, where)
            if batch != number:
                raise other_plan(number)
            found.append(responses)
        return found

    def append(self, batch: int, responses: Sequence[Response]) -> None:
        """Put a finished batch on disk, before anything else happens.

        Raises: EvaluationError if the disk refuses; what was kept before stays kept.
        """
        line = json.dumps(
            {
                "batch": batch,
                "responses": [{"stop": r.stop, "tokens": list(r.tokens)} for r in responses],
            },
            separators=(",", ":"),
        )
        self._append(ANSWERS, line.encode())

    def judged(self, judge: Slug) -> dict[Sha256, Judgement]:
        """What a judge of this run has said already, by the digest of what was judged.

        Raises: InputError if a whole line is no judgement.
        """
        lines = self._whole_lines(JUDGEMENTS)
        kept = (
            KeptJudgement.from_json(line, what=f"{JUDGEMENTS} line {number}")
            for number, line in enumerate(lines, start=1)
        )
        return {one.exchange: one.judgement for one in kept if one.judgement.judge == judge}

    def keep(self, judged: KeptJudgement) -> None:
        """Put a judgement on disk.

        Raises: EvaluationError if the disk refuses; what was kept before stays kept.
        """
        self._append(JUDGEMENTS, judged.to_json())

    def finish(
        self, result: Record, judged: Sequence[JudgedTranscript], *, name: str = EVALUATION
    ) -> None:
        """Put evidence and result on disk, the result last, and drop what they hold."""
        with _disk(self.folder):
            lines = b"".join(line.to_json() + b"\n" for line in judged)
            self._write(TRANSCRIPTS, lines)
            self._write(name, result.to_json())
            for journal in (ANSWERS, JUDGEMENTS):
                (self.folder / journal).unlink(missing_ok=True)

    def master(self) -> bytes:
        """The master secret of this run."""
        return read_master(self.folder)

    def _whole_lines(self, name: str) -> list[bytes]:
        file = self.folder / name
        data = read_kept(file) or b""
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            with _disk(self.folder):
                os.truncate(file, len(whole))
        return whole.splitlines()

    def _append(self, name: str, line: bytes) -> None:
        with _disk(self.folder), self._open(name, "ab") as file:
            file.write(line + b"\n")

    def _write(self, name: str, data: bytes) -> None:
        part = f".{name}.part"
        with self._open(part, "wb") as file:
            file.write(data)
        (self.folder / part).replace(self.folder / name)

    @contextlib.contextmanager
    def _open(self, name: str, mode: Literal["ab", "wb"]) -> Iterator[BinaryIO]:
        """A file for its owner alone, whatever the umask says; on the disk when this ends."""
        with open(self.folder / name, mode, opener=partial(os.open, mode=0o600)) as file:
            # What was there before may have been open to others.
            os.fchmod(file.fileno(), 0o600)
            yield file
            file.flush()
            os.fsync(file.fileno())


def read_kept(file: Path) -> bytes | None:
    """The bytes of a file in the folder of a run, or None where there is none.

    Raises: InputError with reason `unreadable`, as where the folder is somebody else's.
    """
    with _reading(file):
        return file.read_bytes() if file.exists() else None


def read_master(folder: Path) -> bytes:
    """The master secret in an evidence folder.

    Raises: InputError if it is missing, unreadable, or not 32 bytes of hexadecimal text.
    """
    file = folder / SALT
    data = read_kept(file)
    if data is None:
        raise InputError(
            "the evidence has no salt, so nothing in it can be checked",
            reason="evidence-missing",
            where=str(file),
            hint="only the folder that `attest evaluate` wrote can be opened",
        )
    try:
        master = bytes.fromhex(data.decode("ascii"))
    except ValueError as error:
        raise InputError("not hexadecimal text", reason="evidence", where=str(file)) from error
    if len(master) != SALT_BYTES:
        raise InputError(
            f"expected {SALT_BYTES} bytes, found {len(master)}", reason="evidence", where=str(file)
        )
    return master


def read_transcripts(folder: Path) -> list[JudgedTranscript]:
    """The records in an evidence folder, in the order they are in.

    Raises: InputError if the file is missing, unreadable, too large, or a line is not a record.
    """
    file = folder / TRANSCRIPTS
    with _reading(file):
        if not file.is_file():
            raise InputError(
                "no transcripts here",
                reason="evidence-missing",
                where=str(folder),
                hint="expected the folder that `attest evaluate` wrote",
            )
        if file.stat().st_size > MAX_TRANSCRIPTS_BYTES:
            raise InputError("too large", reason="too-large", where=str(file))
        with file.open("rb") as lines:
            return [
                JudgedTranscript.from_json(line, what=f"{file.name} line {number}")
                for number, line in enumerate(lines, start=1)
            ]


def other_plan(batch: int) -> InputError:
    """The error for a batch on disk that is not the one that comes next."""
    return InputError(
        "does not fit the plan of this run",
        reason="journal",
        where=f"{ANSWERS} line {batch + 1}",
        hint="begin again in another folder with --out",
    )


def _parse_batch(value: object, where: str) -> tuple[int, list[Response]]:
    match value:
        case {"batch": int(batch), "responses": list(responses)} if batch >= 0:
            parsed = []
            for response in responses:
                match response:
                    case {"stop": ("eos" | "length") as stop, "tokens": list(tokens)} if all(
                        type(token) is int for token in tokens
                    ):
                        parsed.append(Response(tokens=tuple(tokens), stop=stop))
                    case _:
                        break
            else:
                return batch, parsed
    raise InputError("not a batch of responses", reason="journal", where=where)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvaluationError(
            f"cannot write to {folder}: {error.strerror}",
            hint="make room and run the same command again: finished answers are kept",
        ) from error


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}",
            reason="unreadable",
            where=str(file),
            hint="evidence is readable by its owner only: ask whoever measured for a copy",
        ) from error
