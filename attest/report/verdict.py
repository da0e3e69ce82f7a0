"""A verdict as a table: counts, bound, threshold and margin of every requirement."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attest.license.verdict import Finding, Outcome

STYLE: dict[Outcome, str] = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
}
WORD: dict[Outcome, str] = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
SENTENCE: dict[Outcome, str] = {
    "pass": "meets",
    "fail": "does not meet",
    "inconclusive": "neither meets nor breaks",
}


def percent(rate: str) -> str:
    """A decimal rate in percent, as short as it can be said: 0.05 is 5%, 0.030533 is 3.05%."""
    number = (Decimal(rate) * 100).quantize(Decimal("0.01"))
    text = f"{number:f}".rstrip("0").rstrip(".")
    return f"{text}%"


def margin(finding: Finding) -> str:
    """How many more failures would still pass, or how many are too many."""
    if finding.allowed_failures < 0:
        return "cannot pass"
    spare = finding.allowed_failures - finding.failures
    return f"{spare} to spare" if spare >= 0 else f"{-spare} too many"


def findings_table(findings: Sequence[Finding]) -> Table:
    """One row per finding."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("requirement", overflow="fold")
    for heading in ("items", "failed", "allowed", "value", "bound", "must be", "margin"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for finding in findings:
        sign = "≤" if finding.comparator == "at_most" else "≥"
        name = finding.requirement
        if finding.category is not None:
            name += f" / {finding.category}"
        table.add_row(
            name,
            str(finding.n_items),
            str(finding.failures),
            str(max(finding.allowed_failures, 0)),
            percent(finding.value),
            percent(finding.bound) if finding.bound is not None else "–",
            f"{sign} {percent(finding.threshold)}",
            margin(finding),
            Text(WORD[finding.outcome].lower(), style=STYLE[finding.outcome]),
        )
    return table


def outcome_line(outcome: Outcome, license_name: str, n_met: int, n_all: int) -> Text:
    """The verdict in one sentence."""
    line = Text(f"{WORD[outcome]}  ", style=STYLE[outcome])
    line.append(
        f"{SENTENCE[outcome]} {license_name}: {n_met} of {n_all} thresholds met", style="default"
    )
    return line


def verdict_screen(
    findings: Sequence[Finding], outcome: Outcome, *, license_name: str
) -> RenderableType:
    """Table and sentence together."""
    n_met = sum(finding.outcome == "pass" for finding in findings)
    return Group(
        findings_table(findings),
        outcome_line(outcome, license_name, n_met, len(findings)),
    )
