"""One measured release for all doors, and copies that a test may change."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hub.uploaded import Uploaded, make_uploaded


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Uploaded:
    return make_uploaded(tmp_path_factory.mktemp("published"))


@pytest.fixture
def uploaded(published: Uploaded, tmp_path: Path) -> Uploaded:
    return replace(published, folder=Path(shutil.copytree(published.folder, tmp_path / "model")))
