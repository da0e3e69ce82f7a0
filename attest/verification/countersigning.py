"""What a second party may sign: a statement that somebody whom it knows has signed already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Statement
from attest.attestation.trust.ownership import check_trust
from attest.attestation.trust.signers import (
    TIME_STEP,
    Endorsement,
    endorse,
    identify,
    require_log,
    require_time,
)
from attest.errors import VerificationError
from attest.verification.trusting import SignedTrust, Trust


@dataclass(frozen=True)
class Endorsed:
    """A statement, and who signed it first."""

    statement: bytes
    """Byte for byte, because a second signature counts only over the same bytes."""
    endorsement: Endorsement


def open_endorsed(data: bytes, *, trust: Trust | SignedTrust, now: datetime) -> Endorsed:
    """The statement of a bundle that somebody whom the caller knows has signed.

    Neither files nor license are looked at, and a threshold need not be reached: this may be the
    signature that reaches it.

    Args:
        data: a Sigstore bundle.
        trust: the caller's key, or his trust file.
        now: the caller's clock, with a time zone.

    Raises: VerificationError or InputError if the trust file does not hold, the signature is of
        nobody known, or the statement is none of ours or has expired.
    """
    if isinstance(trust, SignedTrust):
        check_trust(trust.file, remembered=trust.remembered, now=now)
    bundle = open_bundle(data)
    signed = identify(bundle, trust.rules)
    predicate = Statement.from_json(signed.payload, what="statement").predicate
    endorsement = endorse(signed, bundle, trust.rules, now)
    require_time(endorsement, trust.rules)
    require_log(endorsement, bundle, trust.rules)
    if predicate.expires.tzinfo is None or now > predicate.expires:
        raise VerificationError(
            f"the attestation expired on {predicate.expires:%Y-%m-%d}",
            step=TIME_STEP,
            hint="ask the publisher to evaluate again under the current license",
        )
    return Endorsed(signed.payload, endorsement)
