"""A summary is believed of a hub or an evaluator, and of these files: each forgery at its step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from test_trusted_certificates import logged, with_log

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keys import generate
from attest.attestation.summary import SummaryStatement
from attest.canonical import canonical_bytes, sha256_hex
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.verification.case import Subjects
from attest.verification.listing import Listing, of_manifest
from attest.verification.records import STEPS, Level
from attest.verification.summaries import SummaryVerification, examine_summary
from attest.verification.summarizing import summarize
from instance import SmallLog
from release import NOW, Release
from world import World

Forge = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def summary_of(
    release: Release, world: World, *, by: str = "hub", forge: Forge | None = None
) -> bytes:
    """What `by` says of the honest release; `forge` may change it before it is signed."""
    bundle = release.bundle()
    said = summarize(
        release.examine(bundle),
        open_bundle(bundle).dsse_envelope.payload,
        verifier="https://hub.example/v1",
        is_from_bytes=True,
    )
    value = said.to_dict()
    if forge is not None:
        forge(value)
    return make_bundle(canonical_bytes(value), world.keys[by])


def held(
    release: Release,
    world: World,
    summary: bytes,
    *,
    level: Level = 1,
    subjects: Subjects | None = None,
    now: datetime = NOW,
    **changes: Any,
) -> SummaryVerification:
    return examine_summary(
        summary,
        trust=world.trust(release.small.file.read_bytes(), **changes),
        license=release.license,
        subjects=lambda: subjects or release.subjects(),
        level=level,
        now=now,
    )


def fails_at(result: SummaryVerification, name: str, words: str) -> None:
    assert not result.is_verified
    assert result.failed_step is not None
    assert (result.failed_step.name, words in result.failed_step.detail) == (name, True), (
        result.failed_step
    )
    assert (result.signer, result.summary, result.is_met) == (None, None, None)


def test_a_hubs_word_about_these_files_is_believed(release: Release, world: World) -> None:
    result = held(release, world, summary_of(release, world))

    assert result.failed_step is None
    assert (result.is_met, result.believed_as) == (True, "hub")
    assert result.signer is not None
    assert result.signer.names == ("hub",)
    assert result.checkpoint == release.evaluation.manifest.digest()
    assert result.statement_sha256 == sha256_hex(
        open_bundle(release.bundle()).dsse_envelope.payload
    )
    assert [step.number for step in result.steps] == list(range(STEPS.index("freshness") + 1))
    assert SummaryVerification.from_json(result.to_json(), what="result") == result


def test_an_evaluators_word_counts_where_one_suffices(release: Release, world: World) -> None:
    summary = summary_of(release, world, by="auditor")
    grants = world.trust_values()["grants"]

    # Two must agree on a measurement here, and a summary has one signer.
    fails_at(held(release, world, summary), "role", "signed by 1 of the evaluators")
    grants[2] |= {"threshold": 1}
    assert held(release, world, summary, grants=grants).believed_as == "evaluator"


def test_a_changed_readme_is_not_what_a_summary_vouches_for(release: Release, world: World) -> None:
    (release.model / "README.md").write_text("# Another text\n")

    assert held(release, world, summary_of(release, world)).is_verified


def test_what_is_not_met_is_verified_and_says_so(release: Release, world: World) -> None:
    def unmet(value: dict[str, Any]) -> None:
        value["predicate"]["properties"].remove("ATTEST_LICENSE_MET")

    result = held(release, world, summary_of(release, world, forge=unmet))
    assert (result.is_verified, result.is_met) == (True, False)


def test_an_altered_summary_fails_at_the_signature(release: Release, world: World) -> None:
    value = json.loads(summary_of(release, world))
    other = json.loads(summary_of(release, world, forge=lambda v: v["subject"].pop()))
    value["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]

    fails_at(held(release, world, json.dumps(value).encode()), "signature", "")
    payload = open_bundle(summary_of(release, world)).dsse_envelope.payload
    fails_at(held(release, world, make_bundle(payload, generate())), "signature", "none of the 5")


def test_an_attestation_in_its_place_fails_at_the_statement(release: Release, world: World) -> None:
    attestation = make_bundle(release.statement().to_json(), world.keys["hub"])

    fails_at(held(release, world, attestation), "statement", "")


@pytest.mark.parametrize("by", ["publisher", "lab"])
def test_a_signer_of_another_role_fails_at_the_role(
    release: Release, world: World, by: str
) -> None:
    fails_at(held(release, world, summary_of(release, world, by=by)), "role", f"signed by {by}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"owners": ()}, "0 of its owner's keys"),
        ({"licensors": ()}, "not its licensor's"),
        ({"requires": {"level": 3}}, "requires level 3"),
    ],
)
def test_a_basis_that_does_not_hold_fails_at_the_trust(
    release: Release, world: World, changes: dict[str, Any], words: str
) -> None:
    fails_at(held(release, world, summary_of(release, world), **changes), "trust", words)


def test_a_summary_of_another_time_fails_at_the_time(release: Release, world: World) -> None:
    day = timedelta(days=1)
    valid = release.license.terms.attestation_valid_days * day
    summary = summary_of(release, world)

    assert held(release, world, summary, now=NOW + valid).is_verified
    fails_at(held(release, world, summary, now=NOW + valid + day), "time", "expired on")
    fails_at(held(release, world, summary, now=NOW - day), "time", "in the future")
    old = held(release, world, summary, now=NOW + 8 * day, requires={"max_age_days": 7})
    fails_at(old, "time", "8 days old")


def test_a_summary_that_must_be_logged_fails_at_the_log(release: Release, world: World) -> None:
    log, summary = SmallLog(), summary_of(release, world)
    trust = world.trust(release.small.file.read_bytes(), **with_log(log))
    (license,) = trust.license_signatures
    trust = replace(trust, license_signatures=(logged(license, world.keys["lab"], log),))

    def under(summary: bytes) -> SummaryVerification:
        return examine_summary(
            summary,
            trust=trust,
            license=release.license,
            subjects=release.subjects,
            level=1,
            now=NOW,
        )

    fails_at(under(summary), "log", "found 0")
    assert under(logged(summary, world.keys["hub"], log)).is_verified


def renamed(value: dict[str, Any]) -> None:
    value["subject"][0]["name"] = "another:checkpoint"


def twice(value: dict[str, Any]) -> None:
    value["subject"].append(value["subject"][-1])


def nameless(value: dict[str, Any]) -> None:
    value["subject"][0]["digest"] = {}


@pytest.mark.parametrize(
    ("forge", "words"), [(renamed, "each once"), (twice, "each once"), (nameless, "a SHA-256 of")]
)
def test_subjects_of_another_form_fail_at_the_subjects(
    release: Release, world: World, forge: Forge, words: str
) -> None:
    fails_at(held(release, world, summary_of(release, world, forge=forge)), "subjects", words)


def test_other_files_fail_at_the_coverage(release: Release, world: World) -> None:
    summary = summary_of(release, world)
    short = summary_of(release, world, forge=lambda value: value["subject"].pop())

    fails_at(held(release, world, short), "coverage", "is not attested")
    none = summary_of(
        release, world, forge=lambda value: value.update(subject=value["subject"][:2])
    )
    fails_at(held(release, world, none), "coverage", "is not attested")
    (release.model / "added.json").write_text("{}")
    fails_at(held(release, world, summary), "coverage", "added.json")


def with_more(release: Release, template: str, n: int) -> Release:
    """The release with `n` more files; nothing was measured of them."""
    manifest = release.evaluation.manifest
    known = next(file for file in manifest.files if file.path == "config.json")
    added = [known.model_copy(update={"path": template.format(number)}) for number in range(n)]
    files = tuple(sorted((*manifest.files, *added), key=lambda file: file.path))
    larger = manifest.model_copy(update={"files": files})
    return replace(release, evaluation=release.evaluation.model_copy(update={"manifest": larger}))


def listed(release: Release) -> Subjects:
    return Subjects(of_manifest(release.evaluation.manifest, is_from_bytes=False))


def summary_of_listed(release: Release, world: World) -> bytes:
    bundle = release.bundle()
    said = summarize(
        release.examine(bundle, subjects=listed(release)),
        open_bundle(bundle).dsse_envelope.payload,
        verifier="https://hub.example/v1",
        is_from_bytes=False,
    )
    return make_bundle(said.to_json(), world.keys["hub"])


def test_documents_take_no_room_in_a_summary(release: Release, world: World) -> None:
    larger = with_more(release, "about-{:05}.md", 1100)

    summary = summary_of_listed(larger, world)
    assert held(larger, world, summary, subjects=listed(larger)).is_verified


def test_a_summary_that_may_not_name_all_files_is_not_believed(
    release: Release, world: World
) -> None:
    larger = with_more(release, "part-{:05}.json", 1100)
    summary = summary_of_listed(larger, world)
    named = SummaryStatement.from_json(
        open_bundle(summary).dsse_envelope.payload, what="summary"
    ).subject[2:]
    some = Listing({file.name: file.digest["sha256"] for file in named}, is_from_bytes=False)

    # Whoever leaves out what it does not name would go unnoticed.
    for present in (Subjects(some), listed(larger)):
        result = held(larger, world, summary, subjects=present)
        fails_at(result, "coverage", "may not be all")


def test_a_changed_file_fails_at_the_files(release: Release, world: World) -> None:
    def swap(value: dict[str, Any]) -> None:
        value["subject"][2]["digest"]["sha256"] = "0" * 64

    fails_at(held(release, world, summary_of(release, world, forge=swap)), "files", "SHA-256")


def test_a_second_set_of_weights_fails_at_the_files(release: Release, world: World) -> None:
    summary, before = summary_of(release, world), release.subjects()
    (release.model / "pytorch_model.bin").write_bytes(b"not weights")
    present = Subjects(before.listing, open_checkpoint(release.model))

    fails_at(held(release, world, summary, subjects=present), "files", "pytorch_model.bin")


def test_what_was_not_found_fails_at_the_claim(release: Release, world: World) -> None:
    def elsewhere(value: dict[str, Any]) -> None:
        value["predicate"]["verifier"]["policies"][0]["digest"]["sha256"] = "0" * 64

    summary = summary_of(release, world)
    other = summary_of(release, world, forge=elsewhere)
    fails_at(held(release, world, other), "claim", "verified under another license")
    fails_at(held(release, world, summary, level=2), "claim", "as deep as level 2")
    alone = held(release, world, summary, requires={"assurance": "third_party"})
    fails_at(alone, "claim", "a third party's measurement is asked for")


def test_whatever_was_taken_back_fails_at_the_freshness(release: Release, world: World) -> None:
    summary = summary_of(release, world)
    statement = sha256_hex(open_bundle(release.bundle()).dsse_envelope.payload)
    since = {"since": "2026-05-01T00:00:00Z"}

    def under(**lists: Any) -> SummaryVerification:
        document = world.revocations(**lists)
        return held(release, world, summary, revocations=document, revocations_by="licensor")

    assert under().is_verified
    for lists, words in (
        ({"licenses": [{"sha256": release.license.sha256}]}, "the license was revoked"),
        ({"attestations": [{"sha256": statement}]}, "the attestation was revoked"),
        ({"attestations": [{"sha256": sha256_hex(summary)}]}, "the attestation was revoked"),
        (
            {"checkpoints": [{"sha256": release.evaluation.manifest.digest()}]},
            "the checkpoint was revoked",
        ),
        ({"weights": [{"digest": "1" * 64}]}, "nobody says which these are"),
        ({"keys": [{"key": world.hint("hub"), **since}]}, "signed with a revoked key"),
        ({"keys": [{"key": world.hint("lab"), **since}]}, "the license is signed with a revoked"),
    ):
        fails_at(under(**lists), "freshness", words)
    missing = held(release, world, summary, revocations_by="licensor")
    fails_at(missing, "freshness", "none was given")


def test_files_are_not_read_before_the_signature_holds(release: Release, world: World) -> None:
    def unread() -> Subjects:
        raise InputError("read too early")

    result = examine_summary(
        make_bundle(open_bundle(summary_of(release, world)).dsse_envelope.payload, generate()),
        trust=world.trust(release.small.file.read_bytes()),
        license=release.license,
        subjects=unread,
        level=1,
        now=NOW,
    )
    fails_at(result, "signature", "")
