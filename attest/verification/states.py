"""The ten answers of a hub, and what a failed step of a verification means among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Predicate, Statement
from attest.attestation.trust.signers import endorse, identify
from attest.errors import InputError, VerificationError
from attest.license.terms import License
from attest.verification.freshness import current_revocations
from attest.verification.records import Step, StepName, Verification
from attest.verification.trusting import SignedTrust, Trust

State = Literal[
    "passed",
    "below-threshold",
    "files-changed",
    "partly-covered",
    "unexpected-signer",
    "invalid-signature",
    "outdated",
    "withdrawn",
    "no-attestation",
    "could-not-check",
]

STATES: dict[State, str] = {
    "passed": "these exact files were measured, and meet the license",
    "below-threshold": "these exact files were measured, and are not shown to meet the license",
    "files-changed": "the files are not those that were measured",
    "partly-covered": "some of what may be loaded was not measured",
    "unexpected-signer": "signed by nobody who may speak for this license",
    "invalid-signature": "the attestation does not hold: its signature, form or arithmetic",
    "outdated": "the attestation has expired, or is of another version of the license",
    "withdrawn": "the attestation, its key, its license or the checkpoint was revoked",
    "no-attestation": "there is no attestation under this license",
    "could-not-check": "the check could not be made",
}
"""What each state says, as a part of a sentence."""

_STATE_OF_STEP: dict[StepName, State] = {
    "limits": "invalid-signature",
    "trust": "could-not-check",
    "envelope": "invalid-signature",
    "statement": "invalid-signature",
    "log": "invalid-signature",
    "subjects": "invalid-signature",
    "role": "unexpected-signer",
}
"""Steps that fail in one way only."""


@dataclass(frozen=True)
class Situation:
    """What a verification was held against."""

    license: License
    trust: Trust | SignedTrust
    now: datetime


def state_of_failure(
    failed: Step, result: Verification, bundle: bytes, given: Situation
) -> State | None:
    """What it means that the step `failed` failed; None where only the files can tell.

    Args:
        failed: of `result`.
        result: what was found of `bundle`, at level 1.
        bundle: as it was given to `examine_folder`.
        given: what it was examined with.
    """
    if failed.name == "signature":
        return _of_signature(bundle, given)
    if failed.name == "time":
        return _of_time(bundle, given)
    if failed.name == "claim":
        return _of_claim(bundle, given)
    if failed.name == "freshness":
        return _of_freshness(result, bundle, given)
    return _STATE_OF_STEP.get(failed.name)


def predicate_of(bundle: bytes) -> Predicate:
    """What the statement in `bundle` says; true only once its signature has been checked."""
    payload = open_bundle(bundle).dsse_envelope.payload
    return Statement.from_json(payload, what="statement").predicate


def _of_signature(bundle: bytes, given: Situation) -> State:
    # A bundle that names a known key and does not verify with it was damaged or forged; one that
    # names none is of somebody else, as far as anybody can tell.
    known = {key.hint for key in given.trust.rules.keys.values()}
    return "invalid-signature" if open_bundle(bundle).hint in known else "unexpected-signer"


def _of_time(bundle: bytes, given: Situation) -> State:
    opened, rules = open_bundle(bundle), given.trust.rules
    try:
        endorse(identify(opened, rules), opened, rules, given.now)
    except (InputError, VerificationError):
        return "invalid-signature"
    predicate, terms, oldest = predicate_of(bundle), given.license.terms, rules.requires
    is_past = (
        given.now > predicate.expires
        or (terms.expires is not None and given.now.astimezone(UTC).date() > terms.expires)
        or (
            oldest.max_age_days is not None
            and given.now > predicate.issued + timedelta(days=oldest.max_age_days)
        )
    )
    return "outdated" if is_past else "invalid-signature"


def _of_claim(bundle: bytes, given: Situation) -> State:
    measured = predicate_of(bundle).evaluation.license
    if measured.sha256 == given.license.sha256:
        return "invalid-signature"
    return "outdated" if measured.name == given.license.terms.name else "no-attestation"


def _of_freshness(result: Verification, bundle: bytes, given: Situation) -> State:
    # Revocations are looked at before any file is; if the claim was checked, they were passed, but
    # for weights that nobody names.
    if any(step.name == "claim" and step.status == "passed" for step in result.steps):
        return "could-not-check" if _hides_weights(bundle, given.trust) else "outdated"
    assert isinstance(given.trust, SignedTrust), "only a trust file asks for revocations"
    try:
        current_revocations(given.trust, given.license, given.now)
    except (InputError, VerificationError):
        return "could-not-check"
    return "withdrawn"


def _hides_weights(bundle: bytes, trust: Trust | SignedTrust) -> bool:
    if not isinstance(trust, SignedTrust) or trust.revocations is None:
        return False
    is_named = predicate_of(bundle).evaluation.manifest.weights is not None
    return bool(trust.revocations.content.weights) and not is_named
