"""What happens to an upload: it is looked at, judged, and the finding written down once.

Everything that a check leads to is written in one transaction, in which the delivery is closed. So
a check may run twice, as it does when a worker dies, and leaves one event, one verdict, one
statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.hub.doors.snapshot import Snapshot
from attest.hub.hub import Hub
from attest.hub.judgement import (
    Judgement,
    check_size,
    listing_digest,
    listing_values,
    weights_of,
)
from attest.hub.measuring import measure
from attest.hub.policy import STRICTNESS, Action, Policy, Rule
from attest.hub.recording import (
    fitting,
    is_verified,
    measured_before,
    record_judgement,
    store_attestation,
    stored_bundles,
)
from attest.hub.store import attestations, deliveries, repositories
from attest.hub.store.deliveries import StoredDelivery, Upload
from attest.hub.store.heads import MAIN
from attest.hub.store.readings import Reading, readings
from attest.verification.listings import Checked

RETRY_AFTER = timedelta(seconds=10)
"""How long an upload waits that could not be checked; each further time twice as long."""
MAX_RETRY_AFTER = timedelta(hours=12)

_DEEPER: dict[Checked, Checked] = {"listed-hash": "served-bytes", "served-bytes": "replay"}
"""What a check is followed by where the policy asks for more."""


def accept_upload(hub: Hub, upload: Upload) -> bool:
    """Take note of an upload and have it checked; False if it was known.

    A branch that was reset to a commit that is known stands by what was found of it.
    """
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
    policy = hub.policy
    rules = policy.rules_for(snapshot.base_models)
    if not rules:
        _close(hub, delivery, "no-rule", "of no base model in the policy", "allow")
        return
    stored = stored_bundles(hub, snapshot.files, snapshot.bundles.values())
    with hub.store.read() as connection:
        earlier = readings(connection, upload, listing_digest(snapshot.files))
    if earlier:
        # The bytes of this commit were hashed once, and had the digests that are listed.
        snapshot = replace(snapshot, checked="served-bytes")
    try:
        found = [
            _judge(hub, delivery, rule, name, snapshot, stored, earlier)
            for name, rule in rules.items()
        ]
    except InputError as error:
        _close(hub, delivery, "could-not-check", f"cannot be measured: {error.reason}", "hold")
        return
    # The strictest is written last, and the upload stands by it.
    found.sort(key=lambda one: STRICTNESS.index(one.judgement.action))
    seen = stored.keys() | set(map(sha256_hex, snapshot.bundles.values()))
    _record_check(hub, delivery, snapshot, found, seen, policy)


@dataclass(frozen=True)
class _Found:
    """What was found under one rule."""

    judgement: Judgement
    base_model: str
    """By which the rule was chosen."""
    bundle: bytes | None
    """The attestation that was gone by."""


def _judge(
    hub: Hub,
    delivery: StoredDelivery,
    rule: Rule,
    base_model: str,
    snapshot: Snapshot,
    stored: Mapping[str, Callable[[], bytes]],
    earlier: Sequence[Reading],
) -> _Found:
    if rule.entry.level == "replay":
        if delivery.upload.depth == "replay":
            own = measure(hub, rule, snapshot, run=f"{delivery.key[:32]}-{rule.name}")
            return _found_by_measurement(hub, rule, base_model, snapshot, own)
        measured = measured_before(hub, rule, earlier)
        if measured is not None:
            found = _found_by_measurement(hub, rule, base_model, snapshot, measured)
            if is_verified(found.judgement):
                return found
    further = {sha256: load() for sha256, load in stored.items()}
    return _found_by(hub, rule, base_model, snapshot, further)


def _found_by_measurement(
    hub: Hub, rule: Rule, base_model: str, snapshot: Snapshot, own: bytes
) -> _Found:
    # Of several attestations the best one counts, so whoever measures again may not look at others.
    alone = replace(snapshot, bundles={}, checked="replay")
    return _found_by(hub, rule, base_model, alone, {sha256_hex(own): own})


def _found_by(
    hub: Hub, rule: Rule, base_model: str, snapshot: Snapshot, further: Mapping[str, bytes]
) -> _Found:
    judgement = hub.judge.snapshot(rule, snapshot, further)
    bundles = dict(further) | {sha256_hex(data): data for data in snapshot.bundles.values()}
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


def _record_check(
    hub: Hub,
    delivery: StoredDelivery,
    snapshot: Snapshot,
    found: Sequence[_Found],
    seen: Collection[str],
    policy: Policy,
) -> None:
    """Write a check down.

    Args:
        hub: that made it.
        delivery: which it closes.
        snapshot: what was looked at.
        found: under each rule, the strictest last.
        seen: SHA-256 of the attestations that were looked at.
        policy: that it was made under.
    """
    weights, now = weights_of(snapshot.files), hub.clock()
    with hub.store.write() as connection:
        attestations.hold(connection, alone=False)
        if not deliveries.close(connection, delivery.key):
            return
        there = fitting(connection, weights, snapshot.bundles.values())
        came_since = not set(there) <= set(seen)
        repository = repositories.save_repository(connection, delivery.upload.repository)
        snapshot_id = repositories.save_snapshot(
            connection,
            repository,
            repositories.NewSnapshot(
                revision=delivery.upload.revision,
                files=listing_values(snapshot.files),
                weights=weights,
                size_bytes=sum(one.size_bytes or 0 for one in snapshot.files.values()),
                base_models=snapshot.base_models,
                seen_at=now,
            ),
        )
        for one in found:
            judgement = one.judgement
            if delivery.upload.ref == MAIN:
                repositories.save_rule(connection, repository, judgement.rule.name, one.base_model)
            if one.bundle is not None and is_verified(judgement):
                store_attestation(hub, connection, judgement, one.bundle)
            record_judgement(hub, connection, judgement, one.bundle)
            event = repositories.add_event(
                connection,
                repositories.NewEvent(
                    at=now,
                    kind="checked",
                    repository_id=repository,
                    snapshot_id=snapshot_id,
                    verdict=judgement.key,
                    action=judgement.action,
                    detail=judgement.verdict.state,
                ),
            )
            deliveries.note(connection, delivery.key, event)
        reached = [one.judgement.verdict.checked for one in found if one.judgement.wants_more]
        if reached:
            depth = _DEEPER[min(reached, key=list(_DEEPER).index)]
            deeper = replace(delivery.upload, depth=depth)
            told = deliveries.received_at(connection, delivery.key)
            if deliveries.accept(connection, deeper, uploads_per_hour=None, now=told):
                hub.enqueue(connection, deeper, 1)
            else:
                deliveries.check_again(connection, [deeper.key], now)
        if came_since:
            deliveries.look_again(connection, weights, now)
        if hub.policy is not policy:
            # Whoever looks for outdated uploads may have looked already.
            listed = replace(delivery.upload, depth="listed-hash")
            deliveries.check_again(connection, [listed.key], now)


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
