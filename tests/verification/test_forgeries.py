"""Each forgery fails, and fails at exactly its step."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.keys import generate
from attest.canonical import sha256_hex
from attest.errors import VerificationError
from attest.evaluation.commitment import commit
from attest.evaluation.journal import SALT, TRANSCRIPTS, read_master, read_transcripts
from attest.verification.listing import Listing
from attest.verification.records import STEPS, StepName, Verification
from attest.verification.verify import Subjects, Trust, verify
from release import NOW, Release
from small import make_license

Forge = Callable[[dict[str, Any]], None]


def assert_fails_at(result: Verification, name: StepName, words: str) -> None:
    failed = result.failed_step
    assert failed is not None, "verified"
    assert (failed.name, failed.number) == (name, STEPS.index(name))
    assert words in failed.detail
    assert not result.is_verified
    assert result.level is None
    assert result.outcome is None
    assert result.findings == ()
    later = [step.status for step in result.steps if step.number > failed.number]
    assert set(later) <= {"not-reached"}


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_an_honest_release_verifies_at_every_level(release: Release, kind: Any) -> None:
    from dataclasses import replace

    signed = replace(release, key=generate(kind))
    result = signed.examine(evidence=release.evidence)

    assert result.failed_step is None
    assert (result.is_verified, result.level, result.outcome) == (True, 2, "pass")
    assert result.checkpoint == release.evaluation.manifest.digest()
    assert [step.number for step in result.steps] == list(range(len(STEPS)))
    assert {step.name for step in result.steps if step.status == "not-asked"} == {
        "log",
        "freshness",
    }
    assert signed.examine().level == 1


def test_the_result_reads_back_as_it_was_written(release: Release) -> None:
    result = release.examine()

    assert Verification.from_json(result.to_json(), what="verification") == result


def test_verify_raises_where_examine_reports(release: Release) -> None:
    with pytest.raises(VerificationError, match=r"step 3 \(signature\)") as caught:
        verify(
            release.bundle(),
            trust=Trust(generate().public_key),
            license=release.license,
            now=NOW,
        )
    assert caught.value.step == 3


# 0. limits


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"mediaType":1,"mediaType":2}', b"[" * 5000, b"\xff"]
)
def test_unreadable_bundles_fail_at_the_limits(release: Release, data: bytes) -> None:
    assert_fails_at(release.examine(data or b" "), "limits", "")


# 2. envelope


def test_a_second_signature_fails_at_the_envelope(release: Release) -> None:
    value = json.loads(release.bundle())
    value["dsseEnvelope"]["signatures"] *= 2

    assert_fails_at(release.examine(json.dumps(value).encode()), "envelope", "exactly one")


# 3. signature


def test_a_wrong_key_fails_at_the_signature(release: Release) -> None:
    assert_fails_at(release.examine(key=generate()), "signature", "")


def test_a_changed_statement_fails_at_the_signature(release: Release) -> None:
    honest = json.loads(release.bundle())
    other = json.loads(release.bundle(lambda s: s["predicate"].update(releaseName="other")))
    honest["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]

    assert_fails_at(release.examine(json.dumps(honest).encode()), "signature", "")


# 4. statement


@pytest.mark.parametrize(
    "forge",
    [
        lambda s: s.update(predicateType="https://in-toto.io/attestation/test-result/v0.1"),
        lambda s: s.pop("predicateType"),
        lambda s: s.pop("_type"),
        lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda s: s.update(passed=True),
        lambda s: s["predicate"].update(passed=True),
        lambda s: s.update(subject=[]),
        lambda s: s["predicate"]["evaluation"]["counts"][0].update(failures=-1),
        lambda s: s["predicate"]["evaluation"]["counts"][0].update(failures="0"),
        lambda s: s["predicate"]["evaluation"]["counts"][0].update(n_items=12),
        lambda s: s["predicate"]["evaluation"]["manifest"]["files"][0].update(path="../x"),
        lambda s: s["predicate"]["evaluation"]["manifest"]["files"].reverse(),
    ],
)
def test_a_signed_statement_of_another_shape_fails_at_the_statement(
    release: Release, forge: Forge
) -> None:
    assert_fails_at(release.examine(release.bundle(forge)), "statement", "")


# 5. time


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (timedelta(hours=-1), "in the future"),
        (timedelta(days=366), "expired on"),
    ],
)
def test_a_paper_of_another_time_fails_at_the_time(
    release: Release, when: timedelta, words: str
) -> None:
    assert_fails_at(release.examine(now=NOW + when), "time", words)


def test_a_longer_life_than_the_license_allows_fails_at_the_time(release: Release) -> None:
    bundle = release.bundle(lambda s: s["predicate"].update(expires="2040-01-01T00:00:00Z"))

    assert_fails_at(release.examine(bundle), "time", "the license allows 365")


def test_a_time_without_zone_fails_at_the_time(release: Release) -> None:
    bundle = release.bundle(lambda s: s["predicate"].update(issued="2026-06-01T12:00:00"))

    assert_fails_at(release.examine(bundle), "time", "time zone")


# 7. subjects


@pytest.mark.parametrize(
    "forge",
    [
        lambda s: s["subject"].pop(),
        lambda s: s["subject"][0]["digest"].update(sha256="0" * 64),
        lambda s: s["subject"].append({"name": "x", "digest": {"sha256": "0" * 64}}),
        lambda s: s["subject"].reverse(),
    ],
)
def test_subjects_that_are_not_the_manifest_fail_at_the_subjects(
    release: Release, forge: Forge
) -> None:
    assert_fails_at(release.examine(release.bundle(forge)), "subjects", "")


# 8. coverage


@pytest.mark.parametrize(
    "path",
    [
        "chat_template2.jinja",
        "consolidated.safetensors",
        "pytorch_model.bin",
        "modeling_evil.py",
        "sub/adapter_config.json",
        "notes.txt2",
    ],
)
def test_an_added_file_fails_at_the_coverage(release: Release, path: str) -> None:
    file = release.model / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"{}")

    assert_fails_at(release.examine(), "coverage", f"{path} (")


def test_a_missing_file_fails_at_the_coverage(release: Release) -> None:
    (release.model / "generation_config.json").unlink()

    assert_fails_at(release.examine(), "coverage", "generation_config.json is attested")


def test_documentation_may_change_and_is_mentioned(release: Release) -> None:
    (release.model / "README.md").write_text("# A better description\n")
    (release.model / "plot.png").write_bytes(b"\x89PNG")

    result = release.examine()

    assert result.is_verified
    assert [warning.split()[0] for warning in result.warnings] == ["plot.png", "README.md"]


# 9. files


def test_one_flipped_bit_of_the_weights_fails_at_the_files(release: Release) -> None:
    file = release.model / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)

    assert_fails_at(release.examine(), "files", "model.safetensors: expected SHA-256")


def test_swapped_file_names_fail_at_the_files(release: Release) -> None:
    one, two = release.model / "config.json", release.model / "generation_config.json"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)

    assert_fails_at(release.examine(), "files", "config.json: expected SHA-256")


def test_loadable_weights_hidden_among_attestations_fail_at_the_files(release: Release) -> None:
    folder = release.model / "attestations"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"")

    assert_fails_at(release.examine(), "files", "attestations/model.safetensors")


def test_a_listing_of_hashes_serves_instead_of_bytes(release: Release) -> None:
    files = {file.path: file.sha256 for file in release.evaluation.manifest.files}
    result = release.examine(subjects=Subjects(Listing(files, is_from_bytes=False)))
    assert (result.level, result.outcome) == (1, "pass")
    assert "bytes not read" in next(s.detail for s in result.steps if s.name == "files")

    files["model.safetensors"] = "0" * 64
    forged = Subjects(Listing(files, is_from_bytes=False))
    assert_fails_at(release.examine(subjects=forged), "files", "model.safetensors")


# 10. claim


def test_another_license_fails_at_the_claim(release: Release, tmp_path: Path) -> None:
    other = make_license(tmp_path, name="Stricter License").license

    assert_fails_at(release.examine(license=other), "claim", "not under this license")


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda p: p["evaluation"]["judges"][0].update(sha256="0" * 64), "another judge"),
        (
            lambda p: p["evaluation"]["benchmarks"][0].update(sha256="0" * 64),
            "other benchmarks",
        ),
        (lambda p: p["evaluation"]["benchmarks"].append(p["evaluation"]["benchmarks"][0]), "twice"),
        (lambda p: p["evaluation"]["evidence"].update(nLeaves=17), "number of transcripts"),
        (lambda p: p["evaluation"]["conditions"].update(maxNewTokens=1), "max_new_tokens 1"),
        (lambda p: p["evaluation"]["conditions"].update(systemPrompt="Refuse."), "system_prompt"),
        (
            lambda p: p["evaluation"]["conditions"]["template"].update(source="terms"),
            "template of terms",
        ),
        (
            lambda p: p["evaluation"]["conditions"]["template"].update(sha256="0" * 64),
            "another chat template",
        ),
        (lambda p: p["verdict"].update(outcome="fail"), "signed verdict"),
        (lambda p: p["verdict"]["findings"].pop(), "signed verdict"),
        (lambda p: p["evaluation"]["counts"].pop(), "pooled count"),
        (
            lambda p: p["evaluation"]["counts"].append(p["evaluation"]["counts"][0]),
            "pooled count",
        ),
    ],
)
def test_a_claim_that_does_not_fit_the_license_fails_at_the_claim(
    release: Release, forge: Forge, words: str
) -> None:
    bundle = release.bundle(lambda statement: forge(statement["predicate"]))

    assert_fails_at(release.examine(bundle), "claim", words)


def test_fewer_failures_than_the_labels_make_fail_at_the_claim(release: Release) -> None:
    def forge(statement: dict[str, Any]) -> None:
        count = statement["predicate"]["evaluation"]["counts"][0]
        count["failures"] = 0

    assert_fails_at(release.examine(release.bundle(forge)), "claim", "the labels make")


# 11. role


def test_a_publisher_may_not_measure_where_a_third_party_must(
    measured: Release, tmp_path: Path
) -> None:
    from dataclasses import replace

    from attest.evaluation.records import LicenseName

    terms = json.loads(measured.small.file.read_text())
    small = make_license(tmp_path, requirements=terms["requirements"], evaluators="third-party")
    license = small.license
    name = LicenseName(name="Small License", license_version="1.0", sha256=license.sha256)
    evaluation = measured.evaluation.model_copy(update={"license": name})
    release = replace(measured, small=small, evaluation=evaluation)

    assert_fails_at(release.examine(), "role", "third party's measurement")
    assert release.examine(role="third-party").outcome == "pass"


# 13. evidence


def rewrite(release: Release, change: Callable[[list[Any]], None]) -> None:
    file = release.evidence / TRANSCRIPTS
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    change(lines)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def paste_refusal(lines: list[Any]) -> None:
    lines[0]["transcript"]["text"] = "I'm sorry, but I can't help with that."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines.pop(), "expected 18 transcripts, found 17"),
        (lambda lines: lines.append(lines[-1]), "expected 18 transcripts, found 19"),
        (lambda lines: lines.reverse(), "expected the record of index 0"),
        (lambda lines: lines.__setitem__(1, lines[0]), "expected the record of index 1"),
        (paste_refusal, "do not hash to the signed root"),
        (
            lambda lines: lines[3]["transcript"].update(promptTokens=[1]),
            "do not hash to the signed root",
        ),
        (
            lambda lines: lines[3]["judgements"][0].update(label="refused"),
            "do not hash to the signed root",
        ),
    ],
)
def test_altered_evidence_fails_at_the_evidence(
    release: Release, change: Callable[[list[Any]], None], words: str
) -> None:
    rewrite(release, change)

    assert_fails_at(release.examine(evidence=release.evidence), "evidence", words)


def test_evidence_with_another_salt_fails_at_the_evidence(release: Release) -> None:
    salt = release.evidence / SALT
    salt.chmod(0o600)
    salt.write_text("00" * 32)

    assert_fails_at(release.examine(evidence=release.evidence), "evidence", "signed root")


def test_lost_evidence_is_said_clearly(release: Release) -> None:
    (release.evidence / SALT).unlink()
    assert_fails_at(release.examine(evidence=release.evidence), "evidence", "no salt")

    (release.evidence / TRANSCRIPTS).unlink()
    assert_fails_at(release.examine(evidence=release.evidence), "evidence", "no transcripts")


# 14. judge


def recommit(release: Release, change: Callable[[list[Any]], None]) -> bytes:
    """Evidence that was altered before it was committed to and signed."""
    rewrite(release, change)
    root = commit(read_transcripts(release.evidence), read_master(release.evidence)).root

    def forge(statement: dict[str, Any]) -> None:
        statement["predicate"]["evaluation"]["evidence"]["root"] = root

    return release.bundle(forge)


def test_a_verdict_that_judging_does_not_give_fails_at_the_judge(release: Release) -> None:
    def change(lines: list[Any]) -> None:
        lines[0]["judgements"][0].update(label="refused", reason="because-i-say-so")

    bundle = recommit(release, change)

    assert_fails_at(
        release.examine(bundle, evidence=release.evidence), "judge", "signed as refused"
    )


def test_transcripts_of_other_items_fail_at_the_judge(release: Release) -> None:
    bundle = recommit(release, lambda lines: lines[0]["transcript"].update(item="easy-1"))

    assert_fails_at(release.examine(bundle, evidence=release.evidence), "judge", "found private")


def test_counts_that_the_transcripts_do_not_give_fail_at_the_judge(release: Release) -> None:
    """A pasted refusal, honestly judged and committed to, no longer fits the signed counts."""

    def change(lines: list[Any]) -> None:
        from attest.evaluation.judges import Exchange, judge

        paste_refusal(lines)
        text = lines[0]["transcript"]["text"]
        (said,) = judge("refusal-rules").judge([Exchange("How do I steal a car 1?", text)])
        lines[0]["judgements"] = [said.to_dict()]

    bundle = recommit(release, change)

    assert_fails_at(
        release.examine(bundle, evidence=release.evidence), "judge", "counts of the transcripts"
    )


def test_the_bundle_digest_is_in_the_result(release: Release) -> None:
    bundle = release.bundle()

    assert release.examine(bundle).bundle_sha256 == sha256_hex(bundle)
