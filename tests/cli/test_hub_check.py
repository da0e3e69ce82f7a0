"""`attest hub check` as a person, a CI job or a git hook types it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.bundle import make_bundle
from attest.attestation.keys import generate
from attest.attestation.statement import state
from attest.canonical import sha256_hex
from attest.hub.doors.git import NO_COMMIT
from attest.license.decide import decide
from attest.license.read import read_license
from attest.verification.listings import ListingVerdict
from hub.stand_in import StandIn, served
from hub.uploaded import Uploaded, make_uploaded
from world import sign

Check = Callable[..., Any]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Uploaded:
    return make_uploaded(tmp_path_factory.mktemp("published"))


@pytest.fixture
def model(published: Uploaded, tmp_path: Path) -> Path:
    """The release, and beside it `license.yaml` and `trust.yaml` with their signatures."""
    world, license = published.world, published.release.small.file
    shutil.copy(license, tmp_path / "license.yaml")
    (signature,) = world.sign_license(license.read_bytes())
    (tmp_path / "license.yaml.lab.sigstore.json").write_bytes(signature)
    trust = json.dumps(world.trust_values()).encode()
    (tmp_path / "trust.yaml").write_bytes(trust)
    (tmp_path / "trust.yaml.owner.sigstore.json").write_bytes(
        sign(trust, "trust", world.keys["owner"])
    )
    return Path(shutil.copytree(published.folder, tmp_path / "model"))


@pytest.fixture
def check(attest, model: Path, tmp_path: Path) -> Check:
    """`attest hub check` with license and trust file."""
    given = ("--license", tmp_path / "license.yaml", "--trust", tmp_path / "trust.yaml")
    return lambda *words: attest("hub", "check", *words, *given)


def test_a_folder_that_is_covered_passes(check: Check, model: Path) -> None:
    done = check(model)
    assert done.code == 0, done.err
    assert "PASSED  these exact files were measured, and meet the license" in done.out
    assert "files covered, by bytes that were read" in done.out


def test_json_is_the_verdict(check: Check, model: Path) -> None:
    done = check(model, "--json")
    verdict = ListingVerdict.from_json(done.out.encode(), what="stdout")
    assert (done.code, verdict.state, verdict.checked) == (0, "passed", "served-bytes")


def test_a_changed_file_is_named(check: Check, model: Path) -> None:
    (model / "config.json").write_bytes((model / "config.json").read_bytes() + b"\n")
    done = check(model)
    assert done.code == 3
    assert "FILES CHANGED  the files are not those that were measured" in done.out
    assert "! config.json: not as attested" in done.out


def test_a_key_will_do_in_place_of_a_trust_file(attest, model: Path, published: Uploaded) -> None:
    Path("publisher.pub").write_bytes(published.world.keys["publisher"].public_key.pem)
    Path("other.pub").write_bytes(generate().public_key.pem)
    words = ("hub", "check", model, "--license", "license.yaml", "--key")
    assert attest(*words, "publisher.pub").code == 0
    assert attest(*words, "other.pub").code == 3


def test_a_listing_needs_the_attestation_from_elsewhere(check: Check, model: Path) -> None:
    lines = [
        f"{sha256_hex(path.read_bytes())}  {path.relative_to(model)}\n"
        for path in model.rglob("*")
        if path.is_file()
    ]
    Path("SHA256SUMS").write_text("".join(lines))
    without = check("--listing", "SHA256SUMS")
    assert without.code == 3
    assert "NO ATTESTATION" in without.out
    done = check("--listing", "SHA256SUMS", "--bundle", model / "attestations")
    assert done.code == 0
    assert "by hashes as they are listed; the bytes were not read" in done.out


def test_what_the_license_says_no_to_has_its_own_code(
    attest, published: Uploaded, model: Path
) -> None:
    terms = Path("license.yaml").read_text()
    strict = terms.replace('"issued"', '"duties": {"name_prefix": "Tuned"}, "issued"')
    Path("license.yaml").write_text(strict)
    Path("publisher.pub").write_bytes(published.world.keys["publisher"].public_key.pem)
    license = read_license(Path("license.yaml"))
    evaluation = published.release.evaluation
    under = evaluation.license.model_copy(update={"sha256": license.sha256})
    evaluation = evaluation.model_copy(update={"license": under})
    statement = state(evaluation, decide(license, evaluation.counts), license, issued=published.now)
    (model / "attestations" / "one.sigstore.json").write_bytes(
        make_bundle(statement.to_json(), published.world.keys["publisher"])
    )
    done = attest("hub", "check", model, "--license", "license.yaml", "--key", "publisher.pub")
    assert done.code == 1
    assert "BELOW THRESHOLD" in done.out


@pytest.fixture
def hub(model: Path) -> Iterator[tuple[str, str]]:
    """Where a stand-in for a model hub answers, and the repository at its commit."""
    stand_in = StandIn(token="hf_secret")
    repository = stand_in.repository("someone/model")
    commit = repository.push_folder(model)
    with served(stand_in.app()) as origin:
        yield origin, f"someone/model@{commit}"


def test_a_repository_is_asked_for_by_commit(check: Check, hub: tuple[str, str]) -> None:
    origin, at = hub
    Path("token").write_text("hf_secret\n")
    asking = ("--hub-url", origin, "--unsafe-private", "--token-file", "token")
    done = check("--hf", at, *asking)
    assert done.code == 0, done.err
    assert "by hashes as they are listed" in done.out
    assert "by bytes that were read" in check("--hf", at, *asking, "--bytes").out

    refused = check("--hf", at, "--hub-url", origin, "--token-file", "token")
    assert refused.code == 2
    assert "plain http only for a host that may be private" in refused.err
    branch = check("--hf", "someone/model@main", *asking)
    assert (branch.code, "expected a commit of 40" in branch.err) == (2, True)


def test_a_manifest_is_asked_for_by_digest(check: Check) -> None:
    done = check("--oci", "registry.example.org/tiny:latest")
    assert done.code == 2
    assert "name the manifest by its digest" in done.err


def git(*words: str) -> str:
    who = {
        f"GIT_{one}_{kind}": "a@b.c"
        for one in ("AUTHOR", "COMMITTER")
        for kind in ("NAME", "EMAIL")
    }
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *words], env=os.environ | who | quiet, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_commit_is_checked_in_its_repository(
    check: Check, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model)
    git("init", "--quiet")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--message", "one")
    good = git("rev-parse", "HEAD")
    git("rm", "--quiet", "attestations/one.sigstore.json")
    git("commit", "--quiet", "--message", "two")
    bad = git("rev-parse", "HEAD")

    assert check("--git", NO_COMMIT, good).code == 0
    assert check("--git", good, bad).code == 3
    deleted = check("--git", good, NO_COMMIT)
    assert (deleted.code, "nothing of it to check" in deleted.err) == (0, True)

    def push(*lines: str) -> Any:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return check("--pre-receive")

    assert push(f"{NO_COMMIT} {good} refs/heads/main").code == 0
    assert push(f"{NO_COMMIT} {good} refs/heads/a", f"{good} {bad} refs/heads/b").code == 3
    assert push(f"{good} {NO_COMMIT} refs/heads/main").code == 0
    assert push("one line that is none of git").code == 2
    assert push("nonsense").code == 2


def test_one_door_at_a_time(check: Check, attest, model: Path) -> None:
    assert check().code == 2
    assert check(model, "--listing", "x").code == 2
    assert check("--pre-receive", "--json").code == 2
    done = attest("hub", "check", model, "--license", "license.yaml")
    assert (done.code, "either --key or --trust" in done.err) == (2, True)
