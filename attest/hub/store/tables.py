"""The tables of the hub.

What was found is written once and never changed: attestations, their subjects, verdicts, summaries
and events are append-only, and the database itself refuses anything else (see the migrations).
Repositories, deliveries and workers are state, and change.

Source: SQLAlchemy 2, declarative mapping.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

APPEND_ONLY = ("attestations", "subjects", "verdicts", "summaries", "events")
"""Tables whose rows are neither changed nor removed."""

Counted = BigInteger().with_variant(Integer, "sqlite")
"""A key that the database counts up; SQLite counts only what it calls an integer."""


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC, as it is written."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The moment as it was read, with its zone."""
        del dialect
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """All tables of the hub."""


class Repository(Table):
    """A repository on some hub, known by that hub's own id: names are registered again."""

    __tablename__ = "repositories"
    __table_args__ = (UniqueConstraint("host", "external_id"),)

    id: Mapped[int] = mapped_column(Counted, primary_key=True)
    host: Mapped[str] = mapped_column(String(100))
    """Short name of the hub, such as `huggingface`."""
    external_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200), index=True)
    """As it was last called."""
    owner: Mapped[str] = mapped_column(String(200))
    """Who uploads, as the hub calls him."""
    rule: Mapped[str | None] = mapped_column(String(100), index=True)
    """The rule of the policy that was applied last; None while none has been."""
    base_model: Mapped[str | None] = mapped_column(String(200), index=True)
    """The base model by which that rule was chosen."""


class Snapshot(Table):
    """The files of a repository at a commit, as they were listed."""

    __tablename__ = "snapshots"
    __table_args__ = (UniqueConstraint("repository_id", "revision"),)

    id: Mapped[int] = mapped_column(Counted, primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    revision: Mapped[str] = mapped_column(String(100))
    """The commit, never a branch."""
    listing_sha256: Mapped[str] = mapped_column(String(64), index=True)
    """Of the canonical JSON in `files`."""
    files: Mapped[str] = mapped_column(Text)
    """Canonical JSON: the digests of each file, by its path."""
    n_files: Mapped[int] = mapped_column(Integer)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    """Of all files whose size is known."""
    base_models: Mapped[str] = mapped_column(Text)
    """JSON: the names of base models that the repository itself declares."""
    seen_at: Mapped[datetime] = mapped_column(UtcTime)


class Weight(Table):
    """A file of weights in a snapshot: the index from hash to snapshots."""

    __tablename__ = "weights"
    __table_args__ = ({"sqlite_with_rowid": False},)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.id"), primary_key=True)


class Attestation(Table):
    """A bundle that verified when it was stored."""

    __tablename__ = "attestations"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of the bytes of the bundle."""
    bundle: Mapped[bytes] = mapped_column(LargeBinary)
    statement_sha256: Mapped[str] = mapped_column(String(64), index=True)
    checkpoint: Mapped[str] = mapped_column(String(64), index=True)
    license_name: Mapped[str] = mapped_column(String(200))
    license_version: Mapped[str] = mapped_column(String(100))
    license_sha256: Mapped[str] = mapped_column(String(64))
    signers: Mapped[str] = mapped_column(Text)
    """JSON: the names that the trust file gives to whoever signed."""
    issued: Mapped[datetime] = mapped_column(UtcTime)
    expires: Mapped[datetime] = mapped_column(UtcTime)
    rule: Mapped[str] = mapped_column(String(100))
    """The rule of the policy under which it verified."""
    trust: Mapped[str] = mapped_column(String(64))
    """The trust version (`Rule.trust_version`) under which it verified."""
    stored_at: Mapped[datetime] = mapped_column(UtcTime)


class Subject(Table):
    """A file that an attestation covers: the index from hash to attestations."""

    __tablename__ = "subjects"
    __table_args__ = ({"sqlite_with_rowid": False},)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    attestation: Mapped[str] = mapped_column(ForeignKey("attestations.sha256"), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    """The name of the subject; equal files may lie at two paths."""


class Verdict(Table):
    """What was found of some files under a rule; one row for one set of inputs."""

    __tablename__ = "verdicts"

    id: Mapped[int] = mapped_column(Counted, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """See `attest.hub.judgement.verdict_key`."""
    state: Mapped[str] = mapped_column(String(30), index=True)
    checked: Mapped[str] = mapped_column(String(20))
    rule: Mapped[str] = mapped_column(String(100))
    listing_sha256: Mapped[str] = mapped_column(String(64), index=True)
    attestation: Mapped[str | None] = mapped_column(String(64), index=True)
    """SHA-256 of the bundle that was gone by, whether or not it is stored here."""
    license_sha256: Mapped[str] = mapped_column(String(64))
    trust: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(100))
    verified_at: Mapped[datetime] = mapped_column(UtcTime)
    record: Mapped[str] = mapped_column(Text)
    """The `ListingVerdict` as JSON, absent fields left out."""


class Summary(Table):
    """The hub's own signed statement about a verdict: one, or none where nothing is met."""

    __tablename__ = "summaries"

    verdict: Mapped[str] = mapped_column(ForeignKey("verdicts.key"), primary_key=True)
    bundle: Mapped[bytes] = mapped_column(LargeBinary)
    key_hint: Mapped[str] = mapped_column(String(64))
    """Fingerprint of the hub's key."""


class Delivery(Table):
    """One upload that the hub was told of, and what came of it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_by_uploader", "host", "owner", "received_at"),
        Index("deliveries_by_repository", "host", "external_id", "received_at"),
        Index("deliveries_due", "state", "retry_at"),
    )

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of host, repository id, ref, commit and depth: told twice is told once."""
    host: Mapped[str] = mapped_column(String(100))
    external_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    owner: Mapped[str] = mapped_column(String(200))
    ref: Mapped[str] = mapped_column(String(300))
    revision: Mapped[str] = mapped_column(String(100))
    depth: Mapped[str] = mapped_column(String(20))
    """What it is to be checked against: a deeper check is a delivery of its own."""
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    """When the hub was last told that the ref came to point to the commit."""
    state: Mapped[str] = mapped_column(String(20))
    """`queued`, `deferred` (over the uploader's rate, or to be checked again), `waiting` (could not
    check), `done`."""
    attempt: Mapped[int] = mapped_column(Integer)
    """Counts the jobs for this delivery, from 1."""
    retry_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When a delivery that is deferred or waits is queued again."""
    event: Mapped[int | None] = mapped_column(Counted)
    """The last event that the delivery led to."""


class Event(Table):
    """Something that happened to a repository: the history, never rewritten."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_repository", "repository_id", "id"),)

    id: Mapped[int] = mapped_column(Counted, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    kind: Mapped[str] = mapped_column(String(30))
    """`checked`, `could-not-check` or `no-rule`."""
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    verdict: Mapped[str | None] = mapped_column(ForeignKey("verdicts.key"), index=True)
    action: Mapped[str | None] = mapped_column(String(30))
    """What the policy says to do with the upload."""
    detail: Mapped[str] = mapped_column(Text)
    """One line for a person, of our own words."""


class Worker(Table):
    """A process that runs jobs, and when it was last heard of."""

    __tablename__ = "workers"

    executor: Mapped[str] = mapped_column(String(100), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When somebody last took over what a dead worker left."""
