"""What the API takes and gives, as records."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Base64Bytes, Field
from starlette.responses import Response

from attest.hub.judgement import Judgement
from attest.hub.policy import Action
from attest.hub.store.attestations import StoredAttestation
from attest.hub.store.deliveries import DeliveryState, StoredDelivery
from attest.record import RelativePath, Sha256, Slug, WireRecord
from attest.verification.folder import MAX_BUNDLES
from attest.verification.listings import FileDigests, ListingVerdict
from attest.verification.states import State

JSON = "application/json"


class VerifyRequest(WireRecord):
    """A listing, and what it is to be held against."""

    files: Annotated[dict[RelativePath, Sha256 | FileDigests], Field(min_length=1)]
    """All files of the release: the SHA-256 of each, or whatever is known of it, by its path."""
    bundles: Annotated[tuple[Base64Bytes, ...], Field(max_length=MAX_BUNDLES)] = ()
    """Attestations, in base64; those that the hub has stored are looked at as well."""
    rule: Slug | None = None
    """Of the hub's policy."""
    base_model: Annotated[str, Field(max_length=200)] | None = None
    """By which a rule is chosen; not needed where the policy has one rule."""
    record: bool = False
    """Whether the verdict is written down and signed; that needs a token with the scope
    `verdicts`."""

    def listing(self) -> dict[str, FileDigests]:
        """The files as the check takes them."""
        return {
            path: FileDigests(sha256=entry) if isinstance(entry, str) else entry
            for path, entry in self.files.items()
        }


class VerifyAnswer(WireRecord):
    """A verdict, and what the hub's policy says to do."""

    key: Sha256
    """Of the verdict, under `/v1/verdicts/` once it is written down."""
    rule: Slug
    action: Action
    verified_at: datetime
    recorded: bool
    verdict: ListingVerdict


class VerdictAnswer(WireRecord):
    """A verdict that was written down."""

    key: Sha256
    rule: Slug
    has_summary: bool
    """Whether the hub's own statement can be had under `/v1/verdicts/KEY/summary`."""
    verdict: ListingVerdict


class AttestationAnswer(WireRecord):
    """What came of an attestation that was handed in."""

    is_new: bool
    state: State
    """What it says of the files that it is about."""
    attestation: StoredAttestation


class DeliveryAnswer(WireRecord):
    """What came of an upload so far."""

    key: Sha256
    repository: str
    revision: str
    state: DeliveryState
    attempt: int
    retry_at: datetime | None = None
    verdict: Sha256 | None = None
    action: Action | None = None
    detail: str | None = None

    @classmethod
    def of(cls, stored: StoredDelivery) -> DeliveryAnswer:
        """The answer about a delivery in the store."""
        return cls.model_construct(
            key=stored.key,
            repository=stored.upload.repository.name,
            revision=stored.upload.revision,
            state=stored.state,
            attempt=stored.attempt,
            retry_at=stored.retry_at,
            verdict=stored.verdict,
            action=stored.action,
            detail=stored.detail,
        )


class Health(WireRecord):
    """That the hub answers, and its database too."""

    status: str
    verifier: str
    database: str
    policy_is_current: bool
    """False while the files of the policy cannot be used as they lie there now, and those from
    before are in force."""


def verify_answer(judgement: Judgement, *, recorded: bool) -> bytes:
    """A `VerifyAnswer` as JSON, around the verdict as it was written once."""
    verified_at = judgement.verified_at.isoformat().replace("+00:00", "Z")
    return (
        f'{{"key":"{judgement.key}","rule":"{judgement.rule.name}",'
        f'"action":"{judgement.action}","verifiedAt":"{verified_at}",'
        f'"recorded":{"true" if recorded else "false"},"verdict":{judgement.record}}}'
    ).encode()


def answer(record: WireRecord, status: int = 200) -> Response:
    """An answer with a record, absent fields left out."""
    text = record.model_dump_json(by_alias=True, exclude_none=True)
    return Response(text, status, media_type=JSON)
