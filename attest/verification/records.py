"""What a verification found: numbered steps, how deep they went, and what the license says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from attest.attestation.statement import AssuranceLevel
from attest.attestation.trust.records import Role
from attest.evaluation.records import LicenseName
from attest.license.duties import DutyFinding
from attest.license.verdict import Finding
from attest.record import Sha256, WireRecord

Level = Literal[0, 1, 2, 3, 4]
"""How deep a verification goes: 0 signature, 1 files and arithmetic, 2 judged again, 3 a sample
replayed, 4 everything replayed."""

LEVELS: dict[Level, str] = {
    0: "signature",
    1: "files and arithmetic",
    2: "judged again",
    3: "a random sample replayed",
    4: "every answer replayed",
}

StepName = Literal[
    "limits",
    "trust",
    "envelope",
    "signature",
    "statement",
    "time",
    "log",
    "subjects",
    "coverage",
    "files",
    "claim",
    "role",
    "freshness",
    "evidence",
    "judge",
    "rendering",
    "replay",
]

STEPS: tuple[StepName, ...] = StepName.__args__  # type: ignore[attr-defined]  # of a Literal
"""The steps in the order in which they are taken; a step's number is its place."""

Status = Literal["passed", "failed", "not-asked", "not-reached"]


class Step(WireRecord):
    """One step of a verification."""

    number: Annotated[int, Field(ge=0)]
    name: StepName
    status: Status
    detail: str
    """What was checked or found, in one line."""
    hint: str | None = None
    """What to do, when the step failed."""


class Caught(WireRecord):
    """What a spot check of one requirement could have caught."""

    requirement: str
    n_items: int
    n_harmless: int
    """Items claimed harmless: the population of the sample."""
    n_replayed: int
    confidence: str
    caught_from: int | None = None
    """If the true number of failures were this or more, a lie would have been caught with this
    confidence; None if no number would."""


class ReplayReport(WireRecord):
    """What the weights said when the answers were read through them again."""

    device: str
    dtype: str
    """Arithmetic of the replay."""
    n_items: int
    n_tokens: int
    """Response tokens and endings compared with the arg-max, in a sampled run with the arg-max
    after the draws."""
    n_unsettled_items: int
    """Items with a token below the arg-max by no more than the tolerance."""
    n_unsettled_tokens: int
    largest_margin: float
    """Largest distance from the best logit, in units of logits; in a sampled run from the best
    sum of logit over temperature and draw, in units of logits over temperature."""
    tolerance: float
    """Largest tolerance that was applied, in the same units."""
    n_settled_by_path: int | None = None
    """Of an imported log: answers whose text, encoded here, is a path of the weights."""
    n_settled_by_text: int | None = None
    """Of an imported log: answers whose encoded text is none, generated again here to the same
    text."""
    n_base_items: int | None = None
    """How many of them are the base's, where the license compares with it; 0 if the base was not
    given, so that what was compared rests on the publisher's word."""
    caught: tuple[Caught, ...] = ()
    """For a sample: what it could have caught."""


class TrustUsed(WireRecord):
    """The trust file that decided whom to believe."""

    name: str
    number: int
    sha256: Sha256


class SignerFinding(WireRecord):
    """One signature over the statement, by somebody whom the caller knows."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    """As the caller's trust file calls whoever signed; `key` where a key was given alone."""
    key_hint: Sha256
    """Fingerprint of the key that the signature verified with."""
    signed_at: datetime | None = None
    """Before when it was signed, by a trusted timestamp."""


class Verification(WireRecord):
    """The result of verifying one attestation against the caller's trust and license."""

    version: Literal["attest-verification/1"] = "attest-verification/1"
    verifier: str
    """Name and version of the verifying program."""
    verified_at: datetime
    bundle_sha256: Sha256
    statement_sha256: Sha256 | None = None
    """Of the signed statement, by which an attestation is revoked; None if unverified."""
    is_verified: bool
    """True if every step that was asked for passed."""
    level: Level | None = None
    """The level that was reached; None if nothing can be believed."""
    outcome: Literal["pass", "fail", "inconclusive"] | None = None
    """What the license says, recomputed here; None if unverified or at level 0."""
    claimed: Literal["pass", "fail", "inconclusive"] | None = None
    """At level 0, what the signer says of this license: nothing is recomputed. None if the
    statement is about another license."""
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    checkpoint: Sha256 | None = None
    license: LicenseName | None = None
    trust: TrustUsed | None = None
    """None if the caller gave a key instead of a trust file."""
    key_hint: Sha256 | None = None
    """Fingerprint of the caller's key that the signature verified with."""
    signers: tuple[SignerFinding, ...] = ()
    """Everybody known to the caller who signed the statement; a warning names those whose keys are
    revoked."""
    believed_as: Role | None = None
    """In which role enough signers spoke; None where nobody looked."""
    assurance_level: AssuranceLevel | None = None
    issued: datetime | None = None
    expires: datetime | None = None
    findings: tuple[Finding, ...] = ()
    duties: tuple[DutyFinding, ...] = ()
    replay: ReplayReport | None = None
    """Present at levels 3 and 4."""

    @property
    def failed_step(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.status == "failed"), None)
