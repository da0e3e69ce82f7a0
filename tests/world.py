"""A licensor's world: an owner, a trust file, a revocation list, and everybody's keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from attest.attestation.bundle import make_bundle
from attest.attestation.documents import Kind, SignedDocument, state_document
from attest.attestation.keys import PrivateKey, generate
from attest.attestation.revocation import RevocationList, parse_revocations
from attest.attestation.trust.ownership import Remembered, parse_trust
from attest.attestation.trust.records import TrustFile
from attest.canonical import sha256_hex
from attest.verification.verify import SignedTrust

NAME = "Example Lab"
SIGNERS = ("lab", "publisher", "auditor", "second-auditor", "hub")


def sign(data: bytes, kind: Kind, key: PrivateKey) -> bytes:
    """A bundle by `key` over a document."""
    return make_bundle(state_document(data, kind, name="document"), key)


@dataclass(frozen=True)
class World:
    """Keys by name; whatever is made here is honest until a test changes it."""

    keys: dict[str, PrivateKey] = field(
        default_factory=lambda: {name: generate() for name in ("owner", "second-owner", *SIGNERS)}
    )

    def pem(self, name: str) -> str:
        return self.keys[name].public_key.pem.decode()

    def hint(self, name: str) -> str:
        return self.keys[name].public_key.hint

    def trust_values(self, **changes: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            "version": "attest-trust/1",
            "name": NAME,
            "number": 3,
            "expires": "2099-01-01",
            "owner": {"keys": [self.pem("owner")]},
            "signers": {name: {"key": self.pem(name)} for name in SIGNERS},
            "grants": [
                {"role": "licensor", "signers": ["lab"]},
                {"role": "publisher", "signers": ["publisher"]},
                {"role": "evaluator", "signers": ["auditor", "second-auditor"], "threshold": 2},
                {"role": "hub", "signers": ["hub"]},
            ],
        }
        return values | changes

    def trust_file(
        self, by: Sequence[str] = ("owner",), **changes: Any
    ) -> SignedDocument[TrustFile]:
        data = json.dumps(self.trust_values(**changes)).encode()
        signatures = tuple(sign(data, "trust", self.keys[name]) for name in by)
        return SignedDocument(parse_trust(data), sha256_hex(data), signatures)

    def revocations(
        self, by: Sequence[str] = ("lab",), **changes: Any
    ) -> SignedDocument[RevocationList]:
        values = {
            "version": "attest-revocations/1",
            "trust": NAME,
            "number": 5,
            "expires": "2099-01-01",
            **changes,
        }
        data = json.dumps(values).encode()
        signatures = tuple(sign(data, "revocations", self.keys[name]) for name in by)
        return SignedDocument(parse_revocations(data), sha256_hex(data), signatures)

    def sign_license(self, data: bytes, by: Sequence[str] = ("lab",)) -> tuple[bytes, ...]:
        return tuple(sign(data, "license", self.keys[name]) for name in by)

    def trust(
        self,
        license: bytes,
        *,
        licensors: Sequence[str] = ("lab",),
        owners: Sequence[str] = ("owner",),
        revocations: SignedDocument[RevocationList] | None = None,
        remembered: Remembered | None = None,
        **changes: Any,
    ) -> SignedTrust:
        """The caller's trust in this world, under a license with these bytes."""
        return SignedTrust(
            self.trust_file(owners, **changes),
            self.sign_license(license, licensors),
            revocations,
            remembered,
        )
