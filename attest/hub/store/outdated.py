"""Which uploads stand by a license or a trust version that is no longer in force."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from attest.hub.store.tables import Delivery, Event, Verdict


@dataclass(frozen=True)
class Basis:
    """What a rule of the policy goes by now."""

    rule: str
    license_sha256: str
    trust: str
    """See `Rule.trust_version`."""


def outdated(
    connection: sa.Connection, in_force: Collection[Basis], since: datetime, most: int
) -> Sequence[str]:
    """Keys of deliveries of the newest commit of a ref, where that stands by another basis.

    It is the check by listed hashes that is made again, whichever depth the commit was checked at.

    Args:
        connection: to read with.
        in_force: of each rule; what stands by any other rule stays as it is.
        since: when this came into force for the caller. What was found later is left alone, so that
            two processes with different files never undo what the other one did.
        most: of them, in any order.
    """
    told, other, newer = aliased(Delivery), aliased(Delivery), aliased(Delivery)
    last, beside = aliased(Event), aliased(Event)
    stands_by = (
        sa.select(sa.func.max(other.event))
        .where(
            other.host == told.host,
            other.external_id == told.external_id,
            # Deeper checks of a commit bear its time, and an index leads from it to them.
            other.received_at == told.received_at,
            other.ref == told.ref,
            other.revision == told.revision,
        )
        .scalar_subquery()
    )
    is_left = sa.exists().where(
        newer.host == told.host,
        newer.external_id == told.external_id,
        newer.received_at > told.received_at,
        newer.ref == told.ref,
    )
    bases = [(one.rule, one.license_sha256, one.trust) for one in in_force]
    is_outdated = sa.exists().where(
        # A merge has several licenses to meet: events of one check bear one time.
        beside.repository_id == last.repository_id,
        beside.snapshot_id == last.snapshot_id,
        beside.at == last.at,
        Verdict.key == beside.verdict,
        Verdict.rule.in_({one.rule for one in in_force}),
        sa.tuple_(Verdict.rule, Verdict.license_sha256, Verdict.trust).not_in(bases),
    )
    statement = (
        sa.select(told.key)
        .join(last, last.id == stands_by)
        .where(
            told.state == "done",
            told.depth == "listed-hash",
            last.at <= since,
            ~is_left,
            is_outdated,
        )
        .limit(most)
    )
    return connection.execute(statement).scalars().all()
