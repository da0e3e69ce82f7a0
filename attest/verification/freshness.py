"""Step 12: nothing that this rests on was taken back, and no newer paper replaces it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from attest.attestation.documents import SignedDocument
from attest.attestation.revocation import RevocationList, Revoked, RevokedWeights, find
from attest.attestation.statement import Predicate
from attest.attestation.trust.ownership import Remembered, Seen, check_number, check_trust
from attest.attestation.trust.signers import Endorsement, hear
from attest.canonical import sha256_hex
from attest.checkpoint.manifest import WeightsDigest
from attest.errors import InputError, VerificationError
from attest.license.terms import License
from attest.verification.records import STEPS, Verification
from attest.verification.trusting import SignedTrust, Standing, stand
from attest.verification.walk import Walk

FRESHNESS_STEP = STEPS.index("freshness")

_DOTTED = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,7}")


def current_revocations(
    trust: SignedTrust, license: License, now: datetime
) -> RevocationList | None:
    """The revocation list to go by; None if the trust file asks for none.

    The signers of the list are those whom the trust file names; that the list itself takes one of
    their keys back does not undo it, because whoever holds the key could leave that out.

    Raises: InputError if there is none although one is asked for, if it is not signed by those
        whom the trust file names, of another world, or expired; VerificationError at step 12 if
        it is older than one seen before.
    """
    role, document = trust.rules.revocations_by, trust.revocations
    if role is None:
        if document is not None:
            raise InputError(
                "a revocation list was given, and the trust file names nobody to sign one",
                hint="name the role in the trust file: revocations_by",
            )
        return None
    if document is None:
        raise InputError(
            f"the trust file asks for the revocation list of its {role}, and none was given",
            hint="get the newest list from them, and name it with --revocations FILE",
        )
    heard = hear(document, "revocations", trust.rules, now)
    standing = stand(trust.rules, role, license, heard.endorsements, now)
    if not standing.is_reached:
        raise InputError(f"the revocation list does not count: {standing.detail}")
    _check_state(document, trust, now)
    return document.content


def _check_state(
    document: SignedDocument[RevocationList], trust: SignedTrust, now: datetime
) -> None:
    found, name = document.content, trust.file.content.name
    if found.trust != name:
        raise InputError(f"the revocation list is of {found.trust!r}, the trust file of {name!r}")
    if now.astimezone(UTC).date() > found.expires:
        raise InputError(
            f"the revocation list expired on {found.expires}",
            hint="get the newest list: nobody knows what was taken back since",
        )
    if trust.remembered is not None and trust.remembered.revocations is not None:
        check_number(
            Seen(number=found.number, sha256=document.sha256),
            trust.remembered.revocations,
            what="revocation list",
            step=FRESHNESS_STEP,
        )


def learn(trust: SignedTrust, license: License, now: datetime) -> Remembered | None:
    """What to remember for the next time; what was known before if nothing here is believed.

    A list is remembered by itself and not by what came of it, for it is most worth remembering
    where it took something back.
    """
    try:
        check_trust(trust.file, remembered=trust.remembered, now=now)
    except VerificationError:
        return trust.remembered
    revocations = trust.revocations
    try:
        if current_revocations(trust, license, now) is None:
            revocations = None
    except (InputError, VerificationError):
        revocations = None
    return Remembered.of(trust.file, revocations, before=trust.remembered)


def check_taken_back(
    revocations: RevocationList, license: License, predicate: Predicate, signed: Sequence[bytes]
) -> None:
    """Ensure that license, attestation and checkpoint were not taken back by their digests.

    Args:
        revocations: the list to go by.
        license: the caller's.
        predicate: what the attestation says.
        signed: the statement, byte for byte, and all bundles over it.

    Raises: InputError that names what was revoked.
    """
    manifest = predicate.evaluation.manifest
    refuse("license", find(revocations.licenses, license.sha256))
    refuse("attestation", find(revocations.attestations, *map(sha256_hex, signed)))
    refuse("checkpoint", find(revocations.checkpoints, manifest.digest()))
    _refuse_weights(revocations, manifest.weights)


def check_weights(
    walk: Walk,
    revocations: RevocationList,
    present: WeightsDigest | None,
    signed: WeightsDigest | None,
) -> None:
    """Ensure that the weights of now were not taken back.

    Args:
        walk: is told where nobody but the signer says which weights these are.
        revocations: the list to go by.
        present: the weights digest of now, if somebody listed one.
        signed: the weights digest that was signed, if there is one.

    Raises: InputError if they are revoked, or if the list names weights and nobody says which
        these are.
    """
    if not revocations.weights:
        return
    if present is None and signed is None:
        raise InputError(
            "the revocation list names weights, and nobody says which these are",
            hint="verify the folder itself, or list it by `attest digest MODEL --tensors --json`",
        )
    _refuse_weights(revocations, present or signed)
    if present is None:
        walk.warnings.append(
            "the revocation list names weights, and that these are others is the signer's word: "
            "no tensor was digested"
        )


def _refuse_weights(revocations: RevocationList, weights: WeightsDigest | None) -> None:
    found = (one for one in revocations.weights if weights and one.digest == weights.digest)
    refuse("checkpoint", next(found, None))


def check_revoked_keys(
    walk: Walk,
    revocations: RevocationList,
    trust: SignedTrust,
    license: License,
    endorsements: Sequence[Endorsement],
    *,
    licensors: Sequence[Endorsement],
    check_signers: Callable[[Sequence[Endorsement]], Standing],
    now: datetime,
) -> Standing:
    """Ensure that enough keys are left, without those taken back.

    Args:
        walk: is told which signatures do not count any more, where others do.
        revocations: the list to go by.
        trust: the caller's.
        license: the caller's.
        endorsements: who signed what is believed.
        licensors: who signed the license.
        check_signers: the role in which it is believed by some of these endorsements; raises
            InputError where they do not suffice.
        now: the caller's clock.

    Returns: the role in which it is believed, revoked keys left out.
    Raises: InputError that names whose keys were revoked.
    """
    licensing = unrevoked(revocations, licensors)
    standing = stand(trust.rules, "licensor", license, licensing.left, now)
    if not standing.is_reached:
        raise InputError(
            f"the license is signed with a revoked key, {licensing.told}; without it, "
            f"{standing.detail}",
            hint="get the license as it was signed anew",
        )
    signing = unrevoked(revocations, endorsements)
    try:
        standing = check_signers(signing.left)
    except InputError as error:
        raise InputError(
            f"it is signed with a revoked key, {signing.told}"
            + (f"; without it, {error}" if signing.left else ""),
            hint="only a trusted timestamp shows that it was signed before the key was revoked",
        ) from error
    for fallen in (licensing, signing):
        if fallen.told:
            walk.warnings.append(f"a signature with a revoked key does not count: {fallen.told}")
    return standing


@dataclass(frozen=True)
class Unrevoked:
    """Signatures whose keys were not taken back."""

    left: list[Endorsement]
    told: str
    """Whose signatures fell, from when on, and why."""


def unrevoked(revocations: RevocationList, endorsements: Sequence[Endorsement]) -> Unrevoked:
    """Those of `endorsements` that still count."""
    left, told = [], []
    for one in endorsements:
        entry = revocations.revoked_key(one.public_key.hint, one.signed_at)
        if entry is None:
            left.append(one)
        else:
            reason = f" ({entry.reason})" if entry.reason is not None else ""
            told.append(f"that of {', '.join(one.signers)} from {entry.since}{reason}")
    return Unrevoked(left, "; ".join(told))


def refuse(what: str, entry: Revoked | RevokedWeights | None) -> None:
    """Ensure that the revocation list has no entry for it.

    Raises: InputError with the reason that the list gives.
    """
    if entry is not None:
        reason = f": {entry.reason}" if entry.reason is not None else ""
        raise InputError(f"the {what} was revoked{reason}")


def check_superseded(predicate: Predicate, others: Sequence[Verification]) -> None:
    """Ensure that none of the caller's other papers replaces this one.

    One that does is believed as this one is, about the same checkpoint, issued later, and measured
    under a later version of the same license. Versions are compared as dotted numbers; other ones
    have no order, so they replace nothing.

    Raises: InputError that names the newer license.
    """
    mine = predicate.evaluation.license
    checkpoint = predicate.evaluation.manifest.digest()
    for other in others:
        if other.license is None or other.issued is None or not other.is_verified:
            continue
        if (
            (other.checkpoint, other.license.name) == (checkpoint, mine.name)
            and other.issued > predicate.issued
            and _is_later(other.license.license_version, mine.license_version)
        ):
            raise InputError(
                f"superseded by an attestation of {other.issued:%Y-%m-%d} under {mine.name} "
                f"{other.license.license_version}",
                hint="give the newer license with --license",
            )


def _is_later(version: str, than: str) -> bool:
    if not (_DOTTED.fullmatch(version) and _DOTTED.fullmatch(than)):
        return False
    one, two = ([int(part) for part in text.split(".")] for text in (version, than))
    # 1.0 is 1: trailing zeros say nothing.
    length = max(len(one), len(two))
    return one + [0] * (length - len(one)) > two + [0] * (length - len(two))
