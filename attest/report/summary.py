"""A verifier's summary for a person: what it says, and whether he is believed."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attest.attestation.statement import Subject
from attest.attestation.summary import PolicyRef, SummaryStatement
from attest.report.verification import step_line
from attest.verification.summaries import SummaryVerification

FIRST_FILE = 2
"""Subjects before it are the checkpoint, and the attestation that was verified."""


def summary_screen(summary: SummaryStatement) -> RenderableType:
    """What a summary says of what, by whose word."""
    predicate, subjects = summary.predicate, summary.subject
    table = Table(box=SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("verifier", Text(predicate.verifier.id))
    table.add_row("verified", f"{predicate.time_created:%Y-%m-%d %H:%M} UTC")
    for policy in predicate.verifier.policies:
        table.add_row("gone by", Text(_named(policy)))
    table.add_row("found", Text(", ".join(predicate.properties)))
    for subject in subjects[:FIRST_FILE]:
        table.add_row("of", Text(_named(subject)))
    table.add_row("", f"and {len(subjects[FIRST_FILE:])} files")
    return Group(
        Text(
            "claimed, not verified: `attest verify MODEL --believe SUMMARY` says whose word it is",
            style="yellow",
        ),
        table,
    )


def _named(one: PolicyRef | Subject) -> str:
    return f"{one.name}, sha256:{one.digest.get('sha256', 'unknown')}"


def believed_screen(result: SummaryVerification) -> RenderableType:
    """The steps, whose word it is, and what that says of the license."""
    parts: list[RenderableType] = [
        step_line(step) for step in result.steps if step.status != "not-reached"
    ]
    parts += [Text(f"    ! {warning}", style="yellow") for warning in result.warnings]
    failed = result.failed_step
    if failed is not None or result.signer is None or result.summary is None:
        what = f"  step {failed.number} ({failed.name}): {failed.detail}" if failed else ""
        parts.append(Text(f"NOT VERIFIED{what}", style="bold red"))
        return Group(*parts)
    says = "the license is met" if result.is_met else "the license is not shown to be met"
    who = f"{' = '.join(result.signer.names)} as {result.believed_as}"
    parts.append(
        Text(f"VERIFIED  by {who}: {says}", style="bold green" if result.is_met else "bold red")
    )
    parts.append(Text(f"  found {', '.join(result.summary.properties)}"))
    parts.append(
        Text(
            "  the signer's word; checked here were signature, role, license and files", style="dim"
        )
    )
    return Group(*parts)
