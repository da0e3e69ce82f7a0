"""Steps 1 and 11: whom the caller believes, whose license it is, and in which role somebody signed.

There are two ways to say whom one believes: one key in one role, or a trust file. Both come down to
the same rules, and the steps know only those. With a trust file the license must be its licensor's
too, by a signature of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from attest.attestation.bundle import open_bundle
from attest.attestation.documents import MAX_SIGNATURES, SignedDocument
from attest.attestation.keys import PublicKey
from attest.attestation.revocation import RevocationList
from attest.attestation.trust.ownership import TRUST_STEP, Remembered, check_trust
from attest.attestation.trust.records import Grant, Requires, Role, Rules, TrustedSigner, TrustFile
from attest.attestation.trust.signers import (
    Endorsement,
    Heard,
    endorse,
    hear,
    identify,
    n_distinct,
    names_of,
    require_log,
    require_time,
)
from attest.errors import InputError, VerificationError
from attest.license.terms import License
from attest.verification.records import LEVELS, Level, SignerFinding, TrustUsed
from attest.verification.walk import Walk

SignerRole = Literal["publisher", "third-party"]

_ROLES: dict[SignerRole, Role] = {"publisher": "publisher", "third-party": "evaluator"}


@dataclass(frozen=True)
class Trust:
    """Whom the caller believes, and in which role: one key."""

    public_key: PublicKey
    role: SignerRole = "publisher"

    @cached_property
    def rules(self) -> Rules:
        """The same as rules: nothing is asked beyond this key's signature."""
        key = self.public_key.pem.decode("ascii")
        return Rules(
            signers={"key": TrustedSigner(key=key)},
            grants=(Grant(role=_ROLES[self.role], signers=("key",)),),
            requires=Requires(level=0),
        )

    def describe(self) -> str:
        """Whom the caller believes, in one line."""
        return f"key {self.public_key.hint[:16]}… as {self.role}"


@dataclass(frozen=True)
class SignedTrust:
    """Whom the caller believes: a trust file, with what belongs to it."""

    file: SignedDocument[TrustFile]
    license_signatures: tuple[bytes, ...] = ()
    """Bundles that were found with the licenses; those over other bytes are passed over."""
    revocations: SignedDocument[RevocationList] | None = None
    remembered: Remembered | None = None
    """What the caller knows from last time; None knows nothing, and no step back is noticed."""

    @property
    def rules(self) -> Rules:
        """Who may say what."""
        return self.file.content

    @property
    def asks_for_revocations(self) -> bool:
        """True if there is a revocation list to go by, or ought to be."""
        return self.rules.revocations_by is not None or self.revocations is not None

    def describe(self) -> str:
        """Whom the caller believes, in one line."""
        file = self.file.content
        return f"{file.name} version {file.number}, until {file.expires}"


@dataclass(frozen=True)
class Standing:
    """Whether enough signers of one role spoke."""

    role: Role
    is_reached: bool
    detail: str


def stand(
    rules: Rules,
    role: Role,
    license: License,
    endorsements: Sequence[Endorsement],
    now: datetime,
) -> Standing:
    """Whether these endorsements reach the threshold of a grant of `role` that covers `license`.

    A signature without a verified time counts only while the grant is in force now.
    """
    grants = [grant for grant in rules.grants if grant.role == role and grant.covers(license)]
    if not grants:
        return Standing(role, False, f"nobody is {role} for this license")
    closest: Standing | None = None
    missing = 0
    for grant in grants:
        counting = [one for one in endorsements if grant.is_in_force(one.signed_at or now)]
        found = n_distinct(counting, grant.signers)
        if found >= grant.threshold:
            heard = {name for one in counting for name in one.signers}
            who = ", ".join(name for name in grant.signers if name in heard)
            return Standing(role, True, f"{who} as {role}")
        if closest is None or grant.threshold - found < missing:
            missing = grant.threshold - found
            closest = Standing(
                role,
                False,
                f"signed by {found} of the {role}s {', '.join(grant.signers)}, expected "
                f"{grant.threshold}",
            )
    assert closest is not None
    return closest


