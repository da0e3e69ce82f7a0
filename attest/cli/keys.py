"""`--key` and what goes with it: a key file, a program, or Sigstore; certificates; a timestamp."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from attest.errors import InputError

if TYPE_CHECKING:
    from attest.attestation.keys import Signer

PASSPHRASE = "ATTEST_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
SIGSTORE = "sigstore:"
"""What begins a `--key` that names no key but an instance of Sigstore."""

_ENCRYPTED = f"An encrypted one asks for its passphrase, or takes {PASSPHRASE}."

SigningKey = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Private key (PEM), 'exec:PROGRAM ARGUMENT...' or sigstore: (see docs/signers.md). "
        + _ENCRYPTED,
    ),
]
LastingKey = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Private key (PEM) or 'exec:PROGRAM ARGUMENT...' (see docs/signers.md). " + _ENCRYPTED,
    ),
]
Chain = Annotated[
    Path | None,
    typer.Option(
        "--chain", metavar="FILE", help="Certificates of the key (PEM), its own first, no root."
    ),
]
Timestamp = Annotated[
    str | None,
    typer.Option(
        "--timestamp", metavar="URL", help="Have the signature stamped by this authority."
    ),
]


class Bundler(Protocol):
    """Whoever makes a signed bundle of a statement."""

    def bundle(self, statement: bytes) -> bytes:
        """The bundle, as JSON."""


@dataclass(frozen=True)
class Keyed:
    """Signing with a key that somebody keeps."""

    signer: Signer
    chain: tuple[bytes, ...] = ()
    timestamp: str | None = None
    """URL of a time-stamping authority."""

    def bundle(self, statement: bytes) -> bytes:
        """A bundle with certificates and timestamp as asked."""
        from attest.attestation.bundle import make_bundle, open_bundle

        data = make_bundle(statement, self.signer, chain=self.chain)
        if self.timestamp is None:
            return data
        from attest.attestation.timestamps import request_timestamp

        bundle = open_bundle(data)
        return bundle.with_timestamp(request_timestamp(bundle.signature, self.timestamp)).to_json()


@dataclass(frozen=True)
class Keyless:
    """Signing as whoever this process is, by Sigstore."""

    trust_config: Path | None

    def bundle(self, statement: bytes) -> bytes:
        """A bundle with certificate, timestamp and log entry."""
        from attest.attestation.keyless import sign_keyless

        return sign_keyless(statement, trust_config=self.trust_config)


def open_key(key: str, chain: Path | None = None, timestamp: str | None = None) -> Keyed | Keyless:
    """What `--key` names, opened: a wrong passphrase must not cost an hour.

    Raises: InputError if it cannot be used, or if `chain` or `timestamp` go with Sigstore.
    """
    if key.startswith(SIGSTORE):
        from attest.attestation.keyless import ambient_identity

        if chain is not None or timestamp is not None:
            raise InputError(
                f"--chain and --timestamp do not go with --key {SIGSTORE}",
                reason="usage",
                hint="Sigstore brings a certificate and a timestamp",
            )
        ambient_identity()
        config = key.removeprefix(SIGSTORE)
        return Keyless(Path(config) if config else None)
    from attest.attestation.certificates import load_roots
    from attest.attestation.commands import load_signer

    if timestamp is not None:
        from attest.attestation.timestamps import check_authority

        check_authority(timestamp)
    certificates = () if chain is None else load_roots(chain)
    return Keyed(load_signer(key, ask_passphrase), certificates, timestamp)


def open_lasting_key(key: str, *, why: str) -> Signer:
    """The key that `--key` names, where an identity of Sigstore will not do.

    Args:
        key: a key file, or a program after `exec:`.
        why: why an identity will not do, as the end of a sentence.

    Raises: InputError if it names none, or if the key cannot be used.
    """
    from attest.attestation.commands import load_signer

    if key.startswith(SIGSTORE):
        raise InputError(
            f"expected a key that stays, because {why}; found {key!r}",
            reason="usage",
            hint="name a key file or 'exec:PROGRAM ARGUMENT...'",
        )
    return load_signer(key, ask_passphrase)


def ask_passphrase() -> bytes:
    """The passphrase of a private key, from the environment or the terminal."""
    if PASSPHRASE in os.environ:
        return os.environb[PASSPHRASE.encode()]
    text: str = typer.prompt("Passphrase", hide_input=True, err=True)
    return text.encode()


def new_passphrase() -> bytes:
    """A passphrase for a new private key; typed twice, where it is typed."""
    if PASSPHRASE in os.environ:
        return os.environb[PASSPHRASE.encode()]
    text: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return text.encode()
