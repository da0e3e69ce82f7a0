"""Fixtures that several rooms share."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "verification")]

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real benchmark files and judged answers beside the repository."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared: real benchmark files and labelled answers")
    return folder


@pytest.fixture(scope="session")
def tiny_models() -> Path:
    """The demonstration models of this repository."""
    return REPOSITORY / "examples" / "tiny" / "models"


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A server that a test ran in this process logs to a stderr that ends with the test."""
    yield
    for name in ("attest.hub", "uvicorn", "uvicorn.error", "dbos", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
