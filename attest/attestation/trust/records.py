"""The trust file: who may say what, as its owner writes it down.

A signer is a key, or whoever holds a certificate of a given identity under given roots. Grants give
signers a role, together with how many of them must agree, from when to when, and for which
licenses and base models. The same role may be granted several times: that is how one laboratory
measures for one model and another one for the next.

Source: The Update Framework, roles, thresholds and root rotation (python-tuf, `Root`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from attest.attestation.keyfiles import parse_public_key
from attest.attestation.keys import PublicKey
from attest.attestation.statement import AssuranceLevel
from attest.errors import InputError
from attest.license.terms import BaseModelRef as LicensedModel
from attest.license.terms import License
from attest.record import Record, Sha256, Slug

Role = Literal["licensor", "evaluator", "publisher", "hub"]
"""`licensor` signs licenses; `evaluator` measures for others; `publisher` measures his own
releases; `hub` passes on what it has verified: its summaries are believed."""

MAX_SIGNERS = 64
"""Most signers of a trust file: each is tried on each signature."""
MAX_NUMBER = 2**31 - 1


def _public_key(text: str) -> str:
    try:
        parse_public_key(text.encode("utf-8"), what="key")
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


def _certificates(text: str) -> str:
    from cryptography import x509

    try:
        x509.load_pem_x509_certificates(text.encode("utf-8"))
    except (ValueError, x509.InvalidVersion) as error:
        raise ValueError("expected one or more certificates in PEM") from error
    return text


def _der(text: str) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = x509.load_pem_x509_certificates(text.encode("utf-8"))
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


PublicKeyPem = Annotated[str, AfterValidator(_public_key)]
"""One public key in PEM, as `attest keygen` writes it."""
CertificatesPem = Annotated[str, AfterValidator(_certificates)]
"""One or more certificates in PEM."""
Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
"""Counts the versions of a document: a larger one replaces a smaller one."""


class CertificateIdentity(Record):
    """Whoever holds a certificate of this identity.

    An authority of Sigstore certifies a key for minutes, so its signatures need a timestamp of one
    of the authorities of the trust file. Whether the certificate was logged is not looked at; that
    the signature was is, where the rules ask for it.
    """

    roots: CertificatesPem
    """Certificates of the authorities that may say so."""
    identity: Annotated[str, Field(min_length=1, max_length=1024)]
    """The e-mail address, URI or host name in the certificate, exactly."""
    issuer: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Who vouched for the identity to a Sigstore authority; None where there is no such field."""

    @property
    def root_certificates(self) -> tuple[bytes, ...]:
        """The roots in DER."""
        return _der(self.roots)


class TrustedSigner(Record):
    """One party that can sign: the holder of a key, or of a certificate."""

    key: PublicKeyPem | None = None
    certificate: CertificateIdentity | None = None

    @model_validator(mode="after")
    def _is_known_in_one_way(self) -> Self:
        if (self.key is None) == (self.certificate is None):
            raise ValueError("expected either `key` or `certificate`")
        return self


class LicenseRef(Record):
    """A license by its name, its digest or both; what is given must fit."""

    name: str | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.name is None and self.sha256 is None:
            raise ValueError("expected `name` or `sha256`")
        return self

    def fits(self, license: License) -> bool:
        """True if this means that license."""
        return self.name in (None, license.terms.name) and self.sha256 in (None, license.sha256)


class ModelRef(Record):
    """A base model by its name or digests; whatever is given must fit."""

    name: str | None = None
    checkpoint: Sha256 | None = None
    weights: Sha256 | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.name is None and self.checkpoint is None and self.weights is None:
            raise ValueError("expected `name`, `checkpoint` or `weights`")
        return self

    def fits(self, model: LicensedModel) -> bool:
        """True if this means that base model."""
        return (
            self.name in (None, model.name)
            and self.checkpoint in (None, model.checkpoint)
            and self.weights in (None, model.weights)
        )


