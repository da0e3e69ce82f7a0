"""Repositories, the snapshots of their files, and their history."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from attest.canonical import canonical_bytes, sha256_hex
from attest.hub.policy import Action
from attest.hub.store.tables import Event, Repository, Snapshot, Weight
from attest.hub.store.writing import insert_new


@dataclass(frozen=True)
class RepositoryName:
    """A repository as its hub names it."""

    host: str
    external_id: str
    """The hub's own id, which stays when the name changes."""
    name: str
    owner: str


@dataclass(frozen=True)
class NewSnapshot:
    """What a repository held at a commit."""

    revision: str
    files: Mapping[str, Mapping[str, Any]]
    """The digests of each file as JSON values, by its path."""
    weights: Collection[str]
    """SHA-256 of the files that hold weights, by which attestations lead here."""
    size_bytes: int
    base_models: Sequence[str]
    seen_at: datetime


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to a repository."""

    at: datetime
    kind: str
    repository_id: int
    snapshot_id: int | None
    verdict: str | None
    action: Action | None
    detail: str


def save_repository(connection: sa.Connection, repository: RepositoryName) -> int:
    """The id of the repository here, which is made or renamed as its hub says."""
    insert_new(
        connection,
        Repository,
        host=repository.host,
        external_id=repository.external_id,
        name=repository.name,
        owner=repository.owner,
    )
    is_it = sa.and_(
        Repository.host == repository.host, Repository.external_id == repository.external_id
    )
    connection.execute(
        sa.update(Repository)
        .where(
            is_it, sa.or_(Repository.name != repository.name, Repository.owner != repository.owner)
        )
        .values(name=repository.name, owner=repository.owner)
    )
    found: int = connection.execute(sa.select(Repository.id).where(is_it)).scalar_one()
    return found


def save_rule(connection: sa.Connection, repository_id: int, rule: str, base_model: str) -> None:
    """Remember by which rule, and for which base model, the repository was judged last."""
    connection.execute(
        sa.update(Repository)
        .where(Repository.id == repository_id)
        .values(rule=rule, base_model=base_model)
    )


def listing_text(files: Mapping[str, Mapping[str, Any]]) -> str:
    """A listing as canonical JSON, of which the listing digest is taken."""
    return canonical_bytes(files).decode("utf-8")


def save_snapshot(connection: sa.Connection, repository_id: int, snapshot: NewSnapshot) -> int:
    """The id of the snapshot, which is stored unless it is already."""
    text = listing_text(snapshot.files)
    is_new = insert_new(
        connection,
        Snapshot,
        repository_id=repository_id,
        revision=snapshot.revision,
        listing_sha256=sha256_hex(text.encode("utf-8")),
        files=text,
        n_files=len(snapshot.files),
        size_bytes=snapshot.size_bytes,
        base_models=json.dumps(list(snapshot.base_models)),
        seen_at=snapshot.seen_at,
    )
    found: int = connection.execute(
        sa.select(Snapshot.id).where(
            Snapshot.repository_id == repository_id, Snapshot.revision == snapshot.revision
        )
    ).scalar_one()
    if is_new and snapshot.weights:
        rows = [{"sha256": one, "snapshot_id": found} for one in sorted(set(snapshot.weights))]
        connection.execute(sa.insert(Weight), rows)
    return found


def add_event(connection: sa.Connection, event: NewEvent) -> int:
    """Append to the history; returns the event's id."""
    statement = sa.insert(Event).values(**vars(event)).returning(Event.id)
    found: int = connection.execute(statement).scalar_one()
    return found
