"""Databases: SQLite in a file, and a real PostgreSQL where there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Last, so that `conftest` stays that of all tests.
sys.path.append(str(Path(__file__).parent))

from place import Place, make_place
from postgres import Server, running, why_not


@pytest.fixture(scope="session")
def first_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A release takes seconds to measure, so it is measured once."""
    return make_place(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def place(first_place: Place, tmp_path: Path) -> Place:
    """The same release, and a folder of the test's own."""
    return Place(tmp_path, first_place.release, first_place.world, first_place.hub_key)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server, or the reason why there is none."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of an empty database in a file."""
    return f"sqlite:///{tmp_path / 'hub.db'}"
