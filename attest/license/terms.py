"""What was promised: the machine-readable terms of a license.

Every scalar of `license.yaml` is read as the text it is, so that `0.05` is a decimal and never a
binary float. A requirement states its own number of items: who reads the license knows, without
any data, how many failures it allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from attest.benchmark.items import Expected, Layout
from attest.record import Rate, Record, RelativePath, Sha256, Slug, exact

Metric = Literal[
    "unsafe_rate",
    "compliance_rate",
    "degenerate_rate",
    "most_common_answer_rate",
]
"""What is counted over the items of a requirement:

- `unsafe_rate`: items that were not refused (answered, empty, degenerate or unjudged);
- `compliance_rate`: items that were answered, neither refused nor degenerate;
- `degenerate_rate`: items whose answer is empty, looping or unjudged;
- `most_common_answer_rate`: the largest share of items that got one and the same answer.
"""

Comparator = Literal["at_most", "at_least"]

Rule = Literal["count", "confidence"]
"""`count`: at most so many of this fixed set; `confidence`: one-sided exact bound at 1 - alpha."""

COMPARATOR_OF_METRIC: dict[Metric, Comparator] = {
    "unsafe_rate": "at_most",
    "compliance_rate": "at_least",
    "degenerate_rate": "at_most",
    "most_common_answer_rate": "at_most",
}

Decoding = Literal["greedy", "sampled"]
"""`greedy`: the likeliest token each time; `sampled`: a draw at the temperature of the terms, which
license and checkpoint fix."""

_TEMPERATURE = re.compile(r"^(0\.0*[1-9][0-9]*|1(\.[0-9]+)?|2(\.0+)?)$")


def _temperature(text: str) -> str:
    if len(text) > 14 or not _TEMPERATURE.fullmatch(text):
        raise ValueError("expected a decimal above 0 and up to 2 written out, such as 0.7")
    return text


Temperature = Annotated[str, AfterValidator(_temperature)]
"""With which logits are divided before a draw, as a decimal string in (0, 2]."""

Tolerance = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,12})?$")]
"""A distance between logits, as a decimal string below 1000."""

MAX_ITEMS = 100_000
"""Most items of one requirement: what is decided exactly in well under a second."""


class Text(Record):
    """A document that the terms name by its bytes."""

    title: str
    sha256: Sha256
    uri: str | None = None


class Party(Record):
    """Who grants the license."""

    name: str
    uri: str | None = None


class BaseModelRef(Record):
    """A model whose derivatives the license covers."""

    name: str
    uri: str | None = None
    checkpoint: Sha256 | None = None
    """Checkpoint digest, as `attest digest` prints it."""
    weights: Sha256 | None = None
    """Weights digest, as `attest digest --tensors` prints it."""


class BenchmarkRef(Record):
    """Which prompts, by name and by the bytes of their file."""

    name: Slug
    sha256: Sha256
    layout: Layout | None = None
    """How to read a file of the licensor's own; None for a benchmark of the registry."""


class JudgeRef(Record):
    """Who judges the answers, by name and by digest."""

    name: Slug
    sha256: Sha256


class ChatTemplate(Record):
    """A chat template given by the terms, for checkpoints without one or instead of theirs."""

    source: Literal["checkpoint", "terms"] = "checkpoint"
    jinja: str | None = None
    """The template text, when the source is `terms`."""

    @model_validator(mode="after")
    def _has_its_text(self) -> Self:
        if (self.source == "terms") != (self.jinja is not None):
            raise ValueError("expected `jinja` exactly when source is `terms`")
        return self


class Measurement(Record):
    """How the questions are asked."""

    max_new_tokens: Annotated[int, Field(ge=1, le=32768)]
    system_prompt: str | None = None
    """The system message; None sends none."""
    chat_template: ChatTemplate = ChatTemplate()
    decoding: Decoding = "greedy"
    temperature: Temperature | None = None
    """Of sampled decoding."""
    dtype: Literal["checkpoint", "float32", "bfloat16", "float16"] = "checkpoint"
    """Arithmetic of the forward pass; `checkpoint` takes the type of the weights."""
    replay_tolerance: Tolerance | None = None
    """How far below the best logit a token may be and still count as unsettled in a replay; left
    out, the honest spread of the arithmetic decides."""

    @model_validator(mode="after")
    def _has_its_temperature(self) -> Self:
        if (self.decoding == "sampled") != (self.temperature is not None):
            raise ValueError("expected `temperature` exactly when decoding is `sampled`")
        return self


class Requirement(Record):
    """One threshold that a checkpoint must meet."""

    id: Slug
    benchmark: BenchmarkRef
    expected: Expected | None = None
    """Take only the items that expect this; None takes all."""
    categories: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Take only these categories; None takes all."""
    n_items: Annotated[int, Field(ge=1, le=MAX_ITEMS)]
    """How many items the selection holds."""
    metric: Metric
    comparator: Comparator
    threshold: Rate
    rule: Rule
    confidence: Rate | None = None
    """1 - alpha of a `confidence` rule, such as 0.95."""
    per_category: bool = False
    """Hold every category to the threshold, not the pooled items."""

    @model_validator(mode="after")
    def _is_meaningful(self) -> Self:
        if self.comparator != COMPARATOR_OF_METRIC[self.metric]:
            raise ValueError(f"{self.metric} needs comparator {COMPARATOR_OF_METRIC[self.metric]}")
        if (self.rule == "confidence") != (self.confidence is not None):
            raise ValueError("expected `confidence` exactly when the rule is `confidence`")
        if self.confidence is not None and not 0 < exact(self.confidence) < 1:
            raise ValueError("expected a confidence above 0 and below 1")
        if self.metric == "most_common_answer_rate" and self.rule != "count":
            raise ValueError("most_common_answer_rate is no binomial count: use rule `count`")
        return self


class Notice(Record):
    """A sentence that a file of the release must hold."""

    path: RelativePath
    contains: Annotated[str, Field(min_length=1)]


class Duties(Record):
    """What a derivative must carry, apart from its measurement."""

    license_copy: bool = False
    """A file with exactly the bytes of the license text must be in the folder."""
    notice: Notice | None = None
    name_prefix: str | None = None
    """How the name of the release must begin."""


class Terms(Record):
    """The machine-readable terms of a license."""

    version: Literal["attest-license/1"]
    name: Annotated[str, Field(min_length=1)]
    license_version: Annotated[str, Field(min_length=1)]
    text: Text
    licensor: Party
    issued: date
    expires: date | None = None
    """Last day on which the terms hold; None holds until superseded."""
    attestation_valid_days: Annotated[int, Field(ge=1, le=3650)] = 365
    base_models: tuple[BaseModelRef, ...] = ()
    evaluators: Literal["anyone", "third-party"] = "anyone"
    """Whose measurement counts: the publisher's own too, or another party's only."""
    measurement: Measurement
    judge: JudgeRef
    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1)]
    duties: Duties = Duties()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        ids = [requirement.id for requirement in self.requirements]
        if len(set(ids)) != len(ids):
            raise ValueError("two requirements have the same id")
        digests: dict[str, str] = {}
        for requirement in self.requirements:
            name, sha256 = requirement.benchmark.name, requirement.benchmark.sha256
            if digests.setdefault(name, sha256) != sha256:
                raise ValueError(f"benchmark {name} is named with two digests")
        if self.expires is not None and self.expires < self.issued:
            raise ValueError("expected `expires` on or after `issued`")
        return self


@dataclass(frozen=True)
class License:
    """Terms together with the digest of the very bytes they were read from."""

    terms: Terms
    sha256: str
