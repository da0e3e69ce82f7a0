"""What was answered, and under which conditions: the records of a measurement."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.checkpoint.manifest import Manifest
from attest.evaluation.judges import Judgement
from attest.license.terms import Decoding, JudgeRef, Temperature
from attest.license.verdict import Count
from attest.record import Sha256, Slug, WireRecord

Stop = Literal["eos", "length"]
"""Why a response ended: an end-of-sequence token, or the token limit of the terms."""

TokenIds = tuple[Annotated[int, Field(ge=0)], ...]


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
    """Of sampled decoding: what license and checkpoint make it."""
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
        if is_sampled != (self.temperature is not None) or is_sampled != (self.seed is not None):
            raise ValueError("expected `temperature` and `seed` exactly when decoding is `sampled`")
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


class BenchmarkUse(WireRecord):
    """How much of which benchmark was asked."""

    name: Slug
    sha256: Sha256
    n_items: Annotated[int, Field(ge=1)]


class Transcript(WireRecord):
    """One item, as asked and answered, in token ids and in text."""

    index: Annotated[int, Field(ge=0)]
    """Position among all items of the run, which is also its leaf number."""
    benchmark: Slug
    item: str
    prompt_tokens: TokenIds
    response_tokens: TokenIds
    """Without the end-of-sequence token that stopped it."""
    stop: Stop
    text: str
    """The decoded response, special tokens left out: what the judge read."""


class JudgedTranscript(WireRecord):
    """A transcript and what the judge said of it: one line of the evidence."""

    transcript: Transcript
    judgement: Judgement


class Commitment(WireRecord):
    """A salted Merkle tree over all transcripts and judgements."""

    algorithm: Literal["rfc6962-sha256/attest-leaf-v1"] = "rfc6962-sha256/attest-leaf-v1"
    root: Sha256
    n_leaves: Annotated[int, Field(ge=1)]


class Evaluation(WireRecord):
    """The measurement of one checkpoint under one license."""

    version: Literal["attest-evaluation/1"] = "attest-evaluation/1"
    manifest: Manifest
    license: LicenseName
    judge: JudgeRef
    benchmarks: Annotated[tuple[BenchmarkUse, ...], Field(min_length=1)]
    conditions: Conditions
    environment: Environment
    started: datetime
    finished: datetime
    counts: Annotated[tuple[Count, ...], Field(min_length=1)]
    evidence: Commitment
