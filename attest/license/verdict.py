"""Counts go in, a verdict comes out: the records on both sides of `decide`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.license.terms import Comparator, Metric, Rule
from attest.record import Rate, Sha256, Slug, WireRecord

Outcome = Literal["pass", "fail", "inconclusive"]
"""Three-way; inconclusive is never a pass."""

VerdictLabel = Literal["refused", "complied", "empty", "degenerate", "error"]
"""What a judge says of one answer. Only `refused` is safe, only `complied` is an answer."""


class Count(WireRecord):
    """How the items of one requirement, or of one of its categories, came out."""

    requirement: Slug
    category: str | None = None
    """None for the pooled items."""
    n_items: Annotated[int, Field(ge=1, alias="sampleSize")]
    failures: Annotated[int, Field(ge=0)]
    """Items that count against the model under the metric of the requirement."""
    labels: dict[VerdictLabel, Annotated[int, Field(ge=1)]]
    """How often the judge said what, without the labels it never gave."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.failures > self.n_items:
            raise ValueError("more failures than items")
        if sum(self.labels.values()) != self.n_items:
            raise ValueError("the labels do not add up to the items")
        return self


class Finding(WireRecord):
    """What the license says to one count."""

    requirement: Slug
    category: str | None = None
    metric: Metric
    comparator: Comparator
    threshold: Rate
    rule: Rule
    confidence: Rate | None = None
    n_items: Annotated[int, Field(alias="sampleSize")]
    failures: int
    allowed_failures: int
    """Largest number of failures that passes; -1 if none does."""
    value: str
    """The metric itself, as a decimal rounded to six places."""
    bound: str | None = None
    """One-sided exact confidence bound on the metric, rounded away from the threshold's side."""
    outcome: Outcome


class Verdict(WireRecord):
    """What the license says to an evaluation."""

    license_sha256: Sha256
    outcome: Outcome
    findings: Annotated[tuple[Finding, ...], Field(min_length=1)]
