"""Where the refs of a repository point to, as far as the hub was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from attest.hub.store.repositories import RepositoryName
from attest.hub.store.tables import Delivery

MAIN = "refs/heads/main"
"""The ref that a repository stands by; others may be set by whoever opens a pull request."""


@dataclass(frozen=True)
class Move:
    """A ref that left one commit for another."""

    before: str
    after: str
    at: datetime


def newest_first(delivery: Any) -> tuple[sa.ColumnElement[Any], ...]:
    """The order in which the deliveries of a ref begin with its head, looked at the deepest.

    Deeper checks of a commit bear its time, so that one that takes long never outlives a newer
    commit; what is still to be made comes before what was found.
    """
    return (delivery.received_at.desc(), delivery.event.desc().nulls_first())


def head(connection: sa.Connection, repository: RepositoryName, ref: str) -> str | None:
    """The commit that a ref points to; None if nothing was told of it."""
    found: str | None = connection.execute(
        sa.select(Delivery.revision)
        .where(*_is(repository, ref))
        .order_by(*newest_first(Delivery))
        .limit(1)
    ).scalar_one_or_none()
    return found


def move(connection: sa.Connection, repository: RepositoryName, ref: str, one: Move) -> None:
    """Have a ref point to a commit that is known already, if it does point to `one.before`.

    Otherwise an old webhook came again, or one in between was lost, which the poll finds.
    """
    if one.before != one.after and head(connection, repository, ref) == one.before:
        connection.execute(
            sa.update(Delivery)
            .where(*_is(repository, ref), Delivery.revision == one.after)
            .values(received_at=one.at)
        )


def _is(repository: RepositoryName, ref: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Delivery.host == repository.host,
        Delivery.external_id == repository.external_id,
        Delivery.ref == ref,
    )
