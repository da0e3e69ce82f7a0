"""What happens to an upload: it is looked at, judged, and the finding written down once.

Everything that a check leads to is written in one transaction, in which the delivery is closed. So
a check may run twice, as it does when a worker dies, and leaves one event, one verdict, one
statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Statement
from attest.canonical import sha256_hex
from attest.errors import HubError, InputError
from attest.hub.doors.snapshot import Snapshot
from attest.hub.hub import Hub
from attest.hub.judgement import Judgement, check_size, listing_values, weights_of
from attest.hub.measuring import measure
from attest.hub.policy import STRICTNESS, Action, Rule
from attest.hub.store import attestations, deliveries, repositories, verdicts
from attest.hub.store.deliveries import StoredDelivery, Upload
from attest.hub.summaries import sign_summary
from attest.verification.folder import MAX_BUNDLES
from attest.verification.listings import Checked, FileDigests

RETRY_AFTER = timedelta(seconds=10)
"""How long an upload waits that could not be checked; each further time twice as long."""
MAX_RETRY_AFTER = timedelta(hours=12)

_DEEPER: dict[Checked, Checked] = {"listed-hash": "served-bytes", "served-bytes": "replay"}
"""What a check is followed by where the policy asks for more."""


def accept_upload(hub: Hub, upload: Upload) -> bool:
    """Take note of an upload and have it checked; False if it was known."""
    now, limit = hub.clock(), hub.policy.file.limits.uploads_per_hour
    with hub.store.write() as connection:
        state = deliveries.accept(connection, upload, uploads_per_hour=limit, now=now)
        if state == "queued":
            hub.enqueue(connection, upload, 1)
    return state is not None


def check_upload(hub: Hub, key: str) -> None:
    """Check the upload of the delivery `key`, as deep as the delivery says.

    Raises: HubError if its hub does not answer, or the database; try again later.
    """
    with hub.store.read() as connection:
        delivery = deliveries.delivery(connection, key)
    if delivery is None or delivery.state != "queued":
        return
    upload = delivery.upload
    door = hub.doors.get(upload.repository.host)
    if door is None:
        _close(hub, delivery, "could-not-check", "no door leads to this host", "hold")
        return
    try:
        snapshot = door(
            upload.repository.name,
            upload.revision,
            reads_bytes=upload.depth != "listed-hash",
        )
        limits = hub.policy.file.limits
        check_size(snapshot.files, max_files=limits.max_files, max_bytes=limits.max_bytes)
    except InputError as error:
        # The code is ours; the message quotes what the uploader wrote.
        _close(hub, delivery, "could-not-check", f"cannot be read: {error.reason}", "hold")
        return
    rules = hub.policy.rules_for(snapshot.base_models)
    if not rules:
        _close(hub, delivery, "no-rule", "of no base model in the policy", "allow")
        return
    try:
        found = [_judge(hub, delivery, rule, name, snapshot) for name, rule in rules.items()]
    except InputError as error:
        _close(hub, delivery, "could-not-check", f"cannot be measured: {error.reason}", "hold")
        return
    # The strictest is written last, and the upload stands by it.
    found.sort(key=lambda one: STRICTNESS.index(one.judgement.action))
    _record_check(hub, delivery, snapshot, found)


@dataclass(frozen=True)
class _Found:
    """What was found under one rule."""

    judgement: Judgement
    base_model: str
    """By which the rule was chosen."""
    bundle: bytes | None
    """The attestation that was gone by."""


def _judge(
    hub: Hub, delivery: StoredDelivery, rule: Rule, base_model: str, snapshot: Snapshot
) -> _Found:
    if delivery.upload.depth == "replay" and rule.entry.level == "replay":
        # Of several attestations the best one counts, so whoever measures again may not look at
        # others.
        own = measure(hub, rule, snapshot, run=f"{delivery.key[:32]}-{rule.name}")
        snapshot, further = replace(snapshot, bundles={}, checked="replay"), {sha256_hex(own): own}
    else:
        stored = stored_bundles(hub, snapshot.files)
        further = {sha256: load() for sha256, load in stored.items()}
    judgement = hub.judge.snapshot(rule, snapshot, further)
    bundles = further | {sha256_hex(data): data for data in snapshot.bundles.values()}
    return _Found(judgement, base_model, bundles.get(judgement.verdict.bundle_sha256 or ""))


def give_up(hub: Hub, key: str) -> None:
    """Note that an upload could not be checked for now, and when to try again."""
    with hub.store.write() as connection:
        delivery = deliveries.delivery(connection, key)
        if delivery is None or not deliveries.close(connection, key):
            return
        now = hub.clock()
        detail = "the check could not be made, and will be tried again"
        event = _event(hub, connection, delivery, "could-not-check", detail, "hold")
        pause = min(RETRY_AFTER * 2 ** min(delivery.attempt - 1, 10), MAX_RETRY_AFTER)
        deliveries.wait(connection, key, event, now + pause)


def stored_bundles(hub: Hub, files: Mapping[str, FileDigests]) -> dict[str, Callable[[], bytes]]:
    """The attestations in the store that cover weights of this listing."""
    with hub.store.read() as connection:
        found = attestations.attestations_of(connection, weights_of(files), MAX_BUNDLES)
    return {sha256: partial(_load, hub, sha256) for sha256 in found}


def record_judgement(
    hub: Hub, connection: sa.Connection, judgement: Judgement, bundle: bytes | None
) -> None:
    """Write a verdict down, with the hub's own statement about it, unless it is there.

    Args:
        hub: whose verdict it is.
        connection: of a transaction.
        judgement: what was found.
        bundle: the attestation that it went by; None if there was none.
    """
    verdict, rule = judgement.verdict, judgement.rule
    verdicts.add_verdict(
        connection,
        verdicts.NewVerdict(
            key=judgement.key,
            state=verdict.state,
            checked=verdict.checked,
            rule=rule.name,
            listing_sha256=judgement.listing_sha256,
            attestation=verdict.bundle_sha256,
            license_sha256=rule.license.sha256,
            trust=rule.trust_version,
            verifier=judgement.verifier,
            verified_at=judgement.verified_at,
            record=judgement.record,
        ),
        lambda: sign_summary(judgement, bundle, hub_url=hub.policy.file.url, signer=hub.signer),
    )


def is_verified(judgement: Judgement) -> bool:
    """True if an attestation verified, whatever it says."""
    verification = judgement.verdict.verification
    return verification is not None and verification.is_verified


def store_attestation(
    hub: Hub, connection: sa.Connection, judgement: Judgement, bundle: bytes
) -> bool:
    """Store the attestation that a judgement went by, if it verified; False if it was there."""
    verification = judgement.verdict.verification
    assert verification is not None, "only what verified is stored"
    assert verification.is_verified, "only what verified is stored"
    statement = Statement.from_json(open_bundle(bundle).dsse_envelope.payload, what="statement")
    measured = statement.predicate.evaluation.license
    names = dict.fromkeys(name for one in verification.signers for name in one.names)
    about = attestations.StoredAttestation(
        sha256=sha256_hex(bundle),
        statement_sha256=verification.statement_sha256 or "",
        checkpoint=statement.predicate.evaluation.manifest.digest(),
        license_name=measured.name,
        license_version=measured.license_version,
        license_sha256=measured.sha256,
        signers=tuple(names),
        issued=statement.predicate.issued,
        expires=statement.predicate.expires,
        rule=judgement.rule.name,
        trust=judgement.rule.trust_version,
        stored_at=hub.clock(),
    )
    return attestations.add_attestation(
        connection, attestations.NewAttestation(about, bundle, statement.subject)
    )


def _record_check(
    hub: Hub, delivery: StoredDelivery, snapshot: Snapshot, found: Sequence[_Found]
) -> None:
    with hub.store.write() as connection:
        if not deliveries.close(connection, delivery.key):
            return
        repository = repositories.save_repository(connection, delivery.upload.repository)
        snapshot_id = repositories.save_snapshot(
            connection,
            repository,
            repositories.NewSnapshot(
                revision=delivery.upload.revision,
                files=listing_values(snapshot.files),
                size_bytes=sum(one.size_bytes or 0 for one in snapshot.files.values()),
                base_models=snapshot.base_models,
                seen_at=hub.clock(),
            ),
        )
        for one in found:
            judgement = one.judgement
            if delivery.upload.ref == deliveries.MAIN:
                repositories.save_rule(connection, repository, judgement.rule.name, one.base_model)
            if one.bundle is not None and is_verified(judgement):
                store_attestation(hub, connection, judgement, one.bundle)
            record_judgement(hub, connection, judgement, one.bundle)
            event = repositories.add_event(
                connection,
                repositories.NewEvent(
                    at=hub.clock(),
                    kind="checked",
                    repository_id=repository,
                    snapshot_id=snapshot_id,
                    verdict=judgement.key,
                    action=judgement.action,
                    detail=judgement.verdict.state,
                ),
            )
            deliveries.note(connection, delivery.key, event)
        if any(one.judgement.wants_more for one in found):
            deeper = replace(delivery.upload, depth=_DEEPER[delivery.upload.depth])
            if deliveries.accept(connection, deeper, uploads_per_hour=None, now=hub.clock()):
                hub.enqueue(connection, deeper, 1)


def _close(hub: Hub, delivery: StoredDelivery, kind: str, detail: str, action: Action) -> None:
    with hub.store.write() as connection:
        if deliveries.close(connection, delivery.key):
            event = _event(hub, connection, delivery, kind, detail, action)
            deliveries.note(connection, delivery.key, event)


def _event(
    hub: Hub,
    connection: sa.Connection,
    delivery: StoredDelivery,
    kind: str,
    detail: str,
    action: Action,
) -> int:
    repository = repositories.save_repository(connection, delivery.upload.repository)
    return repositories.add_event(
        connection,
        repositories.NewEvent(
            at=hub.clock(),
            kind=kind,
            repository_id=repository,
            snapshot_id=None,
            verdict=None,
            action=action,
            detail=detail,
        ),
    )


def _load(hub: Hub, sha256: str) -> bytes:
    with hub.store.read() as connection:
        found = attestations.bundle_of(connection, sha256)
    if found is None:
        raise HubError("an attestation is gone that is never removed")
    return found
