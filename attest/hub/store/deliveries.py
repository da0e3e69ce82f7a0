"""What the hub was told of: each upload once, until something came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from attest.canonical import canonical_bytes, sha256_hex
from attest.hub.policy import Action
from attest.hub.store import heads
from attest.hub.store.repositories import RepositoryName
from attest.hub.store.tables import Delivery, Event, Repository, Snapshot, Verdict, Weight
from attest.hub.store.writing import insert_new
from attest.verification.listings import Checked

DeliveryState = Literal["queued", "deferred", "waiting", "done"]

MAX_DUE = 1000
"""Most deliveries that are queued again in one go."""


@dataclass(frozen=True)
class Upload:
    """A ref of a repository that came to point to a commit."""

    repository: RepositoryName
    ref: str
    revision: str
    depth: Checked = "listed-hash"
    """What it is to be checked against."""
    moved_from: str | None = None
    """The commit that the ref pointed to before; None if that is not known."""

    @property
    def key(self) -> str:
        """SHA-256 of what makes two deliveries the same one, whatever the name, whatever before."""
        one = self.repository
        parts = [one.host, one.external_id, self.ref, self.revision, self.depth]
        return sha256_hex(canonical_bytes(parts))


@dataclass(frozen=True)
class StoredDelivery:
    """A delivery, and what came of it so far."""

    key: str
    upload: Upload
    state: DeliveryState
    attempt: int
    retry_at: datetime | None
    verdict: str | None
    """The key of the verdict that it led to."""
    action: Action | None
    detail: str | None


def accept(
    connection: sa.Connection, upload: Upload, *, uploads_per_hour: int | None, now: datetime
) -> DeliveryState | None:
    """Take note of an upload; None if it is known, else whether a job is due now or later.

    A commit that is known is the head of its ref again if the ref moved there from its head of now,
    as it does when a branch is reset. Merely told again, it stays where it is.

    Args:
        connection: of a transaction.
        upload: what happened.
        uploads_per_hour: an upload beyond this rate of its owner is deferred until the hour has
            passed; None knows no limit.
        now: the time.
    """
    one = upload.repository
    is_new = insert_new(
        connection,
        Delivery,
        key=upload.key,
        host=one.host,
        external_id=one.external_id,
        name=one.name,
        owner=one.owner,
        ref=upload.ref,
        revision=upload.revision,
        depth=upload.depth,
        received_at=now,
        state="queued",
        attempt=1,
    )
    if not is_new:
        if upload.moved_from is not None:
            heads.move(
                connection, one, upload.ref, heads.Move(upload.moved_from, upload.revision, now)
            )
        return None
    if uploads_per_hour is None:
        return "queued"
    # Whoever was so many uploads ago; if that was within the hour, this one waits for the rest.
    before: datetime | None = connection.execute(
        sa.select(Delivery.received_at)
        .where(
            Delivery.host == one.host,
            Delivery.owner == one.owner,
            Delivery.received_at > now - timedelta(hours=1),
            Delivery.depth == "listed-hash",
            Delivery.key != upload.key,
        )
        .order_by(Delivery.received_at.desc())
        .offset(uploads_per_hour - 1)
        .limit(1)
    ).scalar_one_or_none()
    if before is None:
        return "queued"
    connection.execute(
        sa.update(Delivery)
        .where(Delivery.key == upload.key)
        .values(state="deferred", retry_at=before + timedelta(hours=1))
    )
    return "deferred"


def received_at(connection: sa.Connection, key: str) -> datetime:
    """When the hub was last told of the delivery with this key, which there is."""
    found: datetime = connection.execute(
        sa.select(Delivery.received_at).where(Delivery.key == key)
    ).scalar_one()
    return found


def look_again(connection: sa.Connection, weights: Collection[str], now: datetime) -> None:
    """Have every upload of any of these weights checked again whose listed hashes did not pass.

    Args:
        connection: of a transaction.
        weights: SHA-256 of files that hold weights.
        now: the time.
    """
    told = aliased(Delivery)
    keys = (
        sa.select(told.key)
        .join(
            Repository,
            sa.and_(Repository.host == told.host, Repository.external_id == told.external_id),
        )
        .join(
            Snapshot,
            sa.and_(Snapshot.repository_id == Repository.id, Snapshot.revision == told.revision),
        )
        .join(Weight, Weight.snapshot_id == Snapshot.id)
        .join(Event, Event.id == told.event)
        .join(Verdict, Verdict.key == Event.verdict)
        .where(
            Weight.sha256.in_(sorted(weights)),
            Verdict.state != "passed",
            told.state == "done",
            told.depth == "listed-hash",
        )
    )
    connection.execute(
        sa.update(Delivery).where(Delivery.key.in_(keys)).values(state="deferred", retry_at=now)
    )


def check_again(connection: sa.Connection, keys: Collection[str], now: datetime) -> int:
    """Have those of these deliveries checked again that are done; returns how many."""
    taken = connection.execute(
        sa.update(Delivery)
        .where(Delivery.key.in_(keys), Delivery.state == "done")
        .values(state="deferred", retry_at=now)
    )
    return taken.rowcount


def count_due(connection: sa.Connection, now: datetime, most: int) -> int:
    """How many checks by listed hashes are due or under way; counts no further than `most`."""
    is_due = sa.and_(Delivery.state.in_(("deferred", "waiting")), Delivery.retry_at <= now)
    some = (
        sa.select(Delivery.key)
        .where(Delivery.depth == "listed-hash", sa.or_(Delivery.state == "queued", is_due))
        .limit(most)
        .subquery()
    )
    found: int = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    return found


def delivery(connection: sa.Connection, key: str) -> StoredDelivery | None:
    """The delivery with this key, or None."""
    row = connection.execute(
        sa.select(Delivery.__table__, Event.verdict, Event.action, Event.detail)
        .outerjoin(Event, Event.id == Delivery.event)
        .where(Delivery.key == key)
    ).one_or_none()
    if row is None:
        return None
    return StoredDelivery(
        key=row.key,
        upload=Upload(
            RepositoryName(row.host, row.external_id, row.name, row.owner),
            row.ref,
            row.revision,
            row.depth,
        ),
        state=row.state,
        attempt=row.attempt,
        retry_at=row.retry_at,
        verdict=row.verdict,
        action=row.action,
        detail=row.detail,
    )


def close(connection: sa.Connection, key: str) -> bool:
    """Take a delivery that is queued for done; False if it was not queued any more.

    Of two that close it at once, one waits for the other and gets False.
    """
    closed = connection.execute(
        sa.update(Delivery)
        .where(Delivery.key == key, Delivery.state == "queued")
        .values(state="done", retry_at=None)
    )
    return closed.rowcount == 1


def note(connection: sa.Connection, key: str, event: int) -> None:
    """Note what a delivery led to."""
    connection.execute(sa.update(Delivery).where(Delivery.key == key).values(event=event))


def wait(connection: sa.Connection, key: str, event: int, retry_at: datetime) -> None:
    """Note that a delivery could not be checked, and when to try again."""
    connection.execute(
        sa.update(Delivery)
        .where(Delivery.key == key)
        .values(state="waiting", event=event, retry_at=retry_at)
    )


def due(connection: sa.Connection, now: datetime) -> Sequence[str]:
    """Keys of deliveries whose time has come, the longest waiting first."""
    return (
        connection.execute(
            sa.select(Delivery.key)
            .where(Delivery.state.in_(("deferred", "waiting")), Delivery.retry_at <= now)
            .order_by(Delivery.retry_at)
            .limit(MAX_DUE)
        )
        .scalars()
        .all()
    )


def requeue(connection: sa.Connection, key: str, now: datetime) -> bool:
    """Take a delivery that is due out of its waiting; False if somebody else did."""
    taken = connection.execute(
        sa.update(Delivery)
        .where(
            Delivery.key == key,
            Delivery.state.in_(("deferred", "waiting")),
            Delivery.retry_at <= now,
        )
        .values(state="queued", retry_at=None, attempt=Delivery.attempt + 1)
    )
    return taken.rowcount == 1


def count_by_state(connection: sa.Connection) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = connection.execute(sa.select(Delivery.state, sa.func.count()).group_by(Delivery.state))
    return {row[0]: row[1] for row in rows}
