"""What a bundle carries and nobody was named to check it by is told, and decides nothing."""

from __future__ import annotations

import json
from typing import Any

from attest.attestation.bundle import make_bundle, open_bundle
from authorities import make_house
from instance import SmallLog, b64, log_body
from release import Release


def warnings_of(release: Release, value: dict[str, Any]) -> tuple[str, ...]:
    result = release.examine(json.dumps(value).encode())
    assert result.is_verified
    return result.warnings


def test_a_timestamp_under_a_key_is_not_checked(release: Release) -> None:
    value = json.loads(release.bundle())
    stamps = [{"signedTimestamp": b64(b"anything")}]
    value["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}

    (warning,) = warnings_of(release, value)
    assert warning.startswith("the bundle carries a timestamp, and no authority")


def test_a_log_entry_under_a_key_is_not_checked(release: Release) -> None:
    data = release.bundle()
    value = json.loads(data)
    entry = SmallLog().add(log_body(open_bundle(data), release.key.public_key))
    value["verificationMaterial"]["tlogEntries"] = [entry]

    (warning,) = warnings_of(release, value)
    assert warning.startswith("the bundle carries a log entry, and no log was asked for")


def test_a_certificate_of_a_trusted_key_is_not_checked(release: Release) -> None:
    house = make_house()
    statement = release.statement().to_json()
    data = make_bundle(statement, house.signer.signer, chain=house.chain)
    result = release.examine(data, key=house.signer.signer)

    assert result.is_verified
    assert result.warnings == (
        "the bundle carries a certificate, and its key was trusted by itself: it was not checked",
    )


def test_a_bare_key_has_nothing_to_tell(release: Release) -> None:
    assert warnings_of(release, json.loads(release.bundle())) == ()
