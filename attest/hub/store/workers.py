"""Which workers live: each says so again and again, and what a dead one left is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from attest.hub.store.tables import Worker
from attest.hub.store.writing import insert_new

DEAD_AFTER = timedelta(seconds=15)
"""A worker that has said nothing for so long is taken for dead. If it only slept, some work is
done twice, and written down once."""


def beat(connection: sa.Connection, executor: str, now: datetime) -> None:
    """Say that the worker `executor` lives."""
    if not insert_new(connection, Worker, executor=executor, seen_at=now):
        connection.execute(
            sa.update(Worker)
            .where(Worker.executor == executor)
            .values(seen_at=now, claimed_at=None)
        )


def claim_dead(connection: sa.Connection, now: datetime) -> Sequence[str]:
    """Dead workers whose jobs the caller, and nobody else for a while, is to take over."""
    return (
        connection.execute(
            sa.update(Worker)
            .where(
                Worker.seen_at < now - DEAD_AFTER,
                sa.or_(Worker.claimed_at.is_(None), Worker.claimed_at < now - DEAD_AFTER),
            )
            .values(claimed_at=now)
            .returning(Worker.executor)
        )
        .scalars()
        .all()
    )


def bury(connection: sa.Connection, executor: str) -> None:
    """Forget a dead worker whose jobs were taken over, or one that has stopped."""
    connection.execute(sa.delete(Worker).where(Worker.executor == executor))
