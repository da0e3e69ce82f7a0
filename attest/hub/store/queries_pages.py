"""What the pages ask of the store: where a repository stands, its history, and what is found.

A repository stands where its main branch stands. Whoever may open a pull request may have a commit
checked as well; that is in the history, and never becomes the standing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from attest.hub.store.attestations import MAX_FOUND, StoredAttestation, attestation
from attest.hub.store.heads import MAIN, newest_first
from attest.hub.store.tables import (
    Attestation,
    Delivery,
    Event,
    Repository,
    Snapshot,
    Summary,
    Verdict,
)

PAGE_SIZE = 50
"""Rows of one page of a table."""
MAX_HISTORY = 200
"""Most entries of a history that one page shows, newest first."""


@dataclass(frozen=True)
class Standing:
    """The newest thing that was found of a repository, and what is still to come."""

    repository_id: int
    host: str
    name: str
    base_model: str | None
    """By which the rule was chosen."""
    event: int | None
    """None while nothing was found yet."""
    at: datetime | None
    kind: str | None
    action: str | None
    detail: str | None
    snapshot_id: int | None
    verdict: str | None
    """Key of the verdict; None where the check came to none."""
    state: str | None
    """Of the verdict."""
    checked: str | None
    rule: str | None
    """Of the verdict."""
    license_sha256: str | None
    """That the verdict was found under."""
    trust: str | None
    """The trust version that the verdict was found under."""
    expires: datetime | None
    """When the attestation ends that was gone by; None where it is not stored."""
    checkpoint: str | None
    """That the stored attestation is about."""
    revision: str | None
    """The commit that this is about."""
    newest_revision: str | None
    """The commit that the branch points to, as far as the hub was told."""
    is_pending: bool
    """True while a check of that commit is still to be made."""
    retry_at: datetime | None


@dataclass(frozen=True)
class HistoryEntry:
    """One line of the history of a repository."""

    id: int
    at: datetime
    kind: str
    action: str | None
    detail: str
    revision: str | None
    is_main: bool
    """Whether the main branch is known to have pointed to the commit."""
    verdict: str | None
    state: str | None
    checked: str | None


@dataclass(frozen=True)
class StoredListing:
    """The files of a repository at a commit, as canonical JSON."""

    sha256: str
    files: str


@dataclass(frozen=True)
class FullVerdict:
    """A verdict with what it was found under."""

    key: str
    rule: str
    listing_sha256: str
    attestation: str | None
    license_sha256: str
    trust: str
    verifier: str
    verified_at: datetime
    record: str
    key_hint: str | None
    """Of the key that signed the hub's statement about it; None without one."""


@dataclass(frozen=True)
class StateCount:
    """How many repositories stand in one way."""

    state: str
    """Of a verdict, or the kind of an event that led to none."""
    n: int


def _told(*wanted: Any) -> sa.ScalarSelect[Any]:
    """The first of the deliveries of a repository's main branch, newest first."""
    delivery = aliased(Delivery)
    return (
        sa.select(delivery.key)
        .where(
            delivery.host == Repository.host,
            delivery.external_id == Repository.external_id,
            delivery.ref == MAIN,
            *(getattr(delivery, name).is_not(None) for name in wanted),
        )
        .order_by(*newest_first(delivery))
        .limit(1)
        .correlate(Repository)
        .scalar_subquery()
    )


_FOUND = aliased(Delivery)
_NEWEST = aliased(Delivery)
_STATE = sa.func.coalesce(Verdict.state, Event.kind, "not-checked")

