"""The policy file: which base models carry which license, and what happens to an upload.

It is YAML, read as strictly as a license is. It names files beside it (licenses, trust files) and
where secrets are; it never holds one.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.attestation.bundle import MAX_BUNDLE_BYTES
from attest.attestation.documents import MAX_SIGNATURES, SignedDocument
from attest.attestation.revocation import parse_revocations
from attest.attestation.trust.ownership import parse_trust
from attest.canonical import canonical_bytes, sha256_hex
from attest.errors import InputError
from attest.license.document import MAX_DOCUMENT_BYTES, parse_document
from attest.license.fit import fit
from attest.license.read import parse_license
from attest.license.terms import License
from attest.record import Record, Slug
from attest.verification.trusting import SignedTrust

Depth = Literal["listed-hash", "served-bytes", "replay"]
"""What an upload is checked against: the hashes that its hub lists, the bytes that it serves, or
the answers, replayed through its weights."""

Action = Literal["allow", "allow-with-notice", "hold", "reject"]
"""What happens to an upload."""

STRICTNESS: tuple[Action, ...] = ("allow", "allow-with-notice", "hold", "reject")
"""The actions, the strictest last."""

Scope = Literal["attestations", "verdicts"]
"""What a token may write: hand in attestations, or have verdicts recorded and signed."""

MAX_RULES = 256
MIN_SECRET_BYTES = 16
"""Shortest secret: what is shorter can be guessed."""
MAX_SECRET_BYTES = 4096

BUNDLE_SUFFIX = ".sigstore.json"
"""How the names of signatures beside a document end."""


class SecretRef(Record):
    """Where a secret is: in a file of its own, or in the environment."""

    file: str | None = None
    environment: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = None

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if (self.file is None) == (self.environment is None):
            raise ValueError("expected either `file` or `environment`")
        return self


class TokenEntry(Record):
    """Somebody who may write."""

    name: Slug
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    secret: SecretRef


class RuleEntry(Record):
    """Which license goes with which base models, and what is asked of their derivatives."""

    name: Slug
    base_models: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    """As a model card names them, such as `example/base-7b`."""
    license: str
    """Path of the license; its signatures lie beside it."""
    trust: str
    """Path of the trust file; its signatures lie beside it."""
    revocations: str | None = None
    level: Depth = "listed-hash"
    """With `replay` the hub measures an upload again itself, on a worker; its key must be an
    evaluator's in the trust file."""
    roles: Annotated[tuple[Literal["publisher", "evaluator"], ...], Field(min_length=1)] = (
        "publisher",
        "evaluator",
    )
    """In which roles an attestation is believed; the trust file says who has them."""
    unattested: Action = "allow-with-notice"
    """What happens to an upload without any attestation under the license."""
    failed: Action = "hold"
    """What happens to an upload that does not meet the license, or cannot be believed."""


class HuggingFace(Record):
    """A hub that speaks the API of Hugging Face, and which of its hosts may be asked."""

    origin: str = "https://huggingface.co"
    downloads: tuple[str, ...] = ("https://cdn-lfs.hf.co", "https://cas-bridge.xethub.hf.co")
    """Origins of the hosts that it serves large files from."""
    unsafe_may_be_private: bool = False
    """Whether it may have an address that the internet cannot reach, and be asked by plain http:
    for a hub inside one's own network, and for trying things out."""
    webhook_secret: SecretRef
    token: SecretRef | None = None
    """For reading; None reads as anybody may."""


class Measuring(Record):
    """What a worker needs to measure an upload again."""

    evidence: str
    """Folder for the transcripts, which hold answers and are for nobody else to read."""
    data: str | None = None
    """Folder with benchmark files, for benchmarks that this package does not hold."""


