"""OpenSSF Model Signing as a person types it: signed beside an attestation, and verified."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attest.attestation.keys import generate
from attest.attestation.oms import sign_oms, state_oms
from attest.checkpoint.digest import digest
from authorities import DAY, FOR_ISSUING, issue
from small import Small


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_text("weights")
    return model


@pytest.fixture
def signed(model: Path, tmp_path: Path) -> Path:
    """A model with a signature by somebody, whose public key is `their.pub`."""
    key = generate("p384")
    (tmp_path / "their.pub").write_bytes(key.public_key.pem)
    manifest = digest(model, strict=False)
    (model / "model.sig").write_bytes(sign_oms(state_oms(manifest, name="model"), key))
    return model


def test_sign_writes_a_signature_beside_the_attestation(
    attest, checkpoint: Path, tmp_path: Path, lenient_license: Small
) -> None:
    model = Path(shutil.copytree(checkpoint, tmp_path / "model"))
    license, data = lenient_license.file, lenient_license.data
    attest("keygen", "ours.key", "--type", "p384")
    attest("evaluate", model, "--license", license, "--data", data, "--out", "evidence")

    done = attest("sign", "evidence", "--key", "ours.key", "--model", model, "--oms")
    assert done.code == 0, done.err
    bundle, signature = done.out.splitlines()
    assert bundle.endswith(".sigstore.json")
    assert signature == str(model / "model.sig")

    # Neither signature gets into the way of the other.
    seen = attest("verify", model, "--oms", signature, "--key", "ours.key.pub")
    assert seen.code == 0, seen.out
    assert attest("verify", model, "--license", license, "--key", "ours.key.pub").code == 0

    again = attest("sign", "evidence", "--key", "ours.key", "--model", model, "--oms")
    assert again.code == 2
    assert "expected a new file, found one that exists" in again.err


def test_sign_needs_the_folder_for_a_signature_over_it(attest) -> None:
    done = attest("sign", "evidence", "--key", "ours.key", "--output", "out", "--oms")
    assert done.code == 2
    assert "hint: name the folder with --model MODEL" in done.err


def test_verify_says_who_signed_and_what_that_is_not(attest, signed: Path) -> None:
    done = attest("verify", signed, "--oms", signed / "model.sig", "--key", "their.pub")
    assert done.code == 0, done.err
    assert "SIGNED  2 files by key " in done.out
    assert "it holds no measurement and meets no license" in done.out

    found = attest(
        *("verify", signed, "--oms", signed / "model.sig", "--key", "their.pub", "--json")
    ).json()
    assert found["version"] == "attest-oms-verification/1"
    assert (found["isVerified"], found["nFiles"]) == (True, 2)


def test_verify_fails_with_its_own_exit_code(attest, signed: Path) -> None:
    (signed / "evil.py").write_text("x")
    done = attest("verify", signed, "--oms", signed / "model.sig", "--key", "their.pub")
    assert done.code == 3
    assert "NOT VERIFIED  step 8 (coverage): evil.py (code) is not signed" in done.out
    assert "hint: remove it, or ask the publisher to sign the folder as it is" in done.err


def test_verify_takes_roots_for_a_certificate(attest, model: Path, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    dates = {"first": now - DAY, "last": now + DAY}
    root = issue("root", None, FOR_ISSUING, **dates)
    holder = issue("signer", root, **dates)
    (tmp_path / "roots.pem").write_bytes(root.pem)
    statement = state_oms(digest(model, strict=False), name="m")
    data = sign_oms(statement, holder.signer, chain=(holder.der,))
    (tmp_path / "elsewhere.sig").write_bytes(data)
    done = attest("verify", model, "--oms", "elsewhere.sig", "--roots", "roots.pem")
    assert done.code == 0, done.out
    assert json.loads(data)["verificationMaterial"].keys() == {"x509CertificateChain"}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no trust"),
        pytest.param(["--key", "a.pub", "--roots", "roots.pem"], id="two kinds of trust"),
        pytest.param(["--key", "a.pub", "--license", "license.yaml"], id="a license too"),
        pytest.param(["--key", "a.pub", "--hashes", "list.txt"], id="a listing too"),
    ],
)
def test_verify_refuses_two_questions_at_once(attest, signed: Path, words: list[str]) -> None:
    done = attest("verify", signed, "--oms", signed / "model.sig", *words)
    assert done.code == 2
    assert "defect" not in done.err
