"""`attest show` says how old a measurement is, however often it was signed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from release import NOW, Release, make_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("show"))


def shown(attest: Any, release: Release, started: str, finished: str) -> str:
    def at(statement: dict[str, Any]) -> None:
        statement["predicate"]["evaluation"] |= {"started": started, "finished": finished}

    Path("attestation.json").write_bytes(release.bundle(at))
    return " ".join(attest("show", "attestation.json").out.split())


def test_an_old_measurement_that_was_signed_again_looks_old(attest: Any, release: Release) -> None:
    said = shown(attest, release, "2024-01-02T03:04:05Z", "2024-01-02T07:08:09Z")

    assert "measured 2024-01-02 03:04 UTC to 2024-01-02 07:08 UTC" in said
    assert f"issued {NOW:%Y-%m-%d} 12:00 UTC, until {NOW + timedelta(days=365):%Y-%m-%d}" in said


def test_a_time_is_shown_in_the_zone_it_is_stated_in(attest: Any, release: Release) -> None:
    said = shown(attest, release, "0001-01-01T00:00:00+05:00", "2024-01-02T07:08:09")

    assert "-01-01 00:00 +05:00 to 2024-01-02 07:08 issued" in said
