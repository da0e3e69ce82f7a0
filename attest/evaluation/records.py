"""What was answered, and under which conditions: the records of a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from attest.benchmark.probes import MAX_ATTEMPTS, PLAIN, Decoding, Temperature
from attest.checkpoint.manifest import Manifest
from attest.errors import InputError
from attest.evaluation.judges import Judgement
from attest.license.calibration import Calibration
from attest.license.terms import ProbeRef, Reasoning
from attest.license.verdict import Count
from attest.record import Sha256, Slug, WireRecord

Stop = Literal["eos", "length"]
"""Why a response ended: an end-of-sequence token, or the token limit of the terms."""

TokenIds = tuple[Annotated[int, Field(ge=0)], ...]

Subject = Literal["checkpoint", "base"]
"""Who is asked: the checkpoint itself, or the model that it is compared with."""

Attempt = Annotated[int, Field(ge=0, lt=MAX_ATTEMPTS)]
"""Which of the answers to an item under one probe, from 0."""

Ed25519Signature = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
"""64 bytes in hexadecimal."""


@dataclass(frozen=True)
class ItemName:
    """Which answer of a run: the item, and who was asked it, how, and for the how manieth time.

    As a person writes it: BENCHMARK/ID, after `base:` for the base, and after `PROBE:` or
    `PROBE#ATTEMPT:` for a probe. A benchmark and a probe have no colon in their names.
    """

    benchmark: str
    item: str
    subject: Subject = "checkpoint"
    probe: str = PLAIN
    attempt: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that `text` writes; the id itself may hold slashes and colons.

        Raises: InputError if it is written in no such way.
        """
        place, _, item = text.partition("/")
        *before, benchmark = place.split(":")
        subject: Subject = "checkpoint"
        if before and before[0] == "base":
            subject, before = "base", before[1:]
        probe, _, attempt = before[0].partition("#") if before else (PLAIN, "", "")
        is_number = attempt == "" or (attempt.isascii() and attempt.isdigit() and len(attempt) < 4)
        if not benchmark or not item or not probe or len(before) > 1 or not is_number:
            raise InputError(
                f"expected BENCHMARK/ID or PROBE#ATTEMPT:BENCHMARK/ID, found {text!r}",
                reason="usage",
                hint="for example --item attest-core/12; the ids are in transcripts.jsonl",
            )
        return cls(benchmark, item, subject, probe, int(attempt or 0))

    def __str__(self) -> str:
        parts: list[str] = [self.subject] if self.subject == "base" else []
        if self.attempt:
            parts.append(f"{self.probe}#{self.attempt}")
        elif self.probe != PLAIN:
            parts.append(self.probe)
        text = f"{':'.join([*parts, self.benchmark])}/{self.item}"
        # A name from somebody else's file must not move the cursor of a terminal.
        return text if text.isprintable() else ascii(text)


class Template(WireRecord):
    """The chat template that rendered the prompts."""

    source: Literal["chat_template.jinja", "tokenizer_config.json", "terms"]
    sha256: Sha256
    """Of the UTF-8 bytes of the template text."""


class BatchPlan(WireRecord):
    """Which prompts share a forward pass; part of a result in 16-bit arithmetic."""

    order: Literal["longest-first"] = "longest-first"
    size: Annotated[int, Field(ge=1, le=4096)]
    shrink: Literal["half-finished"] = "half-finished"
    """Finished rows leave the batch whenever at least half of it has finished."""


class ImportedLog(WireRecord):
    """The log of another harness that the answers were taken from."""

    sha256: Sha256
    """Of the bytes of the log."""
    harness_version: str
    tokens: Literal["re-encoded"] = "re-encoded"
    """The log holds text: the response tokens are what the tokenizer makes of it, and the ending
    is what their number suggests."""


class Conditions(WireRecord):
    """Everything that was fixed before the first answer."""

    engine: Literal["local", "inspect", "lm-eval"] = "local"
    log: ImportedLog | None = None
    """Where the answers are from, unless this package asked for them itself."""
    architecture: str
    """Class name of the model, from its config."""
    system_prompt: str | None = None
    template: Template
    rendered_on: date
    """The day that a template asking for today's date was told."""
    max_new_tokens: Annotated[int, Field(ge=1)]
    decoding: Decoding = "greedy"
    temperature: Temperature | None = None
    """Of sampled decoding, as the terms write it."""
    seed: Sha256 | None = None
    """Where anything is drawn: what license and checkpoint make it."""
    probes: Annotated[tuple[ProbeRef, ...], Field(min_length=1)] | None = None
    """The probes that prompts were put by, in the order in which requirements name them."""
    suffixes: Ed25519Signature | None = None
    """Of probes with a secret suffix: the licensor's signature that the suffixes follow from."""
    reasoning: Reasoning | None = None
    """Which part of a response was judged, of models that think."""
    dtype: Literal["float32", "bfloat16", "float16"]
    attention: str
    eos_token_ids: Annotated[TokenIds, Field(min_length=1)]
    batch_plan: BatchPlan | None = None
    """None where the log of another harness does not tell."""

    @model_validator(mode="after")
    def _says_where_it_is_from(self) -> Self:
        is_local = self.engine == "local"
        if is_local != (self.log is None) or is_local != (self.batch_plan is not None):
            raise ValueError("expected `log` and no `batchPlan` exactly for an imported log")
        if not is_local and self.decoding != "greedy":
            raise ValueError("expected greedy decoding for an imported log")
        return self

    @model_validator(mode="after")
    def _can_be_repeated(self) -> Self:
        is_sampled = self.decoding == "sampled"
        if is_sampled != (self.temperature is not None) or (is_sampled and self.seed is None):
            raise ValueError("expected `temperature` and `seed` exactly when decoding is `sampled`")
        if not is_sampled and self.seed is not None and self.probes is None:
            raise ValueError("expected `seed` exactly when decoding is `sampled`, or by a probe")
        return self


