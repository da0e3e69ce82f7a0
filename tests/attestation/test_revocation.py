"""Revocation lists: how they are read, when a key is revoked, how the next version is made."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from attest.attestation.revocation import (
    MAX_REVOCATIONS,
    RevocationList,
    Revoked,
    RevokedKey,
    RevokedWeights,
    find,
    parse_revocations,
    renewed,
)
from attest.errors import InputError

KEY, OTHER = "1" * 64, "2" * 64
SINCE = "2026-05-01T00:00:00Z"


def parse(**changes: Any) -> RevocationList:
    values = {
        "version": "attest-revocations/1",
        "trust": "Example Lab",
        "number": 1,
        "expires": "2026-07-01",
    }
    return parse_revocations(json.dumps(values | changes).encode())


@pytest.mark.parametrize(
    ("signed_at", "is_revoked"),
    [
        (None, True),
        (datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 5, 1, tzinfo=UTC), True),
        (datetime(2026, 6, 1, tzinfo=UTC), True),
    ],
)
def test_a_key_falls_unless_it_is_known_to_have_signed_before(
    signed_at: datetime | None, is_revoked: bool
) -> None:
    revocations = parse(keys=[{"key": KEY, "since": SINCE}])

    assert (revocations.revoked_key(KEY, signed_at) is not None) == is_revoked
    assert revocations.revoked_key(OTHER, None) is None


def test_the_earliest_of_two_entries_counts() -> None:
    late = {"key": KEY, "since": "2026-08-01T00:00:00Z"}
    revocations = parse(keys=[late, {"key": KEY, "since": SINCE}])

    assert revocations.revoked_key(KEY, datetime(2026, 6, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    "since",
    ["2026-05-01", "2026-05-01T00:00:00", "2026-5-1T0:0:0Z", "2026-02-30T00:00:00Z", "1777593600"],
)
def test_a_time_has_one_spelling(since: str) -> None:
    with pytest.raises(InputError, match="expected a time in UTC such as"):
        parse(keys=[{"key": KEY, "since": since}])


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"expires": None},
        {"keys": [{"key": KEY}]},
        {"keys": [{"key": KEY.upper().replace("1", "A"), "since": SINCE}]},
        {"licenses": [{}]},
        {"models": []},
        {"licenses": [{"sha256": KEY}] * (MAX_REVOCATIONS + 1)},
    ],
)
def test_a_list_that_could_not_be_meant_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        parse(**changes)


def test_find_knows_any_of_the_digests() -> None:
    entries = (Revoked(sha256=KEY),)

    assert find(entries, OTHER, KEY) == entries[0]
    assert find(entries, OTHER, None) is None
    assert find((), KEY) is None


def test_the_next_version_keeps_what_was_taken_back() -> None:
    last = date(2026, 7, 1)
    first = renewed(None, trust="Example Lab", expires=last, keys={KEY: SINCE}, reason="lost")
    second = renewed(
        first,
        trust="Example Lab",
        expires=date(2026, 8, 1),
        digests={"checkpoints": OTHER},
        weights=OTHER,
    )

    assert (first.number, second.number) == (1, 2)
    assert second.keys == (RevokedKey(key=KEY, since=SINCE, reason="lost"),)
    assert second.checkpoints == (Revoked(sha256=OTHER),)
    assert second.weights == (RevokedWeights(digest=OTHER),)
    assert second.expires == date(2026, 8, 1)
    assert parse_revocations(second.to_json()) == second
    with pytest.raises(InputError, match="belongs to 'Example Lab'"):
        renewed(first, trust="Other Lab", expires=last)


@pytest.mark.parametrize(
    "taken", [{"digests": {"licenses": "all"}}, {"keys": {KEY: "yesterday"}}, {"keys": {"": SINCE}}]
)
def test_a_next_version_that_could_not_be_meant_is_refused(taken: Any) -> None:
    with pytest.raises(InputError) as caught:
        renewed(None, trust="Example Lab", expires=date(2026, 7, 1), **taken)
    assert caught.value.reason == "schema"
