"""One database by its URL: SQLite in a file, or PostgreSQL.

SQLite runs with a write-ahead log, so that readers never wait. A commit then survives the death of
the process at any moment; after a loss of power the last commits may be missing, and the reconcile
poll finds what they were about again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from attest.errors import HubError, InputError

BUSY_TIMEOUT_MS = 30_000
"""How long a writer of SQLite waits for another one, and a statement of PostgreSQL may take."""
CONNECT_TIMEOUT_S = 5
POOL_SIZE = 20
"""Connections that one process keeps; for a moment it may have twice as many."""
MIGRATION_LOCK = 0x61747465
"""Names the lock that PostgreSQL holds while tables are made."""

MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class Store:
    """An open database with the tables of the hub."""

    engine: sa.Engine

    @property
    def is_sqlite(self) -> bool:
        """True for a file that one machine shares."""
        return self.engine.dialect.name == "sqlite"

    @cached_property
    def _reader(self) -> sa.Engine:
        # A query that stands alone needs no transaction: that is one journey instead of three.
        return (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for reading; each query sees what is committed when it begins.

        Raises: HubError if the database does not answer.
        """
        try:
            with self._reader.connect() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise _unavailable(error) from error

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction: all of it is written, or nothing.

        Raises: HubError if the database does not answer.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """The store at `url`, its tables made or brought up to date.

    Args:
        url: `sqlite:///FILE`, or `postgresql://USER@HOST/DATABASE`.

    Raises: InputError with reason `database-url`; HubError if the database does not answer.
    """
    engine = _engine(url)
    try:
        _migrate(engine)
    except sa.exc.OperationalError as error:
        engine.dispose()
        raise _unavailable(error) from error
    return Store(engine)


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise _bad_url() from error
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.database in (None, "", ":memory:"):
                raise _bad_url()
            engine = sa.create_engine(
                parsed,
                pool_size=POOL_SIZE,
                max_overflow=POOL_SIZE,
                connect_args={"check_same_thread": False},
            )
            event.listen(engine, "connect", _prepare_sqlite)
            return engine
        case "postgresql":
            return sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_size=POOL_SIZE,
                max_overflow=POOL_SIZE,
                connect_args={
                    "connect_timeout": CONNECT_TIMEOUT_S,
                    "options": f"-c statement_timeout={BUSY_TIMEOUT_MS}",
                },
            )
        case _:
            raise _bad_url()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # A transaction that writes takes the lock when it begins: two that read first and write later
    # could not both go on.
    connection.isolation_level = "IMMEDIATE"
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        # Server and workers start together; one of them makes the tables, the others wait.
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _bad_url() -> InputError:
    # The URL itself may hold a password.
    return InputError(
        "expected the URL of a database",
        reason="database-url",
        hint="sqlite:///hub.db, or postgresql://user@host/database",
    )


def _unavailable(error: sa.exc.OperationalError) -> HubError:
    # The driver's own words: neither the statement nor its values.
    return HubError(f"the database does not answer: {str(error.orig).splitlines()[0]}")