class Environment(WireRecord):
    """Where it ran. Reported for readers; no verification step believes it."""

    attest: str
    python: str
    platform: str
    device: str
    """`cpu`, or the name of the accelerator."""
    threads: Annotated[int, Field(ge=1)]
    libraries: dict[str, str]
    """Distribution name to version."""


class LicenseName(WireRecord):
    """Which license, by its digest."""

    name: str
    license_version: str
    sha256: Sha256


class JudgeUse(WireRecord):
    """Who judged, by what pins it."""

    name: Slug
    """As the terms name it."""
    sha256: Sha256
    """Of everything that decides its verdicts: `attest.license.judges.pin`."""
    checkpoint: Sha256 | None = None
    """Of a judge that is a model: the digest of the folder that was run."""
    calibration: Calibration | None = None
    """How well it agrees with people, where that was recorded."""


class BenchmarkUse(WireRecord):
    """How much of which benchmark was asked."""

    name: Slug
    sha256: Sha256
    n_items: Annotated[int, Field(ge=1)]
    """Answers to it: an item counts again for each probe, each attempt, and for the base."""


class Transcript(WireRecord):
    """One item, as asked and answered, in token ids and in text."""

    index: Annotated[int, Field(ge=0)]
    """Position among all answers of the run, which is also its leaf number."""
    subject: Subject = "checkpoint"
    probe: Slug = PLAIN
    attempt: Attempt = 0
    benchmark: Slug
    item: str
    prompt_tokens: TokenIds
    """What the model read, a prefill of its answer included."""
    response_tokens: TokenIds
    """Without the end-of-sequence token that stopped it."""
    stop: Stop
    text: str
    """The decoded response, reasoning and all. Special tokens are left out, unless the terms say
    how reasoning is marked, since such marks may be special."""

    @property
    def name(self) -> ItemName:
        """Which answer this is."""
        return ItemName(self.benchmark, self.item, self.subject, self.probe, self.attempt)


class JudgedTranscript(WireRecord):
    """A transcript and what its judges said of it: one line of the evidence."""

    transcript: Transcript
    judgements: Annotated[tuple[Judgement, ...], Field(min_length=1)]
    """One of each judge that decides on this item, in the order of the terms."""

    @model_validator(mode="after")
    def _has_one_of_each(self) -> Self:
        judges = [judgement.judge for judgement in self.judgements]
        if len(set(judges)) != len(judges):
            raise ValueError("two judgements by one judge")
        return self

    def by(self, judge: Slug) -> Judgement:
        """What one judge said.

        Raises: InputError with reason `evidence` if it was not asked.
        """
        for judgement in self.judgements:
            if judgement.judge == judge:
                return judgement
        raise InputError(
            f"no judgement by {judge}",
            reason="evidence",
            where=f"{self.transcript.benchmark} item {self.transcript.item}",
        )


class Commitment(WireRecord):
    """A salted Merkle tree over all transcripts and judgements."""

    algorithm: Literal["rfc6962-sha256/attest-leaf-v1"] = "rfc6962-sha256/attest-leaf-v1"
    root: Sha256
    n_leaves: Annotated[int, Field(ge=1)]


class Base(WireRecord):
    """The model that the checkpoint was compared with, asked in the same run."""

    checkpoint: Sha256
    """Digest of its manifest."""
    conditions: Conditions


class Evaluation(WireRecord):
    """The measurement of one checkpoint under one license."""

    version: Literal["attest-evaluation/1"] = "attest-evaluation/1"
    manifest: Manifest
    license: LicenseName
    judges: Annotated[tuple[JudgeUse, ...], Field(min_length=1)]
    """Everyone who judged, in the order of the terms."""
    benchmarks: Annotated[tuple[BenchmarkUse, ...], Field(min_length=1)]
    conditions: Conditions
    base: Base | None = None
    """Where requirements compare with the base."""
    environment: Environment
    started: datetime
    finished: datetime
    counts: Annotated[tuple[Count, ...], Field(min_length=1)]
    evidence: Commitment
