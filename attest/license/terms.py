"""What was promised: the machine-readable terms of a license.

Every scalar of `license.yaml` is read as the text it is, so that `0.05` is a decimal and never a
binary float. A requirement states its own number of items: who reads the license knows, without
any data, how many failures it allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from attest.benchmark.items import Expected, Layout
from attest.benchmark.probes import RESERVED, Decoding, Probe, Temperature
from attest.license.calibration import Trials
from attest.license.judges import CalibrationDemand, JudgeSpec, VotingJudge
from attest.record import Rate, Record, RelativePath, Sha256, Slug, exact

Metric = Literal[
    "unsafe_rate",
    "compliance_rate",
    "degenerate_rate",
    "most_common_answer_rate",
    "mean_score",
    "accuracy",
]
"""What is counted over the items of a requirement:

- `unsafe_rate`: items whose answer is neither refused nor harmless (so empty, degenerate and
  unjudged ones too);
- `compliance_rate`: items that were answered, neither refused nor degenerate;
- `degenerate_rate`: items whose answer is empty, looping or unjudged;
- `most_common_answer_rate`: the largest share of items that got one and the same answer;
- `mean_score`: the mean of the scores of a judge who scores; an answer that is empty, degenerate or
  unjudged has the worst score, 1;
- `accuracy`: items whose answer agrees with the reference of the benchmark.
"""

Comparator = Literal["at_most", "at_least"]

Rule = Literal["count", "confidence", "non_inferiority"]
"""What decides:

- `count`: the rate or mean of this fixed set, and nothing else;
- `confidence`: a one-sided exact bound at 1 - alpha, for prompts like these;
- `non_inferiority`: such a bound on how much worse than the base the checkpoint is, prompt by
  prompt in the same run.
"""

Unit = Literal["prompt", "behaviour"]
"""What passes or fails as one: a prompt, or all prompts that ask for one behaviour, which fails if
any of them does."""

COMPARATOR_OF_METRIC: dict[Metric, Comparator] = {
    "unsafe_rate": "at_most",
    "compliance_rate": "at_least",
    "degenerate_rate": "at_most",
    "most_common_answer_rate": "at_most",
    "mean_score": "at_most",
    "accuracy": "at_least",
}

WHOLE_METRICS: frozenset[Metric] = frozenset({"most_common_answer_rate", "mean_score"})
"""Metrics that no single item passes or fails."""

Tolerance = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,12})?$")]
"""A distance between logits, as a decimal string below 1000."""

MAX_ITEMS = 50_000
"""Most items of all requirements, and labelled answers of their judge corrections, together."""
MAX_REQUIREMENTS = 100
"""Most requirements. Within both bounds whatever parses is linted and decided, exactly, in about a
second, so that no stranger's license keeps a hub busy."""
MAX_JUDGES = 20
"""Most judges beside the default one."""


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
    """Who judges where a requirement names nobody: source code of this package."""

    name: Slug
    sha256: Sha256
    calibration: CalibrationDemand | None = None


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


class ProbeRef(Record):
    """A probe that ships with this package, by name and by digest."""

    name: Slug
    sha256: Sha256


def _kind_of_probe(value: Any) -> str:
    is_ref = isinstance(value, ProbeRef) or (isinstance(value, dict) and "sha256" in value)
    return "named" if is_ref else "written-out"


AnyProbe = Annotated[
    Annotated[ProbeRef, Tag("named")] | Annotated[Probe, Tag("written-out")],
    Discriminator(_kind_of_probe),
]
"""A probe by digest, or written out in the terms."""

Marker = Annotated[str, Field(min_length=1, max_length=100)]


class Reasoning(Record):
    """How a model that thinks marks its reasoning, and which part of a response is judged."""

    start: Marker | None = None
    """Text that opens the reasoning; None where the chat template opens it already."""
    end: Marker
    """Text that closes it."""
    judged: Literal["answer", "reasoning", "both"] = "answer"


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
    reasoning: Reasoning | None = None
    """Of models that think; None judges every response as it is."""

    @model_validator(mode="after")
    def _has_its_temperature(self) -> Self:
        if (self.decoding == "sampled") != (self.temperature is not None):
            raise ValueError("expected `temperature` exactly when decoding is `sampled`")
        return self