class Grant(Record):
    """A role, and the signers of whom so many must agree to speak in it."""

    role: Role
    signers: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=MAX_SIGNERS)]
    threshold: Annotated[int, Field(ge=1)] = 1
    """How many of the signers must sign the same bytes."""
    valid_from: date | None = None
    valid_until: date | None = None
    """First and last day, in UTC, on which a signature counts; None sets no limit."""
    licenses: Annotated[tuple[LicenseRef, ...], Field(min_length=1)] | None = None
    """For which licenses they speak; None for all."""
    base_models: Annotated[tuple[ModelRef, ...], Field(min_length=1)] | None = None
    """For licenses over which base models they speak; None for all."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if len(set(self.signers)) != len(self.signers):
            raise ValueError("a signer is named twice")
        if self.threshold > len(self.signers):
            raise ValueError(
                f"threshold {self.threshold} cannot be reached by {len(self.signers)} signers"
            )
        return self

    def covers(self, license: License) -> bool:
        """True if the signers speak for `license`.

        A license over several base models needs a grant for all of them, and one that names none
        is covered by no grant for particular models.
        """
        if self.licenses is not None and not any(one.fits(license) for one in self.licenses):
            return False
        models = license.terms.base_models
        if self.base_models is None:
            return True
        return bool(models) and all(
            any(one.fits(model) for one in self.base_models) for model in models
        )

    def is_in_force(self, at: datetime) -> bool:
        """True if a signature made at `at`, a time with a zone, counts."""
        day = at.astimezone(UTC).date()
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


class Requires(Record):
    """What the owner of a trust file asks beyond signatures.

    Timestamp and log are asked of whatever somebody signs in a role: attestations and further
    signatures of them, licenses, revocation lists and summaries. The trust file itself counts by
    its owner's keys alone, for it is what names the authorities and logs.
    """

    assurance: AssuranceLevel = "self_attested"
    """`third_party` asks for an evaluator's signatures; the publisher's own do not do."""
    level: Annotated[int, Field(ge=0, le=4)] = 1
    """How deep a verification must go at least."""
    max_age_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """How old an attestation may be, however long it says that it holds."""
    timestamp: bool = False
    """Whether a signature counts only with a timestamp of one of the authorities below."""
    log: bool = False
    """Whether a signature counts only if it is in one of the logs below."""


class TransparencyLog(Record):
    """A log whose tree heads are believed."""

    origin: Annotated[str, Field(min_length=1, max_length=1024)]
    """The first line of its tree heads."""
    key: PublicKeyPem


class Rules(Record):
    """Who may say what, and what else is asked."""

    signers: Annotated[dict[Slug, TrustedSigner], Field(min_length=1, max_length=MAX_SIGNERS)]
    grants: Annotated[tuple[Grant, ...], Field(min_length=1, max_length=MAX_SIGNERS)]
    requires: Requires = Requires()
    timestamp_authorities: Annotated[tuple[CertificatesPem, ...], Field(max_length=16)] = ()
    """Roots of the authorities whose timestamps are believed."""
    logs: Annotated[tuple[TransparencyLog, ...], Field(max_length=16)] = ()
    revocations_by: Role | None = None
    """Who signs the revocation list, without which nothing verifies; None asks for no list."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for grant in self.grants:
            unknown = sorted(set(grant.signers) - set(self.signers))
            if unknown:
                raise ValueError(f"role {grant.role} names {unknown[0]}, which is no signer here")
        # One key under two names would count twice.
        hints = [key.hint for key in self.keys.values()]
        if len(set(hints)) != len(hints):
            raise ValueError("two signers have the same key")
        # Nor may one person with two certificates be two, whoever certified them.
        known = [signer.certificate for signer in self.signers.values() if signer.certificate]
        if len({(one.identity, one.issuer) for one in known}) != len(known):
            raise ValueError("two signers have the same identity")
        if self.revocations_by not in (None, *(grant.role for grant in self.grants)):
            raise ValueError(f"revocations are signed by {self.revocations_by}, which nobody is")
        if self.requires.timestamp and not self.timestamp_authorities:
            raise ValueError("timestamps are required of no authority")
        if self.requires.log and not self.logs:
            raise ValueError("log entries are required of no log")
        return self

    @cached_property
    def keys(self) -> Mapping[str, PublicKey]:
        """The keys of those signers that are known by a key."""
        return {
            name: parse_public_key(signer.key.encode("utf-8"))
            for name, signer in self.signers.items()
            if signer.key is not None
        }

    @property
    def timestamp_roots(self) -> tuple[bytes, ...]:
        """The certificates of all timestamp authorities, in DER."""
        return tuple(der for text in self.timestamp_authorities for der in _der(text))


class Owner(Record):
    """The holders of the trust file: so many of these keys must sign each version of it."""

    keys: Annotated[tuple[PublicKeyPem, ...], Field(min_length=1, max_length=MAX_SIGNERS)]
    threshold: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        n_keys = len({key.hint for key in self.public_keys})
        if n_keys != len(self.keys):
            raise ValueError("a key is named twice")
        if self.threshold > n_keys:
            raise ValueError(f"threshold {self.threshold} cannot be reached by {n_keys} keys")
        return self

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """The keys, parsed."""
        return tuple(parse_public_key(key.encode("utf-8")) for key in self.keys)


class TrustFile(Rules):
    """The rules of one owner, numbered and with an end."""

    version: Literal["attest-trust/1"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Of the world that the file is about; a successor and a revocation list bear the same."""
    number: Number
    expires: date
    """Last day, in UTC, on which anything is believed by this file."""
    owner: Owner

    @model_validator(mode="after")
    def _can_believe_somebody(self) -> Self:
        roles = {grant.role for grant in self.grants}
        if "licensor" not in roles:
            raise ValueError("nobody is a licensor, so no license could be believed")
        if not roles & {"evaluator", "publisher"}:
            raise ValueError("nobody is an evaluator or a publisher")
        if self.requires.assurance == "third_party" and "evaluator" not in roles:
            raise ValueError("a third party's measurement is required, and nobody is an evaluator")
        return self
