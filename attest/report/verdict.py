"""A verdict as a table: counts, bound, threshold and margin of every requirement."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attest.evaluation.stopped import StoppedFinding
from attest.license.allowance import Allowance
from attest.license.verdict import Finding, Outcome
from attest.report.beside import beside, needed
from attest.report.limits import limit_lines
from attest.report.numbers import percent, short

STYLE: dict[Outcome, str] = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
}
NAME_WIDTH = 20
"""Columns that the name of a requirement keeps at least, however wide the numbers are."""

WORD: dict[Outcome, str] = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
SENTENCE: dict[Outcome, str] = {
    "pass": "meets",
    "fail": "does not meet",
    "inconclusive": "neither meets nor breaks",
}


def must_be(row: Finding | Allowance | StoppedFinding) -> str:
    """What is asked of a metric: a threshold, or no more than the base has and a margin."""
    sign = "≤" if row.comparator == "at_most" else "≥"
    if row.threshold is not None:
        return f"{sign} {percent(row.threshold)}"
    assert not isinstance(row, StoppedFinding), "a stopped one has a threshold"
    assert row.margin is not None
    return f"{sign} base {'+' if row.comparator == 'at_most' else '-'} {percent(row.margin)}"


def margin(finding: Finding) -> str:
    """How many more failures would still pass, or how many are too many."""
    if finding.allowed_failures < 0:
        return "cannot pass"
    if finding.score_sum is not None and finding.allowed_score_sum is not None:
        left = Decimal(finding.allowed_score_sum) - Decimal(finding.score_sum)
        return f"{short(str(abs(left)))} {'to spare' if left >= 0 else 'too much'}"
    spare = finding.allowed_failures - finding.failures
    return f"{spare} to spare" if spare >= 0 else f"{-spare} too many"


def findings_table(findings: Sequence[Finding]) -> Table:
    """One row per finding; a bound in parentheses is reported and decides nothing."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    longest = max((len(finding.requirement) for finding in findings), default=0)
    table.add_column("requirement", overflow="fold", min_width=min(longest, NAME_WIDTH))
    for heading in ("items", "failed", "allowed", "value", "bound", "must be", "margin"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for finding in findings:
        name = finding.requirement
        if finding.category is not None:
            name += f" / {finding.category}"
        failed, allowed = str(finding.failures), str(max(finding.allowed_failures, 0))
        if finding.score_sum is not None:
            failed, allowed = short(finding.score_sum), short(finding.allowed_score_sum or "0.0")
        table.add_row(
            name,
            str(finding.n_items),
            failed,
            allowed,
            percent(finding.value),
            _bound(finding),
            must_be(finding),
            margin(finding),
            Text(WORD[finding.outcome].lower(), style=STYLE[finding.outcome]),
        )
    return table


def _bound(finding: Finding) -> str:
    if finding.bound is None:
        return "–"
    if finding.rule == "non_inferiority":
        return f"base {'-' if finding.bound.startswith('-') else '+'} " + percent(
            finding.bound.removeprefix("-")
        )
    return f"({percent(finding.bound)})" if finding.rule == "count" else percent(finding.bound)


def remarks(findings: Sequence[Finding]) -> list[Text]:
    """How prompts were put, what would have been needed, and what is reported beside it."""
    probed = {finding.requirement: finding.probe for finding in findings if finding.probe}
    lines = [Text(f"  {name}: asked under {probe}", style="dim") for name, probe in probed.items()]
    for finding in findings:
        name = finding.requirement + (f" / {finding.category}" if finding.category else "")
        said = [*needed(finding), *beside(finding)]
        lines += [Text(f"  {name}: {sentence}", style="dim") for sentence in said]
    return lines


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
    """Table, sentence, and what neither says."""
    n_met = sum(finding.outcome == "pass" for finding in findings)
    return Group(
        findings_table(findings),
        *remarks(findings),
        outcome_line(outcome, license_name, n_met, len(findings)),
        *limit_lines({finding.probe for finding in findings}),
    )
