"""Keys: ECDSA on the NIST curves and Ed25519, in PEM files.

A key file holds exactly one PEM block and nothing else. No key is looked for anywhere: who signs
or verifies names the file. Each kind of key has one signature scheme, so nothing that is signed
can choose an algorithm.

Source: FIPS 186-5 (ECDSA), RFC 8032 (Ed25519), RFC 5958 (PKCS #8), RFC 5280 (public keys),
RFC 7468 (PEM); OpenSSF Model Signing 1.0 for the hash of each curve and for the hint.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
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

MAX_KEY_FILE_BYTES = 64 * 1024
"""Longest key file read; a P-521 key in PEM has under 500 bytes."""

SIGNATURE_STEP = 3
"""The step of `verify` at which a signature is checked."""

_ECDSA: dict[Kind, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "p256": (ec.SECP256R1(), hashes.SHA256()),
    "p384": (ec.SECP384R1(), hashes.SHA384()),
    "p521": (ec.SECP521R1(), hashes.SHA512()),
}

_PEM = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,64})-----\n(?:[A-Za-z0-9+/=]{1,76}\n)+-----END \1-----\n"
)


@dataclass(frozen=True)
class _PemBlock:
    label: str
    text: bytes


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are verified with."""

    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

    def __post_init__(self) -> None:
        _kind_of(self.key)

    @property
    def kind(self) -> Kind:
        """The kind of key, which alone decides the signature scheme."""
        return _kind_of(self.key)

    @property
    def pem(self) -> bytes:
        """The SubjectPublicKeyInfo in PEM, with its final newline."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
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
        _kind_of(self.key)

    @property
    def public_key(self) -> PublicKey:
        """The key that its signatures verify with."""
        return PublicKey(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """ASN.1 DER for ECDSA, 64 bytes for Ed25519."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        _, algorithm = _ECDSA[_kind_of(self.key)]
        return self.key.sign(data, ec.ECDSA(algorithm))

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """The key as PKCS #8 in PEM, encrypted when there is a passphrase.

        The library stretches a passphrase by 2048 rounds of PBKDF2 only, so it must be long; a
        key that `openssl pkcs8 -topk8 -scrypt` encrypted anew is read as well.

        Raises: InputError if the passphrase is empty.
        """
        if passphrase is not None:
            _require_passphrase(passphrase)
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


def _require_passphrase(passphrase: bytes) -> None:
    if not passphrase:
        raise InputError("expected a passphrase, found an empty one", reason="empty-passphrase")


def _kind_of(key: object, where: str | None = None) -> Kind:
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


