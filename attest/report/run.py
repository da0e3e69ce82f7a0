"""The closing screen of `attest run`: the verdict, and where everything is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from attest.evaluation.records import Evaluation
from attest.license.duties import DutyFinding
from attest.license.verdict import Outcome, Verdict
from attest.report.limits import limit_lines
from attest.report.verdict import findings_table, outcome_line, remarks


def duty_line(duty: DutyFinding) -> Text:
    """A duty with its mark."""
    style = "green" if duty.is_met else "bold red"
    return Text("  ✓ " if duty.is_met else "  ✗ ", style=style).append(
        duty.message, style="default"
    )


def run_screen(
    evaluation: Evaluation,
    verdict: Verdict,
    outcome: Outcome,
    duties: Sequence[DutyFinding],
    *,
    evidence: Path,
    bundle: Path | None,
) -> RenderableType:
    """What was measured, what the license says, and what to do next."""
    license = evaluation.license
    n_met = sum(finding.outcome == "pass" for finding in verdict.findings)
    name = f"{license.name} {license.license_version}"
    parts: list[RenderableType] = [
        findings_table(verdict.findings),
        *remarks(verdict.findings),
        *(duty_line(duty) for duty in duties),
        outcome_line(outcome, name, n_met, len(verdict.findings)),
        f"  checkpoint  sha256:{evaluation.manifest.digest()}",
        f"  evidence    {evidence}",
    ]
    if bundle is not None:
        parts.append(f"  signed      {bundle}")
    else:
        parts.append("  not signed: a result that does not pass is signed only by `attest sign`")
    parts += limit_lines({finding.probe for finding in verdict.findings})
    return Group(*parts)