_STANDING = (
    sa.select(
        Repository.id.label("repository_id"),
        Repository.host,
        Repository.name,
        Repository.base_model,
        Event.id.label("event"),
        Event.at,
        Event.kind,
        Event.action,
        Event.detail,
        Event.snapshot_id,
        Event.verdict,
        Verdict.state,
        Verdict.checked,
        Verdict.rule,
        Verdict.license_sha256,
        Verdict.trust,
        Attestation.expires,
        Attestation.checkpoint,
        _FOUND.revision,
        _NEWEST.revision.label("newest_revision"),
        sa.func.coalesce(_NEWEST.state != "done", sa.false()).label("is_pending"),
        _NEWEST.retry_at,
    )
    .select_from(Repository)
    .outerjoin(_FOUND, _FOUND.key == _told("event"))
    .outerjoin(_NEWEST, _NEWEST.key == _told())
    .outerjoin(Event, Event.id == _FOUND.event)
    .outerjoin(Verdict, Verdict.key == Event.verdict)
    .outerjoin(Attestation, Attestation.sha256 == Verdict.attestation)
)


def _standings(connection: sa.Connection, statement: sa.Select[*tuple[Any, ...]]) -> list[Standing]:
    rows = connection.execute(statement).mappings()
    # SQLite has no booleans.
    return [Standing(**{**row, "is_pending": bool(row["is_pending"])}) for row in rows]


def standing(connection: sa.Connection, host: str, name: str) -> Standing | None:
    """Where the repository stands that is called so; None if the hub knows none.

    Of several that bore the name one after the other, it is the one that came last.
    """
    statement = _STANDING.where(Repository.host == host, Repository.name == name)
    found = _standings(connection, statement.order_by(Repository.id.desc()).limit(1))
    return found[0] if found else None


def derivatives(
    connection: sa.Connection, base_model: str, *, state: str | None, page: int
) -> Sequence[Standing]:
    """Where the derivatives of a base model stand, by name; one more than a page holds.

    Args:
        connection: to read with.
        base_model: as the policy names it.
        state: take only these; see `StateCount`.
        page: counted from 0.
    """
    statement = _STANDING.where(Repository.base_model == base_model)
    if state is not None:
        statement = statement.where(_STATE.in_([state]))
    statement = statement.order_by(Repository.name, Repository.id)
    return _standings(connection, statement.limit(PAGE_SIZE + 1).offset(PAGE_SIZE * page))


def count_derivatives(connection: sa.Connection, base_model: str) -> Sequence[StateCount]:
    """How many derivatives of a base model stand in which way."""
    statement = (
        sa.select(_STATE, sa.func.count())
        .select_from(Repository)
        .outerjoin(_FOUND, _FOUND.key == _told("event"))
        .outerjoin(Event, Event.id == _FOUND.event)
        .outerjoin(Verdict, Verdict.key == Event.verdict)
        .where(Repository.base_model == base_model)
        .group_by(_STATE)
    )
    return [StateCount(row[0], row[1]) for row in connection.execute(statement)]


def count_by_base_model(connection: sa.Connection) -> dict[str, int]:
    """How many repositories each base model has."""
    statement = (
        sa.select(Repository.base_model, sa.func.count())
        .where(Repository.base_model.is_not(None))
        .group_by(Repository.base_model)
    )
    return {str(row[0]): row[1] for row in connection.execute(statement)}


def named_like(connection: sa.Connection, text: str) -> Sequence[Standing]:
    """Repositories whose name holds `text`, whatever the case; at most a page and one more."""
    statement = _STANDING.where(Repository.name.icontains(text, autoescape=True))
    return _standings(connection, statement.order_by(Repository.name).limit(PAGE_SIZE + 1))


def going_by(connection: sa.Connection, attestations: Sequence[str]) -> Sequence[Standing]:
    """Repositories that were judged by one of these attestations at any time, by name."""
    judged = (
        sa.select(Event.repository_id)
        .join(Verdict, Verdict.key == Event.verdict)
        .where(Verdict.attestation.in_(list(attestations)))
    )
    return _those(connection, judged)


def having_listing(connection: sa.Connection, listing_sha256: str) -> Sequence[Standing]:
    """Repositories that had exactly this listing at any time, by name."""
    had = sa.select(Snapshot.repository_id).where(Snapshot.listing_sha256 == listing_sha256)
    return _those(connection, had)


