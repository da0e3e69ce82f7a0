"""Keys: ECDSA on the NIST curves, and Ed25519.

Each kind of key has one signature scheme, so nothing that is signed can choose an algorithm.

Source: FIPS 186-5 (ECDSA), RFC 8032 (Ed25519); OpenSSF Model Signing 1.0 for the hash of each
curve and for the hint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from attest.canonical import sha256_hex
from attest.errors import InputError, VerificationError

Kind = Literal["p256", "p384", "p521", "ed25519"]
"""P-256 is the one that every verifier in the field reads; Ed25519 is read by few."""

SIGNATURE_STEP = 3
"""The step of `verify` at which a signature is checked."""

_ECDSA: dict[Kind, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "p256": (ec.SECP256R1(), hashes.SHA256()),
    "p384": (ec.SECP384R1(), hashes.SHA384()),
    "p521": (ec.SECP521R1(), hashes.SHA512()),
}


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are verified with."""

    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

    def __post_init__(self) -> None:
        kind_of(self.key)

    @property
    def kind(self) -> Kind:
        """The kind of key, which alone decides the signature scheme."""
        return kind_of(self.key)

    @cached_property
    def pem(self) -> bytes:
        """The SubjectPublicKeyInfo in PEM, with its final newline."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @cached_property
    def hint(self) -> str:
        """SHA-256 of the PEM text: what `sha256sum` says of the public key file."""
        return sha256_hex(self.pem)


class Signer(Protocol):
    """Whoever can sign: a key file here, a hardware or remote key elsewhere."""

    @property
    def public_key(self) -> PublicKey:
        """The key that its signatures verify with."""

    def sign(self, data: bytes) -> bytes:
        """A signature over `data`, in the scheme of the kind of key."""


@dataclass(frozen=True)
class PrivateKey:
    """A signing key held in memory."""

    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        kind_of(self.key)

    @property
    def public_key(self) -> PublicKey:
        """The key that its signatures verify with."""
        return PublicKey(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """ASN.1 DER for ECDSA, 64 bytes for Ed25519."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        _, algorithm = _ECDSA[kind_of(self.key)]
        return self.key.sign(data, ec.ECDSA(algorithm))

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """The key as PKCS #8 in PEM, encrypted when there is a passphrase.

        The library stretches a passphrase by 2048 rounds of PBKDF2 only, so it must be long; a
        key that `openssl pkcs8 -topk8 -scrypt` encrypted anew is read as well.

        Raises: InputError if the passphrase is empty.
        """
        if passphrase is not None:
            require_passphrase(passphrase)
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase)
            if passphrase is not None
            else serialization.NoEncryption(),
        )


def generate(kind: Kind = "p256") -> PrivateKey:
    """A new key from the random generator of the operating system."""
    if kind == "ed25519":
        return PrivateKey(ed25519.Ed25519PrivateKey.generate())
    curve, _ = _ECDSA[kind]
    return PrivateKey(ec.generate_private_key(curve))


def verify_signature(public_key: PublicKey, signature: bytes, data: bytes) -> None:
    """Ensure that the holder of `public_key` signed `data`.

    Raises: VerificationError at step 3 if the signature does not verify or is not written in the
        one encoding of its scheme.
    """
    key = public_key.key
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        else:
            _require_der(signature)
            _, algorithm = _ECDSA[public_key.kind]
            key.verify(signature, data, ec.ECDSA(algorithm))
    except InvalidSignature as error:
        raise VerificationError(
            f"the signature does not verify with the {public_key.kind} key {public_key.hint[:16]}…",
            step=SIGNATURE_STEP,
            hint="it was made with another key or over other bytes: ask the signer which key",
        ) from error


def _require_der(signature: bytes) -> None:
    # One pair (r, s) has one encoding: BER lengths, padded integers and trailing bytes are
    # refused. A high s is not: (r, n - s) verifies too, FIPS 186-5 and Sigstore allow it, and
    # signature bytes are an identity for nothing here, so that malleability changes no meaning.
    try:
        is_canonical = encode_dss_signature(*decode_dss_signature(signature)) == signature
    except ValueError:
        is_canonical = False
    if not is_canonical:
        raise InvalidSignature


def require_passphrase(passphrase: bytes) -> None:
    """Ensure that a passphrase holds something.

    Raises: InputError with reason `empty-passphrase`.
    """
    if not passphrase:
        raise InputError("expected a passphrase, found an empty one", reason="empty-passphrase")


def kind_of(key: object, where: str | None = None) -> Kind:
    """The kind of a key of the `cryptography` library.

    Raises: InputError with reason `unsupported-key` for RSA and for other curves.
    """
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return "ed25519"
    found = type(key).__name__
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        for kind, (curve, _) in _ECDSA.items():
            if curve.name == key.curve.name:
                return kind
        found = f"the curve {key.curve.name}"
    raise InputError(
        f"expected a P-256, P-384, P-521 or Ed25519 key, found {found}",
        reason="unsupported-key",
        where=where,
        hint="make a key pair with `attest keygen`",
    )
