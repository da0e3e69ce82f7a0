"""What a run found that was stopped as soon as the license was decided.

It is a record of its own and no `Evaluation`, so nothing can sign it. What fails among the prompts
drawn until a decision is a biased estimate, so it gives no rate and no bound.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from attest.evaluation.order import DrawnOrder
from attest.evaluation.records import Base, Conditions, Environment, JudgeUse, LicenseName
from attest.license.terms import Comparator, Metric, Unit
from attest.license.verdict import Finding, Outcome
from attest.record import Rate, Sha256, Slug, WireRecord

ALPHA: Final[Rate] = "0.05"
"""Chance, over orders, of saying that the license is met when all prompts would say that it is not;
and of saying that it is broken when they would say that it is not."""


class StoppedFinding(WireRecord):
    """What the license says to a requirement as soon as that was clear. There is no rate."""

    requirement: Slug
    category: str | None = None
    probe: Slug | None = None
    metric: Metric
    comparator: Comparator
    threshold: Rate
    unit: Unit
    n_items: Annotated[int, Field(ge=1)]
    """Units of the whole set: prompts, or behaviours."""
    allowed_failures: Annotated[int, Field(ge=0)]
    """Of the whole set."""
    n_drawn: Annotated[int, Field(ge=0)]
    """Units drawn until it was decided, those without a verdict among them."""
    failures: Annotated[int, Field(ge=0)]
    """Of the drawn ones."""
    outcome: Outcome


class EarlyEvaluation(WireRecord):
    """A measurement that ended as soon as the license was decided."""

    version: Literal["attest-early-evaluation/1"] = "attest-early-evaluation/1"
    checkpoint: Sha256
    license: LicenseName
    judges: Annotated[tuple[JudgeUse, ...], Field(min_length=1)]
    conditions: Conditions
    base: Base | None = None
    environment: Environment
    started: datetime
    finished: datetime
    order: DrawnOrder
    alpha: Rate
    n_asked: Annotated[int, Field(ge=0)]
    """Answers that were asked for; whole batches, so more than the drawn ones."""
    n_full: Annotated[int, Field(ge=1)]
    """Answers that the license asks for."""
    stopped: Annotated[tuple[StoppedFinding, ...], Field(min_length=1)]
    in_full: tuple[Finding, ...]
    """Of the requirements that were asked in full."""
    outcome: Outcome
