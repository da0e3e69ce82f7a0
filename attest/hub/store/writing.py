"""Inserting a row that may be there already."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from attest.hub.store.tables import Table


def insert_new(connection: sa.Connection, table: type[Table], **values: Any) -> bool:
    """Insert a row unless one with the same unique key is there; True if it was inserted.

    Of two transactions that insert the same key at once, the second waits for the first, and
    inserts nothing once that is committed.
    """
    # Each dialect has an insert of its own; they are used alike, and share no type.
    if connection.dialect.name == "sqlite":
        ignoring = sqlite.insert(table).values(**values).on_conflict_do_nothing()
        inserted = connection.execute(ignoring.returning(sa.literal(1)))
    else:
        ignored = postgresql.insert(table).values(**values).on_conflict_do_nothing()
        inserted = connection.execute(ignored.returning(sa.literal(1)))
    return inserted.one_or_none() is not None
