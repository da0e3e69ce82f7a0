"""One real release for the whole room, and copies that a test may damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from release import Release, make_release


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def release(measured: Release, tmp_path: Path) -> Release:
    model, evidence = tmp_path / "model", tmp_path / "evidence"
    shutil.copytree(measured.model, model)
    shutil.copytree(measured.evidence, evidence)
    return Release(model, evidence, measured.small, measured.key, measured.evaluation)
