"""What a second party may sign: a statement that somebody whom it knows has signed already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Predicate, Statement
from attest.attestation.trust.ownership import check_trust
from attest.attestation.trust.signers import (
    TIME_STEP,
    Endorsement,
    endorse,
    identify,
    require_log,
    require_time,
)
from attest.errors import InputError, VerificationError
from attest.license.terms import License
from attest.verification.freshness import (
    FRESHNESS_STEP,
    check_taken_back,
    current_revocations,
    unrevoked,
)
from attest.verification.trusting import SignedTrust, Trust


@dataclass(frozen=True)
class Endorsed:
    """A statement, and who signed it first."""

    statement: bytes
    """Byte for byte, because a second signature counts only over the same bytes."""
    endorsement: Endorsement


def open_endorsed(
    data: bytes, *, trust: Trust | SignedTrust, license: License | None = None, now: datetime
) -> Endorsed:
    """The statement of a bundle that somebody whom the caller knows has signed.

    No file is looked at, and a threshold need not be reached: this may be the signature that
    reaches it.

    Args:
        data: a Sigstore bundle.
        trust: the caller's key, or his trust file.
        license: the caller's; needed where the trust file asks for a revocation list, because it
            says whose list counts for which license.
        now: the caller's clock, with a time zone.

    Raises: VerificationError or InputError if the trust file does not hold, the signature is of
        nobody known, the statement is none of ours or has expired, or any of it was taken back.
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
    endorsed = Endorsed(signed.payload, endorsement)
    if isinstance(trust, SignedTrust) and trust.asks_for_revocations:
        try:
            _check_revocations(endorsed, data, predicate, trust, license, now)
        except InputError as error:
            raise VerificationError(str(error), step=FRESHNESS_STEP, hint=error.hint) from error
    return endorsed


def _check_revocations(
    endorsed: Endorsed,
    data: bytes,
    predicate: Predicate,
    trust: SignedTrust,
    license: License | None,
    now: datetime,
) -> None:
    measured = predicate.evaluation.license
    if license is None or license.sha256 != measured.sha256:
        raise InputError(
            f"revocations are judged under {measured.name} {measured.license_version} "
            f"({measured.sha256[:16]}…), and another license or none was given",
            hint="give that license with --license FILE",
        )
    revocations = current_revocations(trust, license, now)
    if revocations is None:
        return
    check_taken_back(revocations, license, predicate, (endorsed.statement, data))
    signing = unrevoked(revocations, [endorsed.endorsement])
    if not signing.left:
        raise InputError(
            f"it is signed with a revoked key, {signing.told}",
            hint="sign one that is signed with a key of now",
        )
