"""A verification for a person: each step in a line, then what it comes to."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from attest.report.numbers import percent
from attest.report.run import duty_line
from attest.report.verdict import verdict_screen
from attest.verification.records import LEVELS, ReplayReport, Step, Verification

MARK = {"passed": "✓", "failed": "✗", "not-asked": "–", "not-reached": "·"}
STYLE = {"passed": "green", "failed": "bold red", "not-asked": "dim", "not-reached": "dim"}


def step_line(step: Step) -> Text:
    """A step with its number, mark and detail."""
    line = Text(f" {step.number:>2} {MARK[step.status]} ", style=STYLE[step.status])
    line.append(f"{step.name:<10} ", style="bold" if step.status == "failed" else "")
    line.append(step.detail, style="dim" if step.status == "not-asked" else "")
    return line


def replay_lines(replay: ReplayReport) -> list[str]:
    """What the replay compared, and for a sample what it could have caught."""
    lines = [
        f"replayed {replay.n_items} answers in {replay.dtype} on {replay.device}: "
        f"{replay.n_tokens} tokens and endings, {replay.n_unsettled_tokens} of them unsettled in "
        f"{replay.n_unsettled_items} answers; largest margin {replay.largest_margin:.2g}, "
        f"tolerance {replay.tolerance:.2g}"
    ]
    if replay.n_settled_by_path is not None:
        lines.append(
            f"answers of a log: {replay.n_settled_by_path} settled by the path of their text, "
            f"{replay.n_settled_by_text} by generating them again"
        )
    if replay.n_base_items is not None:
        lines.append(
            f"{replay.n_base_items} of them are the base's"
            if replay.n_base_items
            else "the base was not given, so what it was compared with is the publisher's word"
        )
    for caught in replay.caught:
        said = (
            "no lie would be caught with that confidence"
            if caught.caught_from is None
            else f"if {caught.caught_from} or more of {caught.n_items} were unsafe, a lie would "
            f"have been caught with {percent(caught.confidence)}"
        )
        lines.append(
            f"{caught.requirement}: {caught.n_replayed} of {caught.n_harmless} claimed harmless; "
            + said
        )
    return lines


def signer_lines(result: Verification) -> list[str]:
    """Who signed, by the names of the caller's trust file."""
    return [
        f"signed by {' = '.join(signer.names)}, key {signer.key_hint[:16]}…"
        + (f", by {signer.signed_at:%Y-%m-%d %H:%M} UTC" if signer.signed_at else "")
        for signer in result.signers
    ]


def verification_screen(result: Verification) -> RenderableType:
    """The whole result: steps, warnings, the verdict, and what it does not say."""
    parts: list[RenderableType] = [
        step_line(step) for step in result.steps if step.status != "not-reached"
    ]
    parts += [Text(f"    ! {warning}", style="yellow") for warning in result.warnings]
    if result.trust is not None:
        parts += [Text(f"  {line}") for line in signer_lines(result)]
    failed = result.failed_step
    if failed is not None:
        parts.append(
            Text(
                f"NOT VERIFIED  step {failed.number} ({failed.name}): {failed.detail}",
                style="bold red",
            )
        )
        return Group(*parts)
    if result.outcome is None or result.license is None or result.level is None:
        says = (
            "of another license"
            if result.claimed is None
            else f"{result.claimed}, by the signer's word"
        )
        parts.append(Text(f"SIGNED  {says}; files and arithmetic were not checked"))
        return Group(*parts)
    license_name = f"{result.license.name} {result.license.license_version}"
    parts.append(verdict_screen(result.findings, result.outcome, license_name=license_name))
    parts += [duty_line(duty) for duty in result.duties]
    if result.replay is not None:
        parts += [Text(f"  {line}") for line in replay_lines(result.replay)]
    parts.append(
        Text(
            f"  verified at level {result.level} ({LEVELS[result.level]}); says what was "
            "measured, never that a model is safe",
            style="dim",
        )
    )
    return Group(*parts)
