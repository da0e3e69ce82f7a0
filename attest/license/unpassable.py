"""Why not even a flawless model could meet a requirement, and what the terms could say instead."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from attest.license.allowance import Allowance, decimal
from attest.license.comparison import Comparison
from attest.license.terms import Requirement
from attest.license.threshold import Threshold
from attest.license.verdict import Pairs
from attest.record import exact


def explain(requirement: Requirement, row: Allowance) -> str:
    """Why no model passes, in one clause.

    Args:
        requirement: of a license.
        row: its allowance, or that of one of its categories, which allows nothing.
    """
    units = _units(requirement)
    if requirement.confidence is None:
        return (
            f"one answer is always the most common one, and 1 of {row.n_items} items is above "
            f"{requirement.threshold}"
        )
    bound = _flawless_bound(requirement, row)
    if requirement.margin is not None:
        return (
            f"with no difference among {row.n_items} {units} the bound at confidence "
            f"{requirement.confidence} is {decimal(bound)}, above the margin {requirement.margin}"
        )
    is_at_most = requirement.comparator == "at_most"
    return (
        f"with 0 failures among {row.n_items} {units} the bound at confidence "
        f"{requirement.confidence} is {decimal(bound if is_at_most else 1 - bound)}, "
        f"{'above' if is_at_most else 'below'} {requirement.threshold}"
    )


def alternatives(requirement: Requirement, row: Allowance) -> str:
    """What the terms could say instead; args as for `explain`."""
    ways: list[str] = []
    units = _units(requirement)
    needed = _needed_units(requirement, row)
    if needed is not None:
        ways.append(f"take at least {needed} {units}")
    if requirement.confidence is not None and (bound := _flawless_bound(requirement, row)) < 1:
        if requirement.margin is not None:
            ways.append(f"take a margin of at least {decimal(bound)}")
        elif requirement.comparator == "at_most":
            ways.append(f"take a threshold of at least {decimal(bound)}")
        else:
            ways.append(f"take a threshold of at most {decimal(1 - bound)}")
    if requirement.rule == "confidence":
        count = floor(Threshold.of(requirement, row.n_items).limit * row.n_items)
        ways.append(f"use rule `count`, which allows {count} of {row.n_items} {units}")
    if requirement.judge_correction is not None:
        ways.append("leave `judge_correction` out, or calibrate the judge on more answers")
    if row.category is not None:
        ways.append("hold the pooled items to the threshold (`per_category: false`)")
    return ", or ".join(ways or ["relax the threshold"])


def _units(requirement: Requirement) -> str:
    return "items" if requirement.unit == "prompt" else "behaviours"


def _flawless_bound(requirement: Requirement, row: Allowance) -> Fraction:
    if requirement.rule == "non_inferiority":
        return Comparison.of(requirement).bound(Pairs.alike(row.n_items))
    assert requirement.confidence is not None
    threshold = Threshold.of(requirement, row.n_items)
    return threshold.bound(Fraction(0), 1 - exact(requirement.confidence))


def _needed_units(requirement: Requirement, row: Allowance) -> int | None:
    if requirement.rule == "non_inferiority":
        return Comparison.of(requirement).needed_units(Pairs.alike(1))
    threshold = Threshold.of(requirement, row.n_items)
    return threshold.needed_units(Fraction(row.least_failures))
