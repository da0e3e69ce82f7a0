"""What was read or measured of the files of a commit before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import sqlalchemy as sa

from attest.hub.store.deliveries import Upload
from attest.hub.store.tables import Event, Repository, Snapshot, Verdict


@dataclass(frozen=True)
class Reading:
    """A check for which the bytes were read, or the upload was measured again."""

    checked: str
    license_sha256: str
    attestation: str | None
    """SHA-256 of the bundle that was gone by; after a replay it is the hub's own."""


def readings(connection: sa.Connection, upload: Upload, listing_sha256: str) -> Sequence[Reading]:
    """The checks in which the bytes of a commit had exactly these digests, the last one first.

    Those do not count that came before other digests were found.
    """
    found = (Verdict.checked, Verdict.license_sha256, Verdict.attestation)
    rows = connection.execute(
        sa.select(*found, Verdict.listing_sha256)
        .join(Event, Event.verdict == Verdict.key)
        .join(Snapshot, Snapshot.id == Event.snapshot_id)
        .join(Repository, Repository.id == Event.repository_id)
        .where(
            Repository.host == upload.repository.host,
            Repository.external_id == upload.repository.external_id,
            Snapshot.revision == upload.revision,
            Verdict.checked != "listed-hash",
        )
        .group_by(*found, Verdict.listing_sha256)
        .order_by(sa.func.max(Event.id).desc())
    )
    same = takewhile(lambda row: row.listing_sha256 == listing_sha256, rows)
    return [Reading(row.checked, row.license_sha256, row.attestation) for row in same]