def parse_public_key(data: bytes, *, what: str = "public key") -> PublicKey:
    """The public key in PEM text.

    Args:
        data: one PEM block with a SubjectPublicKeyInfo, and nothing else.
        what: name of the document, for error messages.

    Raises: InputError with reason `private-key`, `not-public-key`, `not-pem`, `unreadable-key`,
        `unsupported-key` or `not-canonical`.
    """
    block = _pem_block(data, what)
    if block.label.endswith("PRIVATE KEY"):
        raise InputError(
            "expected a public key, found a private key",
            reason="private-key",
            where=what,
            hint="name the .pub file beside it, and show the private key to nobody",
        )
    if block.label != "PUBLIC KEY":
        raise InputError(
            f"expected PEM with the label PUBLIC KEY, found {block.label}",
            reason="not-public-key",
            where=what,
            hint="a certificate gives its key with `openssl x509 -noout -pubkey -in FILE`",
        )
    try:
        key = serialization.load_pem_public_key(block.text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable("public", what) from error
    _kind_of(key, what)
    assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
    public_key = PublicKey(key)
    # A compressed point is the same key under another hint: one key, one file, one hint.
    if public_key.pem != block.text:
        raise InputError(
            "expected the key in its canonical encoding, found another one",
            reason="not-canonical",
            where=what,
            hint="rewrite it: `openssl ec -pubin -in FILE -pubout -conv_form uncompressed`",
        )
    return public_key


def load_public_key(path: Path) -> PublicKey:
    """The public key in the file at `path`.

    Raises: InputError if the file cannot be read or holds anything but one public key.
    """
    return parse_public_key(_read(path), what=str(path))


def load_private_key(path: Path, passphrase: Callable[[], bytes] | None = None) -> PrivateKey:
    """The private key in the file at `path`.

    Args:
        path: a PEM file with one PKCS #8 key, or an unencrypted `EC PRIVATE KEY` (SEC 1).
        passphrase: asked once, and only if the key is encrypted.

    Raises: InputError with reason `unreadable-file`, `not-pem`, `public-key`, `not-private-key`,
        `passphrase-needed`, `empty-passphrase`, `wrong-passphrase`, `unreadable-key` or
        `unsupported-key`.
    """
    what = str(path)
    block = _pem_block(_read(path), what)
    secret: bytes | None = None
    match block.label:
        case "PRIVATE KEY" | "EC PRIVATE KEY":
            pass
        case "ENCRYPTED PRIVATE KEY":
            if passphrase is None:
                raise InputError(
                    "the key is encrypted, and no passphrase was given",
                    reason="passphrase-needed",
                    where=what,
                )
            secret = passphrase()
            _require_passphrase(secret)
        case "PUBLIC KEY":
            raise InputError(
                "expected a private key, found a public key",
                reason="public-key",
                where=what,
                hint="name the file without .pub",
            )
        case label:
            raise InputError(
                f"expected PEM with the label PRIVATE KEY, found {label}",
                reason="not-private-key",
                where=what,
                hint="convert it with `openssl pkcs8 -topk8 -in FILE -out KEY`",
            )
    try:
        key = serialization.load_pem_private_key(block.text, secret)
    except (ValueError, UnsupportedAlgorithm) as error:
        if secret is None:
            raise _unreadable("private", what) from error
        raise InputError(
            "the passphrase does not open the key",
            reason="wrong-passphrase",
            where=what,
            # The library does not tell a wrong passphrase from a cipher that it cannot read.
            hint="if it is the right one: `openssl pkcs8 -topk8 -scrypt -in FILE -out KEY`",
        ) from error
    _kind_of(key, what)
    assert isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
    return PrivateKey(key)


def write_key_pair(key: PrivateKey, path: Path, *, passphrase: bytes | None) -> Path:
    """Write the private key to `path` and the public key beside it, and say where that is.

    Neither file may exist: a key that was written over cannot be brought back.

    Args:
        key: the pair.
        path: of the private key, which only its owner may read (mode 0600).
        passphrase: encrypts the private key; None leaves it in the clear.

    Returns: the path of the public key, `path` with `.pub` appended (mode 0644).
    Raises: InputError with reason `exists`, `unwritable-file` or `empty-passphrase`.
    """
    secret = key.to_pem(passphrase)
    public_path = path.with_name(f"{path.name}.pub")
    _create(public_path, key.public_key.pem, mode=0o644)
    try:
        _create(path, secret, mode=0o600)
    except InputError:
        public_path.unlink()
        raise
    return public_path


def _create(path: Path, data: bytes, *, mode: int) -> None:
    try:
        # O_EXCL neither writes over a file nor follows a link that somebody put in its place.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(
            "expected a new file, found one that exists",
            reason="exists",
            where=str(path),
            hint="choose another name, or move the old key away",
        ) from error
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", reason="unwritable-file", where=str(path)
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        # The mode is set on the open file, so that the umask has no say in it.
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable-file", where=str(path)
        ) from error
    if len(data) > MAX_KEY_FILE_BYTES:
        raise InputError(
            f"expected a key file of at most {MAX_KEY_FILE_BYTES} bytes, found a longer one",
            reason="too-large",
            where=str(path),
        )
    return data


def _pem_block(data: bytes, what: str) -> _PemBlock:
    text = data.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    found = _PEM.fullmatch(text)
    if found is None:
        n_blocks = data.count(b"-----BEGIN ")
        raise InputError(
            f"expected one PEM block and nothing else, found {n_blocks} blocks"
            if n_blocks > 1
            else "expected one PEM block and nothing else",
            reason="not-pem",
            where=what,
            hint="keep one key in a file, from its BEGIN line to its END line",
        )
    return _PemBlock(label=found[1].decode("ascii"), text=text)


def _unreadable(side: str, what: str) -> InputError:
    return InputError(
        f"the PEM block holds no readable {side} key", reason="unreadable-key", where=what
    )
