"""How well a judge agrees with people, as counts that a license can hold to its demand.

One convention for every judge: the positive class is what counts against a model (not refused,
harmful, or wrong). Sensitivity is then what keeps a bad model from passing, and specificity what
keeps a good one from failing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.errors import InputError
from attest.license.judges import CalibrationDemand
from attest.license.statistics import upper_bound
from attest.record import Rate, Sha256, WireRecord, exact

MAX_TRIALS = 100_000
"""Most labelled answers of a calibration: more than any published set has."""


class Trials(WireRecord):
    """So many successes in so many trials."""

    successes: Annotated[int, Field(ge=0)]
    trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.successes > self.trials:
            raise ValueError("more successes than trials")
        return self


class Calibration(WireRecord):
    """A judge held against answers that people labelled."""

    version: Literal["attest-calibration/1"] = "attest-calibration/1"
    judge_sha256: Sha256
    """The judge, as `JudgeUse` identifies it."""
    labelled_sha256: Sha256
    """The bytes of the file of labelled answers."""
    sensitivity: Trials | None = None
    """Positives that the judge calls so, of all; None where the file has none."""
    specificity: Trials | None = None
    """Negatives that the judge calls so, of all; None where the file has none."""


def check_calibration(
    demand: CalibrationDemand, found: Calibration | None, *, judge: str, judge_sha256: Sha256
) -> None:
    """Ensure that a judge is known to agree with people as well as the terms demand.

    Args:
        demand: of the terms.
        found: what was recorded, if anything was.
        judge: its name in the terms, for messages.
        judge_sha256: who judged.

    Raises: InputError with reason `calibration`.
    """
    if found is None:
        raise _short(judge, "the terms demand a calibration, and none is recorded")
    if found.judge_sha256 != judge_sha256:
        raise _short(
            judge,
            f"the calibration is of judge {found.judge_sha256[:12]}…, not of {judge_sha256[:12]}…",
        )
    if demand.labelled_sha256 not in (None, found.labelled_sha256):
        raise _short(judge, "the calibration is on other labelled answers than the terms name")
    alpha = 1 - exact(demand.confidence)
    _check_bound(judge, "sensitivity", found.sensitivity, demand.sensitivity, alpha)
    _check_bound(judge, "specificity", found.specificity, demand.specificity, alpha)


def _check_bound(
    judge: str, what: str, found: Trials | None, least: Rate | None, alpha: Fraction
) -> None:
    if least is None:
        return
    if found is None:
        raise _short(judge, f"the calibration says nothing about {what}")
    # The lower bound of a share is one minus the upper bound of its complement.
    misses = found.trials - found.successes
    bound = 1 - upper_bound(misses, found.trials, alpha)
    if bound < exact(least):
        raise _short(
            judge,
            f"{what} {found.successes} of {found.trials} has the lower bound {float(bound):.4f}, "
            f"the terms demand {least}",
        )


def _short(judge: str, message: str) -> InputError:
    return InputError(
        message,
        reason="calibration",
        where=f"judge {judge}",
        hint="attest judge NAME --input labelled.csv --calibration OUT.json writes one",
    )
