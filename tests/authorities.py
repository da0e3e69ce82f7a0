"""Certificates of small authorities, as DER, made when a test asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from attest.attestation.keys import PrivateKey, generate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CODE_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
WEB_SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CA = x509.BasicConstraints(ca=True, path_length=None)

AnyKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def key_usage(*uses: str) -> x509.KeyUsage:
    """Key usage with `uses` set and nothing else."""
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in uses for name in names})


FOR_SIGNING: tuple[x509.ExtensionType, ...] = (key_usage("digital_signature"), CODE_SIGNING)
FOR_ISSUING: tuple[x509.ExtensionType, ...] = (CA, key_usage("key_cert_sign"))


@dataclass(frozen=True)
class Holder:
    """A key, and the certificate that somebody gave it."""

    key: AnyKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def signer(self) -> PrivateKey:
        assert isinstance(self.key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
        return PrivateKey(self.key)


def issue(
    name: str,
    by: Holder | None = None,
    extensions: Sequence[x509.ExtensionType] = FOR_SIGNING,
    *,
    key: AnyKey | None = None,
    first: datetime = NOW - 10 * DAY,
    last: datetime = NOW + 10 * DAY,
    uncritical: Sequence[type[x509.ExtensionType]] = (),
) -> Holder:
    """A certificate for `name`, by an authority or by itself."""
    key = key or generate().key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    issuer_key = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
    )
    always: tuple[type[x509.ExtensionType], ...] = (
        x509.ExtendedKeyUsage,
        x509.SubjectAlternativeName,
        *uncritical,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=not isinstance(extension, always))
    is_ed25519 = isinstance(issuer_key, ed25519.Ed25519PrivateKey)
    return Holder(key, builder.sign(issuer_key, None if is_ed25519 else hashes.SHA256()))


@dataclass(frozen=True)
class House:
    """A root, an authority below it, and a signer below that."""

    root: Holder
    authority: Holder
    signer: Holder

    @property
    def chain(self) -> tuple[bytes, bytes]:
        return (self.signer.der, self.authority.der)

    @property
    def roots(self) -> tuple[bytes]:
        return (self.root.der,)


def make_house(*extensions: x509.ExtensionType) -> House:
    """An honest house; `extensions` stand in the signer's certificate too."""
    root = issue("root", None, FOR_ISSUING)
    authority = issue("authority", root, FOR_ISSUING)
    return House(root, authority, issue("signer", authority, (*FOR_SIGNING, *extensions)))