def check_basis(trust: SignedTrust, license: License, asked_level: Level, now: datetime) -> Heard:
    """Ensure that the trust file holds, and that the license is of a licensor it names.

    Returns: who signed the license, at least as many licensors as are needed.
    Raises: VerificationError at step 1.
    """
    check_trust(trust.file, remembered=trust.remembered, now=now)
    required = trust.rules.requires.level
    if asked_level < required:
        raise VerificationError(
            f"the trust file requires level {required}, asked for is level {asked_level} "
            f"({LEVELS[asked_level]})",
            step=TRUST_STEP,
            hint=f"verify with --level {required}",
        )
    document = SignedDocument(license, license.sha256, trust.license_signatures)
    heard = hear(document, "license", trust.rules, now)
    standing = stand(trust.rules, "licensor", license, heard.endorsements, now)
    if not standing.is_reached:
        raise VerificationError(
            f"the license is not its licensor's: {standing.detail}{_others(heard)}",
            step=TRUST_STEP,
            hint="get the license with its signature from the licensor: `attest license sign` "
            "writes one beside it",
        )
    return heard


def _others(heard: Heard) -> str:
    said = [f"; signed by {names_of(heard.endorsements)}"] if heard.endorsements else []
    said += [f"; {refusal}" for refusal in heard.refusals[:1]]
    return "".join(said) or "; no signature was given with it"


def check_role(
    rules: Rules, license: License, endorsements: Sequence[Endorsement], *, now: datetime
) -> Standing:
    """The role in which this measurement is believed: a third party's, or the publisher's own.

    Raises: InputError if too few distinct signers of either role spoke, or if the license or the
        rules ask for a third party's measurement and it is none.
    """
    evaluator = stand(rules, "evaluator", license, endorsements, now)
    if evaluator.is_reached:
        return evaluator
    publisher = stand(rules, "publisher", license, endorsements, now)
    if not publisher.is_reached:
        raise InputError(
            f"signed by {names_of(endorsements) or 'nobody'}: as a third party's, "
            f"{evaluator.detail}; as the publisher's, {publisher.detail}"
        )
    for asks, who in (
        (license.terms.evaluators == "third-party", "license"),
        (rules.requires.assurance == "third_party", "trust file"),
    ):
        if asks:
            raise InputError(
                f"the {who} asks for a third party's measurement, and this is the publisher's: "
                f"{evaluator.detail}",
                hint="if an independent evaluator signed, trust him as one: --role third-party, "
                "or the role evaluator in the trust file",
            )
    return publisher


def trust_used(trust: Trust | SignedTrust) -> TrustUsed | None:
    """The trust file that decided whom to believe; None for a key."""
    if isinstance(trust, Trust):
        return None
    file = trust.file
    return TrustUsed(name=file.content.name, number=file.content.number, sha256=file.sha256)


def finding_of(endorsement: Endorsement) -> SignerFinding:
    """A signature as a result tells it."""
    return SignerFinding(
        names=endorsement.signers,
        key_hint=endorsement.public_key.hint,
        signed_at=endorsement.signed_at,
    )


def over_same_statement(bundles: Sequence[bytes], payload: bytes) -> tuple[bytes, ...]:
    """Those of `bundles` that are over the statement `payload`, byte for byte."""
    found = []
    for data in bundles[:MAX_SIGNATURES]:
        with suppress(InputError, VerificationError):
            if open_bundle(data).dsse_envelope.payload == payload:
                found.append(data)
    return tuple(found)


def countersigned(
    walk: Walk, bundles: Sequence[bytes], rules: Rules, now: datetime
) -> list[Endorsement]:
    """Who signed `bundles`, all over one statement; what does not count is mentioned."""
    found = []
    for data in bundles:
        try:
            bundle = open_bundle(data)
            endorsement = endorse(identify(bundle, rules), bundle, rules, now)
            require_time(endorsement, rules)
            require_log(endorsement, bundle, rules)
        except (InputError, VerificationError) as error:
            walk.warnings.append(f"a further signature does not count: {error}")
        else:
            found.append(endorsement)
    return found