def _those(connection: sa.Connection, ids: sa.Select[Any]) -> Sequence[Standing]:
    # The name "repositories" inside would be taken for the one outside.
    statement = _STANDING.where(Repository.id.in_(ids.correlate(None)))
    return _standings(connection, statement.order_by(Repository.name).limit(PAGE_SIZE + 1))


def recent(connection: sa.Connection, most: int) -> Sequence[Standing]:
    """The repositories that something was found of last."""
    last = (
        sa.select(Event.repository_id.label("id"), sa.func.max(Event.id).label("event"))
        .where(Event.id > sa.select(sa.func.max(Event.id)).scalar_subquery() - 10 * most)
        .group_by(Event.repository_id)
        .subquery()
    )
    statement = _STANDING.join(last, last.c.id == Repository.id)
    return _standings(connection, statement.order_by(last.c.event.desc()).limit(most))


def history(connection: sa.Connection, repository_id: int) -> Sequence[HistoryEntry]:
    """What was found of a repository, newest first; at most `MAX_HISTORY` entries and one more."""
    on_main = (
        sa.exists()
        .where(
            Delivery.host == Repository.host,
            Delivery.external_id == Repository.external_id,
            Delivery.revision == Snapshot.revision,
            Delivery.ref == MAIN,
        )
        .correlate(Repository, Snapshot)
    )
    statement = (
        sa.select(
            Event.id,
            Event.at,
            Event.kind,
            Event.action,
            Event.detail,
            Snapshot.revision,
            on_main.label("is_main"),
            Event.verdict,
            Verdict.state,
            Verdict.checked,
        )
        .join(Repository, Repository.id == Event.repository_id)
        .outerjoin(Snapshot, Snapshot.id == Event.snapshot_id)
        .outerjoin(Verdict, Verdict.key == Event.verdict)
        .where(Event.repository_id == repository_id)
        .order_by(Event.id.desc())
        .limit(MAX_HISTORY + 1)
    )
    return [
        HistoryEntry(**{**row, "is_main": bool(row["is_main"])})
        for row in connection.execute(statement).mappings()
    ]


def checked_at(connection: sa.Connection, repository_id: int, revision: str) -> str | None:
    """The key of the last verdict on a commit of a repository; None if there is none."""
    found: str | None = connection.execute(
        sa.select(Event.verdict)
        .join(Snapshot, Snapshot.id == Event.snapshot_id)
        .where(
            Event.repository_id == repository_id,
            Snapshot.revision == revision,
            Event.verdict.is_not(None),
        )
        .order_by(Event.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found


def full_verdict(connection: sa.Connection, key: str) -> FullVerdict | None:
    """The verdict with this key and all that it was found under; None if there is none."""
    row = (
        connection.execute(
            sa.select(
                Verdict.key,
                Verdict.rule,
                Verdict.listing_sha256,
                Verdict.attestation,
                Verdict.license_sha256,
                Verdict.trust,
                Verdict.verifier,
                Verdict.verified_at,
                Verdict.record,
                Summary.key_hint,
            )
            .outerjoin(Summary, Summary.verdict == Verdict.key)
            .where(Verdict.key == key)
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else FullVerdict(**row)


def listing(connection: sa.Connection, sha256: str) -> StoredListing | None:
    """The listing with this digest, from any repository that had it; None if none did.

    A listing that somebody only asked about is not kept.
    """
    text: str | None = connection.execute(
        sa.select(Snapshot.files).where(Snapshot.listing_sha256 == sha256).limit(1)
    ).scalar_one_or_none()
    return None if text is None else StoredListing(sha256, text)


def of_digest(connection: sa.Connection, sha256: str) -> Sequence[StoredAttestation]:
    """Attestations that bear this digest themselves: of bundle, statement or checkpoint."""
    found = connection.execute(
        sa.select(Attestation.sha256)
        .where(
            sa.or_(
                Attestation.sha256 == sha256,
                Attestation.statement_sha256 == sha256,
                Attestation.checkpoint == sha256,
            )
        )
        .order_by(Attestation.sha256)
        .limit(MAX_FOUND)
    ).scalars()
    return [one for one in (attestation(connection, name) for name in found) if one is not None]
