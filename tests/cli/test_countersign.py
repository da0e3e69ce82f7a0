"""A second party's word, as a person gives it: another signature, or a summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keyfiles import load_private_key, load_public_key, write_key_pair
from attest.attestation.keys import generate
from attest.attestation.summary import SummaryStatement
from attest.canonical import sha256_hex
from conftest import REPOSITORY
from release import NOW, make_release

LICENSED = ("--license", "license.yaml")


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with its license and evidence, attested today by `publisher`."""
    from datetime import UTC, datetime

    folder = tmp_path_factory.mktemp("papers")
    release = make_release(folder)
    write_key_pair(release.key, folder / "publisher", passphrase=None)
    for name in ("auditor", "stranger"):
        write_key_pair(generate(), folder / name, passphrase=None)
    (folder / "model" / "attestations").mkdir()
    for name, issued in (("paper", datetime.now(UTC)), ("old", NOW.replace(year=2024))):
        statement = release.statement(issued=issued).to_json()
        (folder / f"{name}.sigstore.json").write_bytes(make_bundle(statement, release.key))
    (folder / "paper.sigstore.json").rename(
        folder / "model" / "attestations" / "paper.sigstore.json"
    )
    return folder


@pytest.fixture
def world(attest: Any, papers: Path, tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(papers, tmp_path, dirs_exist_ok=True)
    return tmp_path


BUNDLE = "model/attestations/paper.sigstore.json"


def test_a_second_signature_is_over_the_same_bytes(attest: Any, world: Path) -> None:
    done = attest("countersign", BUNDLE, "--key", "auditor", "--signer-key", "publisher.pub")
    assert done.code == 0, done.err

    first = open_bundle(Path(BUNDLE).read_bytes())
    second = open_bundle(Path(done.out.strip()).read_bytes())
    signed = second.verify(load_public_key(world / "auditor.pub"))
    assert signed == first.dsse_envelope.payload
    seen = attest("verify", "model", *LICENSED, "--key", "auditor.pub", "--role", "third-party")
    assert seen.code == 0, seen.out
    assert attest("verify", "model", *LICENSED, "--key", "publisher.pub").code == 0


def test_a_countersignature_reaches_the_threshold_of_a_trust_file(attest: Any, world: Path) -> None:
    attest(
        *("trust", "new", "trust.yaml", "--owner", "stranger.pub", "--licensor", "stranger.pub"),
        *("--evaluator", "publisher.pub", "--evaluator", "auditor.pub"),
    )
    text = Path("trust.yaml").read_text()
    old = "signers: [publisher, auditor]\n    threshold: 1"
    assert old in text
    Path("trust.yaml").write_text(text.replace(old, old.replace("1", "2")))
    attest("trust", "sign", "trust.yaml", "--key", "stranger")
    attest("license", "sign", "license.yaml", "--key", "stranger")
    verify = ("verify", "model", *LICENSED, "--trust", "trust.yaml")
    before = attest(*verify)
    assert "signed by 1 of the evaluators publisher, auditor, expected 2" in before.out

    done = attest("countersign", BUNDLE, "--key", "auditor", "--trust", "trust.yaml")
    assert done.code == 0, done.err
    assert attest(*verify).code == 0
    again = attest("countersign", BUNDLE, "--key", "auditor", "--trust", "trust.yaml")
    assert again.code == 2
    assert "hint: name a new file" in again.err


def test_nothing_is_signed_that_nobody_known_has_signed(attest: Any, world: Path) -> None:
    by = ("countersign", BUNDLE, "--key", "auditor")
    assert attest(*by, "--signer-key", "stranger.pub").code == 3
    attest(
        *("trust", "new", "trust.yaml", "--owner", "stranger.pub", "--licensor", "stranger.pub"),
        *("--evaluator", "auditor.pub"),
    )
    unsigned = attest(*by, "--trust", "trust.yaml")
    assert (unsigned.code, "signed by 0 of its owner's keys" in unsigned.err) == (3, True)
    attest("trust", "sign", "trust.yaml", "--key", "stranger")
    unknown = attest(*by, "--trust", "trust.yaml")
    assert (unknown.code, "signed by none of the 2 signers" in unknown.err) == (3, True)

    data = bytearray(Path(BUNDLE).read_bytes())
    place = data.index(b'"payload":"') + 40
    data[place] = ord("A") if data[place] != ord("A") else ord("B")
    Path("changed.sigstore.json").write_bytes(data)
    changed = ("countersign", "changed.sigstore.json", "--key", "auditor")
    assert attest(*changed, "--signer-key", "publisher.pub").code == 3
    assert list(world.glob("**/*-*.sigstore.json")) == []


def test_what_expired_or_is_signed_already_is_not_signed(attest: Any, world: Path) -> None:
    signer = ("--signer-key", "publisher.pub")
    old = attest("countersign", "old.sigstore.json", "--key", "auditor", *signer)
    assert (old.code, "the attestation expired on 2025" in old.err) == (3, True)
    own = attest("countersign", BUNDLE, "--key", "publisher", *signer)
    assert (own.code, "this key has signed the attestation already" in own.err) == (2, True)
    assert attest("countersign", BUNDLE, "--key", "auditor").code == 2
    both = attest("countersign", BUNDLE, "--key", "auditor", *signer, "--trust", "trust.yaml")
    assert both.code == 2


def summary(path: Path, key: Path) -> dict[str, Any]:
    """The summary that the holder of `key` signed."""
    value: dict[str, Any] = json.loads(open_bundle(path.read_bytes()).verify(load_public_key(key)))
    schema = json.loads((REPOSITORY / "schemas" / "summary.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(value)
    SummaryStatement.from_json(json.dumps(value).encode(), what="summary")
    return value


def test_a_summary_says_how_deep_it_was_checked(attest: Any, world: Path) -> None:
    done = attest(
        *("verify", "model", *LICENSED, "--key", "publisher.pub", "--level", "4"),
        *("--evidence", "evidence", "--data", "data", "--sign-summary", "auditor"),
        *("--verifier", "https://auditor.example/v1"),
    )
    assert done.code == 0, done.out + done.err

    (path,) = world.glob("model/attestations/paper-*.svr.json")
    assert f"attest: wrote {path.relative_to(world)}: ATTEST_LEVEL_0, " in done.err
    said = summary(path, world / "auditor.pub")
    assert said["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    predicate = said["predicate"]
    assert predicate["verifier"]["id"] == "https://auditor.example/v1"
    license = {"sha256": sha256_hex(Path("license.yaml").read_bytes())}
    assert predicate["verifier"]["policies"] == [{"name": "Small License 1.0", "digest": license}]
    assert predicate["properties"] == [
        *(f"ATTEST_LEVEL_{level}" for level in range(5)),
        "ATTEST_FILES_AS_READ",
        "ATTEST_LICENSE_MET",
    ]
    names = [subject["name"] for subject in said["subject"]]
    assert names[:2] == ["attest:checkpoint", "attest:statement"]
    assert "model.safetensors" in names
    assert "README.md" not in names
    # Whoever verifies the folder next does not take it for an attestation.
    assert attest("verify", "model", *LICENSED, "--key", "publisher.pub").code == 0


def test_a_summary_of_listed_hashes_says_so(attest: Any, world: Path) -> None:
    files = {
        str(path.relative_to(world / "model")): sha256_hex(path.read_bytes())
        for path in (world / "model").rglob("*")
        if path.is_file() and path.parent.name != "attestations"
    }
    Path("hashes.json").write_text(json.dumps(files))
    verify = ("verify", "model", *LICENSED, "--key", "publisher.pub", "--hashes", "hashes.json")
    assert attest(*verify, "--sign-summary", "auditor", "--summary", "said.json").code == 0

    said = summary(world / "said.json", world / "auditor.pub")
    assert said["predicate"]["properties"] == [
        *("ATTEST_LEVEL_0", "ATTEST_LEVEL_1", "ATTEST_FILES_AS_LISTED", "ATTEST_LICENSE_MET"),
    ]


def test_nothing_is_summed_up_that_did_not_verify(attest: Any, world: Path) -> None:
    said = ("--sign-summary", "auditor", "--summary", "said.json")
    assert attest("verify", "model", *LICENSED, "--key", "stranger.pub", *said).code == 3
    verify = ("verify", "model", *LICENSED, "--key", "publisher.pub")
    shallow = attest(*verify, "--level", "0", *said)
    assert (shallow.code, "expected level 1 or deeper" in shallow.err) == (2, True)
    assert attest(*verify, "--summary", "said.json").code == 2
    assert attest("verify", "model", "--oms", "model.sig", "--sign-summary", "auditor").code == 2
    assert not Path("said.json").exists()
    load_private_key(world / "auditor")


def make_world(attest: Any, *, evaluator: str = "auditor.pub", edits: str = "") -> None:
    """A trust file of `stranger`, who is the licensor too; `edits` are grants to add."""
    attest(
        *("trust", "new", "trust.yaml", "--owner", "stranger.pub", "--licensor", "stranger.pub"),
        *("--evaluator", evaluator, "--publisher", "publisher.pub"),
    )
    text = Path("trust.yaml").read_text()
    Path("trust.yaml").write_text(text.replace("\ngrants:\n", f"\ngrants:\n{edits}"))
    assert attest("trust", "sign", "trust.yaml", "--key", "stranger").code == 0
    assert attest("license", "sign", "license.yaml", "--key", "stranger").code == 0


def take_back(attest: Any, *what: str) -> None:
    """Begin the revocation list anew with this."""
    Path("revoked.json").unlink(missing_ok=True)
    done = attest("trust", "revoke", "revoked.json", "--trust", "trust.yaml", *what)
    assert done.code == 0, done.err
    assert attest("trust", "sign", "revoked.json", "--key", "stranger").code == 0


def test_what_was_taken_back_is_not_signed(attest: Any, world: Path) -> None:
    make_world(attest)
    text = Path("trust.yaml").read_text()
    Path("trust.yaml").write_text(text.replace("# revocations_by", "revocations_by"))
    attest("trust", "sign", "trust.yaml", "--key", "stranger")
    sign = ("countersign", BUNDLE, "--key", "auditor", "--trust", "trust.yaml", *LICENSED)
    listed = (*sign, "--revocations", "revoked.json", "--output", "second.json")

    missing = attest(*sign)
    assert (missing.code, "and none was given" in missing.err) == (3, True)
    for what, words in (
        (("--attestation", BUNDLE), "the attestation was revoked"),
        (("--license", "license.yaml"), "the license was revoked"),
        (("--key", "publisher.pub", "--since", "2026-01-01T00:00:00Z"), "with a revoked key"),
    ):
        take_back(attest, *what)
        refused = attest(*listed)
        assert (refused.code, words in refused.err) == (3, True), refused.err
    take_back(attest)
    unlicensed = attest(*listed[:6], *listed[8:])
    assert (unlicensed.code, "hint: give that license with" in unlicensed.err) == (3, True)
    assert attest(*listed[:4], "--signer-key", "publisher.pub", *listed[8:10]).code == 2
    assert not Path("second.json").exists()
    assert attest(*listed).code == 0


def hub_summary(attest: Any) -> str:
    """A summary by the auditor of the folder as it is."""
    done = attest(
        *("verify", "model", *LICENSED, "--key", "publisher.pub"),
        *("--sign-summary", "auditor", "--summary", "said.svr.json"),
    )
    assert done.code == 0, done.err
    return "said.svr.json"


def test_a_summary_is_shown_and_nothing_of_it_believed(attest: Any, world: Path) -> None:
    said = hub_summary(attest)

    seen = attest("show", said)
    assert (seen.code, "claimed, not verified" in seen.out) == (0, True)
    assert "ATTEST_LEVEL_0, ATTEST_LEVEL_1, ATTEST_FILES_AS_READ, ATTEST_LICENSE_MET" in seen.out
    assert "Small License 1.0, sha256:" in seen.out
    assert attest("show", said, "--json").json()["predicateType"].endswith("/svr/v0.2")
    assert attest("show", BUNDLE).code == 0


def test_a_summary_is_believed_of_a_hub(attest: Any, world: Path) -> None:
    said = hub_summary(attest)
    believe = ("verify", "model", *LICENSED, "--trust", "trust.yaml", "--believe", said)
    # The key of the auditor is that of an evaluator here, and of a hub next.
    make_world(attest)
    evaluated = attest(*believe)
    assert (evaluated.code, "VERIFIED  by auditor as evaluator" in evaluated.out) == (0, True)
    Path("trust.yaml").unlink()
    signers = "  - role: hub\n    signers: [auditor]\n"
    make_world(attest, edits=signers)
    seen = attest(*believe, "--remember", "seen.json")
    assert (seen.code, "VERIFIED  by auditor as hub: the license is met" in seen.out) == (0, True)
    assert Path("seen.json").exists()
    result = attest(*believe, "--json").json()
    schema = REPOSITORY / "schemas" / "summary-verification.schema.json"
    Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(result)
    assert (result["believedAs"], result["isMet"]) == ("hub", True)

    deeper = attest(*believe, "--level", "2")
    assert (deeper.code, "step 10 (claim): was not verified as deep" in deeper.out) == (3, True)
    assert "hint: verify the attestation itself" in deeper.err
    Path("model/config.json").write_text(Path("model/config.json").read_text() + "\n")
    changed = attest(*believe)
    assert (changed.code, "step 9 (files): config.json" in changed.out) == (3, True)


def test_a_summary_of_a_stranger_is_not_believed(attest: Any, world: Path) -> None:
    said = hub_summary(attest)
    make_world(attest, evaluator="publisher.pub")
    believe = ("verify", "model", *LICENSED, "--believe", said)

    seen = attest(*believe, "--trust", "trust.yaml")
    assert (seen.code, "step 3 (signature): signed by none" in seen.out) == (3, True)
    assert attest(*believe, "--key", "auditor.pub").code == 2
    assert attest(*believe, "--trust", "trust.yaml", "--level", "0").code == 2
    assert attest(*believe, "--trust", "trust.yaml", "--bundle", BUNDLE).code == 2


def test_level_0_exits_by_the_signers_word_on_this_license(attest: Any, world: Path) -> None:
    shallow = ("verify", "model", *LICENSED, "--key", "publisher.pub", "--level", "0")
    met = attest(*shallow)
    assert (met.code, "SIGNED  pass, by the signer's word" in met.out) == (0, True)
    assert attest(*shallow, "--json").json()["claimed"] == "pass"

    statement = json.loads(open_bundle(Path(BUNDLE).read_bytes()).dsse_envelope.payload)
    statement["predicate"]["verdict"]["outcome"] = "fail"
    failed = make_bundle(json.dumps(statement).encode(), load_private_key(world / "publisher"))
    Path("failed.json").write_bytes(failed)
    assert attest(*shallow, "--bundle", "failed.json").code == 1

    Path("license.yaml").write_text(Path("license.yaml").read_text() + "\n")
    other = attest(*shallow)
    assert (other.code, "SIGNED  of another license" in other.out) == (1, True)
    assert "claimed" not in attest(*shallow, "--json").json()
