"""The words of the pages: how a repository stands, in a label and in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attest.hub.policy import Action
from attest.verification.listings import Checked
from attest.verification.states import STATES, State

Tone = Literal["good", "bad", "caution", "neutral"]
"""How serious it is; said in words and by an icon as well."""

StandingName = State | Literal["no-rule", "not-checked"]
"""The ten states of a verdict, and the two ways to have none."""


@dataclass(frozen=True)
class Wording:
    """What one way to stand is called."""

    label: str
    tone: Tone
    meaning: str
    """A part of a sentence."""


WORDINGS: dict[StandingName, Wording] = {
    "passed": Wording("Passed", "good", STATES["passed"]),
    "below-threshold": Wording("Below threshold", "bad", STATES["below-threshold"]),
    "files-changed": Wording("Files changed", "bad", STATES["files-changed"]),
    "partly-covered": Wording("Partly covered", "caution", STATES["partly-covered"]),
    "unexpected-signer": Wording("Unexpected signer", "bad", STATES["unexpected-signer"]),
    "invalid-signature": Wording("Invalid signature", "bad", STATES["invalid-signature"]),
    "outdated": Wording("Outdated", "caution", STATES["outdated"]),
    "withdrawn": Wording("Withdrawn", "bad", STATES["withdrawn"]),
    "no-attestation": Wording("No attestation", "neutral", STATES["no-attestation"]),
    "could-not-check": Wording("Could not check", "neutral", STATES["could-not-check"]),
    "no-rule": Wording(
        "No license here", "neutral", "it names no base model whose license this hub checks"
    ),
    "not-checked": Wording("Not checked yet", "neutral", "the hub has not looked at it yet"),
}
"""Every way to stand, in the order in which an overview lists them."""

DEPTHS: dict[Checked, str] = {
    "listed-hash": "Listed hashes",
    "served-bytes": "Served bytes",
    "replay": "Replay",
}
DEPTH_MEANINGS: dict[Checked, str] = {
    "listed-hash": "the hashes that its host lists were compared; no weights were read",
    "served-bytes": "the bytes that its host serves were read and hashed here",
    "replay": "the recorded answers were replayed through the weights",
}

ACTIONS: dict[Action, str] = {
    "allow": "Allowed",
    "allow-with-notice": "Allowed, with a notice",
    "hold": "Held",
    "reject": "Rejected",
}


def standing_name(kind: str | None, state: str | None) -> StandingName:
    """The way to stand that an event and its verdict come to.

    Args:
        kind: of the event; None without one.
        state: of its verdict; None without one.
    """
    return next((name for name in WORDINGS if name in (state, kind)), "not-checked")
