"""An OMS verification for a person: its steps, who signed, and what that does not say."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from attest.report.verification import step_line
from attest.verification.oms import OmsVerification

NOT_SAID = "says who vouches for the bytes; it holds no measurement and meets no license"


def oms_screen(result: OmsVerification) -> RenderableType:
    """The whole result."""
    parts: list[RenderableType] = [
        step_line(step) for step in result.steps if step.status != "not-reached"
    ]
    failed = result.failed_step
    if failed is not None or result.signer is None:
        what = f"  step {failed.number} ({failed.name}): {failed.detail}" if failed else ""
        parts.append(Text(f"NOT VERIFIED{what}", style="bold red"))
        return Group(*parts)
    names = ", ".join(result.signer.identities)
    who = f"key {result.signer.key_hint[:16]}…" + (f" of {names}" if names else "")
    parts.append(Text(f"SIGNED  {result.n_files} files by {who}", style="bold green"))
    parts.append(Text(f"  {NOT_SAID}", style="dim"))
    return Group(*parts)
