"""The verdict of a hub on a listing, for a person at a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from attest.report.verification import verification_screen
from attest.verification.listings import Checked, ListingVerdict
from attest.verification.states import STATES

CHECKED: dict[Checked, str] = {
    "listed-hash": "hashes as they are listed; the bytes were not read",
    "served-bytes": "bytes that were read",
    "replay": "bytes that were read, and answers made again from them",
}
"""What a verdict rests on, in words."""


def listing_screen(verdict: ListingVerdict) -> RenderableType:
    """The state in a sentence, what it rests on, what speaks against it, and every step."""
    style = "bold green" if verdict.state == "passed" else "bold red"
    parts: list[RenderableType] = []
    if verdict.verification is not None:
        parts.append(verification_screen(verdict.verification))
    parts.append(
        Text(f"{verdict.state.replace('-', ' ').upper()}  {STATES[verdict.state]}", style=style)
    )
    parts += [Text(f"    ! {problem}", style="yellow") for problem in verdict.problems]
    parts.append(
        Text(
            f"  {verdict.covered} of {verdict.total} files covered, by {CHECKED[verdict.checked]}",
            style="dim",
        )
    )
    return Group(*parts)
