"""The check of a hub: every way to fail has its own answer, and none of them is a pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keys import generate
from attest.attestation.statement import state
from attest.canonical import canonical_bytes, sha256_hex
from attest.license.decide import decide
from attest.license.read import parse_license
from attest.verification.listings import FileDigests, ListingVerdict, verify_listing
from attest.verification.states import STATES, State
from attest.verification.verify import Trust
from release import NOW, Release
from world import World

EVIDENT = "2026-05-01T00:00:00Z"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def bundle_by(
    release: Release,
    key: Any,
    forge: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> bytes:
    value = release.statement(**options).to_dict()
    if forge is not None:
        forge(value)
    return make_bundle(canonical_bytes(value), key)


def files_of(release: Release) -> dict[str, FileDigests]:
    return {
        file.path: FileDigests(
            sha256=file.sha256, git_blob=file.git_blob, size_bytes=file.size_bytes
        )
        for file in release.evaluation.manifest.files
    }


def checked(
    release: Release,
    world: World,
    *,
    files: dict[str, FileDigests] | None = None,
    bundles: list[bytes] | None = None,
    now: Any = NOW,
    problems: tuple[str, ...] = (),
    **trust: Any,
) -> ListingVerdict:
    return verify_listing(
        files_of(release) if files is None else files,
        [bundle_by(release, world.keys["publisher"])] if bundles is None else bundles,
        release.license,
        world.trust(release.small.file.read_bytes(), **trust),
        now,
        problems=problems,
    )


def assert_is(verdict: ListingVerdict, state: State, words: str) -> None:
    assert verdict.state == state, verdict.problems
    assert any(words in problem for problem in verdict.problems), verdict.problems
    assert ListingVerdict.from_json(verdict.to_json(), what="verdict") == verdict


def test_a_listing_of_the_measured_files_passes(measured: Release, world: World) -> None:
    verdict = checked(measured, world)

    assert (verdict.state, verdict.checked, verdict.problems) == ("passed", "listed-hash", ())
    n_files = len(files_of(measured)) - 1  # README.md documents
    assert (verdict.covered, verdict.total) == (n_files, n_files)
    assert verdict.verification is not None
    assert verdict.verification.believed_as == "publisher"
    assert verdict.checkpoint == measured.evaluation.manifest.digest()
    assert ListingVerdict.from_json(verdict.to_json(), what="verdict") == verdict


def test_attestations_in_the_listing_are_left_out(measured: Release, world: World) -> None:
    files = files_of(measured) | {
        "attestations/one.sigstore.json": FileDigests(size_bytes=100),
        ".gitattributes": FileDigests(size_bytes=10),
    }
    assert checked(measured, world, files=files).state == "passed"


def test_a_changed_readme_changes_nothing(measured: Release, world: World) -> None:
    files = files_of(measured) | {"README.md": FileDigests(sha256="1" * 64)}
    verdict = checked(measured, world, files=files)
    assert verdict.state == "passed"
    assert verdict.verification is not None
    assert "README.md was changed since" in verdict.verification.warnings[0]


def test_what_does_not_meet_the_license_is_below_threshold(measured: Release, world: World) -> None:
    terms = measured.small.file.read_text().replace(
        '"license_version": "1.0"', '"license_version": "1.0", "duties": {"name_prefix": "Tuned"}'
    )
    license = parse_license(terms.encode())
    evaluation = measured.evaluation.model_copy(
        update={
            "license": measured.evaluation.license.model_copy(update={"sha256": license.sha256})
        }
    )
    statement = state(
        evaluation,
        decide(license, evaluation.counts),
        license,
        issued=NOW,
        release_name="Other-Model",
    )
    verdict = verify_listing(
        files_of(measured),
        [make_bundle(statement.to_json(), world.keys["publisher"])],
        license,
        world.trust(terms.encode()),
        NOW,
    )
    assert_is(verdict, "below-threshold", "Other-Model does not begin with Tuned")
    assert verdict.covered == verdict.total


@pytest.mark.parametrize(
    ("digests", "state", "words"),
    [
        (FileDigests(sha256="1" * 64), "files-changed", "model.safetensors: not as attested"),
        (FileDigests(git_blob="1" * 40), "files-changed", "model.safetensors: not as attested"),
        (FileDigests(), "partly-covered", "no SHA-256 that is listed and attested"),
    ],
)
def test_every_file_must_have_the_attested_digest(
    measured: Release, world: World, digests: FileDigests, state: State, words: str
) -> None:
    files = files_of(measured) | {WEIGHTS: digests}
    verdict = checked(measured, world, files=files)
    assert_is(verdict, state, words)
    assert verdict.covered == verdict.total - 1


def test_a_git_blob_id_alone_shows_no_file_to_be_the_same(measured: Release, world: World) -> None:
    files = files_of(measured)
    files[WEIGHTS] = FileDigests(git_blob=files[WEIGHTS].git_blob)
    assert_is(checked(measured, world, files=files), "partly-covered", "no SHA-256")


def test_an_added_file_is_not_covered(measured: Release, world: World) -> None:
    files = files_of(measured) | {"chat_template.json": FileDigests(sha256="1" * 64)}
    verdict = checked(measured, world, files=files)
    assert_is(verdict, "partly-covered", "chat_template.json")
    assert verdict.covered == verdict.total - 1


def test_a_missing_file_is_a_change(measured: Release, world: World) -> None:
    files = files_of(measured)
    del files["config.json"]
    assert_is(checked(measured, world, files=files), "files-changed", "config.json: not as")


def test_loadable_files_where_no_manifest_looks_are_not_covered(
    measured: Release, world: World
) -> None:
    files = files_of(measured) | {"attestations/model.safetensors": FileDigests()}
    assert_is(checked(measured, world, files=files), "partly-covered", "no manifest looks")


def test_what_the_caller_found_keeps_it_from_passing(measured: Release, world: World) -> None:
    verdict = checked(measured, world, problems=("config.json names other weights",))
    assert_is(verdict, "partly-covered", "config.json names other weights")


def test_a_stranger_is_unexpected(measured: Release, world: World) -> None:
    verdict = checked(measured, world, bundles=[bundle_by(measured, generate())])
    assert_is(verdict, "unexpected-signer", "step 3")
    assert (verdict.covered, verdict.checkpoint) == (0, None)


def test_a_signer_without_the_role_is_unexpected(measured: Release, world: World) -> None:
    verdict = checked(measured, world, bundles=[bundle_by(measured, world.keys["hub"])])
    assert_is(verdict, "unexpected-signer", "step 11")
    assert verdict.covered == verdict.total


def damaged(release: Release, world: World) -> bytes:
    signature = bundle_by(release, world.keys["publisher"], issued=NOW - timedelta(days=1))
    other = bundle_by(release, world.keys["publisher"])
    envelope = open_bundle(other).dsse_envelope.model_copy(
        update={"signatures": open_bundle(signature).dsse_envelope.signatures}
    )
    return open_bundle(other).model_copy(update={"dsse_envelope": envelope}).to_json()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (damaged, "step 3 (signature)"),
        (lambda release, world: b"{}", "step 0 (limits)"),
        (
            lambda release, world: bundle_by(
                release, world.keys["publisher"], lambda value: value["subject"].pop()
            ),
            "step 7 (subjects)",
        ),
        (
            lambda release, world: bundle_by(
                release, world.keys["publisher"], issued=NOW + timedelta(days=1)
            ),
            "in the future",
        ),
        (
            lambda release, world: bundle_by(
                release,
                world.keys["publisher"],
                lambda value: value["predicate"]["evaluation"]["conditions"].update(
                    maxNewTokens=11
                ),
            ),
            "step 10 (claim)",
        ),
    ],
)
def test_what_does_not_hold_by_itself_is_invalid(
    measured: Release, world: World, make: Any, words: str
) -> None:
    verdict = checked(measured, world, bundles=[make(measured, world)])
    assert_is(verdict, "invalid-signature", words)


def test_an_expired_attestation_is_outdated(measured: Release, world: World) -> None:
    verdict = checked(measured, world, now=NOW + timedelta(days=3000))
    assert_is(verdict, "outdated", "expired on")
    assert verdict.covered == verdict.total

    old = checked(measured, world, now=NOW + timedelta(days=9), requires={"max_age_days": 8})
    assert_is(old, "outdated", "9 days old")


@pytest.mark.parametrize(
    ("name", "state"), [("Small License", "outdated"), ("Another License", "no-attestation")]
)
def test_another_version_of_the_license_is_told_from_another_license(
    measured: Release, world: World, name: str, state: State
) -> None:
    text = measured.small.file.read_text().replace(
        '"license_version": "1.0"', '"license_version": "2.0"'
    )
    data = text.replace('"name": "Small License"', f'"name": "{name}"').encode()
    verdict = verify_listing(
        files_of(measured),
        [bundle_by(measured, world.keys["publisher"])],
        parse_license(data),
        world.trust(data),
        NOW,
    )
    assert_is(verdict, state, "not under this license")


@pytest.mark.parametrize(
    "entry",
    [
        lambda release, world: {"checkpoints": [{"sha256": release.evaluation.manifest.digest()}]},
        lambda release, world: {"licenses": [{"sha256": release.license.sha256}]},
        lambda release, world: {"keys": [{"key": world.hint("publisher"), "since": EVIDENT}]},
    ],
)
def test_what_was_revoked_is_withdrawn(measured: Release, world: World, entry: Any) -> None:
    verdict = checked(
        measured,
        world,
        revocations=world.revocations(**entry(measured, world)),
        revocations_by="licensor",
    )
    assert_is(verdict, "withdrawn", "step 12")
    assert verdict.covered == verdict.total


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        ({"revocations_by": "licensor"}, "none was given"),
        ({"expires": "2026-05-31"}, "the trust file expired"),
        ({"licensors": ()}, "not its licensor's"),
        ({"requires": {"level": 3}}, "requires level 3"),
    ],
)
def test_what_the_operator_has_to_mend_could_not_be_checked(
    measured: Release, world: World, trust: Any, words: str
) -> None:
    assert_is(checked(measured, world, **trust), "could-not-check", words)


def test_nothing_found_is_no_pass(measured: Release, world: World) -> None:
    assert_is(checked(measured, world, bundles=[]), "no-attestation", "no attestation was found")
    assert_is(checked(measured, world, files={}), "could-not-check", "no file of a model")
    documents = {"README.md": FileDigests(sha256="1" * 64)}
    assert_is(checked(measured, world, files=documents), "could-not-check", "no file of a model")


def test_too_many_attestations_are_not_looked_at(measured: Release, world: World) -> None:
    bundles = [b'{"n": %d}' % number for number in range(65)]
    assert_is(checked(measured, world, bundles=bundles), "could-not-check", "at most 64")


def test_the_best_attestation_counts(measured: Release, world: World) -> None:
    good = bundle_by(measured, world.keys["publisher"])
    bundles = [b"{}", bundle_by(measured, generate()), good]
    verdict = checked(measured, world, bundles=bundles)
    assert (verdict.state, verdict.bundle_sha256) == ("passed", sha256_hex(good))


def test_a_key_alone_will_do(measured: Release) -> None:
    verdict = verify_listing(
        files_of(measured),
        [measured.bundle()],
        measured.license,
        Trust(measured.key.public_key),
        NOW,
        checked="served-bytes",
    )
    assert (verdict.state, verdict.checked) == ("passed", "served-bytes")
    assert verdict.verification is not None
    assert "computed here" in verdict.verification.steps[9].detail


def test_every_state_is_put_into_words() -> None:
    assert set(STATES) == set(State.__args__)


def test_a_listing_of_40_files_takes_milliseconds(measured: Release, world: World) -> None:
    files = files_of(measured)
    manifest = measured.evaluation.manifest
    extra = [
        manifest.files[0].model_copy(update={"path": f"tokenizer-{number:03}.json"})
        for number in range(40 - len(files))
    ]
    ordered = sorted((*manifest.files, *extra), key=lambda file: file.path)
    larger = manifest.model_copy(update={"files": tuple(ordered)})
    many = replace(measured, evaluation=measured.evaluation.model_copy(update={"manifest": larger}))
    bundle = bundle_by(many, world.keys["publisher"])
    trust, license = world.trust(measured.small.file.read_bytes()), measured.license
    files = files_of(many)

    def once() -> float:
        begun = time.process_time()
        verdict = verify_listing(files, [bundle], license, trust, NOW)
        assert (verdict.state, verdict.total) == ("passed", 39)
        return time.process_time() - begun

    once()
    # A generous bound: 3 to 6 ms were seen, and machines of CI are busy.
    assert min(once() for _ in range(5)) < 0.03


def test_nobody_can_attest_a_file_whose_sha256_is_not_listed(
    measured: Release, world: World
) -> None:
    path, manifest = "generation_config.json", measured.evaluation.manifest
    false = {"sha256": "0" * 64, "git_blob": None}
    files = tuple(
        file.model_copy(update=false) if file.path == path else file for file in manifest.files
    )
    evaluation = measured.evaluation.model_copy(
        update={"manifest": manifest.model_copy(update={"files": files})}
    )
    bundle = bundle_by(replace(measured, evaluation=evaluation), world.keys["publisher"])
    listed = files_of(measured) | {path: FileDigests(git_blob="1" * 40)}

    verdict = checked(measured, world, files=listed, bundles=[bundle])
    assert_is(verdict, "partly-covered", f"{path}: no SHA-256 that is listed and attested")
