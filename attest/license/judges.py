"""Judges that the terms name beside the default one, each pinned so that it can be run again.

What pins a judge depends on its kind: sources of this package, the manifest of a model folder, the
bytes of a rubric, or the judges that vote. A judge that only an endpoint can run is pinned by
its rubric alone: its verdicts cannot be made again, and a verification says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from attest.canonical import canonical_bytes, sha256_hex
from attest.record import Rate, Record, Sha256, Slug, exact

JudgeFormat = Literal[
    "distilroberta-rejection",
    "longformer-action",
    "longformer-harmful",
    "qwen3guard-gen",
    "harmbench-cls",
    "llama-guard-3",
    "wildguard",
    "shieldgemma",
    "granite-guardian",
    "strongreject-gemma",
]
"""How a model is asked and how its words are read. A format never changes: a mended one would have
another name."""

Revision = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
"""A commit of a model hub, in full."""

# ASCII, as hubs have it: `\w` means all of Unicode here, and took a quarter of `attest verify`.
Repository = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}$")
]
"""A model on a hub, OWNER/NAME."""


class CalibrationDemand(Record):
    """How well a judge must be known to agree with people before its word counts.

    The positive class is what counts against a model: an answer that is not refused, is harmful,
    or is wrong.
    """

    sensitivity: Rate | None = None
    """Least lower bound on the share of positives that the judge calls so."""
    specificity: Rate | None = None
    """Least lower bound on the share of negatives that the judge calls so."""
    confidence: Rate = "0.95"
    """Of each one-sided exact bound."""
    labelled_sha256: Sha256 | None = None
    """The file of labelled answers; None takes any, and the signed record names it."""

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if self.sensitivity is None and self.specificity is None:
            raise ValueError("expected a least `sensitivity` or a least `specificity`")
        if not 0 < exact(self.confidence) < 1:
            raise ValueError("expected a confidence above 0 and below 1")
        return self


class _Spec(Record):
    name: Slug
    """What requirements call the judge."""
    calibration: CalibrationDemand | None = None


class BuiltInJudge(_Spec):
    """A judge that is source code of this package."""

    kind: Literal["built-in"]
    rules: Slug
    """Its name here, such as `answer-match`."""
    sha256: Sha256
    """Of its sources, as `attest license check` knows it."""


class ModelJudge(_Spec):
    """A model that is run on the machine of whoever judges."""

    kind: Literal["model"]
    format: JudgeFormat
    repository: Repository | None = None
    """Where it is published, for readers."""
    sha256: Sha256 | None = None
    """Checkpoint digest of its folder, as `attest digest` prints it."""
    revision: Revision | None = None
    """Commit of `repository`: the folder is then a snapshot of that commit in a hub cache."""
    template_sha256: Sha256 | None = None
    """Of the prompt text, for a judge whose tokenizer has no chat template."""
    dtype: Literal["checkpoint", "float32", "bfloat16", "float16"] = "checkpoint"
    harmful_from: Rate | None = None
    """The score from which an answer is harmful, of judges who score; None takes 0.5."""
    verdict_on: Literal["refusal"] | None = None
    """`refusal`: of a guard that says whether an answer refuses, that alone is taken, so that what
    is no refusal complied: a judge for benign prompts. None takes all that the format says."""

    @model_validator(mode="after")
    def _tells_refusals(self) -> Self:
        if self.verdict_on == "refusal" and self.format not in REFUSAL_GUARDS:
            able = " and ".join(sorted(REFUSAL_GUARDS))
            raise ValueError(
                f"{self.format} gives no verdict on refusal beside another one: {able} do"
            )
        return self

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        if (self.sha256 is None) == (self.revision is None):
            raise ValueError("expected either `sha256` or `revision`")
        if self.revision is not None and self.repository is None:
            raise ValueError("expected the `repository` that the revision is of")
        return self


class RubricJudge(_Spec):
    """A model behind an endpoint, asked with a rubric."""

    kind: Literal["rubric"]
    scale: Literal["policy-1-5", "refusal-specific-convincing"]
    """`policy-1-5`: one grade, and the highest is harmful; `refusal-specific-convincing`: refused
    or not, times how specific and how convincing."""
    rubric_sha256: Sha256
    """Of the rubric text: one of this package, or the licensor's."""
    model: Annotated[str, Field(min_length=1, max_length=200)]
    """What the endpoint calls it; nothing binds that name to weights."""
    harmful_from: Rate | None = None
    """The score from which an answer is harmful; None takes 1 of `policy-1-5`, else 0.5."""


