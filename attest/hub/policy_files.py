"""Reading the policy file, and the licenses, trust files and secrets that it names.

Nothing is verified here: whoever checks an upload holds signatures against whom he believes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attest.attestation.documents import SignedDocument, read_signatures
from attest.attestation.revocation import parse_revocations
from attest.attestation.trust.ownership import parse_trust
from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.files import read_file
from attest.hub.policy import (
    Policy,
    PolicyFile,
    Rule,
    RuleEntry,
    SecretRef,
    Token,
    digest_of,
)
from attest.license.document import MAX_DOCUMENT_BYTES, parse_document
from attest.license.fit import fit
from attest.license.read import parse_license
from attest.verification.trusting import SignedTrust

MIN_SECRET_BYTES = 16
"""Shortest secret: what is shorter can be guessed."""
MAX_SECRET_BYTES = 4096


def read_policy_file(path: Path) -> PolicyFile:
    """The policy as it is written at `path`; what it names is not looked at.

    Raises: InputError with the reasons of `parse_document`, with `schema` or `unreadable`.
    """
    return fit(parse_document(read_file(path, MAX_DOCUMENT_BYTES), what=path.name), PolicyFile)


def read_policy(path: Path) -> Policy:
    """The policy in the file at `path`, with the licenses, trust files and secrets it names.

    Raises: InputError as `read_policy_file` and `read_named`.
    """
    return read_named(read_policy_file(path), path.parent)


def read_named(entry: PolicyFile, folder: Path) -> Policy:
    """The policy with everything that it names.

    Args:
        entry: the policy as its author writes it down.
        folder: where it lies.

    Raises: InputError with reason `unreadable`, `too-large` or `too-many`, with `secret` if a
        secret is missing or too short; those of licenses and trust files.
    """
    hub = entry.huggingface
    return Policy(
        file=entry,
        rules={rule.name: _read_rule(rule, folder) for rule in entry.rules},
        tokens=tuple(
            Token(one.name, frozenset(one.scopes), digest_of(_secret(one.secret, folder, one.name)))
            for one in entry.tokens
        ),
        webhook_digest=None
        if hub is None
        else digest_of(_secret(hub.webhook_secret, folder, "webhook_secret")),
        read_token=None
        if hub is None or hub.token is None
        else _secret(hub.token, folder, "token").decode("ascii"),
        folder=folder,
    )


def files_named(entry: PolicyFile, folder: Path) -> Iterator[Path]:
    """Every file that the policy names; signatures have no names in it, and lie beside these."""
    secrets: list[SecretRef | None] = [token.secret for token in entry.tokens]
    if entry.huggingface is not None:
        secrets += [entry.huggingface.webhook_secret, entry.huggingface.token]
    names = [name for rule in entry.rules for name in (rule.license, rule.trust, rule.revocations)]
    names += [secret.file for secret in secrets if secret is not None]
    return (folder / name for name in names if name is not None)


def _read_rule(entry: RuleEntry, folder: Path) -> Rule:
    license_file, trust_file = folder / entry.license, folder / entry.trust
    trust_bytes = read_file(trust_file, MAX_DOCUMENT_BYTES)
    revocations = None
    if entry.revocations is not None:
        revocations_file = folder / entry.revocations
        data = read_file(revocations_file, MAX_DOCUMENT_BYTES)
        revocations = SignedDocument(
            parse_revocations(data, what=entry.revocations),
            sha256_hex(data),
            read_signatures(revocations_file),
        )
    license_bytes = read_file(license_file, MAX_DOCUMENT_BYTES)
    return Rule(
        entry,
        parse_license(license_bytes, what=entry.license),
        license_bytes,
        SignedTrust(
            SignedDocument(
                parse_trust(trust_bytes, what=entry.trust),
                sha256_hex(trust_bytes),
                read_signatures(trust_file),
            ),
            license_signatures=read_signatures(license_file),
            revocations=revocations,
        ),
    )


def _secret(ref: SecretRef, folder: Path, name: str) -> bytes:
    if ref.file is not None:
        secret = read_file(folder / ref.file, MAX_SECRET_BYTES).strip()
    else:
        assert ref.environment is not None
        secret = os.environb.get(ref.environment.encode("ascii"), b"").strip()
    if len(secret) < MIN_SECRET_BYTES or not secret.isascii():
        raise InputError(
            f"expected a secret of at least {MIN_SECRET_BYTES} ASCII characters in "
            f"{ref.file or ref.environment}",
            reason="secret",
            where=name,
            hint="make one: openssl rand -hex 32",
        )
    return secret
