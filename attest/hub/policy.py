"""The policy file: which base models carry which license, and what happens to an upload.

It is YAML, read as strictly as a license is. It names files beside it (licenses, trust files) and
where secrets are; it never holds one.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.canonical import canonical_bytes, sha256_hex
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
        return expected is not None and hmac.compare_digest(digest_of(secret), expected)

    def token(self, secret: bytes) -> Token | None:
        """The token with this secret; takes as long whichever it is."""
        digest = digest_of(secret)
        found = [token for token in self.tokens if hmac.compare_digest(token.digest, digest)]
        return found[0] if found else None


def digest_of(secret: bytes) -> bytes:
    """By what a secret is known; digests have one length, so comparing them takes one time."""
    return bytes.fromhex(sha256_hex(secret))
