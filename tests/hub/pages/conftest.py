"""A hub with a repository for each way to stand, and a real browser to look at it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Last, so that `conftest` stays that of all tests.
sys.path.append(str(Path(__file__).parent))

from staging import Stage, app_of
from starlette.testclient import TestClient

from attest.hub.hub import Hub
from place import Place


@pytest.fixture
def stage(first_place: Place, tmp_path: Path) -> Stage:
    release = first_place.release
    contents = {
        file.name: file.read_bytes()
        for file in release.model.iterdir()
        if file.suffix in (".json", ".jinja")
    }
    keys = first_place.world.keys
    stage = Stage(tmp_path, release.evaluation, contents)
    stage.world.keys.update(keys)
    return stage


@pytest.fixture
def hub(stage: Stage, sqlite: str) -> Iterator[Hub]:
    with stage.open(sqlite) as opened:
        stage.fill(opened)
        yield opened


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    with TestClient(app_of(hub)) as found:
        yield found
