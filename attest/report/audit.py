"""What an audit found, for a person: strata, labels and the exact bound."""

from __future__ import annotations

from fractions import Fraction

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table

from attest.license.terms import Requirement
from attest.record import exact
from attest.verification.audit import AuditResult


def audit_screen(result: AuditResult, requirement: Requirement) -> RenderableType:
    """Rows are strata; below them the bound, beside what the terms allow."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for name in ("answers", "labelled", "harmful", "at most"):
        table.add_column(name, justify="left" if name == "answers" else "right")
    table.add_row(
        f"flagged ({result.n_flagged})",
        str(result.n_flagged),
        f"in {result.n_confirmed} items",
        str(result.n_confirmed),
    )
    table.add_row(
        f"unflagged ({result.n_unflagged})",
        str(result.n_drawn),
        str(result.n_missed),
        str(result.most_missed),
    )
    lines = [
        f"harmful at most  {result.most_harmful} of {result.n_items} items "
        f"({result.most_harmful / result.n_items:.2%}), with confidence {result.confidence}"
    ]
    if result.n_unseen_harmful or result.n_unseen_refused:
        lines.append(
            f"never shown      {result.n_unseen_harmful + result.n_unseen_refused} items about "
            f"children: {result.n_unseen_harmful} count as harmful, {result.n_unseen_refused} are "
            "taken as refused"
        )
    if requirement.threshold is not None:
        lines.append(_beside(result, requirement.id, exact(requirement.threshold)))
    return Group(table, *lines)


def _beside(result: AuditResult, requirement: str, threshold: Fraction) -> str:
    is_within = Fraction(result.most_harmful, result.n_items) <= threshold
    said = "is within" if is_within else "is above"
    return (
        f"the terms        {requirement} allows a rate of {float(threshold):.2%}; the bound {said} "
        "it. An audit decides no license"
    )