class VotingJudge(_Spec):
    """Other judges, who vote."""

    kind: Literal["vote"]
    members: Annotated[tuple[Slug, ...], Field(min_length=2, max_length=9)]
    """Judges of these terms that do not vote themselves."""
    rule: Literal["majority", "any-harmful"]
    """`majority`: what more than half say; `any-harmful`: safe only if all members say so."""


JudgeSpec = Annotated[
    BuiltInJudge | ModelJudge | RubricJudge | VotingJudge, Field(discriminator="kind")
]

Knowledge = Literal["refusal", "compliance", "harm", "form", "reference", "score"]
"""What a judge can tell: whether an answer refuses, gives what was asked for, is harmful, is an
answer at all, is right, and how harmful it is on a scale. A guard that calls an answer harmless and
no refusal has not said that it gives what was asked for."""

KNOWLEDGE: dict[str, frozenset[Knowledge]] = {
    "refusal-rules": frozenset({"refusal", "compliance", "form"}),
    "answer-match": frozenset({"reference", "form"}),
    "distilroberta-rejection": frozenset({"refusal", "compliance"}),
    "longformer-action": frozenset({"refusal", "compliance"}),
    "longformer-harmful": frozenset({"harm"}),
    "qwen3guard-gen": frozenset({"refusal", "harm"}),
    "harmbench-cls": frozenset({"harm"}),
    "llama-guard-3": frozenset({"harm"}),
    "wildguard": frozenset({"refusal", "harm"}),
    "shieldgemma": frozenset({"harm"}),
    "granite-guardian": frozenset({"harm"}),
    "strongreject-gemma": frozenset({"harm", "score"}),
    "policy-1-5": frozenset({"harm", "score"}),
    "refusal-specific-convincing": frozenset({"refusal", "harm", "score"}),
}
"""By the name of the rules, of the format or of the scale."""

REFUSAL_GUARDS: frozenset[JudgeFormat] = frozenset({"qwen3guard-gen", "wildguard"})
"""Formats of guards that say apart whether an answer is harmful and whether it refuses."""


def pin(
    spec: JudgeSpec, *, checkpoint: Sha256 | None = None, members: Mapping[Slug, Sha256] = {}
) -> Sha256:
    """The digest of everything that decides the verdicts of a judge, as far as it can be known.

    Args:
        spec: as the terms write it; its name and its calibration decide no verdict.
        checkpoint: digest of the folder of a model.
        members: the digests of those who vote, by name.
    """
    parts: dict[str, object]
    match spec:
        case BuiltInJudge():
            return spec.sha256
        case ModelJudge():
            parts = {
                "checkpoint": checkpoint,
                "dtype": spec.dtype,
                "format": spec.format,
                "harmful_from": spec.harmful_from,
                "template_sha256": spec.template_sha256,
            }
            if spec.verdict_on is not None:
                parts["verdict_on"] = spec.verdict_on
        case RubricJudge():
            parts = {
                "harmful_from": spec.harmful_from,
                "model": spec.model,
                "rubric_sha256": spec.rubric_sha256,
                "scale": spec.scale,
            }
        case VotingJudge():
            parts = {"members": [members[name] for name in spec.members], "rule": spec.rule}
    return sha256_hex(canonical_bytes({"kind": spec.kind, **parts}))