class Limits(Record):
    """What one uploader may ask of this hub."""

    uploads_per_hour: Annotated[int, Field(ge=1)] = 120
    """More uploads are checked later, none is dropped."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 6000
    """Of one token or address; more are refused with 429."""
    max_files: Annotated[int, Field(ge=1, le=10_000)] = 1024
    max_bytes: Annotated[int, Field(ge=1)] = 2 * 1024**4
    """Files of more than that are not checked, and held."""


class PolicyFile(Record):
    """The policy as its author writes it down."""

    version: Literal["attest-hub/1"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    url: Annotated[str, Field(pattern=r"^https?://[^?#\s]+$")]
    """Where the hub is reached; its statements bear it as the verifier's id."""
    rules: Annotated[tuple[RuleEntry, ...], Field(min_length=1, max_length=MAX_RULES)]
    huggingface: HuggingFace | None = None
    watch: Annotated[tuple[str, ...], Field(max_length=10_000)] = ()
    """Repositories whose newest commit the reconcile poll looks up, for webhooks get lost."""
    measuring: Measuring | None = None
    limits: Limits = Limits()
    tokens: Annotated[tuple[TokenEntry, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        for what, names in (
            ("rule", [rule.name for rule in self.rules]),
            ("token", [token.name for token in self.tokens]),
            ("base model", [model for rule in self.rules for model in rule.base_models]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]} is named twice")
        if self.measuring is None and any(rule.level == "replay" for rule in self.rules):
            raise ValueError("a rule asks for replay, and `measuring` does not say where")
        return self


@dataclass(frozen=True)
class Rule:
    """A rule with its license and trust file, read."""

    entry: RuleEntry
    license: License
    license_bytes: bytes = field(repr=False)
    trust: SignedTrust

    @property
    def name(self) -> str:
        """As the policy calls it."""
        return self.entry.name

    @cached_property
    def trust_version(self) -> str:
        """SHA-256 over all that decides whom to believe: file, revocations, signatures."""
        revocations = self.trust.revocations
        return sha256_hex(
            canonical_bytes(
                {
                    "trust": self.trust.file.sha256,
                    "trustSignatures": sorted(map(sha256_hex, self.trust.file.signatures)),
                    "licenseSignatures": sorted(map(sha256_hex, self.trust.license_signatures)),
                    "revocations": None if revocations is None else revocations.sha256,
                }
            )
        )


@dataclass(frozen=True)
class Token:
    """A token, known by the digest of its secret."""

    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)


@dataclass(frozen=True)
class Policy:
    """The policy with everything that it names, read."""

    file: PolicyFile
    rules: Mapping[str, Rule]
    """By name."""
    tokens: tuple[Token, ...] = ()
    webhook_digest: bytes | None = field(default=None, repr=False)
    """SHA-256 of the secret of webhooks; None where no hub sends any."""
    read_token: str | None = field(default=None, repr=False)
    """With which the other hub is read."""
    folder: Path = Path()
    """Where the policy file lies; other paths in it begin there."""

    @cached_property
    def by_base_model(self) -> Mapping[str, Rule]:
        """The rule of each base model."""
        return {name: rule for rule in self.rules.values() for name in rule.entry.base_models}

    def rules_for(self, base_models: Iterable[str]) -> dict[str, Rule]:
        """The rules of these base models, each once, by the base model that it is of.

        A merge of two models has two licenses to meet.
        """
        found: dict[str, Rule] = {}
        for name in base_models:
            rule = self.by_base_model.get(name)
            if rule is not None and rule.name not in {one.name for one in found.values()}:
                found[name] = rule
        return found

    def knows_webhook_secret(self, secret: bytes) -> bool:
        """True for the secret of webhooks; takes as long for any other."""
        expected = self.webhook_digest
        return expected is not None and hmac.compare_digest(_digest(secret), expected)

    def token(self, secret: bytes) -> Token | None:
        """The token with this secret; takes as long whichever it is."""
        digest = _digest(secret)
        found = [token for token in self.tokens if hmac.compare_digest(token.digest, digest)]
        return found[0] if found else None


def read_policy(path: Path) -> Policy:
    """The policy in the file at `path`, with the licenses, trust files and secrets it names.

    Raises: InputError with the reasons of `parse_document`, with `schema`, with `unreadable`, or
        with `secret` if a secret is missing or too short; those of licenses and trust files.
    """
    entry = fit(parse_document(_read(path, MAX_DOCUMENT_BYTES), what=path.name), PolicyFile)
    folder = path.parent
    hub = entry.huggingface
    return Policy(
        file=entry,
        rules={rule.name: _read_rule(rule, folder) for rule in entry.rules},
        tokens=tuple(
            Token(one.name, frozenset(one.scopes), _digest(_secret(one.secret, folder, one.name)))
            for one in entry.tokens
        ),
        webhook_digest=None
        if hub is None
        else _digest(_secret(hub.webhook_secret, folder, "webhook_secret")),
        read_token=None
        if hub is None or hub.token is None
        else _secret(hub.token, folder, "token").decode("ascii"),
        folder=folder,
    )


def _read_rule(entry: RuleEntry, folder: Path) -> Rule:
    license_file, trust_file = folder / entry.license, folder / entry.trust
    trust_bytes = _read(trust_file, MAX_DOCUMENT_BYTES)
    revocations = None
    if entry.revocations is not None:
        revocations_file = folder / entry.revocations
        data = _read(revocations_file, MAX_DOCUMENT_BYTES)
        revocations = SignedDocument(
            parse_revocations(data, what=entry.revocations),
            sha256_hex(data),
            _signatures(revocations_file),
        )
    license_bytes = _read(license_file, MAX_DOCUMENT_BYTES)
    return Rule(
        entry,
        parse_license(license_bytes, what=entry.license),
        license_bytes,
        SignedTrust(
            SignedDocument(
                parse_trust(trust_bytes, what=entry.trust),
                sha256_hex(trust_bytes),
                _signatures(trust_file),
            ),
            license_signatures=_signatures(license_file),
            revocations=revocations,
        ),
    )


def _signatures(file: Path) -> tuple[bytes, ...]:
    try:
        found = sorted(file.parent.glob(f"{file.name}.*{BUNDLE_SUFFIX}"))
    except OSError as error:
        raise _unreadable(file.parent, error) from error
    if len(found) > MAX_SIGNATURES:
        raise InputError(
            f"expected at most {MAX_SIGNATURES} signatures, found {len(found)}",
            reason="too-many",
            where=str(file),
        )
    return tuple(_read(path, MAX_BUNDLE_BYTES) for path in found)


def _secret(ref: SecretRef, folder: Path, name: str) -> bytes:
    if ref.file is not None:
        secret = _read(folder / ref.file, MAX_SECRET_BYTES).strip()
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


def _digest(secret: bytes) -> bytes:
    # Digests have one length, so that comparing them takes one time.
    return bytes.fromhex(sha256_hex(secret))


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > max_bytes:
        raise InputError(f"expected at most {max_bytes} bytes", reason="too-large", where=str(path))
    return data


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot be read: {error.strerror}", reason="unreadable", where=str(path))
