"""Who signed, as the caller's rules know him, and how many distinct ones agree.

A bundle may hint at a key and carry certificates; both only save time. Which signer a signature
stands for is found by verifying it with the keys and roots of the rules, and signers are counted by
the keys they used: two bundles by one key are one voice.

Source: DSSE v1, protocol.md, (t, n) thresholds: unique keys, failing signatures passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attest.attestation.bundle import Bundle, open_bundle
from attest.attestation.documents import MAX_SIGNATURES, Kind, SignedDocument, check_document
from attest.attestation.keys import SIGNATURE_STEP, PublicKey
from attest.attestation.trust.records import Rules
from attest.errors import InputError, VerificationError

TIME_STEP, LOG_STEP = 5, 6
"""The steps of `verify` at which a time and a log entry are checked."""


@dataclass(frozen=True)
class Signed:
    """A statement whose signature verified, and whose it may be."""

    payload: bytes
    public_key: PublicKey
    by_key: tuple[str, ...] = ()
    """The signer whose key it is."""
    by_certificate: tuple[str, ...] = ()
    """Signers whose identity the certificate bears, before anybody looked at who issued it."""


@dataclass(frozen=True)
class Endorsement:
    """A signature of somebody whom the rules know."""

    signers: tuple[str, ...]
    """The names that the rules give him; several if he is known by key and by certificate."""
    public_key: PublicKey
    signed_at: datetime | None = None
    """The verified time before which it was signed, in UTC; None if nobody vouches for one."""


def identify(bundle: Bundle, rules: Rules) -> Signed:
    """The statement in `bundle`, if one of the signers of `rules` may have signed it.

    Raises: VerificationError at step 3 if the signature verifies with none of their keys, nor with
        a certificate that bears one of their identities; InputError for an unreadable certificate.
    """
    certified = _certified(bundle, rules)
    keys = sorted(rules.keys.values(), key=lambda key: key.hint != bundle.hint)
    if certified is not None:
        keys.insert(0, certified.public_key)
    refusals: list[VerificationError] = []
    for key in keys:
        try:
            payload = bundle.verify(key)
        except VerificationError as error:
            refusals.append(error)
            continue
        is_certified = certified is not None and certified.public_key == key
        return Signed(
            payload,
            key,
            by_key=tuple(name for name, known in rules.keys.items() if known == key),
            by_certificate=certified.signers if certified and is_certified else (),
        )
    # The key that the bundle hints at was tried first, and its complaint says the most.
    if refusals and (len(keys) == 1 or keys[0].hint == bundle.hint):
        raise refusals[0]
    raise VerificationError(
        f"signed by none of the {len(rules.signers)} signers of the trust file",
        step=SIGNATURE_STEP,
        hint="if you trust whoever signed it, put the key or identity into the trust file",
    )


def endorse(signed: Signed, bundle: Bundle, rules: Rules, now: datetime) -> Endorsement:
    """Who it was that signed, once time and certificates are checked.

    A certificate must have been valid at the verified time of the signature; where nobody vouches
    for one, now.

    Raises: VerificationError at step 5 if a timestamp does not verify, or if the certificate leads
        to none of the roots that its identity was believed under.
    """
    signed_at = None
    if roots := rules.timestamp_roots:
        from attest.attestation.timestamps import trusted_time

        signed_at = trusted_time(bundle, roots, now=now)
    names, refusals = list(signed.by_key), []
    for name in signed.by_certificate:
        from attest.attestation.certificates import verify_chain

        certificate = rules.signers[name].certificate
        assert certificate is not None
        try:
            verify_chain(bundle.chain, certificate.root_certificates, signed_at or now)
        except VerificationError as error:
            refusals.append(error)
        else:
            names.append(name)
    if not names:
        raise refusals[0]
    return Endorsement(tuple(names), signed.public_key, signed_at)


def require_time(endorsement: Endorsement, rules: Rules) -> None:
    """Ensure that there is a verified time, where the rules ask for one.

    Raises: VerificationError at step 5.
    """
    if rules.requires.timestamp and endorsement.signed_at is None:
        raise VerificationError(
            "the trust file requires a timestamp, and the signature has none",
            step=TIME_STEP,
            hint="ask the signer to sign with a timestamp of a trusted authority",
        )


def require_log(endorsement: Endorsement, bundle: Bundle, rules: Rules) -> str | None:
    """Where the signature is logged, if the rules ask for that; None if they do not.

    Raises: VerificationError at step 6 if it must be in a log and is not.
    """
    if not rules.requires.log:
        return None
    from attest.attestation.keyfiles import parse_public_key
    from attest.attestation.transparency import Log, check_inclusion

    logs = [Log(log.origin, parse_public_key(log.key.encode("utf-8"))) for log in rules.logs]
    inclusion = check_inclusion(bundle, endorsement.public_key, logs)
    return f"entry {inclusion.index} of {inclusion.origin}"


@dataclass(frozen=True)
class Heard:
    """What the signatures beside something came to."""

    endorsements: tuple[Endorsement, ...]
    refusals: tuple[str, ...]
    """Why the others do not count, each in one line."""


def hear(document: SignedDocument[Any], kind: Kind, rules: Rules, now: datetime) -> Heard:
    """Whoever signed this very document as what it is; other signatures are passed over.

    Where the rules ask for timestamps or log entries, a signature without them is one of those.
    """
    endorsements, refusals = [], []
    for data in document.signatures[:MAX_SIGNATURES]:
        try:
            bundle = open_bundle(data)
            signed = identify(bundle, rules)
            check_document(signed.payload, kind, document.sha256)
            endorsement = endorse(signed, bundle, rules, now)
            require_time(endorsement, rules)
            require_log(endorsement, bundle, rules)
        except (InputError, VerificationError) as error:
            refusals.append(str(error))
        else:
            endorsements.append(endorsement)
    return Heard(tuple(endorsements), tuple(refusals))


def names_of(endorsements: Sequence[Endorsement]) -> str:
    """Who signed, each name once and in order, for a person."""
    return ", ".join(sorted({name for one in endorsements for name in one.signers}))


def n_distinct(endorsements: Sequence[Endorsement], signers: Collection[str]) -> int:
    """How many of `signers` spoke, each with a key of his own.

    It is the largest number of endorsements in which neither a signer nor a key comes twice, so
    one key certified for two people counts once, and so does one person with two keys. Another
    endorsement never makes it smaller.
    """
    keys_of = {
        name: {one.public_key.hint for one in endorsements if name in one.signers}
        for name in signers
    }
    holder: dict[str, str] = {}

    def seat(name: str, tried: set[str]) -> bool:
        # Kuhn's algorithm: give `name` a key, and its holder another one if he has another.
        for key in sorted(keys_of[name] - tried):
            tried.add(key)
            if key not in holder or seat(holder[key], tried):
                holder[key] = name
                return True
        return False

    return sum(seat(name, set()) for name in signers)


@dataclass(frozen=True)
class _Certified:
    public_key: PublicKey
    signers: tuple[str, ...]


def _certified(bundle: Bundle, rules: Rules) -> _Certified | None:
    identities = {
        name: signer.certificate
        for name, signer in rules.signers.items()
        if signer.certificate is not None
    }
    if not bundle.chain or not identities:
        return None
    from attest.attestation.certificates import read_certificate

    leaf = read_certificate(bundle.chain[0])
    names = tuple(
        name
        for name, wanted in identities.items()
        # Any issuer may vouch for any e-mail address: one that is not named is not believed.
        if wanted.identity in leaf.identities and wanted.issuer == leaf.issuer
    )
    return _Certified(leaf.public_key, names) if names else None
