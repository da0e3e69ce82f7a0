"""Key files: PEM, one block a file, written once and read strictly.

No key is looked for anywhere: who signs or verifies names the file.

Source: RFC 7468 (PEM), RFC 5958 (PKCS #8), RFC 5280 (public keys).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from attest.attestation.keys import PrivateKey, PublicKey, kind_of, require_passphrase
from attest.errors import InputError
from attest.files import read_file, write_new

MAX_KEY_FILE_BYTES = 64 * 1024
"""Longest key file read; a P-521 key in PEM has under 500 bytes."""

_PEM = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,64})-----\n(?:[A-Za-z0-9+/=]{1,76}\n)+-----END \1-----\n"
)


@dataclass(frozen=True)
class _PemBlock:
    label: str
    text: bytes


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
    kind_of(key, what)
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
    return parse_public_key(read_file(path, MAX_KEY_FILE_BYTES), what=str(path))


def load_private_key(path: Path, passphrase: Callable[[], bytes] | None = None) -> PrivateKey:
    """The private key in the file at `path`.

    Args:
        path: a PEM file with one PKCS #8 key, or an unencrypted `EC PRIVATE KEY` (SEC 1).
        passphrase: asked once, and only if the key is encrypted.

    Raises: InputError with reason `unreadable`, `not-pem`, `public-key`, `not-private-key`,
        `passphrase-needed`, `empty-passphrase`, `wrong-passphrase`, `unreadable-key` or
        `unsupported-key`.
    """
    what = str(path)
    block = _pem_block(read_file(path, MAX_KEY_FILE_BYTES), what)
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
            require_passphrase(secret)
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
    kind_of(key, what)
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
    Raises: InputError with reason `exists`, `unwritable` or `empty-passphrase`.
    """
    secret = key.to_pem(passphrase)
    hint = "choose another name, or move the old key away"
    public_path = path.with_name(f"{path.name}.pub")
    write_new(public_path, key.public_key.pem, mode=0o644, hint=hint)
    try:
        write_new(path, secret, mode=0o600, hint=hint)
    except InputError:
        public_path.unlink()
        raise
    return public_path


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
