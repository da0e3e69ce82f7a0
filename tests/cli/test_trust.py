"""Trust files as a person uses them: written, signed, verified with, replaced, revoked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from conftest import REPOSITORY
from small import Small
from test_imports import loaded_by


def ensure_fits(value: object, name: str) -> None:
    schema = json.loads((REPOSITORY / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(value)


@pytest.fixture(scope="session")
def released(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model that its publisher has attested, with keys for everybody."""
    from attest.attestation.keyfiles import write_key_pair
    from attest.attestation.keys import generate
    from attest.cli.main import main
    from release import lenient
    from small import make_license

    folder = tmp_path_factory.mktemp("world")
    for name in ("owner", "lab", "publisher", "auditor"):
        write_key_pair(generate(), folder / name, passphrase=None)
    shutil.copytree(checkpoint, folder / "model")
    strict = json.loads(make_license(folder).file.read_text())["requirements"]
    small: Small = make_license(folder, requirements=lenient(strict))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys,
            "argv",
            [
                *("attest", "run", str(folder / "model"), "--license", str(small.file)),
                *("--key", str(folder / "publisher"), "--data", str(small.data)),
                *("--out", str(folder / "evidence")),
            ],
        )
        with pytest.raises(SystemExit) as caught:
            main()
    assert caught.value.code == 0
    return folder


@pytest.fixture
def world(attest: Any, released: Path, tmp_path: Path) -> Path:
    """That model in a folder of its own, with a trust file and a license that are signed."""
    shutil.copytree(released, tmp_path, dirs_exist_ok=True)
    made = attest(
        *("trust", "new", "trust.yaml", "--name", "Small World", "--owner", "owner.pub"),
        *("--licensor", "lab.pub", "--evaluator", "auditor.pub", "--publisher", "publisher.pub"),
    )
    assert made.code == 0, made.err
    assert attest("trust", "sign", "trust.yaml", "--key", "owner").code == 0
    assert attest("license", "sign", "license.yaml", "--key", "lab").code == 0
    return tmp_path


VERIFY = ("verify", "model", "--license", "license.yaml", "--trust", "trust.yaml")


def change(file: str, old: str, new: str) -> None:
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))


def test_a_world_is_made_signed_and_verified_with(attest: Any, world: Path) -> None:
    checked = attest("trust", "check", "trust.yaml")
    assert checked.code == 0, checked.err
    assert checked.out.startswith("Small World version 1, until ")
    assert "licensor: lab\n" in checked.out
    ensure_fits(attest("trust", "check", "trust.yaml", "--json").json(), "trust")

    seen = attest(*VERIFY)
    assert seen.code == 0, seen.out
    assert "license signed by lab" in seen.out
    assert "signed by publisher, key " in seen.out
    result = attest(*VERIFY, "--json").json()
    assert (result["believedAs"], result["trust"]["name"]) == ("publisher", "Small World")
    ensure_fits(result, "verification")


def test_what_was_not_signed_does_not_verify(attest: Any, world: Path) -> None:
    for signature in world.glob("license.yaml.*.sigstore.json"):
        signature.unlink()
    seen = attest(*VERIFY)
    assert seen.code == 3
    assert "step 1 (trust): the license is not its licensor's" in seen.out
    assert "attest: hint: get the license with its signature" in seen.err

    assert attest("license", "sign", "license.yaml", "--key", "publisher").code == 0
    assert "; signed by publisher" in attest(*VERIFY).out

    for signature in world.glob("trust.yaml.*.sigstore.json"):
        signature.unlink()
    assert attest("trust", "check", "trust.yaml").code == 3
    assert "signed by 0 of its owner's keys" in attest(*VERIFY).out


def test_an_edited_trust_file_is_signed_again(attest: Any, world: Path) -> None:
    change("trust.yaml", "assurance: self_attested", "assurance: third_party")
    assert attest(*VERIFY).code == 3

    assert attest("trust", "sign", "trust.yaml", "--key", "owner").code == 0
    assert len(list(world.glob("trust.yaml.*.sigstore.json"))) == 1
    seen = attest(*VERIFY)
    assert seen.code == 3
    assert "step 11 (role): the trust file asks for a third party's measurement" in seen.out


def test_the_level_of_the_trust_file_is_the_default(attest: Any, world: Path) -> None:
    change("trust.yaml", "level: 1 ", "level: 2 ")
    attest("trust", "sign", "trust.yaml", "--key", "owner")

    refused = attest(*VERIFY)
    assert refused.code == 2
    assert "levels 2 to 4 and --evidence go together" in refused.err
    shallow = attest(*VERIFY, "--level", "1")
    assert "step 1 (trust): the trust file requires level 2" in shallow.out
    deep = attest(*VERIFY, "--evidence", "evidence", "--data", "data")
    assert deep.code == 0, deep.out
    assert "verified at level 2" in deep.out


