"""Verdicts and the hub's signed statements about them: both are written once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from attest.hub.store.tables import Summary, Verdict
from attest.hub.store.writing import insert_new


@dataclass(frozen=True)
class NewVerdict:
    """A verdict to be written down."""

    key: str
    """Over everything that it was found from, and what was found."""
    state: str
    checked: str
    rule: str
    listing_sha256: str
    attestation: str | None
    license_sha256: str
    trust: str
    verifier: str
    verified_at: datetime
    record: str
    """The `ListingVerdict` as JSON, absent fields left out."""


@dataclass(frozen=True)
class SignedSummary:
    """The hub's statement about a verdict."""

    bundle: bytes
    key_hint: str


@dataclass(frozen=True)
class StoredVerdict:
    """A verdict as it is answered."""

    key: str
    rule: str
    record: str
    has_summary: bool


def add_verdict(
    connection: sa.Connection, new: NewVerdict, sign: Callable[[], SignedSummary | None]
) -> bool:
    """Write a verdict and its summary down, unless it is there; False if it was.

    Whoever inserts the row signs, within the transaction: another one with the same key waits for
    the end of it, finds the row, and signs nothing. If the process dies in between, neither row
    is there, and the signature was seen by nobody.
    """
    if not insert_new(connection, Verdict, **vars(new)):
        return False
    summary = sign()
    if summary is not None:
        connection.execute(sa.insert(Summary).values(verdict=new.key, **vars(summary)))
    return True


_VERDICT = (
    sa.select(Verdict.key, Verdict.rule, Verdict.record, Summary.verdict.is_not(None))
    .outerjoin(Summary, Summary.verdict == Verdict.key)
    .where(Verdict.key == sa.bindparam("wanted"))
)


def verdict(connection: sa.Connection, key: str) -> StoredVerdict | None:
    """The verdict with this key, or None."""
    row = connection.execute(_VERDICT, {"wanted": key}).one_or_none()
    return None if row is None else StoredVerdict(row[0], row[1], row[2], bool(row[3]))


def summary_of(connection: sa.Connection, key: str) -> bytes | None:
    """The bundle of the hub's statement about the verdict with this key; None without one."""
    found: bytes | None = connection.execute(
        sa.select(Summary.bundle).where(Summary.verdict == key)
    ).scalar_one_or_none()
    return found
