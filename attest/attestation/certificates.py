"""X.509: whose key it is, by the word of an authority that the caller chose.

The path from a certificate to a root is validated by the `cryptography` library: signatures,
validity, CA flags, path lengths, name constraints, unknown critical extensions. Only its rules for
purposes are replaced, because they are those of the Web, and the certificate of a web server
signs no model. Nothing is fetched, and no revocation is looked up.

Source: RFC 5280; OpenSSF Model Signing 1.0 (certificate method); Fulcio's object identifiers for
the issuer of an identity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
)
from cryptography.x509.verification import VerificationError as PathError

from attest.attestation.keys import PublicKey, kind_of
from attest.attestation.material import MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES
from attest.canonical import sha256_hex
from attest.errors import InputError, VerificationError
from attest.files import read_file

TIME_STEP = 5
"""The step of `verify` at which a chain is judged, because it holds only for a time."""
MAX_ROOTS_BYTES = 1024 * 1024
"""Longest file of roots read; all authorities of the Web take about 300 KB."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_AS_BARE_TEXT = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")

_SHAPES: dict[type[x509.GeneralName], re.Pattern[str]] = {
    x509.RFC822Name: re.compile(r"[^\s@:/]+@[^\s@:/]+"),
    x509.UniformResourceIdentifier: re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+"),
    x509.DNSName: re.compile(r"[A-Za-z0-9*._-]+"),
}
"""Kinds of identity; no text fits two of them, so one kind never passes for another."""


@dataclass(frozen=True)
class SigningCertificate:
    """What a certificate says of the key that signed; true only as far as its chain is."""

    public_key: PublicKey
    identities: tuple[str, ...]
    """E-mail addresses, URIs and host names of the subject alternative name, in order."""
    issuer: str | None
    """Who vouched for the identity to Fulcio; None in other certificates."""
    not_before: datetime
    not_after: datetime
    sha256: str
    """Digest of the DER, for people. An ECDSA signature under a certificate has a second form that
    verifies too, so what is revoked is a key, never this."""


def read_certificate(der: bytes) -> SigningCertificate:
    """What one certificate says. Nothing is verified: `verify_chain` does that.

    Raises: InputError with reason `certificate`, or `unsupported-key` for a key that we verify
        no signatures with.
    """
    return _read(_load(der))