def test_a_remembered_version_is_not_rolled_back(attest: Any, world: Path) -> None:
    shutil.copytree(world, world / "old", ignore=shutil.ignore_patterns("model", "evidence"))
    change("trust.yaml", "number: 1 ", "number: 2 ")
    attest("trust", "sign", "trust.yaml", "--key", "owner")

    assert attest(*VERIFY, "--remember", "seen.json").code == 0
    ensure_fits(json.loads(Path("seen.json").read_text()), "remembered")
    before = Path("seen.json").read_bytes()
    rolled_back = attest(*VERIFY[:-1], "old/trust.yaml", "--remember", "seen.json")
    assert rolled_back.code == 3
    assert "the trust file is version 1, version 2 was seen before" in rolled_back.out
    assert Path("seen.json").read_bytes() == before
    assert attest("trust", "check", "trust.yaml", "--replaces", "old/trust.yaml").code == 0
    assert attest("trust", "check", "old/trust.yaml", "--replaces", "trust.yaml").code == 3


def test_whoever_began_before_a_newer_version_was_seen_does_not_forget_it(
    attest: Any, world: Path
) -> None:
    shutil.copytree(world, world / "old", ignore=shutil.ignore_patterns("model", "evidence"))
    change("trust.yaml", "number: 1 ", "number: 2 ")
    attest("trust", "sign", "trust.yaml", "--key", "owner")
    assert attest(*VERIFY, "--remember", "newer.json").code == 0

    from attest.cli.signatures import locked

    late = [sys.executable, "-m", "attest", *VERIFY[:-1], "old/trust.yaml"]
    with locked(Path("seen.json")):
        running = subprocess.Popen([*late, "--remember", "seen.json"], stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(3)
        shutil.copy("newer.json", "seen.json")
    running.wait(30)
    assert json.loads(Path("seen.json").read_text())["trust"]["number"] == 2


def test_a_memory_that_cannot_be_read_is_not_taken_for_none(attest: Any, world: Path) -> None:
    Path("seen.json").symlink_to("nowhere.json")
    done = attest(*VERIFY, "--remember", "seen.json")
    assert (done.code, "cannot be read" in done.err) == (2, True)


def test_something_is_taken_back(attest: Any, world: Path) -> None:
    change("trust.yaml", "# revocations_by", "revocations_by")
    attest("trust", "sign", "trust.yaml", "--key", "owner")
    assert "none was given" in attest(*VERIFY).out
    verify = (*VERIFY, "--revocations", "revoked.json", "--remember", "seen.json")
    revoke = ("trust", "revoke", "revoked.json", "--trust", "trust.yaml")

    def signed(*words: str) -> None:
        done = attest(*revoke, *words)
        assert done.code == 0, done.err
        assert attest("trust", "sign", "revoked.json", "--key", "lab").code == 0

    signed()
    ensure_fits(json.loads(Path("revoked.json").read_text()), "revocations")
    first = attest(*verify)
    assert first.code == 0, first.out
    shutil.copy("revoked.json", "first.json")

    signed("--key", "publisher.pub", "--since", "2026-01-01T00:00:00Z", "--reason", "lost")
    seen = attest(*verify)
    assert seen.code == 3
    assert "step 12 (freshness): it is signed with a revoked key" in seen.out
    for name in world.glob("revoked.json.*"):
        shutil.copy(name, name.name.replace("revoked", "first"))
    shutil.copy("first.json", "revoked.json")
    attest("trust", "sign", "revoked.json", "--key", "lab")
    assert "version 1, version 2 was seen before" in attest(*verify).out

    Path("seen.json").unlink()
    checkpoint = attest(*VERIFY[:4], "--key", "publisher.pub", "--json").json()["checkpoint"]
    (bundle,) = (world / "model" / "attestations").iterdir()
    for option, value in (
        ("license", "license.yaml"),
        ("attestation", str(bundle)),
        ("checkpoint", checkpoint),
    ):
        Path("revoked.json").unlink()
        signed(f"--{option}", value, "--reason", "measured wrongly")
        result = attest(*VERIFY, "--revocations", "revoked.json")
        assert f"the {option} was revoked: measured wrongly" in result.out


def test_revoked_weights_are_looked_for_in_the_tensors(attest: Any, world: Path) -> None:
    change("trust.yaml", "# revocations_by", "revocations_by")
    attest("trust", "sign", "trust.yaml", "--key", "owner")
    weights = attest("digest", "model", "--tensors", "--json").json()["weights"]["digest"]
    verify = (*VERIFY, "--revocations", "revoked.json")

    def under(taken_back: str, *words: str) -> Any:
        Path("revoked.json").unlink(missing_ok=True)
        revoke = ("trust", "revoke", "revoked.json", "--trust", "trust.yaml")
        assert attest(*revoke, "--weights", taken_back, "--reason", "poisoned").code == 0
        assert attest("trust", "sign", "revoked.json", "--key", "lab").code == 0
        return attest(*verify, *words)

    revoked = under(weights)
    assert revoked.code == 3
    assert "step 12 (freshness): the checkpoint was revoked: poisoned" in revoked.out
    assert under("1" * 64).code == 0
    # A listing of hashes names no weights: the signer's word stands for them.
    Path("hashes.json").write_text(json.dumps(hashes_of(world / "model")))
    listed = under("1" * 64, "--hashes", "hashes.json")
    assert (listed.code, "is the signer's word" in listed.out) == (0, True)
    assert under(weights, "--hashes", "hashes.json").code == 3
    manifest = attest("digest", "model", "--tensors", "--json").out
    Path("hashes.json").write_text(manifest)
    assert under("1" * 64, "--hashes", "hashes.json").code == 0
    assert under(weights, "--hashes", "hashes.json").code == 3
    # What cannot be loaded has no tensors to digest, and fails where it always does.
    (world / "model" / "model.safetensors").write_bytes(b"cut off")
    assert "NOT VERIFIED  step 9 (files)" in under("1" * 64).out


def hashes_of(model: Path) -> dict[str, str]:
    from attest.checkpoint.digest import digest

    return {file.path: file.sha256 for file in digest(model).files}


def test_a_document_is_stamped_where_its_signer_asks(attest: Any, world: Path) -> None:
    nowhere = ("--timestamp", "http://authority.example")
    for words in (("license", "sign", "license.yaml"), ("trust", "sign", "trust.yaml")):
        refused = attest(*words, "--key", "lab", *nowhere)
        assert (refused.code, "authority.example" in refused.err) == (2, True)


def test_an_empty_name_or_a_wrong_pair_is_a_question_of_usage(attest: Any, world: Path) -> None:
    revoke = ("trust", "revoke", "revoked.json", "--trust", "trust.yaml")
    assert attest(*revoke, "--key", "lab.pub").code == 2
    assert attest(*revoke, "--since", "2026-01-01T00:00:00Z").code == 2
    assert attest(*revoke, "--checkpoint", "all").code == 2
    assert attest(*VERIFY, "--key", "publisher.pub").code == 2
    assert attest(*VERIFY, "--role", "publisher").code == 2
    assert attest(*VERIFY[:4]).code == 2
    for option in ("--remember", "--revocations"):
        assert attest(*VERIFY[:4], "--key", "publisher.pub", option, "x.json").code == 2
    assert attest("trust", "new", "trust.yaml", "--owner", "a", "--licensor", "b").code == 2


def test_a_folder_of_bundles_is_taken_as_one(attest: Any, world: Path) -> None:
    from attest.attestation.bundle import make_bundle, open_bundle
    from attest.attestation.keyfiles import load_private_key

    (bundle,) = (world / "model" / "attestations").iterdir()
    statement = open_bundle(bundle.read_bytes()).dsse_envelope.payload
    (world / "all").mkdir()
    shutil.copy(bundle, "all")
    second = make_bundle(statement, load_private_key(world / "auditor"))
    (world / "all" / "second.sigstore.json").write_bytes(second)

    result = attest(*VERIFY, "--bundle", "all", "--json").json()
    assert result["believedAs"] == "evaluator"
    assert sorted(one["names"][0] for one in result["signers"]) == ["auditor", "publisher"]
    # A pipe among them is no paper, and nobody waits for what it will say.
    os.mkfifo(world / "all" / "pipe.sigstore.json")
    assert "the best of 2" in attest(*VERIFY, "--bundle", "all").err


def test_signers_of_a_new_trust_file_are_named_after_their_keys(attest: Any, world: Path) -> None:
    (world / "Other").mkdir()
    shutil.copy("auditor.pub", "Other/Lab.key.pub")
    made = attest(
        *("trust", "new", "more.yaml", "--owner", "owner.pub", "--licensor", "lab.pub"),
        *("--evaluator", "Other/Lab.key.pub", "--publisher", "lab.pub"),
    )
    assert made.code == 0, made.err
    values = yaml.safe_load(Path("more.yaml").read_text())
    named = {one["role"]: one["signers"] for one in values["grants"]}
    assert named["licensor"] == named["publisher"] == ["lab"]
    assert named["evaluator"][0].startswith("lab-")
    assert len(values["signers"]) == 2


def test_a_trust_file_loads_nothing_heavy(world: Path) -> None:
    assert loaded_by(*VERIFY) == set()
