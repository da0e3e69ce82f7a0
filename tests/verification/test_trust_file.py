"""With a trust file: each attack fails, and fails at exactly its step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_forgeries import assert_fails_at

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keys import generate
from attest.attestation.trust.ownership import Remembered
from attest.canonical import canonical_bytes, sha256_hex
from attest.verification.freshness import learn
from attest.verification.records import Verification
from attest.verification.verify import Beside, SignedTrust, examine, verify
from release import NOW, Release
from small import make_license
from world import World

EVIDENT = "2026-05-01T00:00:00Z"


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def bundle_by(release: Release, key: Any, **options: Any) -> bytes:
    """An attestation over the one statement that these options make."""
    return make_bundle(canonical_bytes(release.statement(**options).to_dict()), key)


def held(
    release: Release,
    world: World,
    *,
    by: Sequence[str] = ("publisher",),
    trust: SignedTrust | None = None,
    now: datetime = NOW,
    files: bool = True,
    **changes: Any,
) -> Verification:
    """The attestation, signed by each of `by`, held against the trust of `changes`."""
    license = release.small.file.read_bytes()
    first, *further = (bundle_by(release, world.keys[name]) for name in by)
    return examine(
        first,
        trust=trust or world.trust(license, **changes),
        license=release.license,
        subjects_now=release.subjects() if files else None,
        beside=Beside(tuple(further)),
        now=now,
    )


def detail(result: Verification, name: str) -> str:
    return next(step.detail for step in result.steps if step.name == name)


def test_an_honest_release_verifies_and_says_whom_it_believed(
    release: Release, world: World
) -> None:
    result = held(release, world)

    assert result.failed_step is None
    assert (result.level, result.outcome, result.believed_as) == (1, "pass", "publisher")
    assert result.trust is not None
    assert (result.trust.name, result.trust.number) == ("Example Lab", 3)
    assert [signer.names for signer in result.signers] == [("publisher",)]
    assert "license signed by lab" in detail(result, "trust")
    assert Verification.from_json(result.to_json(), what="verification") == result


def test_two_evaluators_make_it_a_third_partys(release: Release, world: World) -> None:
    result = held(
        release,
        world,
        by=("auditor", "second-auditor"),
        requires={"assurance": "third_party"},
    )

    assert result.failed_step is None
    assert result.believed_as == "evaluator"
    assert [signer.names for signer in result.signers] == [("auditor",), ("second-auditor",)]


def test_level_0_looks_at_role_and_revocations_too(release: Release, world: World) -> None:
    assert_fails_at(
        held(release, world, by=("hub",), files=False, requires={"level": 0}), "role", ""
    )
    result = held(release, world, files=False, requires={"level": 0})
    assert (result.level, result.outcome, result.believed_as) == (0, None, "publisher")


def test_verify_raises_the_step(release: Release, world: World) -> None:
    from attest.errors import VerificationError

    trust = world.trust(release.small.file.read_bytes(), owners=())
    with pytest.raises(VerificationError, match=r"step 1 \(trust\)") as caught:
        verify(release.bundle(), trust=trust, license=release.license, now=NOW)
    assert caught.value.step == 1


# 1. trust


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"owners": ()}, "signed by 0 of its owner's keys, expected 1"),
        ({"owners": ("lab",)}, "signed by 0 of its owner's keys"),
        ({"expires": "2026-05-31"}, "the trust file expired on 2026-05-31"),
        ({"requires": {"level": 2}}, "requires level 2, asked for is level 1"),
        ({"licensors": ()}, "no signature was given with it"),
        ({"licensors": ("publisher",)}, "not its licensor's: signed by 0 of the licensors lab"),
        ({"licensors": ("hub",)}, "; signed by hub"),
    ],
)
def test_a_basis_that_does_not_hold_fails_at_the_trust(
    release: Release, world: World, changes: dict[str, Any], words: str
) -> None:
    assert_fails_at(held(release, world, **changes), "trust", words)


def test_one_owner_of_two_fails_at_the_trust(release: Release, world: World) -> None:
    owner = {"keys": [world.pem("owner"), world.pem("second-owner")], "threshold": 2}

    alone = held(release, world, by=("publisher",), trust=None, owner=owner)
    assert_fails_at(alone, "trust", "signed by 1 of its owner's keys, expected 2")
    license = release.small.file.read_bytes()
    twice = world.trust(license, owners=("owner", "owner"), owner=owner)
    assert_fails_at(held(release, world, trust=twice), "trust", "signed by 1 of")
    both = world.trust(license, owners=("owner", "second-owner"), owner=owner)
    assert held(release, world, trust=both).is_verified


def test_a_changed_license_fails_at_the_trust(release: Release, world: World) -> None:
    trust = world.trust(release.small.file.read_bytes() + b"\n")

    assert_fails_at(held(release, world, trust=trust), "trust", "signed over other bytes")


def test_a_licensors_signature_over_another_kind_of_document_fails_at_the_trust(
    release: Release, world: World
) -> None:
    from world import sign

    data = release.small.file.read_bytes()
    signature = sign(data, "revocations", world.keys["lab"])
    trust = replace(world.trust(data), license_signatures=(signature,))

    assert_fails_at(held(release, world, trust=trust), "trust", "signed as")


def test_an_older_trust_file_fails_at_the_trust(release: Release, world: World) -> None:
    license = release.small.file.read_bytes()
    newest = Remembered.of(world.trust_file(number=4))

    older = world.trust(license, remembered=newest)
    assert_fails_at(held(release, world, trust=older), "trust", "version 3, version 4 was seen")
    other = world.trust(license, remembered=newest, number=4, expires="2098-01-01")
    assert_fails_at(held(release, world, trust=other), "trust", "with number 4 was seen before")
    assert held(release, world, remembered=newest, number=4).is_verified


def test_a_newer_trust_file_needs_the_old_owners_keys_and_its_own(
    release: Release, world: World
) -> None:
    old = Remembered.of(world.trust_file())
    news: dict[str, Any] = {"number": 4, "owner": {"keys": [world.pem("second-owner")]}}
    license = release.small.file.read_bytes()

    def with_keys(*by: str) -> Verification:
        trust = world.trust(license, owners=by, remembered=old, **news)
        return held(release, world, trust=trust)

    assert_fails_at(with_keys("second-owner"), "trust", "0 of version 3's keys")
    assert_fails_at(with_keys("owner"), "trust", "0 of its owner's keys")
    assert with_keys("owner", "second-owner").is_verified


def test_the_trust_file_of_another_world_fails_at_the_trust(release: Release, world: World) -> None:
    remembered = Remembered.of(world.trust_file(name="Other Lab"))

    assert_fails_at(held(release, world, remembered=remembered), "trust", "'Other Lab'")


# 3. signature


def test_an_unknown_signer_fails_at_the_signature(release: Release, world: World) -> None:
    result = examine(
        bundle_by(release, generate()),
        trust=world.trust(release.small.file.read_bytes()),
        license=release.license,
        subjects_now=release.subjects(),
        now=NOW,
    )

    assert_fails_at(result, "signature", "none of the 5 signers")


# 5. time


def test_an_old_attestation_fails_at_the_time(release: Release, world: World) -> None:
    requires = {"max_age_days": 30}
    after = NOW + timedelta(days=31)

    assert_fails_at(
        held(release, world, now=after, requires=requires), "time", "31 days old, the trust file"
    )
    assert held(release, world, now=NOW + timedelta(days=30), requires=requires).is_verified


@pytest.mark.parametrize(
    ("terms", "now", "words"),
    [
        ({"expires": "2026-06-02"}, NOW + timedelta(days=2), "the license expired on 2026-06-02"),
        ({"issued": "2026-06-02"}, NOW, "the license holds from 2026-06-02 only"),
    ],
)
def test_a_license_of_another_time_fails_at_the_time(
    release: Release, world: World, tmp_path: Path, terms: dict[str, str], now: datetime, words: str
) -> None:
    requirements = json.loads(release.small.file.read_text())["requirements"]
    small = make_license(tmp_path, requirements=requirements, **terms)
    name = release.evaluation.license.model_copy(update={"sha256": small.license.sha256})
    evaluation = release.evaluation.model_copy(update={"license": name})
    other = replace(release, small=small, evaluation=evaluation, key=world.keys["publisher"])
    # An honest signer lets no attestation outlive its license.
    bundle = other.bundle(lambda s: s["predicate"].update(expires="2027-05-01T00:00:00Z"))
    trust = world.trust(small.file.read_bytes())

    result = examine(bundle, trust=trust, license=other.license, now=now, up_to=1)
    assert_fails_at(result, "time", words)


# 11. role


@pytest.mark.parametrize("by", [("lab",), ("hub",), ("auditor",), ("auditor", "hub", "lab")])
def test_signers_without_the_role_or_too_few_fail_at_the_role(
    release: Release, world: World, by: tuple[str, ...]
) -> None:
    assert_fails_at(held(release, world, by=by), "role", "expected 2")


def test_the_grant_that_came_closest_is_named(release: Release, world: World) -> None:
    grants = world.trust_values()["grants"]
    far = {"role": "evaluator", "signers": ["lab", "hub", "publisher"], "threshold": 3}

    for order in ([far, *grants], [*grants, far]):
        result = held(release, world, by=("auditor",), grants=order)
        assert_fails_at(result, "role", "1 of the evaluators auditor, second-auditor, expected 2")


def test_one_key_twice_is_one_signer(release: Release, world: World) -> None:
    result = held(release, world, by=("auditor", "auditor", "auditor"))

    assert_fails_at(result, "role", "signed by 1 of the evaluators auditor, second-auditor")


def test_signatures_over_different_statements_do_not_add_up(release: Release, world: World) -> None:
    later = NOW - timedelta(seconds=1)
    result = examine(
        bundle_by(release, world.keys["auditor"]),
        trust=world.trust(release.small.file.read_bytes()),
        license=release.license,
        subjects_now=release.subjects(),
        beside=Beside((bundle_by(release, world.keys["second-auditor"], issued=later),)),
        now=NOW,
    )

    assert_fails_at(result, "role", "signed by 1 of the evaluators")


def test_a_strangers_countersignature_is_mentioned_and_does_no_harm(
    release: Release, world: World
) -> None:
    stranger = bundle_by(release, generate())
    result = examine(
        bundle_by(release, world.keys["publisher"]),
        trust=world.trust(release.small.file.read_bytes()),
        license=release.license,
        subjects_now=release.subjects(),
        beside=Beside((stranger, b"{}")),
        now=NOW,
    )

    assert result.is_verified
    assert [signer.names for signer in result.signers] == [("publisher",)]
    (warning,) = result.warnings
    assert "a further signature does not count: signed by none of the 5 signers" in warning


def test_the_publishers_own_word_fails_where_a_third_party_is_asked_for(
    release: Release, world: World
) -> None:
    result = held(release, world, requires={"assurance": "third_party"})

    assert_fails_at(result, "role", "trust file asks for a third party's measurement")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"valid_until": "2026-05-31"}, "signed by 0 of the publishers"),
        ({"valid_from": "2026-06-02"}, "signed by 0 of the publishers"),
        ({"licenses": [{"name": "Other License"}]}, "nobody is publisher for this license"),
        ({"licenses": [{"sha256": "0" * 64}]}, "nobody is publisher for this license"),
        ({"base_models": [{"name": "Other Model"}]}, "nobody is publisher for this license"),
    ],
)
def test_a_grant_that_does_not_reach_so_far_fails_at_the_role(
    release: Release, world: World, limits: dict[str, Any], words: str
) -> None:
    grants = world.trust_values()["grants"]
    grants[1] |= limits

    assert_fails_at(held(release, world, grants=grants), "role", words)


def test_a_grant_for_this_license_reaches(release: Release, world: World) -> None:
    grants = world.trust_values()["grants"]
    grants[1] |= {
        "valid_from": "2026-06-01",
        "valid_until": "2026-06-01",
        "licenses": [{"name": "Other"}, {"sha256": release.license.sha256}],
    }

    assert held(release, world, grants=grants).is_verified


# 12. freshness


@pytest.fixture
def lists(release: Release, world: World) -> Any:
    """The attestation under a revocation list with these changes, signed by the licensor."""

    def run(*, signed_by: Sequence[str] = ("lab",), options: Any = None, **changes: Any) -> Any:
        document = world.revocations(signed_by, **changes)
        return held(
            release, world, revocations=document, revocations_by="licensor", **(options or {})
        )

    return run


def test_an_empty_list_passes_and_is_named(lists: Any) -> None:
    assert "revocation list 5" in detail(lists(), "freshness")


def test_a_missing_list_fails_at_the_freshness(release: Release, world: World) -> None:
    result = held(release, world, revocations_by="licensor")

    assert_fails_at(result, "freshness", "none was given")


def test_a_list_that_nobody_may_sign_fails_at_the_freshness(release: Release, world: World) -> None:
    result = held(release, world, revocations=world.revocations())

    assert_fails_at(result, "freshness", "names nobody to sign one")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signed_by": ()}, "signed by 0 of the licensors lab"),
        ({"signed_by": ("publisher",)}, "signed by 0 of the licensors lab"),
        ({"expires": "2026-05-31"}, "expired on 2026-05-31"),
        ({"trust": "Other Lab"}, "is of 'Other Lab'"),
    ],
)
def test_a_list_that_does_not_count_fails_at_the_freshness(
    lists: Any, changes: dict[str, Any], words: str
) -> None:
    assert_fails_at(lists(**changes), "freshness", words)


def test_an_older_list_fails_at_the_freshness(lists: Any, world: World) -> None:
    newest = Remembered.of(world.trust_file(revocations_by="licensor"), world.revocations(number=6))
    options = {"remembered": newest}

    assert_fails_at(lists(options=options), "freshness", "version 5, version 6 was seen before")
    assert_fails_at(
        lists(options=options, number=6, expires="2098-01-01"), "freshness", "was seen before"
    )
    assert lists(options=options, number=6).is_verified


def test_whatever_was_taken_back_fails_at_the_freshness(
    lists: Any, release: Release, world: World
) -> None:
    bundle = bundle_by(release, world.keys["publisher"])
    statement = sha256_hex(open_bundle(bundle).dsse_envelope.payload)
    checkpoint = release.evaluation.manifest.digest()

    def entry(sha256: str) -> list[dict[str, str]]:
        return [{"sha256": "1" * 64}, {"sha256": sha256, "reason": "measured wrongly"}]

    for kind, sha256, words in (
        ("attestations", statement, "the attestation was revoked: measured wrongly"),
        ("licenses", release.license.sha256, "the license was revoked"),
        ("checkpoints", checkpoint, "the checkpoint was revoked"),
    ):
        assert_fails_at(lists(**{kind: entry(sha256)}), "freshness", words)
        assert lists(**{kind: entry("0" * 64)}).is_verified


def test_a_bundle_digest_revokes_too(release: Release, world: World) -> None:
    license = release.small.file.read_bytes()
    bundle = bundle_by(release, world.keys["publisher"])
    document = world.revocations(attestations=[{"sha256": sha256_hex(bundle)}])
    result = examine(
        bundle,
        trust=world.trust(license, revocations=document, revocations_by="licensor"),
        license=release.license,
        subjects_now=release.subjects(),
        now=NOW,
    )

    assert_fails_at(result, "freshness", "the attestation was revoked")
    other = bundle_by(release, world.keys["hub"])
    another = bundle_by(release, world.keys["hub"], issued=NOW - timedelta(days=1))
    for beside, is_verified in ((other, False), (another, True)):
        document = world.revocations(attestations=[{"sha256": sha256_hex(beside)}])
        result = examine(
            bundle,
            trust=world.trust(license, revocations=document, revocations_by="licensor"),
            license=release.license,
            subjects_now=release.subjects(),
            beside=Beside((beside,)),
            now=NOW,
        )
        assert result.is_verified == is_verified


def test_a_revoked_key_fails_at_the_freshness(lists: Any, world: World) -> None:
    for name, words in (
        ("publisher", "it is signed with a revoked key"),
        ("lab", "license is signed with a revoked key"),
    ):
        # Without a trusted timestamp, even a date to come revokes: nobody knows when it was signed.
        for since in (EVIDENT, "2030-01-01T00:00:00Z"):
            result = lists(keys=[{"key": world.hint(name), "since": since}])
            assert_fails_at(result, "freshness", words)
    assert lists(keys=[{"key": world.hint("hub"), "since": EVIDENT}]).is_verified


def test_a_revoked_key_does_not_count_towards_the_threshold(lists: Any, world: World) -> None:
    keys = [{"key": world.hint("second-auditor"), "since": EVIDENT}]
    both = {"by": ("auditor", "second-auditor")}

    assert_fails_at(lists(keys=keys, options=both), "freshness", "signed by 1 of the evaluators")
    three = {"by": ("auditor", "second-auditor", "publisher")}
    result = lists(keys=keys, options=three)
    assert result.believed_as == "publisher"
    assert any(
        "does not count: that of second-auditor from 2026-05-01" in warning
        for warning in result.warnings
    )


def test_a_list_is_remembered_even_where_it_took_something_back(
    release: Release, world: World
) -> None:
    license = release.small.file.read_bytes()
    document = world.revocations(number=9, licenses=[{"sha256": release.license.sha256}])
    trust = world.trust(license, revocations=document, revocations_by="licensor")

    known = learn(trust, release.license, NOW)

    assert known is not None
    assert known.revocations is not None
    assert (known.trust.number, known.revocations.number) == (3, 9)
    assert Remembered.from_json(known.to_json(), what="remembered") == known
    unsigned = world.trust(license, owners=(), remembered=known)
    assert learn(unsigned, release.license, NOW) == known
    listless = world.trust(license, remembered=known, revocations_by="licensor")
    assert learn(listless, release.license, NOW) == known
    no_longer_asked = world.trust(license, remembered=known)
    after = learn(no_longer_asked, release.license, NOW)
    assert after is not None
    assert after.revocations == known.revocations
