"""What the hub takes in: webhooks, listings to verify, attestations."""

from __future__ import annotations

from functools import partial

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from attest.attestation.bundle import MAX_BUNDLE_BYTES, open_bundle
from attest.attestation.bundle import MEDIA_TYPE as BUNDLE_TYPE
from attest.attestation.statement import Statement
from attest.canonical import sha256_hex
from attest.errors import InputError, VerificationError
from attest.hub.hub import Hub
from attest.hub.judgement import Judgement, check_size
from attest.hub.policy import Policy, Rule
from attest.hub.recording import hand_in, is_verified, record_judgement, stored_bundles
from attest.hub.service.auth import Gate, require
from attest.hub.service.documents import responses, takes
from attest.hub.service.hooks import HookAnswer, read_hook
from attest.hub.service.metrics import Metrics
from attest.hub.service.problems import Problem
from attest.hub.service.requests import read_body
from attest.hub.service.wire import (
    JSON,
    AttestationAnswer,
    VerifyAnswer,
    VerifyRequest,
    answer,
    verify_answer,
)
from attest.hub.store import attestations
from attest.hub.uploads import accept_upload
from attest.verification.listings import FileDigests

VERIFICATIONS_AT_ONCE = 2
"""They compute more than they wait, and one interpreter computes one thing at a time: in turns,
everybody is served sooner than all at once."""


def router(hub: Hub, gate: Gate, metrics: Metrics) -> APIRouter:
    """The routes that take something in."""
    api = APIRouter()
    turns = CapacityLimiter(VERIFICATIONS_AT_ONCE)

    @api.post(
        "/hooks/huggingface",
        status_code=202,
        responses=responses(202, HookAnswer, 401, 408, 413, 415, 422, 503),
        openapi_extra=takes("Hook"),
    )
    async def hook(request: Request) -> Response:
        """Take in the uploads that a webhook tells of; the secret is in X-Webhook-Secret."""
        secret = request.headers.get("x-webhook-secret", "").encode("utf-8")
        if not hub.policy.knows_webhook_secret(secret):
            raise Problem(401, "secret", "expected the secret of this webhook")
        uploads = read_hook(await read_body(request))
        n_new = 0
        for upload in uploads:
            n_new += await run_in_threadpool(accept_upload, hub, upload)
        keys = tuple(dict.fromkeys(upload.key for upload in uploads))
        return answer(HookAnswer(deliveries=keys, n_new=n_new), 202)

    @api.post(
        "/v1/verify",
        responses=responses(200, VerifyAnswer, 401, 403, 408, 413, 415, 422, 429, 503),
        openapi_extra=takes("VerifyRequest"),
    )
    async def verify(request: Request) -> Response:
        """Say whether an attestation covers exactly these files under a license."""
        token = gate.admit(request)
        asked = VerifyRequest.from_json(await read_body(request), what="request")
        if asked.record:
            require(token, "verdicts")
        judgement = await to_thread.run_sync(_verify, hub, asked, limiter=turns)
        metrics.count_verdict(judgement.verdict.state, judgement.action)
        return Response(verify_answer(judgement, recorded=asked.record), media_type=JSON)

    @api.post(
        "/v1/attestations",
        responses=responses(200, AttestationAnswer, 401, 403, 408, 413, 415, 422, 429, 503),
        openapi_extra=takes("Bundle", BUNDLE_TYPE),
    )
    async def attest(request: Request) -> Response:
        """Hand in an attestation; it is stored if it verifies. Needs the scope `attestations`.

        Uploads of these weights that did not pass are checked again.
        """
        require(gate.admit(request), "attestations")
        data = await read_body(request, max_bytes=MAX_BUNDLE_BYTES)
        return answer(await run_in_threadpool(_attest, hub, data))

    return api


def _verify(hub: Hub, asked: VerifyRequest) -> Judgement:
    files, policy = asked.listing(), hub.policy
    limits = policy.file.limits
    check_size(files, max_files=limits.max_files, max_bytes=limits.max_bytes)
    bundles = stored_bundles(hub, files, asked.bundles)
    bundles |= {sha256_hex(data): partial(bytes, data) for data in asked.bundles}
    judgement = hub.judge.listing(_rule(policy, asked), files, bundles)
    if asked.record:
        load = bundles.get(judgement.verdict.bundle_sha256 or "")
        bundle = None if load is None else load()
        with hub.store.write() as connection:
            record_judgement(hub, connection, judgement, bundle)
    return judgement


def _rule(policy: Policy, asked: VerifyRequest) -> Rule:
    rules = policy.rules
    if asked.rule is not None:
        found = rules.get(asked.rule)
    elif asked.base_model is not None:
        found = policy.by_base_model.get(asked.base_model)
    else:
        found = next(iter(rules.values())) if len(rules) == 1 else None
    if found is None:
        raise Problem(
            422,
            "rule",
            "expected a rule or a base model of this hub's policy",
            hint="rules: " + ", ".join(sorted(rules)),
        )
    return found


def _attest(hub: Hub, data: bytes) -> AttestationAnswer:
    try:
        payload = open_bundle(data).dsse_envelope.payload
    except VerificationError as error:
        raise InputError(str(error), reason="bundle") from error
    # Nothing is believed yet: this only says which rule, and which files, to try it with.
    evaluation = Statement.from_json(payload, what="statement").predicate.evaluation
    found = [
        rule
        for rule in hub.policy.rules.values()
        if rule.license.sha256 == evaluation.license.sha256
    ]
    if not found:
        raise InputError(
            "measured under a license that is not in this hub's policy", reason="another-license"
        )
    files = {
        file.path: FileDigests(
            sha256=file.sha256, git_blob=file.git_blob, size_bytes=file.size_bytes
        )
        for file in evaluation.manifest.files
    }
    sha256 = sha256_hex(data)
    judgement = hub.judge.listing(found[0], files, {sha256: partial(bytes, data)})
    if not is_verified(judgement):
        verdict = judgement.verdict
        raise InputError(f"{verdict.state}: {verdict.problems[0]}", reason="not-verified")
    is_new = hand_in(hub, judgement, data, files)
    with hub.store.read() as connection:
        stored = attestations.attestation(connection, sha256)
    assert stored is not None, "it was stored just now"
    return AttestationAnswer(is_new=is_new, state=judgement.verdict.state, attestation=stored)