def verify_chain(
    chain: Sequence[bytes], roots: Sequence[bytes], at: datetime
) -> SigningCertificate:
    """The signer's certificate, if it leads to a root and was valid at a time.

    Args:
        chain: DER, the signer's certificate first; the root may be left out.
        roots: DER of the authorities that the caller trusts.
        at: the caller's time, with a time zone: when it was signed, where that is known from
            elsewhere, or now. The certificate's own dates never choose it.

    Raises: VerificationError at step 5 if there is no path to a root, if a certificate in it or
        in `chain` is not valid at `at`, or if it is not meant for signing; InputError with reason
        `certificate`, `unsupported-key`, `no-roots` or `time-zone`.
    """
    if not roots:
        raise InputError("expected at least one root certificate, found none", reason="no-roots")
    if at.tzinfo is None:
        raise InputError("expected a time with a time zone", reason="time-zone")
    if not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise _refused(f"expected 1 to {MAX_CERTIFICATES} certificates, found {len(chain)}")
    leaf, *others = (_load(der) for der in chain)
    for certificate in (leaf, *others):
        _check_validity(certificate, at)
    signing = _read(leaf)
    _check_purpose(leaf)
    verifier = (
        PolicyBuilder()
        .store(Store([_load(der) for der in roots]))
        .time(at)
        .max_chain_depth(MAX_CERTIFICATES)
        .extension_policies(ca_policy=_authority_rules(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, others)
    except PathError as error:
        raise _refused(
            # Its text may quote names that somebody else chose.
            f"{_name(leaf)} does not lead to a trusted root: {str(error)!a:.300}",
            hint="name the root of the signer's authority, from a source that you trust",
        ) from error
    return signing


def load_roots(path: Path) -> tuple[bytes, ...]:
    """The certificates in the PEM file at `path`, as DER.

    Raises: InputError with reason `unreadable`, `too-large` or `certificate`.
    """
    try:
        found = x509.load_pem_x509_certificates(read_file(path, MAX_ROOTS_BYTES))
    except (ValueError, x509.InvalidVersion) as error:
        raise InputError(
            "expected certificates in PEM",
            reason="certificate",
            where=str(path),
            hint="convert DER with `openssl x509 -inform DER -in FILE -out FILE.pem`",
        ) from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def _load(der: bytes) -> x509.Certificate:
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise _unreadable(f"expected at most {MAX_CERTIFICATE_BYTES} bytes, found {len(der)}")
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Parsed on first use by the library; what is malformed must fail here.
        _ = (certificate.subject, certificate.issuer, certificate.extensions)
    except (
        ValueError,
        TypeError,  # A name whose text is of a type that the library holds for impossible.
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise _unreadable(f"expected an X.509 certificate in DER: {error}") from error
    # The last octets are the BIT STRING of the signature; the library overlooks its unused bits.
    if not der.endswith(b"\x00" + certificate.signature):
        raise _unreadable("expected a signature without unused bits")
    return certificate


def _read(certificate: x509.Certificate) -> SigningCertificate:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(f"the key cannot be read: {error}") from error
    kind_of(key, "certificate")
    assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
    return SigningCertificate(
        public_key=PublicKey(key),
        identities=_identities(certificate),
        issuer=_issuer(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sha256=sha256_hex(certificate.public_bytes(Encoding.DER)),
    )


def _identities(certificate: x509.Certificate) -> tuple[str, ...]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    found: list[str] = []
    for name in names or ():
        shape = _SHAPES.get(type(name))
        if shape is None:
            continue
        if not (shape.fullmatch(name.value) and name.value.isprintable()):
            raise _unreadable(f"{name.value!a} is no {type(name).__name__}")
        found.append(name.value)
    return tuple(found)


def _issuer(certificate: x509.Certificate) -> str | None:
    unknown = {
        extension.oid: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    try:
        if _ISSUER in unknown:
            issuer = asn1.decode_der(str, unknown[_ISSUER])
        elif _ISSUER_AS_BARE_TEXT in unknown:
            issuer = unknown[_ISSUER_AS_BARE_TEXT].decode("utf-8")
        else:
            return None
    except ValueError as error:
        raise _unreadable("the issuer of the identity is no text") from error
    if not issuer.isprintable():
        raise _unreadable(f"the issuer of the identity is {issuer!a:.100}")
    return issuer


def _check_validity(certificate: x509.Certificate, at: datetime) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= at <= last:
        raise _refused(
            f"{_name(certificate)} is valid from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} "
            f"UTC, not at {at.isoformat(timespec='minutes')}",
            hint="ask for a signature with a certificate that is valid, or with a trusted time",
        )


def _check_purpose(leaf: x509.Certificate) -> None:
    usage = _extension(leaf, x509.KeyUsage)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    # Each may be absent, but what is there must allow it, and one must say so.
    is_for_signing = usage is None or usage.digital_signature
    is_for_code = purposes is None or ExtendedKeyUsageOID.CODE_SIGNING in purposes
    if not (is_for_signing and is_for_code) or (usage is None and purposes is None):
        raise _refused(
            f"{_name(leaf)} is not for signing: expected key usage digitalSignature and "
            "extended key usage codeSigning",
            hint="ask the authority for a certificate for code signing",
        )


def _authority_rules() -> ExtensionPolicy:
    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_issue_for_signing)
        # The library refuses a constraint that it cannot check only where it is critical.
        .may_be_present(x509.NameConstraints, Criticality.CRITICAL, None)
    )


def _may_sign_certificates(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority whose key usage lacks keyCertSign")


def _may_issue_for_signing(
    _policy: Policy, _certificate: x509.Certificate, purposes: x509.ExtendedKeyUsage | None
) -> None:
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and allowed.isdisjoint(purposes):
        raise ValueError("an authority that issues for other purposes than code signing")


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(certificate: x509.Certificate) -> str:
    subject = certificate.subject.rfc4514_string()
    fingerprint = sha256_hex(certificate.public_bytes(Encoding.DER))
    return f"the certificate {fingerprint[:16]}… of {subject!a:.100}"


def _refused(message: str, *, hint: str | None = None) -> VerificationError:
    return VerificationError(message, step=TIME_STEP, hint=hint)


def _unreadable(message: str) -> InputError:
    return InputError(message, reason="certificate", where="certificate")
