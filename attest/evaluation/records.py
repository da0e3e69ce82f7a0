"""What was answered, and under which conditions: the records of a measurement."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from attest.checkpoint.manifest import Manifest
from attest.evaluation.judges import Judgement
from attest.license.terms import JudgeRef
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


class Conditions(WireRecord):
    """Everything that was fixed before the first answer."""

    engine: Literal["local"] = "local"
    architecture: str
    """Class name of the model, from its config."""
    system_prompt: str | None = None
    template: Template
    rendered_on: date
    """The day that a template asking for today's date was told."""
    max_new_tokens: Annotated[int, Field(ge=1)]
    decoding: Literal["greedy"] = "greedy"
    dtype: Literal["float32", "bfloat16", "float16"]
    attention: str
    eos_token_ids: Annotated[TokenIds, Field(min_length=1)]
    batch_plan: BatchPlan


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
