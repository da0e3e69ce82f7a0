"""A folder of bundles: signatures count together, and newer papers replace older ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_forgeries import assert_fails_at

from attest.attestation.bundle import make_bundle
from attest.attestation.keys import generate
from attest.canonical import canonical_bytes
from attest.errors import InputError
from attest.evaluation.records import LicenseName
from attest.verification.folder import MAX_BUNDLES, MAX_FOLDER_BYTES, Examined, examine_folder
from attest.verification.freshness import check_superseded
from attest.verification.records import Level
from attest.verification.verify import SignedTrust, Subjects, Trust
from release import NOW, Release
from small import make_license
from world import World

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def relicensed(release: Release, folder: Path, **changes: Any) -> Release:
    """The same measurement under another version of the license."""
    terms = json.loads(release.small.file.read_text())
    small = make_license(folder, requirements=terms["requirements"], **changes)
    name = LicenseName(
        name="Small License",
        license_version=small.license.terms.license_version,
        sha256=small.license.sha256,
    )
    evaluation = release.evaluation.model_copy(update={"license": name})
    return replace(release, small=small, evaluation=evaluation)


@pytest.fixture
def newer(release: Release, tmp_path: Path) -> Release:
    return relicensed(release, tmp_path / "newer", license_version="1.10", issued="2026-05-01")


def bundle_of(release: Release, issued: datetime = NOW) -> bytes:
    return make_bundle(canonical_bytes(release.statement(issued=issued).to_dict()), release.key)


def examined(
    release: Release,
    bundles: dict[str, bytes],
    *,
    trust: Trust | SignedTrust | None = None,
    licenses: tuple[Release, ...] = (),
    level: Level = 1,
    subjects: Callable[[], Subjects] | None = None,
    now: datetime = NOW + DAY,
) -> tuple[Examined, ...]:
    return examine_folder(
        bundles,
        trust=trust or Trust(release.key.public_key),
        licenses=[one.license for one in licenses or (release,)],
        level=level,
        subjects=subjects or release.subjects,
        now=now,
    )


def names(found: tuple[Examined, ...]) -> list[str]:
    return [one.name for one in found]


def test_bundles_over_one_statement_count_together(release: Release, world: World) -> None:
    statement = canonical_bytes(release.statement().to_dict())
    bundles = {
        name: make_bundle(statement, world.keys[name]) for name in ("auditor", "second-auditor")
    }
    trust = world.trust(release.small.file.read_bytes(), requires={"assurance": "third_party"})

    found = examined(release, bundles, trust=trust)
    assert all(one.result.is_verified for one in found)
    alone = examined(release, {"auditor": bundles["auditor"]}, trust=trust)
    assert_fails_at(alone[0].result, "role", "expected 2")
    twice = bundles["auditor"], make_bundle(statement, world.keys["auditor"])
    same_key = examined(release, dict(zip("ab", twice, strict=True)), trust=trust)
    assert_fails_at(same_key[0].result, "role", "signed by 1 of")


def test_a_statement_is_examined_once_however_often_it_was_signed(release: Release) -> None:
    statement = canonical_bytes(release.statement().to_dict())
    strangers = {f"{n:02}": make_bundle(statement, generate()) for n in range(3)}
    own = {f"own {n:02}": make_bundle(statement, release.key) for n in range(MAX_BUNDLES - 3)}

    found = examined(release, strangers | own)
    assert names(found) == ["own 00", *strangers]
    assert [one.result.is_verified for one in found] == [True, False, False, False]


def test_files_are_hashed_once_and_only_for_papers_that_are_signed(release: Release) -> None:
    calls: list[int] = []

    def subjects() -> Subjects:
        calls.append(1)
        return release.subjects()

    stranger = replace(release, key=generate())
    bundles = {
        "a": bundle_of(release),
        "b": bundle_of(release, NOW - DAY),
        "c": bundle_of(stranger, NOW + DAY),
    }
    found = examined(release, bundles, subjects=subjects)
    assert (names(found), calls) == (["a", "b", "c"], [1])

    calls.clear()
    (lost,) = examined(release, {"c": bundles["c"]}, subjects=subjects)
    assert_fails_at(lost.result, "signature", "")
    (shallow,) = examined(release, {"a": bundles["a"]}, level=0, subjects=subjects)
    assert shallow.result.level == 0
    assert calls == []


def test_the_newer_attestation_under_the_newer_license_is_preferred(
    release: Release, newer: Release
) -> None:
    old, new = bundle_of(release), bundle_of(newer, NOW + DAY)
    found = examined(release, {"old": old, "new": new}, licenses=(release, newer))

    assert names(found) == ["new", "old"]
    best, other = (one.result for one in found)
    assert (best.is_verified, best.license and best.license.license_version) == (True, "1.10")
    assert_fails_at(other, "freshness", "superseded by an attestation of 2026-06-02 under Small")


def test_a_superseded_attestation_fails_where_only_the_old_license_is_given(
    release: Release, newer: Release
) -> None:
    bundles = {"old": bundle_of(release), "new": bundle_of(newer, NOW + DAY)}
    found = {one.name: one.result for one in examined(release, bundles)}

    assert_fails_at(found["old"], "freshness", "superseded")
    assert_fails_at(found["new"], "claim", "not under this license")


def test_only_a_believed_later_paper_about_these_files_replaces_one(
    release: Release, newer: Release, tmp_path: Path
) -> None:
    old = bundle_of(release, NOW)
    stranger = replace(newer, key=generate())
    earlier_version = relicensed(
        release, tmp_path / "e", license_version="0.9", issued="2026-02-01"
    )
    odd_version = relicensed(release, tmp_path / "o", license_version="next", issued="2026-02-01")
    for other in (
        bundle_of(stranger, NOW + DAY),
        bundle_of(newer, NOW - DAY),
        bundle_of(earlier_version, NOW + DAY),
        bundle_of(odd_version, NOW + DAY),
    ):
        found = examined(release, {"old": old, "other": other})
        assert names(found)[0] == "old"
        assert found[0].result.is_verified


def test_who_speaks_for_one_license_replaces_nothing_under_another(
    release: Release, tmp_path: Path, world: World
) -> None:
    other = relicensed(release, tmp_path / "other", name="Other License")
    files = [one.small.file.read_bytes() for one in (release, other)]
    grants = [
        {"role": "licensor", "signers": ["lab"]},
        {"role": "publisher", "signers": ["publisher"], "licenses": [{"name": "Small License"}]},
        {"role": "publisher", "signers": ["auditor"], "licenses": [{"name": "Other License"}]},
    ]
    trust = replace(
        world.trust(files[0], grants=grants),
        license_signatures=tuple(one for file in files for one in world.sign_license(file)),
    )
    honest = bundle_of(replace(release, key=world.keys["publisher"]))
    claimed = LicenseName(name="Small License", license_version="99", sha256="0" * 64)
    evaluation = release.evaluation.model_copy(update={"license": claimed})
    statement = release.statement(issued=NOW + DAY).to_dict()
    statement["predicate"]["evaluation"] = evaluation.to_dict()
    forged = make_bundle(canonical_bytes(statement), world.keys["auditor"])

    for licenses in ((release, other), (other, release)):
        bundles = {"honest": honest, "forged": forged}
        found = examined(release, bundles, trust=trust, licenses=licenses)
        assert names(found) == ["honest", "forged"]
        assert [one.result.is_verified for one in found] == [True, False]


def test_a_version_that_the_license_does_not_have_replaces_nothing(release: Release) -> None:
    lying = release.evaluation.model_copy(
        update={"license": release.evaluation.license.model_copy(update={"license_version": "99"})}
    )
    bundles = {
        "honest": bundle_of(release),
        "lying": bundle_of(replace(release, evaluation=lying), NOW + DAY),
    }

    found = {one.name: one.result for one in examined(release, bundles)}
    assert found["honest"].is_verified
    assert_fails_at(found["lying"], "claim", "calls this license 'Small License' '99'")


@pytest.mark.parametrize(
    ("found", "than", "is_later"),
    [
        ("1.1", "1.0", True),
        ("1.10", "1.9", True),
        ("2", "1.9.9", True),
        ("1.0", "1", False),
        ("1.0", "1.0", False),
        ("1.0", "1.1", False),
        ("1.1-rc1", "1.0", False),
        ("1.1", "one", False),
        ("", "", False),
    ],
)
def test_versions_are_compared_as_dotted_numbers(
    release: Release, found: str, than: str, is_later: bool
) -> None:
    predicate = release.statement().predicate
    mine = predicate.evaluation.license.model_copy(update={"license_version": than})
    evaluation = predicate.evaluation.model_copy(update={"license": mine})
    predicate = predicate.model_copy(update={"evaluation": evaluation})
    other = release.examine().model_copy(
        update={
            "license": mine.model_copy(update={"license_version": found}),
            "issued": NOW + DAY,
        }
    )

    if is_later:
        with pytest.raises(InputError, match="superseded"):
            check_superseded(predicate, [other])
    else:
        check_superseded(predicate, [other])


def test_an_expired_attestation_gives_way_to_one_in_force(release: Release) -> None:
    later = NOW + 370 * DAY
    bundles = {"expired": bundle_of(release, NOW), "renewed": bundle_of(release, later - DAY)}
    found = examined(release, bundles, now=later)

    assert names(found) == ["renewed", "expired"]
    assert found[0].result.is_verified
    assert_fails_at(found[1].result, "time", "expired on")


def test_what_the_trust_file_requires_is_judged_by_the_final_level(
    release: Release, world: World
) -> None:
    trust = world.trust(release.small.file.read_bytes(), requires={"level": 1})
    signed = replace(release, key=world.keys["publisher"])

    assert examined(release, {"a": bundle_of(signed)}, trust=trust)[0].result.level == 1
    (shallow,) = examined(release, {"a": bundle_of(signed)}, trust=trust, level=0)
    assert_fails_at(shallow.result, "trust", "requires level 1, asked for is level 0")


@pytest.mark.parametrize(
    ("bundles", "reason"),
    [
        ({}, "usage"),
        ({str(n): b"{}" for n in range(MAX_BUNDLES + 1)}, "too-many"),
        ({"a": b" " * (MAX_FOLDER_BYTES + 1)}, "too-large"),
    ],
)
def test_a_folder_has_bounds(release: Release, bundles: dict[str, bytes], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        examined(release, bundles)
    assert caught.value.reason == reason
