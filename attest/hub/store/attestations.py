"""Attestations that verified, and the index from the hash of a file to them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from attest.attestation.statement import Subject as StatementSubject
from attest.hub.store.tables import Attestation, Subject
from attest.hub.store.writing import insert_new
from attest.record import Sha256, WireRecord

MAX_FOUND = 100
"""Most rows of one answer; the next ones are asked for with the last one's name."""


class StoredAttestation(WireRecord):
    """What the store tells of an attestation, without its bundle."""

    sha256: Sha256
    """Of the bundle."""
    statement_sha256: Sha256
    checkpoint: Sha256
    license_name: str
    license_version: str
    license_sha256: Sha256
    signers: tuple[str, ...]
    """As the trust file of the hub calls whoever signed."""
    issued: datetime
    expires: datetime
    rule: str
    """The rule of this hub's policy under which it verified."""
    trust: Sha256
    """Digest of everything that decided whom to believe then."""
    stored_at: datetime


class Covering(WireRecord):
    """An attestation that covers a file, and the path that the file has in it."""

    path: str
    attestation: StoredAttestation


class CoveringPage(WireRecord):
    """Attestations that cover a file; `next` asks for more."""

    sha256: Sha256
    covered_by: tuple[Covering, ...]
    next: Annotated[str | None, Field(description="Pass as `after` for the next page.")] = None


ATTESTATIONS_LOCK = 0x61747466
"""Names the lock that PostgreSQL holds; see `hold`."""


@dataclass(frozen=True)
class NewAttestation:
    """An attestation to be stored."""

    about: StoredAttestation
    bundle: bytes
    subjects: Sequence[StatementSubject]


def hold(connection: sa.Connection, *, alone: bool) -> None:
    """Keep checks and attestations that are handed in out of each other's way until the end.

    Of an upload that is checked and an attestation of it that is handed in at the same time, one
    comes second and sees the other. SQLite has one writer at a time anyway.

    Args:
        connection: of a transaction, before it reads.
        alone: for handing in; checks go on beside each other.
    """
    if connection.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
        connection.execute(sa.select(lock(ATTESTATIONS_LOCK)))


def add_attestation(connection: sa.Connection, new: NewAttestation) -> bool:
    """Store a bundle and index its subjects; False if it was there already."""
    about = new.about
    values = {name: getattr(about, name) for name in StoredAttestation.model_fields}
    values["signers"] = json.dumps(about.signers)
    if not insert_new(connection, Attestation, bundle=new.bundle, **values):
        return False
    rows = {(subject.digest["sha256"], subject.name) for subject in new.subjects}
    connection.execute(
        sa.insert(Subject),
        [
            {"sha256": sha256, "attestation": about.sha256, "path": path}
            for sha256, path in sorted(rows)
        ],
    )
    return True


_ABOUT = [column for column in Attestation.__table__.columns if column.name != "bundle"]

_COVERING = (
    sa.select(Subject.path, *_ABOUT)
    .join(Attestation, Attestation.sha256 == Subject.attestation)
    .where(Subject.sha256 == sa.bindparam("digest"))
    .where(
        sa.tuple_(Subject.attestation, Subject.path)
        > sa.tuple_(sa.bindparam("after_attestation"), sa.bindparam("after_path"))
    )
    .order_by(Subject.attestation, Subject.path)
    .limit(MAX_FOUND + 1)
)


def covering(connection: sa.Connection, sha256: str, after: str = "") -> CoveringPage:
    """The attestations that cover the file with this SHA-256, at most `MAX_FOUND`.

    Args:
        connection: to read with.
        sha256: of the file, in hexadecimal.
        after: `next` of the page before.
    """
    attestation, _, path = after.partition(":")
    rows = connection.execute(
        _COVERING,
        {"digest": sha256, "after_attestation": attestation, "after_path": path},
    ).all()
    found = tuple(Covering(path=row[0], attestation=_stored(row[1:])) for row in rows[:MAX_FOUND])
    more = len(rows) > MAX_FOUND
    return CoveringPage(
        sha256=sha256,
        covered_by=found,
        next=f"{found[-1].attestation.sha256}:{found[-1].path}" if more else None,
    )


def _stored(row: Sequence[object]) -> StoredAttestation:
    values = dict(zip((column.name for column in _ABOUT), row, strict=True))
    signers = json.loads(str(values["signers"]))
    # What was written as a record needs no second check.
    return StoredAttestation.model_construct(**{**values, "signers": tuple(signers)})


_BUNDLE = sa.select(Attestation.bundle).where(Attestation.sha256 == sa.bindparam("digest"))
_ONE = sa.select(*_ABOUT).where(Attestation.sha256 == sa.bindparam("digest"))


def bundle_of(connection: sa.Connection, sha256: str) -> bytes | None:
    """The bundle with this SHA-256, byte for byte; None if it is not stored."""
    found: bytes | None = connection.execute(_BUNDLE, {"digest": sha256}).scalar_one_or_none()
    return found


def attestation(connection: sa.Connection, sha256: str) -> StoredAttestation | None:
    """What is known of the bundle with this SHA-256; None if it is not stored."""
    row = connection.execute(_ONE, {"digest": sha256}).one_or_none()
    return None if row is None else _stored(row)


_NTH = sa.func.row_number().over(
    partition_by=Attestation.statement_sha256, order_by=(Attestation.stored_at, Attestation.sha256)
)
_ABOUT_FILES = (
    sa.select(Attestation.sha256, sa.func.length(Attestation.bundle))
    .where(
        Attestation.sha256.in_(
            sa.select(Subject.attestation).where(
                Subject.sha256.in_(sa.bindparam("digests", expanding=True))
            )
        )
    )
    .order_by(_NTH, Attestation.sha256)
    .limit(sa.bindparam("most"))
)


def attestations_of(
    connection: sa.Connection, digests: Collection[str], most: int
) -> dict[str, int]:
    """The bundles that cover any of these files, at most `most`: how long each is, by its SHA-256.

    The first of every statement comes before any second one: whoever sees a bundle can write it
    anew around the same signature, as often as he likes.
    """
    if not digests:
        return {}
    rows = connection.execute(_ABOUT_FILES, {"digests": sorted(digests), "most": most})
    return {row[0]: row[1] for row in rows}
