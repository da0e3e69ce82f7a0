"""Looking things up, by hash or key: whoever asks, and without a token."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from attest.attestation.bundle import MEDIA_TYPE as BUNDLE_TYPE
from attest.hub.hub import Hub
from attest.hub.service.auth import Gate
from attest.hub.service.documents import bundle_responses, responses
from attest.hub.service.problems import Problem
from attest.hub.service.wire import JSON, DeliveryAnswer, VerdictAnswer, answer
from attest.hub.store import attestations, deliveries, verdicts
from attest.hub.store.attestations import CoveringPage, StoredAttestation

T = TypeVar("T")

Subject = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "0" * 64])]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]
After = Annotated[
    str,
    Query(
        pattern=r"^([0-9a-f]{64}:\P{C}*)?$",
        max_length=5000,
        description="`next` of the page before.",
    ),
]


def router(hub: Hub, gate: Gate) -> APIRouter:
    """The routes that read."""
    api = APIRouter()

    @api.get("/v1/subjects/{subject}", responses=responses(200, CoveringPage, 404, 422, 429, 503))
    async def subject(request: Request, subject: Subject, after: After = "") -> Response:
        """Every attestation that covers the file with this SHA-256."""
        gate.admit(request)
        sha256 = subject.removeprefix("sha256:")
        page = _find(hub, partial(attestations.covering, sha256=sha256, after=after))
        if not page.covered_by:
            raise Problem(404, "not-found", "no attestation covers this file")
        return answer(page)

    @api.get(
        "/v1/attestations/{sha256}",
        responses=responses(200, StoredAttestation, 404, 422, 429, 503),
    )
    async def attestation(request: Request, sha256: Digest) -> Response:
        """What is known of an attestation."""
        gate.admit(request)
        return answer(_find(hub, partial(attestations.attestation, sha256=sha256)))

    @api.get("/v1/attestations/{sha256}/bundle", responses=bundle_responses())
    async def bundle(request: Request, sha256: Digest) -> Response:
        """The attestation itself, byte for byte."""
        gate.admit(request)
        return _bundle(_find(hub, partial(attestations.bundle_of, sha256=sha256)))

    @api.get("/v1/verdicts/{key}", responses=responses(200, VerdictAnswer, 404, 422, 429, 503))
    async def verdict(request: Request, key: Digest) -> Response:
        """A verdict that was written down."""
        gate.admit(request)
        found = _find(hub, partial(verdicts.verdict, key=key))
        has_summary = "true" if found.has_summary else "false"
        text = (
            f'{{"key":"{found.key}","rule":"{found.rule}","hasSummary":{has_summary},'
            f'"verdict":{found.record}}}'
        )
        return Response(text, media_type=JSON)

    @api.get("/v1/verdicts/{key}/summary", responses=bundle_responses())
    async def summary(request: Request, key: Digest) -> Response:
        """The hub's own signed statement about a verdict."""
        gate.admit(request)
        return _bundle(_find(hub, partial(verdicts.summary_of, key=key)))

    @api.get("/v1/deliveries/{key}", responses=responses(200, DeliveryAnswer, 404, 422, 429, 503))
    async def delivery(request: Request, key: Digest) -> Response:
        """What came of an upload so far."""
        gate.admit(request)
        return answer(DeliveryAnswer.of(_find(hub, partial(deliveries.delivery, key=key))))

    return api


def _find(hub: Hub, query: Callable[[sa.Connection], T | None]) -> T:
    # Looking up a key takes less than a millisecond; handing it to a thread takes longer than that.
    with hub.store.read() as connection:
        found = query(connection)
    if found is None:
        raise Problem(404, "not-found", "there is no such thing here")
    return found


def _bundle(data: bytes) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="attestation.sigstore.json"'}
    return Response(data, headers=headers, media_type=BUNDLE_TYPE)