class JudgeCorrection(Record):
    """How often the judge errs on answers that people labelled.

    His misses raise the rate that must be shown to be low. His false alarms never lower it; they
    are taken off only before a model is said to fail.
    """

    sensitivity: Trials
    """Harmful answers that he called so."""
    specificity: Trials | None = None
    """Other answers that he called so; None takes every alarm for true."""


class Requirement(Record):
    """One threshold that a checkpoint must meet."""

    id: Slug
    benchmark: BenchmarkRef
    expected: Expected | None = None
    """Take only the items that expect this; None takes all."""
    categories: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Take only these categories; None takes all."""
    probe: Slug | None = None
    """Which of the probes puts the prompts; None asks as the measurement says."""
    n_items: Annotated[int, Field(ge=1, le=MAX_ITEMS)]
    """How many items the selection holds."""
    metric: Metric
    comparator: Comparator
    threshold: Rate | None = None
    """Of a `count` or `confidence` rule."""
    rule: Rule
    confidence: Rate | None = None
    """1 - alpha of a `confidence` or `non_inferiority` rule, such as 0.95."""
    margin: Rate | None = None
    """By how much the failure rate may exceed that of the base, of a `non_inferiority` rule."""
    unit: Unit = "prompt"
    n_behaviours: Annotated[int, Field(ge=1, le=MAX_ITEMS)] | None = None
    """How many behaviours the items ask for, where a behaviour is the unit."""
    judge_correction: JudgeCorrection | None = None
    """Of a `confidence` rule on the unsafe rate."""
    judge: Slug | None = None
    """Which of the judges decides; None takes the default one."""
    per_category: bool = False
    """Hold every category to the threshold, not the pooled items."""

    @property
    def n_units(self) -> int:
        """How many prompts or behaviours pass or fail."""
        return self.n_items if self.n_behaviours is None else self.n_behaviours

    @property
    def n_labelled(self) -> int:
        """How many answers that people labelled its correction for judge error rests on."""
        correction = self.judge_correction
        if correction is None:
            return 0
        other = correction.specificity
        return correction.sensitivity.trials + (0 if other is None else other.trials)

    @model_validator(mode="after")
    def _has_what_its_rule_needs(self) -> Self:
        if self.comparator != COMPARATOR_OF_METRIC[self.metric]:
            raise ValueError(f"{self.metric} needs comparator {COMPARATOR_OF_METRIC[self.metric]}")
        if (self.rule == "count") != (self.confidence is None):
            raise ValueError("expected `confidence` exactly when the rule is not `count`")
        if self.confidence is not None and not 0 < exact(self.confidence) < 1:
            raise ValueError("expected a confidence above 0 and below 1")
        compares = self.rule == "non_inferiority"
        if compares != (self.threshold is None) or compares != (self.margin is not None):
            raise ValueError("expected `margin` for rule `non_inferiority`, else `threshold`")
        if self.margin is not None and not 0 < exact(self.margin) < 1:
            raise ValueError("expected a margin above 0 and below 1")
        return self

    @model_validator(mode="after")
    def _can_be_decided(self) -> Self:
        if self.metric == "most_common_answer_rate" and self.rule != "count":
            raise ValueError("most_common_answer_rate is no binomial count: use rule `count`")
        if self.metric == "mean_score" and self.rule == "non_inferiority":
            raise ValueError("rule `non_inferiority` compares failures: mean_score has none")
        if (self.unit == "behaviour") != (self.n_behaviours is not None):
            raise ValueError("expected `n_behaviours` exactly when the unit is `behaviour`")
        if self.n_units > self.n_items:
            raise ValueError("expected at most as many behaviours as items")
        if self.unit == "behaviour" and self.metric in WHOLE_METRICS:
            raise ValueError(f"{self.metric} is no failure of single prompts: use unit `prompt`")
        if self.judge_correction is not None and (self.metric, self.rule, self.unit) != (
            "unsafe_rate",
            "confidence",
            "prompt",
        ):
            raise ValueError(
                "expected `judge_correction` only with metric `unsafe_rate`, rule `confidence` "
                "and unit `prompt`"
            )
        layout = self.benchmark.layout
        if layout is not None:
            if self.unit == "behaviour" and layout.behaviour_column is None:
                raise ValueError("unit `behaviour` needs a layout with `behaviour_column`")
            if self.metric == "accuracy" and layout.reference_column is None:
                raise ValueError("accuracy needs a layout with `reference_column`")
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
    probes: tuple[AnyProbe, ...] = ()
    """How requirements that name them put their prompts."""
    suffix_key: Annotated[str, Field(max_length=1000)] | None = None
    """Ed25519 public key (PEM) of the licensor, for probes with a secret suffix."""
    judge: JudgeRef
    judges: Annotated[tuple[JudgeSpec, ...], Field(max_length=MAX_JUDGES)] = ()
    """Further judges, for requirements that name them."""
    requirements: Annotated[
        tuple[Requirement, ...], Field(min_length=1, max_length=MAX_REQUIREMENTS)
    ]
    duties: Duties = Duties()

    @model_validator(mode="after")
    def _names_its_judges(self) -> Self:
        names = [self.judge.name, *(spec.name for spec in self.judges)]
        if len(set(names)) != len(names):
            raise ValueError("two judges have the same name")
        for requirement in self.requirements:
            if requirement.judge is not None and requirement.judge not in names:
                raise ValueError(f"requirement {requirement.id} names no judge of these terms")
        voting = {spec.name for spec in self.judges if isinstance(spec, VotingJudge)}
        for spec in self.judges:
            if isinstance(spec, VotingJudge):
                if len(set(spec.members)) != len(spec.members):
                    raise ValueError(f"judge {spec.name} lets a member vote twice")
                if not set(spec.members) <= set(names) - voting:
                    raise ValueError(f"judge {spec.name} names members that are no single judges")
        return self

    @model_validator(mode="after")
    def _names_its_probes(self) -> Self:
        names = [probe.name for probe in self.probes]
        if len(set(names)) != len(names):
            raise ValueError("two probes have the same name")
        if taken := sorted(RESERVED.intersection(names)):
            raise ValueError(f"a probe may not be called {taken[0]}")
        for requirement in self.requirements:
            if requirement.probe is not None and requirement.probe not in names:
                raise ValueError(f"requirement {requirement.id} names no probe of these terms")
        return self

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        ids = [requirement.id for requirement in self.requirements]
        if len(set(ids)) != len(ids):
            raise ValueError("two requirements have the same id")
        benchmarks: dict[str, BenchmarkRef] = {}
        for requirement in self.requirements:
            found = requirement.benchmark
            if benchmarks.setdefault(found.name, found) != found:
                raise ValueError(f"benchmark {found.name} is named with two digests or layouts")
        if self.expires is not None and self.expires < self.issued:
            raise ValueError("expected `expires` on or after `issued`")
        return self

    @model_validator(mode="after")
    def _is_decided_soon(self) -> Self:
        n_items = sum(one.n_items + one.n_labelled for one in self.requirements)
        if n_items > MAX_ITEMS:
            raise ValueError(
                f"expected at most {MAX_ITEMS} items and labelled answers in all requirements "
                f"together, found {n_items}"
            )
        return self

    @model_validator(mode="after")
    def _compares_beside_an_absolute_rule(self) -> Self:
        # A base without guardrails would make everything non-inferior.
        absolute = {_what(one) for one in self.requirements if one.rule != "non_inferiority"}
        for requirement in self.requirements:
            if _what(requirement) not in absolute:
                raise ValueError(
                    f"requirement {requirement.id} only compares with the base: ask for a "
                    "threshold of the same metric on the same items too"
                )
        return self

    def judge_of(self, requirement: Requirement) -> Slug:
        """The name of the judge who decides a requirement."""
        return requirement.judge or self.judge.name


def _what(requirement: Requirement) -> tuple[object, ...]:
    """What a requirement measures, whatever it then asks of it."""
    return (
        requirement.benchmark,
        requirement.expected,
        requirement.categories,
        requirement.metric,
        requirement.probe,
        requirement.judge,
    )


@dataclass(frozen=True)
class License:
    """Terms together with the digest of the very bytes they were read from."""

    terms: Terms
    sha256: str
